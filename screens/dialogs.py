"""Dialogs over a screen: a diff to be agreed to, a question with one line to answer, a text to read."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from screens.themes import paints
from workbench.views.flow import visible


class Agree(ModalScreen[bool]):
    """Shows a text, by default a unified diff, and asks. Enter agrees, escape does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "dismiss(True)", "Agree", show=False),
        Binding("escape,q", "dismiss(False)", "Close", show=False),
    ]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, title: str, body: str, *, agree: str, note: str = "", diff: bool = True) -> None:
        super().__init__()
        self._title, self._body, self._agree, self._note, self._diff = title, body, agree, note, diff

    def compose(self) -> ComposeResult:
        """One box."""
        with Vertical(id="dialog") as box:
            box.border_title = visible(self._title).replace("[", "\\[")
            box.border_subtitle = f"enter {self._agree} · esc leaves it" if self._agree else "esc closes"
            if self._note:
                yield Static(Text(self._note, paints(self.app.current_theme).severity["warning"]), id="note")
            with VerticalScroll(can_focus=True):
                yield Static(self._text(), markup=False)

    def _text(self) -> Text:
        paint = paints(self.app.current_theme)
        text = Text(no_wrap=self._diff, end="")
        for number, line in enumerate(self._body.splitlines()):
            style = paint.strong if not self._diff else paint.muted
            if self._diff and line.startswith(("+", "-", "@")):
                kind = line[0]
                style = {"+": paint.accent, "-": paint.severity["error"]}.get(kind, paint.severity["note"])
            text.append(("\n" if number else "") + visible(line.expandtabs(4)), style)
        return text


class Ask(ModalScreen[str | None]):
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
            box.border_subtitle = "enter · esc leaves it"
            yield Input(self._value, placeholder=self._hint, select_on_focus=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
