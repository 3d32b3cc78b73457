"""Colours and glyphs, in one place, so that every face of the bench says the same thing the same way.

Colour is never the only sign: trained tokens are underlined and carry a gutter bar as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

TRAINED_BAR = "▎"
SPACE = "·"
CONTINUED = "·"
MEDIA_GLYPH = {"image": "▣", "audio": "♪", "video": "▶"}
SEVERITY_GLYPH = {"error": "✗", "warning": "!", "note": "i"}


class Look(IntEnum):
    """The look of a token: its kind, and whether it is trained."""

    PLAIN = 0
    CONTROL = 1
    MEDIA = 2
    TRAINED = 3
    TRAINED_CONTROL = 4
    TRAINED_MEDIA = 5

    @property
    def trained(self) -> bool:
        """True for the looks of trained tokens."""
        return self >= Look.TRAINED


@dataclass(frozen=True, slots=True)
class Paint:
    """A look in one theme: `#rrggbb` foreground and background (empty: the terminal's own), and attributes."""

    foreground: str
    background: str = ""
    underline: bool = False
    bold: bool = False


DARK: dict[Look, Paint] = {
    Look.PLAIN: Paint("#9aa4b2"),
    Look.CONTROL: Paint("#7f8ea3", "#232a35"),
    Look.MEDIA: Paint("#b6a4f0", "#2a2440"),
    Look.TRAINED: Paint("#6fd6e6", "#12301f", underline=True),
    Look.TRAINED_CONTROL: Paint("#c6ffda", "#1d5635", underline=True, bold=True),
    Look.TRAINED_MEDIA: Paint("#ffb4a8", "#5a1d1a", underline=True, bold=True),
}
LIGHT: dict[Look, Paint] = {
    Look.PLAIN: Paint("#566070"),
    Look.CONTROL: Paint("#5d6b7f", "#e4e9f0"),
    Look.MEDIA: Paint("#5a3fb0", "#ece6fb"),
    Look.TRAINED: Paint("#00606b", "#d8f5e2", underline=True),
    Look.TRAINED_CONTROL: Paint("#06401f", "#a9e5c0", underline=True, bold=True),
    Look.TRAINED_MEDIA: Paint("#8c1d18", "#ffd9d4", underline=True, bold=True),
}
SEVERITY_COLOUR = {
    "dark": {"error": "#ff7b72", "warning": "#e3b341", "note": "#79b8ff"},
    "light": {"error": "#b42318", "warning": "#8a6100", "note": "#0b5cad"},
}
ROLE_COLOUR = {
    "dark": ("#79b8ff", "#8ff0b4", "#e3b341", "#d2a8ff", "#ffb4a8"),
    "light": ("#0b5cad", "#0b5d30", "#8a6100", "#6a3fb5", "#a3341f"),
}
"""In order of a role's first appearance, and none of them the green of what is trained. The role's name stands beside
its messages, for those who see no difference."""
BOX_COLOURS = ("#ffd60a", "#ff453a", "#32d7ff", "#ff6bf2", "#7dff5b")
"""Of boxes on a picture, in order. They stand on pictures, whatever the theme; each has its number beside it."""
ADDED = {"dark": Paint("#ffffff", "#2f8f57", bold=True), "light": Paint("#04240f", "#6fd39a", bold=True)}
"""Tokens that an edit trains; `REMOVED`, those that it no longer does. They are struck out as well."""
REMOVED = {"dark": Paint("#ff7b72", "#3a1c1c"), "light": Paint("#b42318", "#fde4e1")}
