"""The list of rows: number, trained share, worst finding. Any number of rows; only those that are seen are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer

from screens.guard.faults import on
from screens.inspect.known_samples import KnownSamples
from screens.inspect.listing import Listing
from screens.inspect.row_filter import FILTER_TERMS
from screens.inspect.row_line import USUAL_COLUMNS, RowLook
from screens.keys.actions import bindings
from screens.line_cache.line_view import LineView
from screens.shell.themes import paints
from workbench.views.row_view import Sample

_AGAIN = 64
"""Rows known before an edit that are counted again after it: as many as the bench keeps."""
_STAYS_SECONDS = 0.15
"""Who turns page after page stays on none of them for so long."""


class SamplesList(LineView, can_focus=True):
    """Lists rows with their samples, which `put` sets. Posts `RowChosen`, `SamplesWanted` and `FilterWanted`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("samples")]
    BORDER_TITLE = "samples"
    help_terms = FILTER_TERMS

    columns: reactive[tuple[str, ...]] = reactive(USUAL_COLUMNS)
    """The columns that are shown, as far as there is room."""

    class RowChosen(Message):
        """A row was chosen to be shown."""

        def __init__(self, index: int) -> None:
            self.index = index
            super().__init__()

    class SamplesWanted(Message):
        """The list shows these rows and knows nothing of them."""

        def __init__(self, indices: list[int]) -> None:
            self.indices = indices
            super().__init__()

    class FilterWanted(Message):
        """The list has room for more rows of its filter, or with `again` for all of them anew."""

        def __init__(self, again: bool = False) -> None:
            self.again = again
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen = 0
        self._listing = Listing()
        self._samples = KnownSamples()
        self.listing, self.known = self._listing, self._samples
        self._asked: list[int] = []
        self._asks = self._again = False
        self._later: Timer | None = None
        self._more: list[int] = []
        self._look: RowLook | None = None
        self.emptied = False
        """True where the rows of a filter were dropped with the source that they were of."""
        self.scrolled: Callable[[], None] = lambda: None
        """Called before other rows are painted."""
        self.ended: Callable[[int], None] = lambda step: None
        """Called where a step leads no further: there is no row that way."""

    def open(self, length: int | None, chosen: int) -> None:
        """Begin with a source of so many rows, or of an unknown number."""
        self._listing.length = length
        self._samples.forget()
        self._asked = []
        if self._listing.order is not None:
            self.filter(self._listing.sorted_by)
            self.emptied = True
        self.choose(chosen)

    # Filtering

    @property
    def filtered(self) -> bool:
        """True where a filter is set."""
        return self._listing.order is not None

    def filter(self, sorted_by: str = "") -> None:
        """List nothing until `found` or `sort` gives rows."""
        listing = self._listing
        listing.sort([], {})
        listing.sorted_by = sorted_by
        listing.searched, listing.complete, listing.stopped = 0, False, False
        self.emptied = False
        self._resize()

    def unfilter(self) -> None:
        """List every row again."""
        self._listing.order, self._listing.sorted_by = None, ""
        self._resize()
        self._reveal()

    def found(
        self, indices: list[int], searched: int | None, complete: bool, labels: Mapping[int, str] | None = None
    ) -> None:
        """List these rows too; so many were searched by now, and with `complete` there are no more.

        None: the search was stopped, and no more are looked for. With `labels` these are all of the rows, in order.
        """
        listing = self._listing
        if listing.order is None:
            return
        if labels is None:
            listing.order.extend(indices)
        else:
            listing.sort(indices, labels)
            self.refresh()
        listing.complete, listing.stopped = complete, searched is None
        listing.searched = listing.searched if searched is None else searched
        self._resize()

    # Rows

    @property
    def rows(self) -> int:
        """Number of places in the list."""
        return self._listing.rows

    def end_at(self, count: int) -> None:
        """The source turned out to end here."""
        self._listing.length = count if self._listing.length is None else min(count, self._listing.length)
        self._resize()

    def put(self, sample: Sample) -> None:
        """Store the sample of a row and draw its line."""
        if not self._samples.put(sample):
            return
        self._say()
        if sample.index >= self._listing.frontier:
            self._listing.frontier = sample.index + 1
            self._resize()
        self.refresh(Region(0, self._listing.place_of(sample.index) - self.scroll_offset.y, self.size.width, 1))

    def forget(self) -> None:
        """Masks, or what they are compared with, may be others: ask again for what is seen and for some of what was."""
        known = list(self._samples)
        self._samples.forget()
        if self.filtered:
            self.post_message(self.FilterWanted(again=True))
        self._ask(again=True, more=known[:_AGAIN])
        self.refresh()

    def _say(self) -> None:
        """Show the trained share of all known rows in the title, with the share before the edit where it differs."""
        known = self._samples
        trained, before, total = known.trained, known.before, known.total
        share = f"{100 * trained / total:.0f}%" if total else ""
        if trained != before:
            share = f"{100 * before / total:.0f}→{share}"
        # A narrow list has room for one of the two.
        whole = f"samples {share}".strip()
        title = whole if cell_len(whole) + 4 <= self.size.width or not share else share
        if title != self.border_title:
            self.border_title = title

    def choose(self, index: int) -> None:
        """Mark a row as the one that is shown."""
        self.chosen = index
        self._listing.frontier = max(self._listing.frontier, index + 1)
        self._resize()
        self._reveal()
        self.refresh()

    # Layout

    def _resize(self) -> None:
        if self._listing.order is not None:
            self.border_subtitle = self._listing.progress(self.size.width - 4)
        else:
            self.border_subtitle = f"{self._listing.length:,} rows" if self._listing.length is not None else ""
        if self.virtual_size.height != self._listing.rows:
            self.virtual_size = Size(self.size.width, self._listing.rows)
            self.refresh()
        self._ask()

    def on_resize(self, event: events.Resize) -> None:
        self._say()
        self._reveal()
        self._ask()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self.scrolled()
        self._ask()

    @property
    def unknown(self) -> list[int]:
        """The rows that are seen and of which not all is known yet."""
        seen = self._listing.between(self.scroll_offset.y, self.size.height)
        return [index for index in seen if self._samples.lacks(index)]

    @property
    def has_room(self) -> bool:
        """True where a filter that is not done lists fewer rows than two pages below those in sight."""
        return self._listing.has_room(self.scroll_offset.y + 2 * self.size.height)

    def _ask(self, *, again: bool = False, more: Sequence[int] = ()) -> None:
        """Ask for what is seen and not known, once it is painted: two threads would take turns, and the paint as long
        again."""
        # They are drawn with it at once, and not anew for each.
        if self._samples.look_up(self._listing.between(self.scroll_offset.y, self.size.height)):
            self._say()
            self.refresh()
        self._again, self._more = again or self._again, [*self._more, *more]
        wanted = self.unknown
        if self._later is not None:
            self._later.stop()
            self._later = None
        if self._again or self.has_room or any(index not in self._samples for index in wanted):
            if not self._asks:
                self._asks = True
                self.call_after_refresh(self._ask_now)
        elif wanted:
            # They are shown: the rest of them is looked for where a person stays.
            self._later = self.set_timer(_STAYS_SECONDS, self._ask_now)

    def _ask_now(self) -> None:
        wanted, again, more = self.unknown, self._again, self._more
        self._asks, self._again, self._more = False, False, []
        if wanted and (again or wanted != self._asked):
            self._asked = wanted
            self.post_message(self.SamplesWanted([*wanted, *(index for index in more if index not in wanted)]))
        if self.has_room:
            self.post_message(self.FilterWanted())

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, self.size.height
        if height <= 0:
            return
        place = self._listing.place_of(self.chosen)
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False)

    # Drawing

    def finish_lines(self, crop: Region, last: list[Strip] | None, asked: list[int]) -> list[Strip]:
        """The lines of a part of the list, of which each is drawn in the same way."""
        self._look = _look_of(self)
        try:
            return super().finish_lines(crop, last, asked)
        finally:
            self._look = None

    def draw_line(self, y: int) -> Strip:
        """One row of the list."""
        look = self._look or _look_of(self)
        base, width, place = look.base, look.width, y + self.scroll_offset.y
        if place >= self._listing.rows:
            return Strip.blank(width, base)
        index = self._listing.row_at(place)
        mine, label = index == self.chosen, self._listing.labels.get(index, "")
        segments = look.line(index, self._samples.get(index), mine, label, self.columns)
        strip = Strip(segments).simplify().adjust_cell_length(width, base)
        if mine and self.has_focus:
            strip = strip.apply_style(self.get_component_rich_style("samples-list--chosen"))
        return self._framed.same(strip)

    COMPONENT_CLASSES: ClassVar[set[str]] = {"samples-list--chosen"}

    @on(events.Focus)
    @on(events.Blur)
    def _draw_chosen(self) -> None:
        self.refresh()

    # Choosing

    def _ask_for(self, place: int) -> bool:
        """Ask for the row at a place, or at the nearest end; False where that one is shown, or there is none."""
        if not self._listing.rows:
            return False
        index = self._listing.row_at(min(max(0, place), self._listing.rows - 1))
        if index != self.chosen:
            self.post_message(self.RowChosen(index))
        return index != self.chosen

    def move(self, step: int) -> None:
        """Choose another row, so many further on in the list."""
        place = self._listing.place_of(self.chosen)
        listed = self._listing.lists(self.chosen)
        # From between two rows that a filter lists, one step forward is the later of them.
        if not self._ask_for(place + step - (0 if listed or step < 0 else 1)):
            self.ended(step)

    def action_move(self, where: str) -> None:
        """Choose the row above or below, a page away, or at an end of the list."""
        if where in ("up", "down"):
            self.move(1 if where == "down" else -1)
        elif where in ("page_up", "page_down"):
            self.move((self.size.height - 1) * (1 if where == "page_down" else -1))
        elif where == "first":
            self._ask_for(0)
        else:
            self._ask_for(self._listing.last)

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse."""
        place = event.get_content_offset(self)
        if place is not None and place.y + self.scroll_offset.y < self._listing.rows:
            self._ask_for(place.y + self.scroll_offset.y)


def _look_of(pane: SamplesList) -> RowLook:
    number = max(2, len(str(pane.listing.largest)))
    return RowLook(pane.base, paints(pane.app.current_theme), pane.size.width, number)
