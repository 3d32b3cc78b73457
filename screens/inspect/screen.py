"""The inspect screen: samples, token grid, token inspector, role boundaries, findings.

The screen composes the panes, hands their messages to its parts, and knows nothing else. What can be done is in the
parts: `tokens`, `rows`, `search`, `edits`, `comparison` and `layout`; an action names one, as in `part('rows.next')`.
"""

from __future__ import annotations

from pathlib import PurePath
from time import monotonic
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from screens.guard.faults import on, subscriber
from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.boundary_form import BoundaryForm
from screens.inspect.comparison import Comparison
from screens.inspect.context import InspectContext, InspectPanes
from screens.inspect.conversion import Conversion
from screens.inspect.edits import RecipeEdits
from screens.inspect.filtering import Filtering
from screens.inspect.finding_steps import FindingSteps
from screens.inspect.findings_list import FindingsList
from screens.inspect.first_row import TOKENS
from screens.inspect.panes import HEIGHTS, WIDTHS, PaneColumn, PaneLayout, PaneRow, Panes, PaneStack
from screens.inspect.picture import PictureDock, Preview
from screens.inspect.pictures import Pictures
from screens.inspect.prompt import Prompt
from screens.inspect.reason_line import ReasonLine
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.recipe_text import RecipeTextArea
from screens.inspect.row_line import columns_of
from screens.inspect.row_list import SamplesList
from screens.inspect.rows import RowReader
from screens.inspect.search import Search
from screens.inspect.tokens import Tokens
from screens.keys.actions import Scope, bindings
from screens.line_cache.kept_lines import Still
from screens.shell.footer import KeyHints
from screens.shell.messages import JobFailed
from screens.shell.problem import ProblemPane
from screens.shell.recipe_screen import RecipeScreen
from screens.shell.screen_state import keep, recall
from screens.shell.status_bar import Status, StatusBar
from screens.shell.worker import Background, Kind
from screens.token_grid.grid import TokenGrid
from screens.token_grid.inspector import TokenInspector
from screens.token_grid.lenses import Lens
from workbench.bench import Bench
from workbench.editing.session import Editing
from workbench.errors import Where
from workbench.views.items import visible
from workbench.views.row_view import RowView


