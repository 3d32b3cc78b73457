"""The panes of the inspect screen: how wide, how high, shown or hidden. By keys, and by dragging the edge of two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import events
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from screens.guard.faults import Guarded
from screens.guard.widgets import Container, Horizontal, Vertical

WIDE = 110
WIDTHS: list[tuple[int, str]] | None = [
    (0, "-narrow"),
    (100, "-middle"),
    (WIDE, "-wide"),
    (140, "-broad"),
    (160, "-vast"),
]
HEIGHTS: list[tuple[int, str]] | None = [(0, "-flat"), (10, "-low"), (18, "-tall"), (36, "-high")]
"""The widths and heights of the window from which on the panes stand otherwise."""
_LEAST = {"samples": 8, "side": 20, "token": 3}
_TEXT_LEFT = 24
"""Columns that the token grid keeps, whatever is dragged."""
_STEP = 2
_BESIDE = 60
"""Columns of a window from which on the tokens can be read beside another pane."""
_UPRIGHT = 28
"""Lines from which on a window with fewer columns, as on a phone, says in full what is wrong below the tokens."""


def stands_at(screen: Screen[Any], size: Size) -> None:
    """Have a screen the classes of its window's size from its first layout on: Textual gives them after that."""
    for breaks, cells in ((WIDTHS, size.width), (HEIGHTS, size.height)):
        screen.add_class(next(name for least, name in reversed(breaks or ()) if cells >= least))


class Transparent(Guarded, Widget):
    """A container that paints nothing of its own: between its panes the screen's background shows.

    Textual would otherwise draw each of its lines at every paint, below those of the panes.
    """

    def render_lines(self, crop: Region) -> list[Strip]:
        """None."""
        return []


class PaneRow(Horizontal, Transparent):
    """Panes side by side."""


class PaneColumn(Vertical, Transparent):
    """Panes below each other."""


class PaneStack(Container, Transparent):
    """Panes of which one is over another."""


