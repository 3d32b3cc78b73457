"""A widget that shows a picture which was drawn before: it reads and scales nothing."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from screens.guard.faults import Guarded
from screens.guard.widgets import Container
from screens.pictures.prepared import Shown


class HalfBlocks(Guarded, Widget):
    """The lines of a picture in half blocks."""

    strips: tuple[Strip, ...] = ()

    def show(self, strips: tuple[Strip, ...]) -> None:
        """Show other lines."""
        self.strips = strips
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the picture."""
        strip = self.strips[y] if y < len(self.strips) else Strip([])
        return strip.adjust_cell_length(self.size.width, self.rich_style)


class PictureView(Container):
    """Shows a `Shown`, in half blocks or in the terminal's graphics."""

    def __init__(self, *, id: str | None = None) -> None:
        self._blocks = HalfBlocks()
        super().__init__(self._blocks, id=id)
        self.shown: Shown | None = None

    def show(self, shown: Shown | None) -> None:
        """Show a picture, or nothing."""
        if shown is self.shown:
            return
        self.shown = shown
        for old in self.query(".picture--graphics"):
            old.remove()
        self._blocks.show(shown.strips if shown is not None else ())
        if shown is not None:
            self.styles.width, self.styles.height = max(1, shown.cells[0]), max(1, shown.cells[1])
        self._blocks.display = shown is None or shown.image is None
        if shown is None or shown.image is None:
            return
        from textual_image.widget import Image

        class Drawn(Guarded, Image):  # type: ignore[misc, valid-type]
            """The picture in the terminal's graphics."""

        drawn: Widget = Drawn(shown.image, classes="picture--graphics")
        drawn.styles.width, drawn.styles.height = shown.cells
        self.mount(drawn)
