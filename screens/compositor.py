"""Putting the panes together, for paints that change a part of the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from textual._compositor import Compositor, CompositorUpdate
from textual.geometry import Region
from textual.strip import Strip


class SparingCompositor(Compositor):
    """Asks only those widgets for lines that stand where something is to be painted, and cuts only these lines.

    Textual's asks every widget within the least rectangle around all that changed, which for a letter in the editor
    and the mask it changes is nearly the whole screen.
    """

    # Overrides what Textual keeps to itself: were it to go there, the screen would be painted by Textual's own again.
    def render_partial_update(self) -> CompositorUpdate | None:  # type: ignore[override]
        """What was asked for since the last paint; None: nothing."""
        screen = self.size.region
        dirty = [shown for one in self._dirty_regions if (shown := one.intersection(screen))]
        self._dirty_regions.clear()
        if not dirty:
            return None
        spans, cuts = list(self._regions_to_spans(dirty)), self.cuts
        parts: dict[int, dict[int, Strip | None]] = {y: dict.fromkeys(cuts[y][:-1]) for y, _, _ in spans}
        # Those in front come first.
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            lines = {y for one in dirty if one.overlaps(shown) for y in one.intersection(shown).line_range}
            if not lines:
                continue
            strips = widget.render_lines(shown.translate(-region.offset))
            left, right = shown.column_span
            for y, strip in zip(shown.line_range, strips, strict=False):
                if y in lines:
                    line, here = parts[y], [cut for cut in cuts[y] if left <= cut <= right]
                    for cut, part in zip(here, strip.divide([cut - left for cut in here[1:]]), strict=False):
                        if line[cut] is None:
                            line[cut] = part
        return SpansUpdate(spans, parts, cuts)


class SpansUpdate(CompositorUpdate):
    """Parts of some lines: `spans` are (line, first column, column after the last), `parts` the strips of these lines
    by their columns, `cuts` where the strips of each line begin and end."""

    def __init__(
        self,
        spans: Sequence[tuple[int, int, int]],
        parts: Mapping[int, Mapping[int, Strip | None]],
        cuts: Sequence[Sequence[int]],
    ) -> None:
        self._spans = spans
        self._parts = parts
        self._cuts = cuts

    def render_segments(self, console: Console) -> str:
        """What to write to the terminal."""
        written = []
        for y, first, last in self._spans:
            for end, (x, strip) in zip(self._cuts[y][1:], self._parts[y].items(), strict=True):
                if strip is None or x >= last or end <= first:
                    continue
                if end > last:
                    strip = strip.crop(0, last - x)
                written.append(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}")
        return "".join(written)
