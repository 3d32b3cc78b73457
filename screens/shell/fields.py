"""Input fields and lists, guarded as `screens.guard.widgets` is, and not loaded for the first paint."""

from __future__ import annotations

from typing import TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events, widgets
from textual.geometry import Region
from textual.strip import Strip

from screens.guard.faults import Guarded
from screens.shell.typed_in_order import do_in_order, keys_of
from workbench.escaping import visible

_KEYS = keys_of(widgets.Input)
Data = TypeVar("Data")


class Input(Guarded, widgets.Input):
    """A text field of one line. Without the focus it shows its beginning, and says where it is cut."""

    async def on_key(self, event: events.Key) -> None:
        """Take back a letter, or go to another, before the letters that follow are written."""
        await do_in_order(self, event, _KEYS)

    def render_line(self, y: int) -> Strip:
        """The line: that of Textual where it is edited, with the cursor in sight, and where all of it has room."""
        text, width = visible(self.value), self.scrollable_content_region.width
        if y or self.has_focus or width <= 0 or cell_len(text) <= width:
            return super().render_line(y)
        return Strip([Segment(f"{set_cell_size(text, width - 1)}…", self.rich_style)])

    def watch_has_focus(self, focus: bool) -> None:
        """The cursor comes in sight, which Textual sees to when it moves, and not where it already stood at the end."""
        super().watch_has_focus(focus)
        self.reveal()

    def on_resize(self, event: events.Resize) -> None:
        """The line has another width."""
        self.reveal()

    def reveal(self) -> None:
        """Bring the cursor in sight, where there is one."""
        if self.has_focus:
            place = Region(self.cursor_screen_offset.x - self.content_region.x + self.scroll_offset.x, 0, 1, 1)
            self.scroll_to_region(place, force=True, animate=False)


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
