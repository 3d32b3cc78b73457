"""The token grid without keys and mouse: a row's tokens flowing like text, with gutter, lens, cursor and minimap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from screens.line_cache.line_view import LineView, say_above
from screens.shell.fitting_title import fitting
from screens.shell.themes import paints
from screens.token_grid.drawing import Frame, TokenDrawing
from screens.token_grid.find import NO_MATCHES
from screens.token_grid.folding import fold, retold, turn_at
from screens.token_grid.gutter import text_cells
from screens.token_grid.lenses import Lens, legend, styles
from screens.token_grid.lines import draw_items, lay_out, with_items
from screens.token_grid.paint import Inks
from screens.token_grid.selection import Selection
from workbench.views.items import remasked
from workbench.views.shown_row import RowView

if TYPE_CHECKING:
    from workbench.editing.session import Change

_MARGIN = 1


class TokenCanvas(LineView):
    """Draws one `RowView`. `show` gives a row, `remask` another mask of the same row with what became different.

    `at` is the cursor with its selection, `drawing` the lines with what they show.
    """

    ALLOW_SELECT = False

    class CursorMoved(Message):
        """The cursor is on another token, or the media run under it was folded."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: RowView | None = None
        """The row that is shown."""
        self.at = Selection()
        self.drawing = TokenDrawing(self._framed.same)
        self.lens = Lens.MASK
        self.unfolded: set[int] = set()
        """The media runs that are unfolded."""
        self.folded: set[int] = set()
        """The turns that are folded, by their numbers in the row."""
        self._shown: dict[int, Strip] = {}
        self._painting: tuple[Frame, dict[int, Strip]] | None = None
        self._styles: Inks | None = None
        self._legends: dict[object, Content] = {}
        self.titles: tuple[str, ...] = ()
        """The forms of the title; see `entitle`."""

    # What is shown

    @property
    def in_sight(self) -> RowView | None:
        """The row that is shown; None while a reason stands in its place: `view` is then that of a row before."""
        return self.view if self.display else None

    def show(self, view: RowView, *, cursor: int = 0, changed: Change | None = None) -> None:
        """Show a row with the cursor on a token. `changed` is what an edit made different, drawn in the mask lens."""
        same = self.view is not None and self.view.index == view.index
        self.unfolded = set()
        if not same or self.view is None or len(self.view.turns) != len(view.turns):
            self.folded = set()
        self.drawing.changed, self.drawing.matches = changed, NO_MATCHES
        self.at.cursor, self.at.anchor = min(max(0, cursor), max(0, len(view.rendering) - 1)), None
        self.lay_out_items(view)
        if not same:
            self.scroll_to(y=0, animate=False)
        self.reveal()
        self.refresh()
        self.show_legend()
        self.post_message(self.CursorMoved())

    def lay_out_items(self, view: RowView) -> None:
        """Make the items of a row, with the media runs that are unfolded, and break them into lines."""
        self.view = self.drawing.view = view
        drawn = draw_items(view, self.unfolded)
        self.drawing.items = self.at.items = fold(drawn, view, self.folded) if self.folded else drawn
        self.drawing.lines = self.at.lines = None
        self.shade()
        self._lay_out()

    def remask(self, view: RowView, changed: Change | None) -> None:
        """Show another mask of the same rendering: no line is broken anew, and only those that differ are painted.

        `CursorMoved` is not posted: what is under the cursor is as before, but for its reason.
        """
        drawing = self.drawing
        if drawing.items is None or self.view is None or self.view.rendering is not view.rendering:
            self.show(view, changed=changed)
            return
        before = drawing.changed is None
        self.view = drawing.view = view
        drawing.changed = changed
        drawing.items = self.at.items = remasked(drawing.items, view.mask)
        if self.folded:
            drawing.items = self.at.items = retold(drawing.items, view)
        if drawing.lines is not None:
            drawing.lines = self.at.lines = with_items(drawing.lines, drawing.items)
        drawing.colour(self.lens, self._inks())
        drawing.remask()
        self._painting = _window(self)
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
        self.shade()
        self.show_legend()
        self.refresh()

    def show_legend(self) -> None:
        """Name the colours in the lower border."""
        inks, lens, changed, view = self._inks(), self.lens, self.drawing.changed, self.view
        early = view is not None and view.preliminary
        key = inks, lens, changed is None, view.roles if view is not None else (), early
        if key not in self._legends:
            text = legend(lens, view, inks.plain, inks.base, inks.paint, changed)
            if early:
                text = Text(" mask to come ", inks.gutter["warning"], end="")
            self._legends[key] = Content.from_rich_text(text)
        self.say_below(self._legends[key])

    def toggle_spaces(self) -> None:
        """Draw spaces as dots, or not."""
        self.drawing.spaces = not self.drawing.spaces
        self.drawing.forget()
        self.refresh()

    def shade(self) -> None:
        """Colour every token anew."""
        self.drawing.forget()
        self.drawing.colour(self.lens, self._inks())

    # Layout

    def _lay_out(self) -> None:
        drawing, room = self.drawing, self.scrollable_content_region.width
        if drawing.view is None or drawing.items is None:
            return
        width = text_cells(room)
        if width <= 0:
            return
        known = drawing.lines
        if known is None or known.items is not drawing.items or known.width + known.gutter != width:
            drawing.lines = self.at.lines = lay_out(drawing.view, drawing.items, width)
            drawing.forget()
            self.virtual_size = Size(room, drawing.lines.height)
        drawing.forget_map()

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew when the width changed; the cursor stays in view."""
        self._lay_out()
        self.reveal()
        entitle(self, *self.titles)

    def notify_style_update(self) -> None:
        """Forget the drawn lines too."""
        super().notify_style_update()
        self._styles = None
        self._legends.clear()
        self.drawing.forget()

    def reveal(self) -> None:
        """Bring the cursor into view."""
        lines, height = self.drawing.lines, self.size.height
        if lines is None or not lines.height or height <= 0:
            return
        line, top = lines.line_of(self.at.item), self.scroll_offset.y
        margin = min(_MARGIN, (height - 1) // 2)
        if line < top + margin:
            self.scroll_to(y=line - margin, animate=False)
        elif line > top + height - 1 - margin:
            self.scroll_to(y=line + margin - height + 1, animate=False)

    # Drawing

    def finish_lines(self, crop: Region, last: list[Strip] | None, asked: list[int]) -> list[Strip]:
        """The lines of a part of the window, all of the same frame."""
        self._painting = _window(self)
        try:
            return super().finish_lines(crop, last, asked)
        finally:
            self._painting = None

    def draw_line(self, y: int) -> Strip:
        """One line of the window."""
        frame, window = self._painting or _window(self)
        strip = self._shown[y] = self.drawing.line(y, frame, window, self._inks())
        return strip

    def _inks(self) -> Inks:
        if self._styles is None:
            base = self.base
            paint = paints(self.app.current_theme)
            plain = styles(self.lens, base, paint)
            self._styles = Inks(base, (*plain, *(style + paint.match for style in plain)), paint)
        return self._styles

    def watch_has_focus(self, focus: bool) -> None:
        """The cursor has another colour in a pane without focus."""
        super().watch_has_focus(focus)
        self.refresh_item(self.at.item)

    def refresh_item(self, item: int) -> None:
        """Paint the line of an item."""
        lines = self.drawing.lines
        if lines is None or not lines.height:
            return
        y = lines.line_of(item) - self.scroll_offset.y
        self.refresh(Region(0, y, self.size.width, 1))


def entitle(canvas: TokenCanvas, *forms: str) -> None:
    """Write the longest of some forms of a title that fits into the upper border, now and after a resize."""
    canvas.titles = forms
    if forms:
        say_above(canvas, fitting(canvas, forms))


def fold_turns(canvas: TokenCanvas, turns: set[int]) -> None:
    """Fold these turns and no others; the line of the cursor stays where it is in the window."""
    if canvas.view is None:
        return
    turns = {turn for turn in turns if 0 <= turn < len(canvas.view.turns)}
    if turns == canvas.folded:
        return
    above = canvas.at.line - canvas.scroll_offset.y
    canvas.folded, canvas.at.anchor = turns, None
    canvas.lay_out_items(canvas.view)
    canvas.scroll_to(y=max(0, canvas.at.line - above), animate=False)
    canvas.reveal()
    canvas.refresh()
    canvas.post_message(canvas.CursorMoved())


def unfold_at(canvas: TokenCanvas, token: int) -> None:
    """Unfold the turn that a token stands in."""
    lines = canvas.drawing.lines
    if canvas.folded and lines is not None:
        fold_turns(canvas, canvas.folded - {turn_at(lines.turns, token)})


def _window(canvas: TokenCanvas) -> tuple[Frame, dict[int, Strip]]:
    at = canvas.at
    return canvas.drawing.window(canvas.size, canvas.scroll_offset.y, at.item, at.selected_items, canvas.has_focus)
