"""The token grid: the canvas with a cursor that stands on a token, a selection, a search, and a mouse."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from textual import events
from textual.binding import BindingType

from screens.keys.inspect_and_app import bindings
from screens.token_grid.canvas import TokenCanvas
from screens.token_grid.find import NO_MATCHES, Matches, find
from screens.token_grid.lines import draw_items, edges


class TokenGrid(TokenCanvas, can_focus=True):
    """Shows one `RowView`. Posts `CursorMoved`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("grid")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._goal: int | None = None
        self._dragging = ""

    # Moving

    def go(self, token: int, *, keep_goal: bool = False, select: bool = False) -> None:
        """Put the cursor on a token and bring it into view; with `select` the selection grows or shrinks to it."""
        if self.view is None or not len(self.view.rendering):
            return
        before, had = self.item, self.held
        if select and self.held is None:
            self.held = self.cursor
        elif not select:
            self.held = None
        self.cursor = min(max(0, token), len(self.view.rendering) - 1)
        if not keep_goal:
            self._goal = None
        if had is not None or select:
            self.refresh()
        elif self.item != before:
            self._refresh_cursor(before)
            self._refresh_cursor()
        self._reveal()
        self.post_message(self.CursorMoved())

    def _go_item(self, item: int, *, select: bool = False) -> None:
        if self._items is not None and len(self._items):
            self.go(int(self._items.start[min(max(0, item), len(self._items) - 1)]), select=select)

    def _go_line(self, line: int, *, select: bool = False) -> None:
        lines = self.layout_lines
        if lines is None or not lines.height:
            return
        goal = self._goal if self._goal is not None else lines.cells(self.item)[0]
        self._goal = goal
        item = lines.item_at(min(max(0, line), lines.height - 1), goal)
        self.go(int(lines.items.start[item]), keep_goal=True, select=select)

    def _line(self) -> int:
        return self.layout_lines.line_of(self.item) if self.layout_lines is not None else 0

    def action_left(self) -> None:
        self._go_item(self.item - 1)

    def action_right(self) -> None:
        self._go_item(self.item + 1)

    def action_up(self) -> None:
        self._go_line(self._line() - 1)

    def action_down(self) -> None:
        self._go_line(self._line() + 1)

    def action_line_start(self) -> None:
        self._line_end(0)

    def action_line_end(self) -> None:
        self._line_end(1)

    def _line_end(self, side: int, *, select: bool = False) -> None:
        if self.layout_lines is not None and self.layout_lines.height:
            self._go_item(self.layout_lines.bounds(self._line())[side] - side, select=select)

    def action_page_up(self) -> None:
        self._page(-1)

    def action_page_down(self) -> None:
        self._page(1)

    def _page(self, direction: int) -> None:
        step = max(1, self.size.height - 1) * direction
        line = self._line() + step
        self.scroll_to(y=self.scroll_offset.y + step, animate=False)
        self._go_line(line)

    def action_first(self) -> None:
        self.go(0)

    def action_last(self) -> None:
        if self.view is not None:
            self.go(len(self.view.rendering) - 1)

    def jump_edge(self, direction: int) -> bool:
        """Go to the next mask edge; false when there is none that way."""
        return self.view is not None and self.jump(edges(self.view), direction)

    def jump_turn(self, direction: int) -> bool:
        """Go to the next turn; false when there is none that way."""
        if self.view is None:
            return False
        return self.jump(np.array([turn.start for turn in self.view.turns], dtype=np.int64), direction)

    def jump(self, tokens: np.typing.NDArray[np.int64], direction: int) -> bool:
        """Go to the next of some tokens, in ascending order; false when there is none that way."""
        start, stop = self.covered
        if direction > 0:
            index = int(np.searchsorted(tokens, stop - 1, side="right"))
        else:
            index = int(np.searchsorted(tokens, start)) - 1
        if not 0 <= index < len(tokens):
            return False
        self.go(int(tokens[index]))
        return True

    # Selecting

    def action_select_left(self) -> None:
        self._go_item(self.item - 1, select=True)

    def action_select_right(self) -> None:
        self._go_item(self.item + 1, select=True)

    def action_select_up(self) -> None:
        self._go_line(self._line() - 1, select=True)

    def action_select_down(self) -> None:
        self._go_line(self._line() + 1, select=True)

    def action_select_line_start(self) -> None:
        self._line_end(0, select=True)

    def action_select_line_end(self) -> None:
        self._line_end(1, select=True)

    def action_select_turn(self) -> None:
        """Select the turn under the cursor; once more: the whole row."""
        if self.view is None or not len(self.view.rendering):
            return
        length = len(self.view.rendering)
        start, stop = self.selected
        begins = [turn.start for turn in self.view.turns]
        first = max((begin for begin in begins if begin <= start), default=0)
        last = min((begin for begin in begins if begin > start), default=length)
        if self.held is not None and (start, stop) == (first, last):
            first, last = 0, length
        self.held = first
        self.go(last - 1, select=True)

    def action_select_none(self) -> None:
        """Select nothing; without a selection, forget the search."""
        if self.held is None:
            self.search("")
            return
        self.held = None
        self.refresh()

    # Searching

    def search(self, query: str) -> Matches:
        """Mark where a query matches (see `screens.token_grid.find`) and return it; an empty one marks nothing."""
        self.matches = find(self.view, query) if self.view is not None else NO_MATCHES
        self._shade()
        self.refresh()
        return self.matches

    def jump_match(self, direction: int) -> bool:
        """Go to the next match, round the end; false where there is no match."""
        if not len(self.matches):
            return False
        if not self.jump(self.matches.start, direction):
            self.go(int(self.matches.start[0 if direction > 0 else -1]))
        return True

    # Media and mouse

    def action_unfold(self) -> None:
        """Unfold or fold the media run under the cursor."""
        if self.view is None or self._items is None or not len(self._items):
            return
        run = int(self._items.run[self.item])
        if run < 0:
            return
        self.cursor = int(self.view.rendering.media.start[run])
        self.held = None
        self._unfolded ^= {run}
        self._items = draw_items(self.view, self._unfolded)
        self._shade()
        self._lay_out()
        self._reveal()
        self.refresh()
        self.post_message(self.CursorMoved())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to select tokens, or to drag through the minimap."""
        place = event.get_content_offset(self)
        lines = self.layout_lines
        if place is None or lines is None or event.button != 1:
            return
        self.capture_mouse()
        if self._on_map(place.x):
            self._dragging = "map"
            self._scroll_map(place.y)
        elif (token := self._token_at(place.x, place.y)) is not None:
            self._dragging = "tokens"
            self.go(token, select=event.shift)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Select as far as the mouse was dragged; beyond the edge the tokens scroll."""
        if not self._dragging:
            return
        offset = event.offset - self.content_region.offset + self.region.offset
        if self._dragging == "map":
            self._scroll_map(offset.y)
        elif (token := self._token_at(offset.x, offset.y)) is not None and token != self.cursor:
            self.go(token, select=True)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The drag ends."""
        self._dragging = ""
        self.release_mouse()

    def _on_map(self, x: int) -> bool:
        lines = self.layout_lines
        return lines is not None and lines.gutter + lines.width <= x

    def _token_at(self, x: int, y: int) -> int | None:
        lines = self.layout_lines
        if lines is None or not lines.height:
            return None
        line = y + self.scroll_offset.y
        if line >= lines.height and not self._dragging:
            return None
        return int(lines.items.start[lines.item_at(min(max(0, line), lines.height - 1), x - lines.gutter)])

    def _scroll_map(self, y: int) -> None:
        lines = self.layout_lines
        if lines is None or not lines.height:
            return
        found = self._minimap(lines).line
        line = int(found[min(max(0, y), len(found) - 1)])
        self.scroll_to(y=max(0, line - self.size.height // 2), animate=False)
        self._goal = 0
        self._go_line(line)

    def on_click(self, event: events.Click) -> None:
        """A click on a chip opens it."""
        lines, place = self.layout_lines, event.get_content_offset(self)
        if lines is None or place is None or self.held is not None or self._on_map(place.x):
            return
        if place.y + self.scroll_offset.y >= lines.height:
            return
        item = lines.item_at(place.y + self.scroll_offset.y, place.x - lines.gutter)
        start, stop = lines.cells(item)
        folded = int(lines.items.run[item]) >= 0 and int(lines.items.run[item]) not in self._unfolded
        if folded and start <= place.x - lines.gutter < stop:
            self.go(int(lines.items.start[item]))
            self.action_unfold()
