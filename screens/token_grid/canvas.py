"""Drawing of the token grid: a row's tokens flowing like text, with gutter, lens, cursor, selection and minimap.

Lines are drawn when they come into view and kept until the text, the width, the mask or the theme changes. Cursor,
selection and minimap are laid over a kept line and are not part of it, so moving them redraws no token.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from screens.line_cache.line_view import LineView
from screens.shell.themes import paints
from screens.token_grid.find import NO_MATCHES, Matches
from screens.token_grid.lenses import Lens, Shades, legend, shades, styles
from screens.token_grid.lines import TokenLines, draw_items, lay_out
from screens.token_grid.minimap import CELLS, Marks, Minimap, minimap
from screens.token_grid.paint import Inks, Page, draw_lines
from screens.token_grid.row_view import RowView
from workbench.editing.session import Change
from workbench.findings import SEVERITIES
from workbench.views.items import Items, remasked

_STRIPS_KEPT = 4096
_WINDOWS_KEPT = 16
_MASKS_KEPT = 64
_MARGIN = 1
_MAP_FROM = 30
"""A pane narrower than this has no minimap."""
_NO_MARKS = Marks(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


class Frame(NamedTuple):
    """What a drawn line of the window depends on: while none of it changes, it is not drawn again.

    `edition` is a number for all that the lines show of the row; a mask that comes back has the number it had.
    """

    size: Size
    top: int
    item: int
    selected: tuple[int, int] | None
    focused: bool
    edition: int


class TokenCanvas(LineView):
    """Draws one `RowView`. `show` gives a row, `remask` another mask of the same row with what became different."""

    ALLOW_SELECT = False

    class CursorMoved(Message):
        """The cursor is on another token, or the media run under it was folded."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: RowView | None = None
        self.cursor = 0
        self.held: int | None = None
        self.layout_lines: TokenLines | None = None
        self.spaces = False
        self.lens = Lens.MASK
        self.matches: Matches = NO_MATCHES
        self._items: Items | None = None
        self._unfolded: set[int] = set()
        self._strips: dict[int, Strip] = {}
        self._windows: LRUCache[Frame, dict[int, Strip]] = LRUCache(_WINDOWS_KEPT)
        self._shown: dict[int, Strip] = {}
        self._painting: tuple[Frame, dict[int, Strip]] | None = None
        self._numbers = itertools.count()
        self._edition = next(self._numbers)
        self._editions: LRUCache[object, int] = LRUCache(_MASKS_KEPT)
        self._changed: Change | None = None
        self._shades: Shades = np.zeros(0, dtype=np.uint8)
        self._styles: Inks | None = None
        self._legends: dict[object, Content] = {}
        self._marks = _NO_MARKS
        self._map: Minimap | None = None

    # What is shown

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
        self.held = None
        self.matches = NO_MATCHES
        self._shade()
        self.layout_lines = None
        self._lay_out()
        if not same:
            self.scroll_to(y=0, animate=False)
        self._reveal()
        self.refresh()
        self.show_legend()
        self.post_message(self.CursorMoved())

    def remask(self, view: RowView, changed: Change | None) -> None:
        """Show another mask of the same rendering: no line is broken anew, and only those that differ are painted.

        `CursorMoved` is not posted: what is under the cursor is as before, but for its reason.
        """
        if self._items is None or self.view is None or self.view.rendering is not view.rendering:
            self.show(view, changed=changed)
            return
        before = self._changed is None
        self.view, self._changed = view, changed
        self._items = remasked(self._items, view.mask)
        if self.layout_lines is not None:
            self.layout_lines = replace(self.layout_lines, items=self._items)
        self._colour()
        self._strips.clear()
        mask = self._mask_shown()
        if (edition := self._editions.get(mask)) is None:
            edition = self._editions[mask] = next(self._numbers)
        self._edition = edition
        self._painting = self._window()
        shown = dict(self._shown)
        different = [y for y in range(self.size.height) if self.draw_line(y) is not shown.get(y)]
        self._painting = None
        self.paint_lines(different)
        if before != (changed is None):
            self.show_legend()

    def set_lens(self, lens: Lens) -> None:
        """Colour the tokens by something else."""
        self.lens = lens
        self._styles = None
        self._shade()
        self.show_legend()
        self.refresh()

    def show_legend(self) -> None:
        """Name the colours in the lower border."""
        inks, lens, changed = self._inks(), self.lens, self._changed
        key = inks, lens, changed is None, self.view.roles if self.view is not None else ()
        if key not in self._legends:
            said = legend(lens, self.view, inks.plain, inks.base, inks.paint, changed)
            self._legends[key] = Content.from_rich_text(said)
        self.say_below(self._legends[key])

    def toggle_spaces(self) -> None:
        """Draw spaces as dots, or not."""
        self.spaces = not self.spaces
        self._forget()
        self.refresh()

    def _forget(self) -> None:
        """Forget every drawn line."""
        self._strips.clear()
        self._windows.clear()
        self._editions.clear()
        self._edition = next(self._numbers)

    def _mask_shown(self) -> tuple[object, ...]:
        """All that lines show of a mask, its findings, and what an edit changed, in short."""
        view, changed, digest = self.view, self._changed, blake2b(digest_size=16)
        if view is None:
            return ()
        columns = [view.mask.keep, view.mask.spans.start, self._shades, self._marks.token, self._marks.severity]
        if changed is not None:
            columns += [changed.added, changed.removed]
        for column in columns:
            digest.update(column.tobytes())
        return digest.digest(), tuple(map(len, columns)), tuple(view.roles_to_train)

    def _shade(self) -> None:
        self._forget()
        self._colour()

    def _colour(self) -> None:
        self._map = None
        view, drawn = self.view, self._items
        if view is None or drawn is None:
            return
        self._shades = shades(self.lens, view, drawn, self._changed)
        if len(self.matches) and len(drawn):
            hit = np.logical_or.reduceat(self.matches.tokens(len(view.rendering)), drawn.start)
            self._shades = self._shades + hit.astype(np.uint8) * np.uint8(len(self._inks().plain))
        places = [(one.where.tokens[0], SEVERITIES.index(one.severity)) for one in view.findings if one.where.tokens]
        columns = np.array(sorted(places), dtype=np.int64).reshape(-1, 2)
        self._marks = Marks(columns[:, 0], columns[:, 1])

    @property
    def unfolded(self) -> set[int]:
        """The media runs that are unfolded."""
        return set(self._unfolded)

    @property
    def item(self) -> int:
        """The item under the cursor."""
        return self._items.item_of(self.cursor) if self._items is not None else 0

    @property
    def run(self) -> int:
        """The media run under the cursor, or -1."""
        return int(self._items.run[self.item]) if self._items is not None and len(self._items) else -1

    @property
    def covered(self) -> tuple[int, int]:
        """The tokens [start, stop) under the cursor: one, or a folded media run."""
        return self._covers(self.item)

    @property
    def selected(self) -> tuple[int, int]:
        """The tokens [start, stop) that are selected, or else those under the cursor."""
        start, stop = self.covered
        if self.held is None or self._items is None:
            return start, stop
        other = self._covers(self._items.item_of(self.held))
        return min(start, other[0]), max(stop, other[1])

    @property
    def selected_items(self) -> tuple[int, int] | None:
        """The items [first, last) that are selected; None without a selection."""
        if self.held is None or self._items is None:
            return None
        start, stop = self.selected
        return self._items.item_of(start), self._items.item_of(stop - 1) + 1

    def _covers(self, item: int) -> tuple[int, int]:
        if self._items is None or not len(self._items):
            return 0, 0
        return int(self._items.start[item]), int(self._items.stop[item])

    # Layout

    @property
    def text_cells(self) -> int:
        """The width that is left to gutter and text."""
        width = self.scrollable_content_region.width
        return width - CELLS if width >= _MAP_FROM else width

    def _lay_out(self) -> None:
        if self.view is None or self._items is None:
            return
        width = self.text_cells
        if width <= 0:
            return
        known = self.layout_lines
        if known is None or known.items is not self._items or known.width + known.gutter != width:
            self.layout_lines = lay_out(self.view, self._items, width)
            self._forget()
            self.virtual_size = Size(self.scrollable_content_region.width, self.layout_lines.height)
        self._map = None

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew when the width changed; the cursor stays in view."""
        self._lay_out()
        self._reveal()

    def notify_style_update(self) -> None:
        """Forget the drawn lines too."""
        super().notify_style_update()
        self._styles = None
        self._legends.clear()
        self._forget()

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

    # Drawing

    def finish_lines(self, crop: Region, last: list[Strip] | None, asked: list[int]) -> list[Strip]:
        """The lines of a part of the window, all of the same frame."""
        self._painting = self._window()
        try:
            return super().finish_lines(crop, last, asked)
        finally:
            self._painting = None

    def draw_line(self, y: int) -> Strip:
        """One line of the window."""
        frame, window = self._painting or self._window()
        strip = window.get(y)
        if strip is None:
            strip = window[y] = self._framed.same(self._whole_line(y, frame))
        self._shown[y] = strip
        return strip

    def _window(self) -> tuple[Frame, dict[int, Strip]]:
        """The window as it is, and what is drawn of it."""
        top, item, selected = self.scroll_offset.y, self.item, self.selected_items
        frame = Frame(self.size, top, item, selected, self.has_focus, self._edition)
        window = self._windows.get(frame)
        if window is None:
            window = self._windows[frame] = {}
        return frame, window

    def _whole_line(self, y: int, frame: Frame) -> Strip:
        inks, lines = self._inks(), self.layout_lines
        (width, height), line = frame.size, y + frame.top
        if lines is None:
            return Strip.blank(width, inks.base)
        room = lines.gutter + lines.width
        if line < lines.height:
            if line not in self._strips:
                self._draw(lines, line, min(lines.height, frame.top + height), inks)
            strip = self._with_cursor(self._strips[line], lines, line, frame, inks)
        else:
            strip = Strip.blank(room, inks.base)
        if room >= width:
            return strip
        bottom = min(lines.height, frame.top + height)
        beside = self._minimap(lines).draw(y, frame.top, bottom, inks.base, inks.paint)
        return Strip([*strip, *beside], room + CELLS).adjust_cell_length(width, inks.base)

    def _draw(self, lines: TokenLines, line: int, bottom: int, inks: Inks) -> None:
        """Draw a line, and with it those below it that are in view and not yet drawn."""
        if len(self._strips) >= _STRIPS_KEPT:
            self._strips.clear()
        last = next((below for below in range(line + 1, bottom) if below in self._strips), max(bottom, line + 1))
        assert self.view is not None
        page = Page(self.view, lines, self._shades, self._changed, self._marks, self.spaces, inks)
        self._strips.update(zip(range(line, last), draw_lines(page, line, last), strict=True))

    def _minimap(self, lines: TokenLines) -> Minimap:
        if self._map is None:
            assert self.view is not None
            trained = np.concatenate(([0], np.cumsum(self.view.mask.keep, dtype=np.int64)))
            self._map = minimap(lines, trained, self._marks, self.matches.start, self.size.height)
        return self._map

    def _inks(self) -> Inks:
        if self._styles is None:
            base = self.base
            paint = paints(self.app.current_theme)
            plain = styles(self.lens, base, paint)
            self._styles = Inks(base, (*plain, *(style + paint.match for style in plain)), paint)
        return self._styles

    def _with_cursor(self, strip: Strip, lines: TokenLines, line: int, frame: Frame, inks: Inks) -> Strip:
        first, last = lines.bounds(line)
        if frame.selected is not None:
            low, high = max(first, frame.selected[0]), min(last, frame.selected[1]) - 1
            if low <= high:
                start, stop = lines.cells(low)[0], lines.cells(high)[1]
                strip = _over(strip, lines.gutter + start, lines.gutter + stop, inks.base, inks.paint.selected)
        if not first <= frame.item < last:
            return strip
        start, stop = lines.cells(frame.item)
        # A token without width, such as a combining mark, borrows the cell after it.
        style = inks.paint.cursor if frame.focused else inks.paint.cursor_away
        return _over(strip, start + lines.gutter, max(stop, start + 1) + lines.gutter, inks.base, style)

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


def _over(strip: Strip, start: int, stop: int, base: Style, style: Style) -> Strip:
    """Cells [start, stop) of a strip in another style."""
    under = strip.crop(start, stop)
    over = Strip([Segment(text, (own or base) + style) for text, own, _ in under], under.cell_length)
    return Strip.join([strip.crop(0, start), over, strip.crop(stop)])
