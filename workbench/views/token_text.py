"""Token texts that keep to their own cells.

A token may be a bare accent, joiner or skin tone. Drawn as it is, it would melt into its neighbour, and terminals do
not agree on how wide the result is; so each is given something of its own to stand on.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

_JOINER = "\u200d"
_SEAT = "◌"


def steady(text: str) -> str:
    """A token's text with a seat under a leading accent, and leading or trailing joiners and modifiers named."""
    if text.isascii():
        return text
    whole = text.rstrip(_JOINER)
    text = whole + _named(_JOINER) * (len(text) - len(whole))
    if cell_len(text[0]) == 0:
        seated = unicodedata.category(text[0]) in ("Mn", "Mc", "Me") and not _selects(text[0])
        text = _SEAT + text if seated else _named(text[0]) + text[1:]
    return text


def _selects(char: str) -> bool:
    """Whether a mark is a variation selector: it has no shape of its own."""
    return "\ufe00" <= char <= "\ufe0f"


def _named(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"
