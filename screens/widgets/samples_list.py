"""The list of rows: number, trained share, worst finding. Any number of rows; only those that are seen are read."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from screens.actions import bindings
from screens.messages import RowChosen, SamplesWanted
from screens.row_view import Sample
from screens.themes import paints
from workbench.views.flow import visible
from workbench.views.palette import SEVERITY_GLYPH

_AHEAD = 8
_KEPT = 20_000
"""Samples remembered; far more than are ever on screen."""


class SamplesList(ScrollView, can_focus=True):
    """Posts `RowChosen` and `SamplesWanted`; is told samples by `put`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("samples")]
    BORDER_TITLE = "samples"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen = 0
        self._known_length: int | None = None
        self._frontier = 0
        self._samples: dict[int, Sample] = {}
        self._asked: list[int] = []

    def open(self, length: int | None, chosen: int) -> None:
        """Begin with a source of so many rows, or of an unknown number."""
        self._known_length = length
        self._samples.clear()
        self._asked = []
        self.choose(chosen)

    @property
    def rows(self) -> int:
        """How many rows the list has room for: all of them, or those reached and some more."""
        return self._known_length if self._known_length is not None else self._frontier + _AHEAD

    def end_at(self, count: int) -> None:
        """The source turned out to end here."""
        self._known_length = count if self._known_length is None else min(count, self._known_length)
        self._resize()

    def put(self, sample: Sample) -> None:
        """What there is to say about a row."""
        if len(self._samples) >= _KEPT:
            self._samples.clear()
        self._samples[sample.index] = sample
        if sample.index >= self._frontier:
            self._frontier = sample.index + 1
            self._resize()
        self.refresh(Region(0, sample.index - self.scroll_offset.y, self.size.width, 1))

    def forget(self) -> None:
        """Every mask may have changed: ask again for what is seen."""
        self._samples.clear()
        self._ask(again=True)
        self.refresh()

    def choose(self, index: int) -> None:
        """Mark a row as the one that is shown."""
        self.chosen = index
        self._frontier = max(self._frontier, index + 1)
        self._resize()
        self._reveal()
        self.refresh()

    # Layout

    def _resize(self) -> None:
        self.border_subtitle = f"{self._known_length:,} rows" if self._known_length is not None else ""
        if self.virtual_size.height != self.rows:
            self.virtual_size = Size(self.size.width, self.rows)
            self.refresh()
        self._ask()

    def on_resize(self, event: events.Resize) -> None:
        self._reveal()
        self._ask()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._ask()

    @property
    def unknown(self) -> list[int]:
        """The rows that are seen and of which nothing is known yet."""
        top, height = self.scroll_offset.y, self.size.height
        return [index for index in range(top, min(self.rows, top + height)) if index not in self._samples]

    def _ask(self, *, again: bool = False) -> None:
        wanted = self.unknown
        if wanted and (again or wanted != self._asked):
            self._asked = wanted
            self.post_message(SamplesWanted(wanted))

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, self.size.height
        if height <= 0:
            return
        if self.chosen < top:
            self.scroll_to(y=self.chosen, animate=False)
        elif self.chosen >= top + height:
            self.scroll_to(y=self.chosen - height + 1, animate=False)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One row of the list."""
        base, width = self.rich_style, self.size.width
        index = y + self.scroll_offset.y
        if index >= self.rows:
            return Strip.blank(width, base)
        paint = paints(self.app.current_theme)
        mine = index == self.chosen
        text = base + (paint.strong if mine else Style())
        number = max(2, len(str(self.rows - 1)))
        lead = "▸" if mine else " "
        segments = [Segment(lead, base + paint.accent), Segment(f"{index:>{number}} ", text)]
        sample = self._samples.get(index)
        if sample is None:
            segments.append(Segment("   …", base + paint.muted))
        else:
            share = f"{100 * sample.trained / sample.total:3.0f}%" if sample.total else "   –"
            segments.append(Segment(share, text if sample.trained else base + paint.muted))
            if sample.severity:
                glyph, code = SEVERITY_GLYPH[sample.severity], visible(sample.code)
                room = width - number - 6
                badge = f" {glyph} {code}" if cell_len(code) + 3 <= room else f" {glyph}"
                segments.append(Segment(badge, base + paint.severity[sample.severity]))
        strip = Strip(segments).adjust_cell_length(width, base)
        if mine and self.has_focus:
            strip = strip.apply_style(self.get_component_rich_style("samples-list--chosen"))
        return strip

    COMPONENT_CLASSES: ClassVar[set[str]] = {"samples-list--chosen"}

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # Choosing

    def _ask_for(self, index: int) -> None:
        index = min(max(0, index), max(0, self.rows - 1))
        if index != self.chosen:
            self.post_message(RowChosen(index))

    def move(self, step: int) -> None:
        """Choose another row, so many further on."""
        self._ask_for(self.chosen + step)

    def action_up(self) -> None:
        self.move(-1)

    def action_down(self) -> None:
        self.move(1)

    def action_page_up(self) -> None:
        self.move(1 - self.size.height)

    def action_page_down(self) -> None:
        self.move(self.size.height - 1)

    def action_first(self) -> None:
        self._ask_for(0)

    def action_last(self) -> None:
        self._ask_for(self.rows - 1 if self._known_length is not None else self._frontier - 1)

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse."""
        place = event.get_content_offset(self)
        if place is not None and place.y + self.scroll_offset.y < self.rows:
            self._ask_for(place.y + self.scroll_offset.y)