class InspectScreen(RecipeScreen, Still):
    """Shows the rows of a loaded bench. Rows are read on the background thread; the last one asked for is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("inspect")]
    CSS_PATH: ClassVar[list[str | PurePath]] = ["layout.tcss", "screen.tcss"]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("inspect", "grid", "samples", "editor", "form")
    JOBS = (Kind.FILTER, Kind.CONVERT)

    def __init__(
        self,
        bench: Bench,
        background: Background,
        row: int = 0,
        *,
        editing: Editing | None = None,
        early: tuple[RowView, int, bool] | None = None,
    ) -> None:
        """`early`: tokens of the first row that are shown already, with the cursor, and whether a person moved it."""
        super().__init__()
        self._early = early
        self.bench = bench
        self.editing = editing or Editing(bench)
        self.panes = InspectPanes(
            StatusBar(Status(visible(bench.title), note=TOKENS if early is not None else ""), id="status"),
            SamplesList(id="samples"),
            TokenGrid(id="grid"),
            ProblemPane(id="problem"),
            Preview(id="preview"),
            PictureDock(id="dock"),
            ReasonLine(id="reason"),
            TokenInspector(id="token"),
            RecipeEditor(lambda text: self.edits.typed(text), id="editor"),
            BoundaryForm(lambda edited: self.edits.edit_field(edited), id="form"),
            BoundariesPanel(id="boundaries"),
            FindingsList(id="findings"),
            Prompt(id="prompt"),
        )
        self.frame = Panes(id="panes")
        self.context = InspectContext(self, bench, background, self.editing, self.panes, row)
        self.pane_layout = PaneLayout(self, self.frame)
        self.pictures = Pictures(self.context)
        self.tokens = Tokens(self.context, self.pictures)
        self.rows = RowReader(self.context, self.tokens)
        self.filtering = Filtering(self.context, self.pane_layout)
        self.search = Search(self.context, self.rows, self.filtering)
        self.edits = RecipeEdits(self.context, self.pane_layout, self.tokens, self.rows)
        self.comparison = Comparison(self.context)
        self.steps = FindingSteps(self.context, self.rows, self.edits, self.filtering, self.comparison)
        self.rows.on_shown = self.steps.row_shown
        self.frame.resized, self.pane_layout.opened = self.pane_layout.open_panes, self.pictures.show
        self.pane_layout.close_text = self.edits.close
        self.conversion = Conversion(self.context)
        self.parts = {
            "tokens": self.tokens,
            "pictures": self.pictures,
            "rows": self.rows,
            "search": self.search,
            "filtering": self.filtering,
            "edits": self.edits,
            "comparison": self.comparison,
            "findings": self.steps,
            "conversion": self.conversion,
            "layout": self.pane_layout,
        }

    def compose(self) -> ComposeResult:
        """The panes, as in the design's mock-up."""
        panes = self.panes
        yield panes.status_bar
        with self.frame:
            with PaneColumn(id="main"):
                with PaneRow(id="upper"):
                    yield panes.samples
                    with PaneStack(id="centre"):
                        yield panes.grid
                        yield panes.problem
                        yield panes.preview
                yield panes.reason
                yield panes.inspector
            with PaneColumn(id="side"):
                yield panes.editor
                yield panes.form
                yield panes.boundaries
                yield panes.findings
                yield panes.dock
        yield panes.prompt
        yield KeyHints("inspect", id="hints")

    def on_mount(self) -> None:
        panes = self.panes
        panes.problem.display = panes.editor.display = panes.form.display = False
        self.set_focus(panes.grid)
        panes.samples.open(self.bench.rows.known_length, self.context.row)
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._repaint))
        self.edits.follow_others()
        self._recall()
        if self._early is not None and self._early[0].index == self.context.row:
            self.rows.begin(*self._early)
        self.rows.show(self.context.row)

    def on_unmount(self) -> None:
        self.editing.keep()
        grid = self.panes.grid
        keep(
            self.bench,
            {
                "row": self.context.row,
                "token": grid.at.cursor,
                "lens": grid.lens,
                "spaces": grid.drawing.spaces,
                "pictures": self.pictures.wanted,
                "columns": list(self.panes.samples.columns),
                "filter": self.filtering.text or self.filtering.last,
                "theme": self.app.theme,
                "panes": self.pane_layout.kept,
                "screen": getattr(self.app, "front", "inspect"),
            },
        )

    def _recall(self) -> None:
        """The row, token and looks of the last time, unless a row was asked for."""
        known, grid = recall(self.bench), self.panes.grid
        if known.get("lens") in list(Lens):
            grid.set_lens(Lens(known["lens"]))
        if known.get("spaces") is True:
            grid.toggle_spaces()
        self.pictures.wanted = known.get("pictures") is not False
        if isinstance(columns := known.get("columns"), list):
            self.panes.samples.columns = columns_of(columns)
        if isinstance(written := known.get("filter"), str) and written.isprintable():
            self.filtering.last = written
        if isinstance(known.get("theme"), str) and known["theme"] in self.app.available_themes:
            self.app.theme = known["theme"]
        self.pane_layout.restore(known.get("panes"))
        row, token = known.get("row"), known.get("token")
        length = self.bench.rows.known_length
        if not self.context.row and isinstance(row, int) and row >= 0 and (length is None or row < length):
            self.context.row = self.rows.recalled = row
            self.rows.cursor = token if isinstance(token, int) else 0
            self.panes.samples.choose(row)

    @property
    def settled(self) -> bool:
        """True where the requested row is shown with its picture and every visible row of the list has its sample."""
        return self.rows.settled and self.pictures.settled

    def watch_focused(self) -> None:
        """Note the moment, for `WorkbenchApp.on_key`."""
        self.focused_at = monotonic()

    def on_screen_resume(self) -> None:
        """Come to the front: another screen may have edited the recipe, and a run may have measured losses."""
        self.edits.follow_others()
        self.rows.show_losses()
        self.panes.status_bar.refresh()
        self.steps.show()

    def follow(self) -> None:
        """Show what the last edit did."""
        self.edits.follow()
        self.filtering.follow()

    def visit(self, where: Where) -> None:
        """Go to the place of a finding: a token of a row, or a line of the recipe."""
        if where.row is None:
            self.edits.go(where.line or 1, where.column or 1)
        else:
            self.rows.visit(where)

    def action_part(self, command: str) -> None:
        """Do what a part of the screen can do: `rows.next`."""
        part, _, method = command.partition(".")
        getattr(self.parts[part], method)()

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        """Tell the part that waits for a job that the job failed."""
        if message.kind is Kind.ROW:
            self.rows.failed(message.problem)
        elif message.kind is Kind.APPLY:
            self.edits.settled(message.problem)
        elif message.kind is Kind.FILTER:
            self.filtering.failed()
        elif message.kind is Kind.COMPARE:
            self.comparison.failed(message.problem)
        elif message.kind is Kind.SEEK:
            self.steps.stop()
        elif message.kind is Kind.PICTURE:
            self.pictures.failed()

    # What the panes ask for

    @on(TokenGrid.CursorMoved)
    def _cursor_moved(self, message: TokenGrid.CursorMoved) -> None:
        message.stop()
        self.tokens.show()
        self.steps.show()

    @on(SamplesList.RowChosen)
    def _row_chosen(self, message: SamplesList.RowChosen) -> None:
        self.rows.show(message.index)

    @on(SamplesList.SamplesWanted)
    def _samples_wanted(self, message: SamplesList.SamplesWanted) -> None:
        self.rows.want_samples(message.indices)

    @on(SamplesList.FilterWanted)
    def _filter_wanted(self, message: SamplesList.FilterWanted) -> None:
        self.filtering.go_on(again=message.again)

    @on(Prompt.Typed)
    def _prompt_typed(self, message: Prompt.Typed) -> None:
        self.search.typed(message.kind, message.text)

    @on(Prompt.Stepped)
    def _prompt_stepped(self, message: Prompt.Stepped) -> None:
        self.search.stepped(message.kind, message.direction)

    @on(Prompt.Entered)
    def _prompt_entered(self, message: Prompt.Entered) -> None:
        self.search.entered(message.kind, message.text)

    @on(Prompt.Cancelled)
    def _prompt_cancelled(self, message: Prompt.Cancelled) -> None:
        self.search.left(message.kind)

    @on(RecipeTextArea.UndoWanted)
    def _undo_wanted(self, event: RecipeTextArea.UndoWanted) -> None:
        self.action_redo_edit() if event.again else self.action_undo_edit()

    # Looks

    def _repaint(self) -> None:
        panes = self.panes
        for pane in (panes.boundaries, panes.findings, panes.problem, self.edits):
            pane.draw()
        panes.grid.show_legend()
        for widget in (
            panes.status_bar,
            self.query_one(KeyHints),
            panes.reason,
            panes.inspector,
            panes.samples,
            panes.grid,
        ):
            widget.refresh()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The border of the pane in focus is lit by the style sheet; the hints follow the pane."""
        self.query_one(KeyHints).refresh()
