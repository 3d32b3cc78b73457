"""Putting the panes together, for paints that change a part of the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class SparingCompositor(Compositor):
    """Asks only those widgets for lines that stand where something is to be painted, and cuts only these lines.

    Textual's asks every widget within the least rectangle around all that changed, which for a letter in the editor
    and the mask it changes is nearly the whole screen. What it writes is the same.
    """

    _painted: tuple[Region, ...] = ()

    def render_partial_update(self) -> ChopsUpdate | None:
        """What was asked for since the last paint; None: nothing."""
        self._painted = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._painted = ()

    def _render_chops(
        self, crop: Region, is_rendered_line: Callable[[int], bool]
    ) -> Sequence[Mapping[int, Strip | None]]:
        painted = self._painted
        if not painted:
            return super()._render_chops(crop, is_rendered_line)
        cuts = self.cuts
        chops: list[dict[int, Strip | None]] = [dict.fromkeys(line[:-1]) for line in cuts]
        # Those in front come first.
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            lines = {y for one in painted if one.overlaps(shown) for y in one.intersection(shown).line_range}
            if not lines:
                continue
            strips = widget.render_lines(shown.translate(-region.offset))
            first, last = shown.column_span
            for y, strip in zip(shown.line_range, strips):
                if y not in lines:
                    continue
                line, here = chops[y], [cut for cut in cuts[y] if first <= cut <= last]
                for cut, part in zip(here, strip.divide([cut - first for cut in here[1:]])):
                    if line[cut] is None:
                        line[cut] = part
        return chops
