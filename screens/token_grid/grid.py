"""The token grid: the canvas with keys that move and select, a search, and a mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from textual import events
from textual.binding import BindingType

from screens.keys.actions import bindings
from screens.token_grid.canvas import TokenCanvas, unfold_at
from screens.token_grid.find import NO_MATCHES, Matches, find


class TokenGrid(TokenCanvas, can_focus=True):
    """Shows one `RowView`. Posts `CursorMoved`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("grid")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._dragging = ""
        self.explained: Callable[[], None] = lambda: None
        """Called when enter is pressed on a token that nothing unfolds."""
        self.enlarged: Callable[[int], bool] = lambda run: False
        """Called with the media run that enter is pressed on; true where its picture is opened."""

    # Moving

    def go(self, token: int | None, *, keep_goal: bool = False, select: bool = False, unfold: bool = False) -> None:
        """Put the cursor on a token, if it is one, and bring it into view; with `select` the selection goes with it.

        `unfold`: a token that is gone to is seen, so that its message is unfolded; the steps of a key go over it.
        """
        if token is None or self.in_sight is None or not len(self.in_sight.rendering):
            return
        before, anchor = self.at.item, self.at.anchor
        token = min(max(0, token), len(self.in_sight.rendering) - 1)
        if unfold:
            unfold_at(self, token)
            before = self.at.item
        self.at.put(token, select=select, keep_goal=keep_goal)
        if anchor is not None or select:
            self.refresh()
        elif self.at.item != before:
            self.refresh_item(before)
            self.refresh_item(self.at.item)
        self.reveal()
        self.post_message(self.CursorMoved())

    def action_move(self, where: str, select: bool = False) -> None:
        """Move the cursor, or with `select` the end of the selection: by a token, a line or a page, or to an end."""
        if where in ("up", "down"):
            line = self.at.line + (1 if where == "down" else -1)
            self.go(self.at.on_line(line), keep_goal=True, select=select)
        elif where in ("page_up", "page_down"):
            step = max(1, self.size.height - 1) * (1 if where == "page_down" else -1)
            line = self.at.line + step
            self.scroll_to(y=self.scroll_offset.y + step, animate=False)
            self.go(self.at.on_line(line), keep_goal=True)
        elif where in ("first", "last"):
            self.go(0 if where == "first" or self.view is None else len(self.view.rendering) - 1)
        else:
            self.go(self.at.target(where), select=select)

    def jump(self, tokens: npt.NDArray[np.int64], direction: int, *, unfold: bool = True) -> bool:
        """Go to the next of some tokens, in ascending order; false when there is none that way."""
        token = self.at.next_of(tokens, direction)
        if token is None:
            return False
        self.go(token, unfold=unfold)
        return True

    # Selecting

    def action_select(self, what: str) -> None:
        """Select the `turn` under the cursor, once more the whole row; or `none`: then without a selection, the search
        is forgotten."""
        if what == "none" and self.at.anchor is None:
            self.search("")
        elif what == "none":
            self.at.anchor = None
            self.refresh()
        elif (view := self.in_sight) is not None and len(view.rendering):
            first, last = self.at.turn(view.turns, len(view.rendering))
            self.at.anchor = first
            self.go(last - 1, select=True)

    # Searching

    def search(self, query: str) -> Matches:
        """Mark where a query matches (see `screens.token_grid.find`) and return it; an empty one marks nothing."""
        view = self.in_sight
        self.drawing.matches = find(view, query) if view is not None else NO_MATCHES
        self.shade()
        self.refresh()
        return self.drawing.matches

    # Media and mouse

    def action_unfold(self, explain: bool = False) -> None:
        """Unfold the folded message under the cursor, or unfold or fold the media run. With `explain` open the picture
        instead; elsewhere ask what is wrong."""
        run = self.at.run
        if self.in_sight is None:
            return
        if self.at.folded:
            unfold_at(self, self.at.cursor)
            return
        if explain and run >= 0 and self.enlarged(run):
            return
        if run < 0 and explain:
            self.explained()
        if self.view is None or run < 0:
            return
        self.at.cursor, self.at.anchor = int(self.view.rendering.media.start[run]), None
        self.unfolded ^= {run}
        self.lay_out_items(self.view)
        self.reveal()
        self.refresh()
        self.post_message(self.CursorMoved())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to select tokens, or to drag through the minimap."""
        place = event.get_content_offset(self)
        if place is None or self.drawing.lines is None or event.button != 1:
            return
        self.capture_mouse()
        if self.drawing.on_map(place.x):
            self._dragging = "map"
            _drag_map(self, place.y)
        elif (token := self.drawing.token_at(place.x, place.y + self.scroll_offset.y)) is not None:
            self._dragging = "tokens"
            self.go(token, select=event.shift)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Select as far as the mouse was dragged; beyond the edge the tokens scroll."""
        if not self._dragging:
            return
        offset = event.offset - self.content_region.offset + self.region.offset
        if self._dragging == "map":
            _drag_map(self, offset.y)
            return
        token = self.drawing.token_at(offset.x, offset.y + self.scroll_offset.y, beyond=True)
        if token is not None and token != self.at.cursor:
            self.go(token, select=True)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The drag ends."""
        self._dragging = ""
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """A click on a chip, or on a folded message, unfolds it."""
        lines, place = self.drawing.lines, event.get_content_offset(self)
        if lines is None or place is None or self.at.anchor is not None or self.drawing.on_map(place.x):
            return
        if place.y + self.scroll_offset.y >= lines.height:
            return
        item = lines.item_at(place.y + self.scroll_offset.y, place.x - lines.gutter)
        start, stop = lines.cells(item)
        run, tokens = int(lines.items.run[item]), int(lines.items.stop[item] - lines.items.start[item])
        folded = run not in self.unfolded if run >= 0 else tokens > 1
        if folded and start <= place.x - lines.gutter < stop:
            self.go(int(lines.items.start[item]))
            self.action_unfold()


def _drag_map(grid: TokenGrid, y: int) -> None:
    """Go to the line of the row that a line of its map stands for."""
    line = grid.drawing.map_line(y, grid.size.height)
    if line is not None:
        grid.scroll_to(y=max(0, line - grid.size.height // 2), animate=False)
        grid.go(grid.at.on_line(line, column=0), keep_goal=True)
