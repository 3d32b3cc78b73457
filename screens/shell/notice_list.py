"""The messages of before, the newest first, with their time; what is typed searches them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets.option_list import Option

from screens.guard.faults import on
from screens.guard.widgets import Vertical
from screens.shell.beneath import Beneath
from screens.shell.fields import Input, OptionList
from screens.shell.notices import Notice
from screens.shell.themes import paints
from workbench.views.palette import SEVERITY_GLYPH

_KEYS = "type to search · ↑↓ choose · enter copies · esc closes"


class MessagesList(OptionList, can_focus=False):
    """The messages to choose from; the field keeps the focus."""


class MessagesScreen(Beneath, ModalScreen[None]):
    """The list of messages. Enter copies the one that is marked; closes at escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", show=False),
        Binding("up", "step('cursor_up')", "Up", show=False, priority=True),
        Binding("down", "step('cursor_down')", "Down", show=False, priority=True),
        Binding("pageup", "step('page_up')", "Page up", show=False, priority=True),
        Binding("pagedown", "step('page_down')", "Page down", show=False, priority=True),
    ]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, notices: Sequence[Notice]) -> None:
        """`notices`: the newest at the end."""
        super().__init__()
        self._notices = list(reversed(notices))
        self.found: list[Notice] = []
        """Those that are listed, in order."""

    def compose(self) -> ComposeResult:
        """A box with a search, and the messages below it."""
        with Vertical(id="dialog") as box:
            box.border_title = "messages"
            box.border_subtitle = _KEYS
            yield Input(placeholder="search the messages", select_on_focus=False)
            yield MessagesList(id="messages", markup=False)

    def on_mount(self) -> None:
        self._draw("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._copy(self.query_one(MessagesList).highlighted)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._copy(event.option_index)

    def action_step(self, how: str) -> None:
        """Mark another message."""
        if self.found:
            getattr(self.query_one(MessagesList), f"action_{how}")()

    def _copy(self, place: int | None) -> None:
        if place is not None and place < len(self.found):
            self.app.copy_to_clipboard(self.found[place].text)
            self.query_one("#dialog").border_subtitle = f"copied · {_KEYS}"

    def _draw(self, query: str) -> None:
        paint, words = paints(self.app.current_theme), query.casefold().split()
        self.found = [one for one in self._notices if all(word in _searched(one) for word in words)]
        options = []
        for one in self.found:
            plain = one.severity == "information"
            colour = paint.strong if plain else paint.severity[one.severity]
            line = Table.grid(padding=(0, 1, 0, 0), expand=True)
            line.add_column(no_wrap=True)
            line.add_column(no_wrap=True)
            line.add_column(ratio=1)
            glyph = Text(SEVERITY_GLYPH["note" if plain else one.severity], colour + Style(bold=True))
            line.add_row(Text(f"{one.when.astimezone():%H:%M:%S}", paint.muted), glyph, Text(one.text, colour))
            options.append(Option(line))
        if not options:
            nothing = "No message has these words." if self._notices else "Nothing was said so far."
            options = [Option(Text(nothing, paint.muted), disabled=True)]
        shown = self.query_one(MessagesList)
        shown.set_options(options)
        shown.highlighted = 0 if self.found else None


def _searched(notice: Notice) -> str:
    return f"{notice.when.astimezone():%H:%M:%S} {notice.severity} {notice.text}".casefold()
