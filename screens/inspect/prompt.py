"""One line at the foot of the screen that asks for a search, a filter or a row number, and says what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from screens.guard.faults import on
from screens.guard.widgets import Horizontal, Static
from screens.keys.spoken import keyed
from screens.shell.fields import Input
from screens.shell.themes import paints


class Prompt(Horizontal):
    """Hidden until `ask`. Posts `Typed` at every change, `Stepped` for up and down, then `Entered` or `Cancelled`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("down,ctrl+n", "step(1)", "Next", show=False),
        Binding("up", "step(-1)", "Previous", show=False),
    ]

    class Answer(Message):
        """A message with the text of the field."""

        def __init__(self, kind: str, text: str) -> None:
            self.kind, self.text = kind, text
            super().__init__()

    class Typed(Answer):
        """The text changed."""

    class Entered(Answer):
        """Enter was pressed."""

    class Cancelled(Answer):
        """Escape was pressed."""

    class Stepped(Message):
        """The next (1) or the previous (-1) is wanted."""

        def __init__(self, kind: str, direction: int) -> None:
            self.kind, self.direction = kind, direction
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            Static(id="prompt-label", markup=False), Input(select_on_focus=True), Static(id="prompt-note"), id=id
        )
        self.kind = ""
        self.help_terms: Sequence[tuple[Any, ...]] = ()
        """The terms that an answer is made of, for the help: an example, and what it means."""

    def compose(self) -> ComposeResult:
        """Its children were given at once."""
        yield from ()

    def on_mount(self) -> None:
        self.display = False

    def ask(self, kind: str, *, value: str = "", hint: str = "", terms: Sequence[tuple[Any, ...]] = ()) -> None:
        """Ask for something; `kind` comes back with the answer and is shown before it. The help lists its `terms`."""
        self.kind, self.help_terms = kind, terms
        field = self.query_one(Input)
        with self.prevent(Input.Changed):
            field.value = value
        field.placeholder = hint
        self.query_one("#prompt-label", Static).update(Text(f" {kind} "))
        self.say(keyed(self, "{app.help} lists the terms") if terms else "")
        self.display = True
        self.screen.set_focus(field)

    def say(self, note: str, *, wrong: bool = False) -> None:
        """Show a note beside the field: the result so far, or the error in the text."""
        paint = paints(self.app.current_theme)
        self.query_one("#prompt-note", Static).update(
            Text(f"{note} ", paint.severity["warning"] if wrong else paint.muted)
        )

    def close(self) -> None:
        """Hide it."""
        self.display = False

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.kind, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self.kind, event.value))

    def action_leave(self) -> None:
        self.post_message(self.Cancelled(self.kind, self.query_one(Input).value))

    def action_step(self, direction: int) -> None:
        self.post_message(self.Stepped(self.kind, direction))
