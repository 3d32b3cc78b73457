"""Dialogs over a screen: a diff to be agreed to, a choice, a question with one line to answer, a text to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.faults import on
from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.shell.diff_view import BREAKPOINTS, DiffView
from screens.shell.fields import Input
from screens.shell.tapped import Tapped
from screens.shell.themes import Paints, paints
from workbench.views.items import visible


class ConfirmDialog(Tapped, ModalScreen[bool]):
    """Shows a text, by default a unified diff, and asks. Enter agrees, escape does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "dismiss(True)", "Confirm", show=False),
        Binding("escape,q", "dismiss(False)", "Close", show=False),
    ]
    CSS_PATH = "dialogs.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    def __init__(self, title: str, body: str, *, agree: str, note: str = "", diff: bool = True) -> None:
        super().__init__()
        self._title, self._body, self._agree, self._note, self._diff = title, body, agree, note, diff

    def compose(self) -> ComposeResult:
        """One box."""
        with Vertical(id="dialog", classes="-diff" if self._diff else "") as box:
            box.border_title = visible(self._title).replace("[", "\\[")
            box.border_subtitle = f"enter {self._agree} · esc cancels" if self._agree else "esc closes"
            if self._note:
                yield Static(Text(self._note, paints(self.app.current_theme).severity["warning"]), id="note")
            with VerticalScroll(can_focus=True):
                if self._diff:
                    yield DiffView(self._body)
                else:
                    lines = [visible(line.expandtabs(4)) for line in self._body.splitlines()]
                    yield Static(Text("\n".join(lines), paints(self.app.current_theme).strong), markup=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a dialog: its key, the answer that it returns, and one line of help."""

    key: str
    answer: str
    help: str


_CELLS, _KEY_CELLS = 96, 7
"""Cells of a dialog, and those of a choice's key with the blanks around it."""


def _about(choice: Choice, number: int) -> str:
    return f"{choice.help}{'  (enter)' if number == 0 else ''}"


class ChoiceDialog(Tapped, ModalScreen[str | None]):
    """Asks for one of several choices, with the diffs that help to decide; tab shows the next diff.

    Enter takes the first choice. Escape gives None; `leave` says what that means.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,right,v", "turn(1)", "Another diff", show=False, priority=True),
        Binding("shift+tab,left", "turn(-1)", "Another diff", show=False, priority=True),
    ]
    CSS_PATH = "dialogs.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    def __init__(
        self,
        title: str,
        message: str,
        views: Sequence[tuple[str, str]],
        choices: Sequence[Choice],
        *,
        note: str = "",
        leave: str = "",
    ) -> None:
        """`views`: a name and a unified diff each."""
        super().__init__()
        self._title, self._message, self._note, self._leave = title, message, note, leave
        self._views, self._choices, self._shown = list(views), list(choices), 0

    def compose(self) -> ComposeResult:
        """One box: what happened, the diffs, the choices."""
        paint = paints(self.app.current_theme)
        with Vertical(id="dialog", classes="-diff") as box:
            box.border_title = visible(self._title).replace("[", "\\[")
            box.border_subtitle = f"esc {self._leave}"
            yield Static(Text(self._message, paint.strong), id="message")
            if self._note:
                yield Static(Text(f"! {self._note}", paint.severity["warning"]))
            yield Static(id="views", markup=False)
            with VerticalScroll(can_focus=True):
                yield DiffView(id="diff")
            yield Static(self._choice_lines(paint), id="choices", markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """The diff has the room that the rest leaves: what can be chosen is always in sight."""
        text = min(event.size.width * 96 // 100, _CELLS) - 4
        about = max(1, text - max(len(choice.answer) for choice in self._choices) - _KEY_CELLS)
        lines = sum(-(-len(_about(choice, number)) // about) for number, choice in enumerate(self._choices))
        others = 7 + lines + -(-len(self._message) // max(1, text)) + 2 * bool(self._note)
        self.query_one(VerticalScroll).styles.max_height = max(3, event.size.height * 9 // 10 - others)

    def _choice_lines(self, paint: Paints) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        for number, choice in enumerate(self._choices):
            key = Text(f" {choice.key}", paint.accent + Style(bold=True))
            table.add_row(key, Text(choice.answer, paint.strong), Text(_about(choice, number), paint.muted))
        return table

    def _draw(self) -> None:
        paint, tabs = paints(self.app.current_theme), Text(no_wrap=True, end="")
        for number, (name, _) in enumerate(self._views):
            shown = number == self._shown
            tabs.append(" ● " if shown else " ○ ", paint.accent if shown else paint.muted)
            tabs.append(name, paint.strong if shown else paint.muted).append(" ")
        if len(self._views) > 1:
            tabs.append(" tab", paint.accent + Style(bold=True))
        self.query_one("#views", Static).update(tabs)
        diff = self._views[self._shown][1] or "(no difference)"
        self.query_one(DiffView).say(diff)
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def on_key(self, event: events.Key) -> None:
        """A choice by its key."""
        answers = {choice.key: choice.answer for choice in self._choices} | {
            "enter": self._choices[0].answer,
            "escape": None,
        }
        if event.key in answers:
            event.stop()
            self.dismiss(answers[event.key])

    def action_turn(self, step: int) -> None:
        """Show the next diff."""
        self._shown = (self._shown + step) % len(self._views)
        self._draw()


class InputDialog(Tapped, ModalScreen[str | None]):
    """Asks for one line. Enter gives it, escape gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close", show=False)]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, title: str, *, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._title, self._value, self._hint = title, value, hint

    def compose(self) -> ComposeResult:
        """One line in a box."""
        with Vertical(id="dialog", classes="-small") as box:
            box.border_title = self._title
            box.border_subtitle = "enter confirms · esc cancels"
            yield Input(self._value, placeholder=self._hint, select_on_focus=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.answer(event.value)

    def answer(self, text: str) -> None:
        """Give what was entered."""
        self.dismiss(text)
