"""What the panes that draw themselves line by line have in common."""

from __future__ import annotations

from rich.style import Style
from textual.scroll_view import ScrollView


class LineView(ScrollView):
    """A scrolling pane of lines. Textual works its own style out anew whenever asked; here once a theme."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._base: Style | None = None

    @property
    def base(self) -> Style:
        """The style that every line is drawn on."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def notify_style_update(self) -> None:
        """The theme, or this pane's own style, changed."""
        super().notify_style_update()
        self._base = None
