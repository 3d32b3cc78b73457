"""Text that came from a file, a model or a name, made safe to draw: one function for every face that draws text.

A terminal, Textual and the pages' templates take `visible`, or `visible_lines` where the text may have several lines.
JSON escapes what it must by itself (`console.write_json`), and a page escapes what `visible` leaves.
"""

from __future__ import annotations

import unicodedata

NEWLINE = "⏎"
TAB = "⇥"
_SHOWN = {"\n": NEWLINE, "\t": TAB, "\r": "␍", "\u00a0": "⍽"}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# The joiner inside emoji sequences and the variation selectors belong to the picture they make.
_HARMLESS = {"\u200d", "\ufe0e", "\ufe0f"}


def visible(text: str) -> str:
    """Text made safe to draw, in one line: control, bidi and unassigned characters are named, never emitted."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_SHOWN.get(char) or (_named(char) if _is_hidden(char) else char) for char in text)


def visible_lines(text: str) -> str:
    """Text of several lines, each made safe to draw."""
    return "\n".join(map(visible, text.split("\n")))


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN and char not in _HARMLESS


def _named(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
