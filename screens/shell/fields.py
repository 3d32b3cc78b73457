"""Input fields and lists, guarded as `screens.guard.widgets` is, and not loaded for the first paint."""

from __future__ import annotations

from typing import TypeVar

from textual import widgets

from screens.guard.faults import Guarded

Data = TypeVar("Data")


class Input(Guarded, widgets.Input):
    """A text field of one line."""


class Tree(Guarded, widgets.Tree[Data]):
    """A tree of nodes that expand."""


class OptionList(Guarded, widgets.OptionList):
    """A list with a highlighted option."""

    def action_page_down(self) -> None:
        """A page further on; Textual looks for a line that is not there where the list has no room or no width."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_page_up(self) -> None:
        """A page back."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]