class Panes(PaneRow):
    """Holds the panes; the edges of the samples, of the right side and of the token pane can be dragged."""

    _dragged = ""
    resized: Callable[[], None] = staticmethod(lambda: None)
    """Called after every change of the window's size."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.sizes: dict[str, int] = {}
        """Chosen sizes in cells, by pane. The right side has a second width, `side-editing`, beside an open editor."""

    def on_resize(self, event: events.Resize) -> None:
        """Show the panes that were opened at this width."""
        self.call_after_refresh(self.resized)

    def _key(self, name: str) -> str:
        return f"{name}-editing" if name == "side" and self.screen.has_class("-editing") else name

    def resize(self) -> None:
        """Give every pane the size chosen for it, or its own; for after an editor was opened or closed."""
        for name in _LEAST:
            if (chosen := self.sizes.get(self._key(name))) is not None:
                self.set_size(name, chosen)
            else:
                self.query_one(f"#{name}").styles.clear_rule("height" if name == "token" else "width")

    def edge_at(self, x: int, y: int) -> str:
        """The pane whose edge is at a place of the screen, if one is."""
        samples, side, token = (self.query_one(f"#{name}") for name in ("samples", "side", "token"))
        if samples.display and x in (samples.region.right - 1, samples.region.right) and y < samples.region.bottom:
            return "samples"
        if side.display and x in (side.region.x - 1, side.region.x):
            return "side"
        if token.display and y in (token.region.y - 1, token.region.y) and x < token.region.right:
            return "token"
        return ""

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of an edge."""
        self._dragged = self.edge_at(event.screen_x, event.screen_y) if event.button == 1 else ""
        if self._dragged:
            event.stop()
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The edge follows the mouse."""
        if not self._dragged:
            return
        pane = self.query_one(f"#{self._dragged}")
        if self._dragged == "samples":
            self.set_size("samples", event.screen_x + 1 - pane.region.x)
        elif self._dragged == "side":
            self.set_size("side", pane.region.right - event.screen_x)
        else:
            self.set_size("token", pane.region.bottom - event.screen_y)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of it."""
        if self._dragged:
            self._dragged = ""
            self.release_mouse()

    def set_size(self, name: str, cells: int) -> None:
        """Make a pane this wide, or the token pane this high, as far as the tokens keep room."""
        pane = self.query_one(f"#{name}")
        self.sizes[self._key(name)] = cells
        if name == "token":
            pane.styles.height = min(max(_LEAST[name], cells), max(_LEAST[name], self.size.height // 2))
            return
        others = sum(self.query_one(f"#{other}").outer_size.width for other in ("samples", "side") if other != name)
        pane.styles.width = min(max(_LEAST[name], cells), max(_LEAST[name], self.size.width - others - _TEXT_LEFT))


class PaneLayout:
    """The part of the inspect screen that shows and hides its panes, and keeps how they stand."""

    def __init__(self, screen: Screen[None], panes: Panes) -> None:
        self._screen = screen
        self._panes = panes
        self._open: dict[str, bool] = {}
        self.opened: Callable[[], None] = lambda: None
        """Called once the panes stand as they should."""
        self.close_text: Callable[[], None] = lambda: None
        """Called where a pane has no room beside the open text or form."""

    def wider(self) -> None:
        """Make the pane in focus larger: the samples, else the right side."""
        self._resize(_STEP)

    def narrower(self) -> None:
        """Make it smaller."""
        self._resize(-_STEP)

    def _resize(self, step: int) -> None:
        panes, focused = self._panes, self._screen.focused
        side = panes.query_one("#side")
        samples = panes.query_one("#samples")
        if focused is samples or (not side.display and samples.display):
            pane: Widget = samples
        elif side.display:
            pane = side
        else:
            return
        panes.set_size(str(pane.id), pane.outer_size.width + step)

    def toggle_samples(self) -> None:
        """Show or hide the list of rows."""
        self._toggle("samples")

    def show_samples(self) -> None:
        """Show the list of rows, where it is hidden."""
        if not self._panes.query_one("#samples").display:
            self._toggle("samples")

    def toggle_boundaries(self) -> None:
        """Show or hide the right side, whatever the width would have it be."""
        self._toggle("side")

    def toggle_token(self) -> None:
        """Show or hide what is said about the token under the cursor."""
        self._toggle("token")

    def to_samples(self) -> None:
        """Go to the list of rows; in a narrow window it has the place of the text."""
        self._make_room(WIDE)
        self._go("samples", "#samples")

    def to_tokens(self) -> None:
        """Go to the tokens, or to what stands in their place; beside an open text a phone has no room for them."""
        self._make_room(_BESIDE)
        self._alone("")
        self._focus("#grid, #problem")

    def to_boundaries(self) -> None:
        """Go to the boundaries, or to the form where it is open."""
        form = self._panes.query_one("#form")
        self._go("side", "#form TextField, #form CycleField, #boundaries" if form.display else "#boundaries")

    def to_findings(self) -> None:
        """Go to the list of findings; in a narrow window it has the place of the text."""
        self._make_room(WIDE)
        self._go("side", "#findings")

    def _make_room(self, columns: int) -> None:
        """Close the text where it leaves no room in a narrow window of fewer columns."""
        if self._screen.has_class("-narrow", "-editing") and self._panes.size.width < columns:
            self.close_text()

    def _go(self, name: str, found: str) -> None:
        """Show a pane, and put the focus on the first widget `found` that takes it."""
        if self._screen.has_class("-zoomed"):
            self.zoom()
            # The panes come back with the next paint.
            self._screen.call_after_refresh(self._go, name, found)
            return
        self._alone(name)
        if not self._panes.query_one(f"#{name}").display:
            self._toggle(name)
        self._focus(found)

    def _alone(self, name: str) -> None:
        """Hide the other panes beside the tokens, where the window has no room for two."""
        for other in ("samples", "side"):
            if other != name and self._panes.size.width < _BESIDE and self._panes.query_one(f"#{other}").display:
                self._toggle(other)

    def _focus(self, found: str) -> None:
        for widget in self._panes.query(found):
            if widget.focusable:
                widget.focus()
                return

    def _toggle(self, name: str) -> None:
        found, focused = self._panes.query_one(f"#{name}"), self._screen.focused
        self._open[self._kept_as(name)] = not found.display
        self.open_panes()
        if focused is not None and (focused is found or found in focused.ancestors):
            self._focus_tokens()

    def _kept_as(self, name: str) -> str:
        """The name that a pane's state is kept under: a narrow window has one of its own, which ends with it."""
        return f"{name}-narrow" if self._screen.has_class("-narrow") else name

    def open_panes(self) -> None:
        """Show the panes that were opened and hide those that were closed, whatever the width would have them be."""
        upright = self._panes.size.width < _BESIDE and self._panes.size.height >= _UPRIGHT
        self._screen.set_class(upright, "-upright")
        for name in _LEAST:
            pane, shown = self._panes.query_one(f"#{name}"), self._open.get(self._kept_as(name))
            if name == "side" and self._screen.has_class("-editing"):
                shown = True
            if shown is None:
                was = pane.display
                pane.styles.clear_rule("display")
                if pane.display != was:
                    # Textual lays nothing out for a rule that is taken away.
                    pane.refresh(layout=True)
            else:
                pane.styles.display = "block" if shown else "none"
        self._panes.resize()
        self.opened()

    @property
    def kept(self) -> dict[str, Any]:
        """The state of the panes that is stored for the next start."""
        return {"open": self._open, "sizes": self._panes.sizes, "zoomed": self._screen.has_class("-zoomed")}

    def restore(self, kept: object) -> None:
        """Have the panes as they were kept."""
        known = kept if isinstance(kept, dict) else {}
        opened, sizes = known.get("open"), known.get("sizes")
        self._open = _of_type(opened, bool)
        self._panes.sizes = {name: max(0, min(cells, 1000)) for name, cells in _of_type(sizes, int).items()}
        self._screen.set_class(known.get("zoomed") is True, "-zoomed")
        self._screen.call_after_refresh(self.open_panes)

    def zoom(self) -> None:
        """Only the tokens, or every pane that was there before."""
        self._screen.toggle_class("-zoomed")
        if self._screen.has_class("-zoomed"):
            self._focus_tokens()

    def _focus_tokens(self) -> None:
        self._panes.query_one("#grid").focus()


def _of_type(kept: object, kind: type[Any]) -> dict[str, Any]:
    return {str(name): value for name, value in kept.items() if type(value) is kind} if isinstance(kept, dict) else {}
