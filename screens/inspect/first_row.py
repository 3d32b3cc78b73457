"""The inspect screen before the bench is there: the first row as its file says it, then its tokens, in their place.

Imports neither numpy nor what stands on it until the tokens come; `InspectScreen` takes the place of this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget

from screens.guard.faults import Guarded, subscriber
from screens.inspect.panes import HEIGHTS, WIDTHS, PaneColumn, PaneLayout, PaneRow, Panes, PaneStack, stands_at
from screens.inspect.raw_turns import RawTurns
from screens.keys.actions import Scope
from screens.line_cache.kept_lines import Still
from screens.shell.beneath import Beneath
from screens.shell.footer import KeyHints
from screens.shell.loading import amount
from screens.shell.status_bar import Status, StatusBar
from screens.shell.themes import paints
from workbench.data.first_row import FirstRow

if TYPE_CHECKING:
    from screens.token_grid.grid import TokenGrid
    from workbench.models.hub import Progress
    from workbench.views.early_row import EarlyRow
    from workbench.views.row_view import RowView

RAW = "as in the file, tokens to come"
TOKENS = "tokens from tokenizer.json, mask to come"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURN_SECONDS = 0.12


class EmptyPane(Still):
    """The frame of a pane that has nothing to show yet."""

    def render(self) -> str:
        """Nothing."""
        return ""


class Waiting(Guarded, Widget):
    """The two lines under the row: how far loading is, and what is still to come."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.stage: Progress | None = None
        self.note = RAW
        self._ticks = 0

    def on_mount(self) -> None:
        self.set_interval(_TURN_SECONDS, self._turn)

    def _turn(self) -> None:
        self._ticks += 1
        self.refresh()

    def render(self) -> Text:
        """Both lines."""
        paint = paints(self.app.current_theme)
        text = Text(f" {_SPINNER[self._ticks % len(_SPINNER)]} ", paint.accent, no_wrap=True, end="")
        stage = self.stage
        text.append("loading the processor" if stage is None else stage.stage, paint.strong)
        if stage is not None and stage.unit != "step":
            text.append(f"  {amount(stage)}", paint.muted)
        text.append("\n   ").append(self.note, paint.severity["warning"])
        return text


class FirstRowScreen(Beneath):
    """Shows a row while the model is loading, in the panes of the inspect screen."""

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("loading",)
    TAB = "inspect"
    """The tab that is drawn as the current one."""

    def __init__(self, row: FirstRow, status: Status, kept: object = None, cursor: int = 0) -> None:
        """`kept` is the layout of the panes that was kept, `cursor` the token to begin at."""
        super().__init__()
        self.row = row
        self.raw = RawTurns(row, id="grid")
        self.grid: TokenGrid | None = None
        self._status, self._kept, self._cursor = status, kept, cursor
        self._began = 0
        self._waiting = Waiting(id="reason")
        self.frame = Panes(id="panes")
        self.pane_layout = PaneLayout(self, self.frame)
        self.frame.resized = self.pane_layout.open_panes

    def compose(self) -> ComposeResult:
        """The panes, as the inspect screen has them."""
        stands_at(self, self.app.size)
        yield StatusBar(self._status, id="status")
        with self.frame:
            with PaneColumn(id="main"):
                with PaneRow(id="upper"):
                    yield EmptyPane(id="samples")
                    with PaneStack(id="centre"):
                        yield self.raw
                yield self._waiting
                yield EmptyPane(id="token")
            with PaneColumn(id="side"):
                yield EmptyPane(id="boundaries")
                yield EmptyPane(id="findings")
        yield KeyHints("loading", id="hints")

    def on_mount(self) -> None:
        for name, title in (("samples", "samples"), ("boundaries", "role_boundaries"), ("findings", "findings")):
            self.query_one(f"#{name}").border_title = title
        self.raw.border_title = f"row {self.row.index:,}"
        self.raw.border_subtitle = RAW
        if self.raw.early is not None:
            self.say_tokens(self.raw.early.length)
        self.set_focus(self.raw)
        self.pane_layout.restore(self._kept)
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._repaint))

    def report(self, progress: Progress) -> None:
        """Loading came this far."""
        self._waiting.stage = progress
        self._waiting.refresh()

    def show_early(self, row: EarlyRow) -> None:
        """Draw the tokens in place of the text: as long as there is no grid, they can be read and scrolled through."""
        if self.grid is None:
            self.raw.show_tokens(row)
            if self.is_mounted:
                self.say_tokens(row.length)

    def say_tokens(self, tokens: int) -> None:
        """Say above the row how many tokens it has, and below what is still to come."""
        self.raw.border_title = f"row {self.row.index:,} · {tokens:,} tokens"
        self.raw.border_subtitle = "mask to come"
        self._waiting.note = TOKENS
        self._waiting.refresh()
        bar = self.query_one(StatusBar)
        bar.show(Status(bar.status.title, recipe=bar.status.recipe, note=TOKENS))

    async def show_tokens(self, view: RowView) -> None:
        """Put the grid in the place of the text, with the cursor on the message that was at the top."""
        from screens.token_grid.canvas import entitle
        from screens.token_grid.grid import TokenGrid

        message = self.raw.top_message
        top = next((turn.start for turn in view.turns if turn.message == message), 0) if message else 0
        focused = self.raw.has_focus
        grid = self.grid = TokenGrid(id="grid")
        with self.app.batch_update():
            await self.raw.remove()
            await self.query_one("#centre").mount(grid)
            grid.show(view, cursor=top or self._cursor)
            # A message that was scrolled to is a place that was chosen.
            self._began = -1 if top else grid.at.cursor
            if focused or self.focused is None:
                self.set_focus(grid)
        self.say_tokens(len(view.rendering))
        entitle(grid, f"row {view.index:,} · {len(view.rendering):,} tokens", f"row {view.index:,}")

    @property
    def early(self) -> tuple[RowView, int, bool] | None:
        """The tokens that are shown, with the cursor and whether it was moved; None where there are none yet."""
        grid = self.grid
        if grid is None or grid.view is None:
            return None
        return grid.view, grid.at.cursor, grid.at.cursor != self._began

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Refuse to try again: nothing has failed."""
        return action != "retry"

    def _repaint(self) -> None:
        for pane in self.query("EmptyPane, Waiting, StatusBar, KeyHints, #grid"):
            pane.refresh()
        if self.grid is not None:
            self.grid.show_legend()
