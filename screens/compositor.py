"""Putting the panes together, for paints that change a part of the screen."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rich.console import Console
from textual._compositor import Compositor, CompositorUpdate
from textual.geometry import Region
from textual.strip import Strip

Parts = dict[int, dict[int, Strip | None]]
"""Strips by line and column; None until there is one."""


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
        parts: Parts = {}
        spans = list(self._regions_to_spans(dirty))
        for y, first, last in spans:
            parts.setdefault(y, {}).update(
                {x: None for x, end in itertools.pairwise(self.cuts[y]) if x < last and end > first}
            )
        self._fill(parts, dirty)
        return SpansUpdate(spans, parts)

    def _fill(self, parts: Parts, dirty: Sequence[Region]) -> None:
        """Put the strips of those widgets that are in front into the parts of lines."""
        missing = set(parts)
        # Those in front come first.
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            lines = {y for one in dirty if one.overlaps(shown) for y in one.intersection(shown).line_range} & missing
            if not lines:
                continue
            left, right = shown.column_span
            strips = widget.render_lines(shown.translate(-region.offset))
            for y, strip in zip(shown.line_range, strips, strict=False):
                if y not in lines:
                    continue
                line, cuts = parts[y], [cut for cut in self.cuts[y] if left <= cut <= right]
                for cut, part in zip(cuts, strip.divide([cut - left for cut in cuts[1:]]), strict=False):
                    if line.get(cut, part) is None:
                        line[cut] = part
                if None not in line.values():
                    missing.remove(y)
            if not missing:
                return


class SpansUpdate(CompositorUpdate):
    """Parts of some lines: `spans` are (line, first column, column after the last), `parts` the strips that cover them,
    by line and column."""

    def __init__(self, spans: Sequence[tuple[int, int, int]], parts: Parts) -> None:
        self._spans = spans
        self._parts = parts

    def render_segments(self, console: Console) -> str:
        """What to write to the terminal."""
        written = []
        for y, first, last in self._spans:
            for x, strip in self._parts[y].items():
                if strip is None or x >= last or x + strip.cell_length <= first:
                    continue
                if x + strip.cell_length > last:
                    strip = strip.crop(0, last - x)
                written.append(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}")
        return "".join(written)
