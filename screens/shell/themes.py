"""The themes of the workbench, and what they and the terminal's own colours mean for a token."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from screens.shell.theme_names import CONTRAST_NAME, DARK_NAME, LIGHT_NAME, TERMINAL_NAME
from workbench.views.palette import ADDED, DARK, LIGHT, REMOVED, ROLE_COLOUR, SEVERITY_COLOUR, Look, Paint

_TERMINAL = BUILTIN_THEMES["ansi-dark"]


def _theme(
    name: str,
    *,
    dark: bool,
    accent: str,
    secondary: str,
    foreground: str,
    muted: str,
    layers: tuple[str, str, str],
    lines: tuple[str, str],
    cursor: tuple[str, str],
    signals: tuple[str, str, str],
    bold_cursor: bool = False,
) -> Theme:
    """A theme with Textual's variables worked out from a few colours.

    Args:
        layers: background, surface and panel.
        lines: borders and scroll bars of panes without focus, and the scroll bar under the mouse.
        cursor: background and text of the chosen line of a list.
        signals: success, warning and error.
    """
    background, surface, panel = layers
    success, warning, error = signals
    line, line_hover = lines
    return Theme(
        name=name,
        primary=accent,
        secondary=secondary,
        accent=accent,
        foreground=foreground,
        background=background,
        surface=surface,
        panel=panel,
        success=success,
        warning=warning,
        error=error,
        dark=dark,
        variables={
            "border": accent,
            "border-blurred": line,
            "muted": muted,
            "scrollbar": line,
            "scrollbar-hover": line_hover,
            "scrollbar-active": accent,
            **dict.fromkeys(
                ("scrollbar-background", "scrollbar-background-hover", "scrollbar-background-active"), background
            ),
            "block-cursor-background": cursor[0],
            "block-cursor-foreground": cursor[1],
            "block-cursor-text-style": "bold" if bold_cursor else "none",
            "input-cursor-background": accent,
        },
    )


THEMES = (
    replace(
        _TERMINAL,
        name=TERMINAL_NAME,
        variables={
            **_TERMINAL.variables,
            "border": "ansi_green",
            "border-blurred": "ansi_bright_black",
            "muted": "ansi_bright_black",
        },
    ),
    _theme(
        DARK_NAME,
        dark=True,
        accent="#6fd39a",
        secondary="#b6a4f0",
        foreground="#c7d0dc",
        muted="#76839a",
        layers=("#0f1319", "#151b23", "#1e2631"),
        lines=("#2c3644", "#3b4759"),
        cursor=("#26443a", "#e6fff1"),
        signals=("#6fd39a", SEVERITY_COLOUR["dark"]["warning"], SEVERITY_COLOUR["dark"]["error"]),
    ),
    # Black, white, and colours of at least 7:1 against the black.
    _theme(
        CONTRAST_NAME,
        dark=True,
        accent="#ffff00",
        secondary="#ff9dff",
        foreground="#ffffff",
        muted="#e0e0e0",
        layers=("#000000", "#000000", "#000000"),
        lines=("#ffffff", "#ffffff"),
        cursor=("#ffffff", "#000000"),
        signals=("#5dff8f", "#ffd000", "#ff8a80"),
        bold_cursor=True,
    ),
    _theme(
        LIGHT_NAME,
        dark=False,
        accent="#0b7a43",
        secondary="#5a3fb0",
        foreground="#232b36",
        muted="#647083",
        layers=("#fbfcfd", "#f1f4f8", "#e6ebf1"),
        lines=("#c5cfdb", "#a9b6c6"),
        cursor=("#cdeedb", "#06331b"),
        signals=("#0b7a43", SEVERITY_COLOUR["light"]["warning"], SEVERITY_COLOUR["light"]["error"]),
    ),
)


class Paints:
    """Rich styles for a theme: `look[Look]` for tokens, and the few that panes share."""

    def __init__(self, name: str, dark: bool, own_colours: bool) -> None:
        if own_colours:
            self.look = _OWN
            self.muted, self.strong = Style(dim=True), Style(bold=True)
            self.bar = Style(color="green", bold=True)
            self.accent = Style(color="green")
            self.cursor = Style(reverse=True, bold=True)
            self.cursor_away = Style(reverse=True, dim=True)
            self.severity = {
                "error": Style(color="red", bold=True),
                "warning": Style(color="yellow"),
                "note": Style(color="blue"),
            }
            self.media = Style(color="magenta")
            self.added, self.removed = Style(bold=True, reverse=True), Style(strike=True, color="red")
            self.roles = tuple(Style(color=name) for name in ("blue", "cyan", "magenta", "yellow", "bright_black"))
            self.match, self.selected = Style(color="yellow", reverse=True), Style(reverse=True)
            self.losses = tuple(
                Style(color=name) + emphasis
                for name, emphasis in zip(("green", "cyan", "blue", "yellow", "red", "red"), _STEPS, strict=True)
            )
            self.thumb, self.rail = Style(bold=True), Style(dim=True)
            return
        if name == CONTRAST_NAME:
            self.look = _CONTRAST
            self.muted, self.strong = Style(color="#e0e0e0"), Style(color="#ffffff", bold=True)
            self.bar, self.accent = Style(color="#ffff00", bold=True), Style(color="#ffff00")
            self.cursor = Style(color="#000000", bgcolor="#00ffff", bold=True)
            self.cursor_away = Style(color="#00ffff", reverse=True)
            self.severity = {
                "error": Style(color="#ff8a80", bold=True),
                "warning": Style(color="#ffd000"),
                "note": Style(color="#8fd0ff"),
            }
            self.media = Style(color="#ff9dff")
            self.added = Style(color="#000000", bgcolor="#5dff8f", bold=True)
            self.removed = Style(color="#000000", bgcolor="#ff8a80", strike=True)
            self.roles = tuple(Style(color=colour) for colour in ROLE_COLOUR["dark"])
            self.match = Style(color="#000000", bgcolor="#ffd000")
            self.selected = Style(color="#000000", bgcolor="#8fd0ff")
            shades = ("#ffffff", "#ffffff", "#ffff00", "#ffd000", "#ff8a80", "#ff8a80")
            self.losses = tuple(Style(color=shade) + emphasis for shade, emphasis in zip(shades, _STEPS, strict=True))
            self.thumb, self.rail = Style(color="#ffffff", bold=True), Style(color="#808080")
            return
        palette = DARK if dark else LIGHT
        self.look = tuple(_style(palette[look]) for look in Look)
        self.muted = Style(color="#76839a" if dark else "#647083")
        self.strong = Style(color="#eef3f9" if dark else "#10161e", bold=True)
        self.bar = Style(color="#6fd39a" if dark else "#0b7a43", bold=True)
        self.accent = Style(color="#6fd39a" if dark else "#0b7a43")
        self.cursor = (
            Style(color="#0f1319", bgcolor="#f2cc60", bold=True)
            if dark
            else Style(color="#ffffff", bgcolor="#9a5b00", bold=True)
        )
        self.cursor_away = (
            Style(color="#f2cc60", bgcolor="#3a3423") if dark else Style(color="#7a4800", bgcolor="#f3e3c3")
        )
        colours = SEVERITY_COLOUR["dark" if dark else "light"]
        self.severity = {name: Style(color=colour) for name, colour in colours.items()}
        self.media = Style(color=palette[Look.MEDIA].foreground)
        self.added = _style(ADDED["dark" if dark else "light"])
        self.removed = _style(REMOVED["dark" if dark else "light"]) + Style(strike=True)
        self.roles = tuple(Style(color=colour) for colour in ROLE_COLOUR["dark" if dark else "light"])
        self.match = Style(bgcolor="#7a5a00" if dark else "#ffe08a", color="#fff3cf" if dark else "#3d2b00")
        self.selected = Style(bgcolor="#28456e" if dark else "#bcd8ff", color="#f2f7ff" if dark else "#0b2545")
        self.losses = tuple(
            Style(color=colour, bgcolor=behind or None) + emphasis
            for (colour, behind), emphasis in zip(_LOSS_COLOURS["dark" if dark else "light"], _STEPS, strict=True)
        )
        self.thumb = Style(color="#9aa4b2" if dark else "#647083", bold=True)
        self.rail = Style(color="#2c3644" if dark else "#d5dde6")


# Losses differ in weight too, from faint to reversed, for terminals without colours and for colour-blind people.
_STEPS = (
    Style(dim=True),
    Style(),
    Style(underline=True),
    Style(underline=True, bold=True),
    Style(bold=True, reverse=True),
    Style(bold=True, reverse=True, underline=True),
)
_LOSS_COLOURS = {
    "dark": (
        ("#6fd39a", ""),
        ("#b8d97e", ""),
        ("#e3c341", ""),
        ("#f0a050", ""),
        ("#f0784a", "#0f1319"),
        ("#ff5d52", "#0f1319"),
    ),
    "light": (
        ("#0b7a43", ""),
        ("#4f7000", ""),
        ("#7d6200", ""),
        ("#9a4b00", ""),
        ("#b43a00", "#ffffff"),
        ("#a80f0f", "#ffffff"),
    ),
}


def _style(paint: Paint) -> Style:
    return Style(
        color=paint.foreground,
        bgcolor=paint.background or None,
        underline=paint.underline or None,
        bold=paint.bold or None,
    )


# The terminal's own colours: no hex value fits a background that is not known.
_OWN: tuple[Style, ...] = (
    Style(),
    Style(color="cyan", dim=True),
    Style(color="magenta"),
    Style(color="green", underline=True),
    Style(color="green", underline=True, bold=True),
    Style(color="red", underline=True, bold=True, reverse=True),
)


_CONTRAST: tuple[Style, ...] = (
    Style(color="#ffffff"),
    Style(color="#8fd0ff"),
    Style(color="#ff9dff"),
    Style(color="#000000", bgcolor="#ffff00", underline=True),
    Style(color="#000000", bgcolor="#ffd000", underline=True, bold=True),
    Style(color="#000000", bgcolor="#ff8a80", underline=True, bold=True),
)


@lru_cache(maxsize=8)
def _paints(name: str, dark: bool, own_colours: bool) -> Paints:
    return Paints(name, dark, own_colours)


def paints(theme: Theme) -> Paints:
    """The styles that go with a theme; other themes than ours take the palette of their brightness."""
    return _paints(theme.name, theme.dark, theme.ansi)
