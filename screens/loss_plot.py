"""The curve of a run: loss and gradient norm by step, on a logarithmic scale, with the bands they are judged by."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.strip import Strip
from textual_hires_canvas import Canvas
from textual_plot import AxisFormatter, HiResMode, PlotWidget

from screens.guard.faults import Guarded
from screens.guard.widgets import Container
from screens.shell.themes import paints
from workbench.overfit.verdict import BAND, MEMORISED

_LEAST = 1e-4
_STEPS = 20
"""So many steps wide at least, so that a young curve does not fill the pane."""


class _Powers(AxisFormatter):
    """Labels of an axis whose values are logarithms to the base of ten."""

    def get_ticks(self, min_: float, max_: float, max_ticks: int = 8) -> list[float]:
        """One tick a power."""
        return [float(power) for power in range(math.ceil(min_), math.floor(max_) + 1)]

    def get_labels_for_ticks(self, ticks: Sequence[float]) -> list[str]:
        """The values themselves."""
        return [f"{10**tick:g}" for tick in ticks]


class _Canvas(Guarded, Canvas):
    """The library's canvas with a style for every line: without one, Textual's NO_COLOR filter raises."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        return strip if strip.cell_length else Strip.blank(0, self.rich_style)


class _Plot(Guarded, PlotWidget):
    """The library's plot, guarded."""


class LossPlot(Container):
    """Plots losses and gradient norms; `show` sets them."""

    def compose(self) -> ComposeResult:
        """The plot."""
        yield _Plot(allow_pan_and_zoom=False)

    def on_mount(self) -> None:
        plot = self.query_one(PlotWidget)
        plot.set_y_formatter(_Powers())
        plot.can_focus = False
        for canvas in plot.query(Canvas):
            canvas.__class__ = _Canvas
        # Two frames around one plot are one too many where there are few lines.
        plot.margin_top, plot.margin_bottom, plot.margin_left = 0, 1, 7

    def show(self, losses: Sequence[float], norms: Sequence[float], guess: float, other: Sequence[float] = ()) -> None:
        """Draw the curves; `guess` is the loss of random guessing, or NaN; `other` another run's losses."""
        plot, theme = self.query_one(PlotWidget), self.app.current_theme
        paint = paints(theme)
        plot.clear()
        width = max(_STEPS, len(losses), len(other))
        for value, style in (
            (MEMORISED, paint.severity["note"]),
            (BAND, paint.severity["warning"]),
            (guess, paint.severity["error"]),
        ):
            if math.isfinite(value):
                colour = style.color.name if style.color is not None else "white"
                level = math.log10(value)
                plot.plot([1, width], [level, level], line_style=colour, hires_mode=HiResMode.BRAILLE)
        for values, style in ((norms, paint.muted), (other, paint.media), (losses, paint.bar)):
            known = [(step, value) for step, value in enumerate(values, 1) if math.isfinite(value)]
            if known:
                colour = style.color.name if style.color is not None else "white"
                levels = [math.log10(max(_LEAST, value)) for _, value in known]
                plot.plot([step for step, _ in known], levels, line_style=colour, hires_mode=HiResMode.BRAILLE)
        logs = [
            math.log10(max(_LEAST, value)) for value in (*losses, *norms, *other) if math.isfinite(value) and value > 0
        ]
        high = math.log10(guess) if math.isfinite(guess) else 1.0
        plot.set_xlimits(1, width)
        plot.set_ylimits(min([math.log10(MEMORISED) - 0.3, *logs]), max([high + 0.1, *logs]))
        title = Text.assemble(("━ loss", paint.bar), "  ", ("━ gradient norm", paint.muted))
        self.border_title = Content.from_rich_text(title)
        bands = Text.assemble(
            (f"┈ {MEMORISED:g} reproduced", paint.severity["note"]),
            "  ",
            (f"┈ above {BAND:g} unusual", paint.severity["warning"]),
        )
        if math.isfinite(guess):
            bands.append("  ").append(f"┈ {guess:.1f} random", paint.severity["error"])
        self.border_subtitle = Content.from_rich_text(bands)
