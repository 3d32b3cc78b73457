"""Token texts that keep to their own cells.

A token may be a bare accent, joiner or skin tone. Drawn as it is, it would melt into its neighbour, and terminals do
not agree on how wide the result is; so each is given something of its own to stand on.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import numpy as np
from rich.cells import cell_len

from workbench.views.flow import Glyphs

_JOINER = "\u200d"
_SEAT = "◌"


def steady(drawn: Glyphs) -> Glyphs:
    """The same glyphs, none of which reaches into another; the very same object where there is nothing to change."""
    changed = {
        index: better
        for index, text in enumerate(drawn.texts)
        if not text.isascii() and (better := steady_text(text)) != text
    }
    if not changed:
        return drawn
    texts, width = list(drawn.texts), drawn.width.copy()
    for index, text in changed.items():
        texts[index] = text
        width[drawn.text == index] = cell_len(text)
    return replace(drawn, texts=texts, width=width.astype(np.int32))


def steady_text(text: str) -> str:
    """A token's text with a seat under a leading accent, and leading or trailing joiners and modifiers named."""
    while text.endswith(_JOINER):
        text = text[:-1] + _named(_JOINER)
    if text and cell_len(text[0]) == 0:
        seated = unicodedata.category(text[0]) in ("Mn", "Mc", "Me") and not _selects(text[0])
        text = _SEAT + text if seated else _named(text[0]) + text[1:]
    return text


def _selects(char: str) -> bool:
    """Whether a mark is a variation selector: it has no shape of its own."""
    return "\ufe00" <= char <= "\ufe0f"


def _named(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"
