"""The token grid: a row's tokens flowing like text, with a cursor that stands on one of them.

Lines are drawn when they come into view and kept until the text, the width or the theme changes. The cursor is laid
over a kept line and is not part of it, so moving it repaints two lines.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.actions import bindings
from screens.lenses import Lens, Shades, shades, styles
from screens.messages import CursorMoved
from screens.row_view import RowView
from screens.themes import Paints, paints
from screens.widgets.token_lines import TokenLines, draw_items, edges, lay_out
from workbench.editing import Change
from workbench.views.flow import Items, visible
from workbench.views.palette import SPACE, TRAINED_BAR, Look

_STRIPS_KEPT = 4096
_MARGIN = 1
_MEDIA_LOOKS = (Look.MEDIA, Look.TRAINED_MEDIA)


class TokenGrid(ScrollView, can_focus=True):
    """Shows one `RowView`. Posts `CursorMoved`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("grid")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: RowView | None = None
        self.cursor = 0
        self.layout_lines: TokenLines | None = None
        self.spaces = False
        self._items: Items | None = None
        self._unfolded: set[int] = set()
        self._strips: dict[int, Strip] = {}
        self.lens = Lens.MASK
        self._changed: Change | None = None
        self._shades: Shades = np.zeros(0, dtype=np.uint8)
        self._styles: tuple[Style, tuple[Style, ...], Paints] | None = None
        self._goal: int | None = None

    def show(
        self, view: RowView, *, cursor: int = 0, unfolded: set[int] | None = None, changed: Change | None = None
    ) -> None:
        """Show a row with the cursor on a token. `changed` is what an edit made different, drawn in the mask lens."""
        same = self.view is not None and self.view.index == view.index
        self.view = view
        self._unfolded = set(unfolded or ())
        self._changed = changed
        self._items = draw_items(view, self._unfolded)
        self.cursor = min(max(0, cursor), max(0, len(view.rendering) - 1))
        self._goal = None
        self._shade()
        self.layout_lines = None
        self._lay_out()
        if not same:
            self.scroll_to(y=0, animate=False)
        self._reveal()
        self.refresh()
        self.post_message(CursorMoved())

    def remask(self, view: RowView, changed: Change | None) -> None:
        """Show another mask of the same rendering: only looks change, no line is broken anew."""
        if self._items is None or self.view is None or self.view.rendering is not view.rendering:
            self.show(view, changed=changed)
            return
        self.view, self._changed = view, changed
        self._items = draw_items(view, self._unfolded)
        if self.layout_lines is not None:
            self.layout_lines = replace(self.layout_lines, items=self._items)
        self._shade()
        self.refresh()
        self.post_message(CursorMoved())

    def set_lens(self, lens: Lens) -> None:
        """Colour the tokens by something else."""
        self.lens = lens
        self.border_subtitle = lens.legend
        self._styles = None
        self._shade()
        self.refresh()

    @property
    def unfolded(self) -> set[int]:
        """The media runs that are unfolded."""
        return set(self._unfolded)

    def _shade(self) -> None:
        self._strips.clear()
        if self.view is not None and self._items is not None:
            self._shades = shades(self.lens, self.view, self._items, self._changed)

    @property
    def item(self) -> int:
        """The item under the cursor."""
        return self._items.item_of(self.cursor) if self._items is not None else 0

    @property
    def run(self) -> int:
        """The media run under the cursor, or -1."""
        if self._items is None or not len(self._items):
            return -1
        return int(self._items.run[self.item])

    @property
    def covered(self) -> tuple[int, int]:
        """The tokens [start, stop) under the cursor: one, or a folded media run."""
        if self._items is None or not len(self._items):
            return 0, 0
        item = self.item
        return int(self._items.start[item]), int(self._items.stop[item])

    # Layout

    def _lay_out(self) -> None:
        if self.view is None or self._items is None:
            return
        # The scroll bar's cell belongs to the size, but not to the text.
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        known = self.layout_lines
        if known is None or known.items is not self._items or known.width + known.gutter != width:
            self.layout_lines = lay_out(self.view, self._items, width)
            self._strips.clear()
            self.virtual_size = Size(width, self.layout_lines.height)

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew when the width changed; the cursor stays in view."""
        self._lay_out()
        self._reveal()

    def notify_style_update(self) -> None:
        """Forget the drawn lines: the theme, or this pane's own style, changed."""
        super().notify_style_update()
        self._styles = None
        self._strips.clear()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        base, looks, paint = self._style_table()
        width, lines = self.size.width, self.layout_lines
        line = y + self.scroll_offset.y
        if lines is None or line >= lines.height:
            return Strip.blank(width, base)
        strip = self._strips.get(line)
        if strip is None:
            if len(self._strips) >= _STRIPS_KEPT:
                self._strips.clear()
            strip = self._strips[line] = self._draw(lines, line, base, looks, paint).adjust_cell_length(width, base)
        item = self.item
        first, last = lines.bounds(line)
        return self._with_cursor(strip, lines, item, base, paint) if first <= item < last else strip

    def _style_table(self) -> tuple[Style, tuple[Style, ...], Paints]:
        if self._styles is None:
            base = self.rich_style
            paint = paints(self.app.current_theme)
            self._styles = (base, styles(self.lens, base, paint), paint)
        return self._styles

    def _draw(self, lines: TokenLines, line: int, base: Style, looks: tuple[Style, ...], paint: Paints) -> Strip:
        turn = lines.turn_at(line)
        trained = lines.trained(line)
        segments: list[Segment] = []
        room = lines.gutter - 3
        if turn is not None:
            number = len(str(max(1, lines.turns[-1].message + 1)))
            role = set_cell_size(visible(turn.role), max(0, room - number - 1))
            segments.append(Segment(f"{turn.message + 1:>{number}} "[:room], base + paint.muted))
            segments.append(
                Segment(role, base + (paint.accent if trained or self._trains(turn.role) else paint.strong))
            )
        else:
            segments.append(Segment(" " * room, base))
        segments.append(Segment(f" {TRAINED_BAR} " if trained else "   ", base + paint.bar))
        segments.extend(self._text(lines, line, looks))
        return Strip(segments)

    def _trains(self, role: str) -> bool:
        return self.view is not None and role in self.view.roles_to_train

    def _text(self, lines: TokenLines, line: int, looks: tuple[Style, ...]) -> list[Segment]:
        """The tokens of a line; neighbours of one look are one segment."""
        drawn = lines.items
        first, last = lines.bounds(line)
        look = self._shades[first:last]
        text = drawn.text[first:last].tolist()
        changes = [0, *(np.flatnonzero(look[1:] != look[:-1]) + 1).tolist(), last - first]
        segments: list[Segment] = []
        for start, stop in pairwise(changes):
            if start == stop:
                continue
            piece = "".join(drawn.texts[index] for index in text[start:stop])
            if self.spaces and int(drawn.look[first + start]) not in _MEDIA_LOOKS:
                piece = piece.replace(" ", SPACE)
            segments.append(Segment(piece, looks[int(look[start])]))
        return segments

    def _with_cursor(self, strip: Strip, lines: TokenLines, item: int, base: Style, paint: Paints) -> Strip:
        start, stop = lines.cells(item)
        # A token without width, such as a combining mark, borrows the cell after it.
        start, stop = start + lines.gutter, max(stop, start + 1) + lines.gutter
        style = paint.cursor if self.has_focus else paint.cursor_away
        under = strip.crop(start, stop)
        over = Strip([Segment(text, (own or base) + style) for text, own, _ in under], under.cell_length)
        return Strip.join([strip.crop(0, start), over, strip.crop(stop)])

    def on_focus(self) -> None:
        self._refresh_cursor()

    def on_blur(self) -> None:
        self._refresh_cursor()

    def _refresh_cursor(self, item: int | None = None) -> None:
        lines = self.layout_lines
        if lines is None or not lines.height:
            return
        y = lines.line_of(self.item if item is None else item) - self.scroll_offset.y
        self.refresh(Region(0, y, self.size.width, 1))

    # Moving

    def go(self, token: int, *, keep_goal: bool = False) -> None:
        """Put the cursor on a token and bring it into view."""
        if self.view is None or not len(self.view.rendering):
            return
        before = self.item
        self.cursor = min(max(0, token), len(self.view.rendering) - 1)
        if not keep_goal:
            self._goal = None
        if self.item != before:
            self._refresh_cursor(before)
            self._refresh_cursor()
        self._reveal()
        self.post_message(CursorMoved())

    def _reveal(self) -> None:
        lines, height = self.layout_lines, self.size.height
        if lines is None or not lines.height or height <= 0:
            return
        line, top = lines.line_of(self.item), self.scroll_offset.y
        margin = min(_MARGIN, (height - 1) // 2)
        if line < top + margin:
            self.scroll_to(y=line - margin, animate=False)
        elif line > top + height - 1 - margin:
            self.scroll_to(y=line + margin - height + 1, animate=False)

    def _go_item(self, item: int) -> None:
        if self._items is not None and len(self._items):
            self.go(int(self._items.start[min(max(0, item), len(self._items) - 1)]))

    def _go_line(self, line: int) -> None:
        lines = self.layout_lines
        if lines is None or not lines.height:
            return
        goal = self._goal if self._goal is not None else lines.cells(self.item)[0]
        self._goal = goal
        item = lines.item_at(min(max(0, line), lines.height - 1), goal)
        self.go(int(lines.items.start[item]), keep_goal=True)

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
        if self.layout_lines is not None and self.layout_lines.height:
            self._go_item(self.layout_lines.bounds(self._line())[0])

    def action_line_end(self) -> None:
        if self.layout_lines is not None and self.layout_lines.height:
            self._go_item(self.layout_lines.bounds(self._line())[1] - 1)

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

    # Changing what is drawn

    def action_unfold(self) -> None:
        """Unfold or fold the media run under the cursor."""
        if self.view is None or self._items is None or not len(self._items):
            return
        run = int(self._items.run[self.item])
        if run < 0:
            return
        self.cursor = int(self.view.rendering.media.start[run])
        self._unfolded ^= {run}
        self._items = draw_items(self.view, self._unfolded)
        self._shade()
        self._lay_out()
        self._reveal()
        self.refresh()
        self.post_message(CursorMoved())

    def toggle_spaces(self) -> None:
        """Draw spaces as dots, or not."""
        self.spaces = not self.spaces
        self._strips.clear()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a chip opens."""
        lines, place = self.layout_lines, event.get_content_offset(self)
        if lines is None or place is None:
            return
        line = place.y + self.scroll_offset.y
        if line >= lines.height:
            return
        item = lines.item_at(line, place.x - lines.gutter)
        start, stop = lines.cells(item)
        self.go(int(lines.items.start[item]))
        folded = int(lines.items.run[item]) >= 0 and int(lines.items.run[item]) not in self._unfolded
        if folded and start <= place.x - lines.gutter < stop:
            self.action_unfold()
