"""Facts of an id: piece, bytes, text, and whether it is a control token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from workbench.bench import open as open_bench
from workbench.tokens.vocabulary import Vocabulary, _byte_level_alphabet


def tokenizer(
    pieces: list[Any], added: dict[int, Any] | None = None, special: tuple[int, ...] = (), decoder: str = ""
) -> Any:
    return SimpleNamespace(
        convert_ids_to_tokens=lambda number: pieces[number],
        added_tokens_decoder=added or {},
        all_special_ids=special,
        backend_tokenizer=SimpleNamespace(decoder=decoder, pre_tokenizer=None),
    )


def added(text: str, special: bool = False) -> Any:
    return SimpleNamespace(content=text, special=special)


def test_the_byte_level_alphabet_is_gpt2s() -> None:
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    assert _byte_level_alphabet() == {char: byte for byte, char in bytes_to_unicode().items()}


def test_pieces_of_a_byte_level_vocabulary_are_bytes() -> None:
    # "é" is two bytes, which two tokens may share; a space is written as Ġ, a line break as Ċ.
    words = Vocabulary(tokenizer(["Ġhi", "Ċ", "Ã", "©", "世"], decoder="ByteLevel(...)"))
    assert [words.raw(number) for number in range(4)] == [b" hi", b"\n", b"\xc3", b"\xa9"]
    assert [words.text(number) for number in range(4)] == [" hi", "\n", "\ufffd", "\ufffd"]
    # What is not of the alphabet stands for itself.
    assert words.text(4) == "世"


def test_pieces_of_a_sentencepiece_vocabulary() -> None:
    pieces = ["▁hi", "<0x0A>", "<0xE4>", "a<0x0A>", "<0x0A>a", "Ġ"]
    words = Vocabulary(tokenizer(pieces, decoder="Sequence([Replace, ByteFallback])"))
    told = [words.raw(number) for number in range(len(pieces))]
    assert told == [b" hi", b"\n", b"\xe4", b"a<0x0A>", b"<0x0A>a", "Ġ".encode()]
    assert words.piece(0) == "▁hi"


def test_an_added_token_is_what_it_says() -> None:
    words = Vocabulary(tokenizer(["Ġx", "?"], {1: added("Ġ<|x|>")}, decoder="ByteLevel"))
    assert words.text(1) == "Ġ<|x|>"
    assert words.added == {1: "Ġ<|x|>"}


def test_control_tokens_are_special_ones_and_added_ones_that_look_like_markers() -> None:
    table = {
        1: added("plain"),
        2: added("plain but special", special=True),
        3: added("<|im_start|>"),
        4: added("[INST]"),
        5: added("<half"),
        6: added("half>"),
        7: "</s>",
    }
    words = Vocabulary(tokenizer([], table, special=(0,)))
    assert words.special_ids == {0, 2, 3, 4, 7}
    assert words.are_special(np.array([[-1, 0, 1], [7, 8, 900]])).tolist() == [
        [False, True, False],
        [True, False, False],
    ]
    assert words.added[7] == "</s>"
    assert Vocabulary(SimpleNamespace()).special_ids == frozenset()
    assert not Vocabulary(SimpleNamespace()).are_special(np.array([0, -1])).any()


def test_an_id_is_decoded_once() -> None:
    asked: list[int] = []
    source = tokenizer([])
    source.convert_ids_to_tokens = lambda number: asked.append(number) or "x"
    words = Vocabulary(source)
    assert (words.raw(3), words.raw(3), words.text(3)) == (b"x", b"x", "x")
    assert asked == [3]
    source.convert_ids_to_tokens = lambda number: None
    assert words.piece(9) == "None"


@pytest.mark.parametrize("text", ["The green shape is a triangle.", "naïve 世界 👍🏽\n\ttab"])
def test_the_bytes_of_a_texts_ids_are_the_texts(text: str) -> None:
    core = open_bench().loaded.tokenizer
    words = Vocabulary(core)
    ids = core.encode(text, add_special_tokens=False)
    assert b"".join(words.raw(number) for number in ids).decode() == text
