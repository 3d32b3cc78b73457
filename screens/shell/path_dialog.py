"""The dialog that asks for a path: a field, and below it the files that what is typed may mean."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets.option_list import Option

from screens.guard.faults import guarded, on
from screens.guard.widgets import Vertical
from screens.shell.dialogs import InputDialog
from screens.shell.fields import Input, OptionList
from screens.shell.still_open import still_open
from screens.shell.themes import paints
from workbench.path_choices import Fits, PathChoice, any_file, choices, files_below
from workbench.views.items import visible


class PathList(OptionList, can_focus=False):
    """The paths to choose from; the field keeps the focus."""


class PathDialog(InputDialog):
    """Asks for a path. Enter gives what stands in the field, or the path that was chosen with up and down.

    Tab writes the path that is marked into the field; a folder can then be gone through. `fits` tells which files are
    offered, `hidden` looks into folders with a dot too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "take", "Take", show=False, priority=True),
        Binding("down", "step(1)", "Next", show=False),
        Binding("up", "step(-1)", "Previous", show=False),
    ]

    def __init__(
        self, title: str, *, value: str = "", hint: str = "", fits: Fits = any_file, hidden: bool = False
    ) -> None:
        super().__init__(title, value=value, hint=hint)
        self._fits, self._hidden = fits, hidden
        self._folder = Path.cwd()
        self._below: list[str] = []
        self._choices: list[PathChoice] = []
        self._moved = False

    def compose(self) -> ComposeResult:
        """One line in a box, and the paths below it."""
        with Vertical(id="dialog", classes="-small") as box:
            box.border_title = self._title
            box.border_subtitle = "enter confirms · tab takes · esc cancels"
            yield Input(self._value, placeholder=self._hint, select_on_focus=False)
            yield PathList(id="paths", markup=False)

    def on_mount(self) -> None:
        self._draw("")
        # Not the bench's thread, which may be at work for long; and a slow disk is no reason to wait.
        Thread(target=self._look, name="vlmbench paths", daemon=True).start()

    def _look(self) -> None:
        found = files_below(self._folder, self._fits, hidden=self._hidden)
        try:
            self.call_later(guarded(self, self._looked), found)
        except RuntimeError:
            # The window is closed.
            return

    def _looked(self, found: list[str]) -> None:
        self._below = found
        if still_open(self) and not self._moved:
            self._draw_for(self.query_one(Input).value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._draw_for(event.value)

    def _draw_for(self, value: str) -> None:
        # A proposed path is no search: what could be chosen instead is everything.
        self._draw("" if value == self._value else value)

    def _draw(self, typed: str) -> None:
        paths, paint = self.query_one(PathList), paints(self.app.current_theme)
        self._choices, self._moved = choices(typed, self._below, self._fits, self._folder), False
        paths.clear_options()
        for choice in self._choices:
            style = paint.accent if choice.folder else paint.strong
            paths.add_option(Option(Text(visible(choice.text), style, no_wrap=True, overflow="ellipsis")))
        paths.display = bool(self._choices)
        paths.highlighted = None

    def action_step(self, by: int) -> None:
        """Mark the next path, or the one before."""
        paths = self.query_one(PathList)
        if self._choices:
            self._moved = True
            at = paths.highlighted
            paths.highlighted = (0 if by > 0 else -1) % len(self._choices) if at is None else at
            if at is not None:
                paths.highlighted = (at + by) % len(self._choices)

    def action_take(self) -> None:
        """Write the marked path, or else the first, into the field."""
        if self._choices:
            self._take(self.query_one(PathList).highlighted or 0)

    def _take(self, number: int) -> None:
        field = self.query_one(Input)
        field.value = self._choices[number].text
        field.cursor_position = len(field.value)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_index)

    def answer(self, text: str) -> None:
        """Give the path; a folder that was chosen is gone into instead."""
        marked = self.query_one(PathList).highlighted
        if self._moved and marked is not None:
            choice = self._choices[marked]
            self._take(marked)
            if not choice.folder:
                self.dismiss(choice.text)
            return
        self.dismiss(text)
