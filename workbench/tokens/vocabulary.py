"""Facts of a token id: its piece in the vocabulary, its bytes, and whether it is a control token."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


def _byte_level_alphabet() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for (the GPT-2 alphabet)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    hidden = (byte for byte in range(256) if byte not in printable)
    alphabet.update({chr(256 + index): byte for index, byte in enumerate(hidden)})
    return alphabet


class Vocabulary:
    """A read-only view of a tokenizer's vocabulary, one id at a time."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._bytes: dict[int, bytes] = {}

    @cached_property
    def added(self) -> dict[int, str]:
        """Ids of the added tokens, special or not, and their strings."""
        decoder = getattr(self._tokenizer, "added_tokens_decoder", None) or {}
        # Of mistral-common's tokenizer it is a method, which raises.
        decoder = {} if callable(decoder) else decoder
        return {int(index): str(getattr(token, "content", token)) for index, token in decoder.items()}

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Ids that are written as control tokens: special ones, and added ones that look like a marker."""
        special = {int(index) for index in getattr(self._tokenizer, "all_special_ids", ()) or ()}
        decoder = getattr(self._tokenizer, "added_tokens_decoder", None) or {}
        # Of mistral-common's tokenizer it is a method, which raises.
        decoder = {} if callable(decoder) else decoder
        special |= {int(index) for index, token in decoder.items() if getattr(token, "special", False)}
        special |= {index for index, text in self.added.items() if text[:1] in "<[" and text[-1:] in ">]"}
        return frozenset(special)

    @cached_property
    def _special(self) -> npt.NDArray[np.bool_]:
        """By id, up to the largest special one; the last entry is false, for all ids beyond and for -1."""
        table = np.zeros(max(self.special_ids, default=-1) + 2, dtype=bool)
        table[list(self.special_ids)] = True
        return table

    def are_special(self, ids: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """True for each of the ids, -1 or more, that is among `special_ids`: some models have thousands of them."""
        found: npt.NDArray[np.bool_] = self._special[np.minimum(ids, len(self._special) - 1)]
        return found

    @cached_property
    def _byte_level(self) -> dict[str, int] | None:
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        described = str(getattr(backend, "decoder", "")) + str(getattr(backend, "pre_tokenizer", ""))
        return _byte_level_alphabet() if "ByteLevel" in described else None

    @property
    def is_byte_level(self) -> bool:
        """True where the characters of a piece stand for bytes, as in GPT-2's vocabulary."""
        return self._byte_level is not None

    def piece(self, token: int) -> str:
        """The id's string in the vocabulary, as it is stored there."""
        piece = self._tokenizer.convert_ids_to_tokens(int(token))
        return piece if isinstance(piece, str) else str(piece)

    def raw(self, token: int) -> bytes:
        """The bytes that the id stands for."""
        token = int(token)
        if token not in self._bytes:
            self._bytes[token] = self._decode(token)
        return self._bytes[token]

    def _decode(self, token: int) -> bytes:
        if token in self.added:
            return self.added[token].encode()
        piece = self.piece(token)
        if self._byte_level is not None:
            return b"".join(
                bytes([self._byte_level[char]]) if char in self._byte_level else char.encode() for char in piece
            )
        if match := _BYTE_PIECE.match(piece):
            return bytes([int(match[1], 16)])
        return piece.replace("\u2581", " ").encode("utf-8", "surrogatepass")

    def text(self, token: int) -> str:
        """The id's text; bytes that are no whole character show as U+FFFD."""
        return self.raw(token).decode("utf-8", errors="replace")
