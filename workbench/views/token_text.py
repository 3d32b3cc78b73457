"""Texts of tokens whose width in terminal cells does not depend on their neighbours.

A token may be a bare accent, joiner or skin tone. Drawn as it is, it would join its neighbour, and terminals do not
agree on how wide the result is; so an accent gets a dotted circle under it, and the others are named.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

_JOINER = "\u200d"
_CIRCLE = "◌"


def standalone_text(text: str) -> str:
    """A token's text with a dotted circle under a leading accent; joiners and modifiers at its ends are named."""
    if text.isascii():
        return text
    whole = text.rstrip(_JOINER)
    text = whole + _named(_JOINER) * (len(text) - len(whole))
    if cell_len(text[0]) == 0:
        accent = unicodedata.category(text[0]) in ("Mn", "Mc", "Me") and not _selects(text[0])
        text = _CIRCLE + text if accent else _named(text[0]) + text[1:]
    return text


def _selects(char: str) -> bool:
    """True for variation selectors, which have no shape of their own."""
    return "\ufe00" <= char <= "\ufe0f"


def _named(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"
