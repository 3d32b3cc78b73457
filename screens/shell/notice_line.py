"""The line of a message, in the place of the key hints: it covers nothing, and a longer one pushes the panes up."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style
from rich.text import Text
from textual import events

from screens.line_cache.kept_lines import Still
from screens.shell.hanging import hang
from screens.shell.notices import Notice
from screens.shell.themes import paints
from workbench.views.palette import SEVERITY_GLYPH

_MOST_LINES = 4
"""The style sheet allows fewer in a low window: a fourth of its lines, but always one."""
_INDENT = 3


class NoticeLine(Still):
    """Draws a message at the bottom of its screen; hidden where there is none.

    One that is too long for its lines ends with `more`, which says where the rest is.
    """

    clicked: Callable[[bool], None] = staticmethod(lambda cut: None)
    """Called when it is clicked; `cut`: the text was not shown in full."""

    def __init__(self) -> None:
        super().__init__()
        self.notice: Notice | None = None
        self.more = ""
        self._wide = 0

    def show(self, notice: Notice | None, more: str, width: int) -> None:
        """Show a message, or none, in a window of this width."""
        if notice is not self.notice:
            self.notice, self.more = notice, more
            self._fit(width)
            self.display = notice is not None
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """In a window of another width the text has other lines."""
        if event.size.width != self._wide:
            self._fit(event.size.width)

    def render(self) -> Text:
        """The lines that there is room for."""
        lines, cut = self._shown()
        if cut:
            paint = paints(self.app.current_theme)
            end = Text(f"… {self.more} ", paint.accent)
            last = lines[-1]
            last.truncate(max(1, self.size.width - end.cell_len))
            last.append_text(end)
        return Text("\n", end="", no_wrap=True).join(lines)

    def on_click(self, event: events.Click) -> None:
        """The mouse takes it away, or asks for the rest of it."""
        event.stop()
        self.clicked(self._shown()[1])

    def _shown(self) -> tuple[list[Text], bool]:
        """The lines that there is room for, and whether there would be more."""
        lines, room = self._lines(self.size.width), max(1, self.size.height)
        return lines[:room], len(lines) > room

    def _fit(self, width: int) -> None:
        self._wide = width
        self.styles.height = max(1, min(_MOST_LINES, len(self._lines(width))))

    def _lines(self, width: int) -> list[Text]:
        """The whole message in lines of this width; none where there is no message."""
        notice = self.notice
        if notice is None or width < 1:
            return []
        paint = paints(self.app.current_theme)
        text, words = Text(" ", end=""), notice.text.replace("\n", " ")
        if notice.severity == "information":
            # No letter: beside the keys of the footer it would be taken for one.
            text.append("• ", paint.accent + Style(bold=True)).append(words, paint.strong)
        else:
            colour = paint.severity[notice.severity]
            text.append(f"{SEVERITY_GLYPH[notice.severity]} {words}", colour)
        return list(hang(text, width, _INDENT, self.app.console).split("\n"))
