"""The inspect screen: samples, token grid, token inspector, role boundaries, findings."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import ClassVar

import numpy as np
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.timer import Timer

from screens.forms import Forms
from screens.guard.faults import Fault, on, subscriber, unexpected, write
from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.boundary_form import BoundaryForm
from screens.inspect.compare import Comparing
from screens.inspect.findings_list import FindingsList
from screens.inspect.messages import EditsSettled, FilterFound, RowChosen, RowReady, RowsEnd, SampleReady, SamplesWanted
from screens.inspect.panes import Arranged, PaneColumn, PaneRow, PaneStack
from screens.inspect.picture import Preview
from screens.inspect.prompt import Prompt
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.row_list import SamplesList
from screens.inspect.search import Browse
from screens.keys.inspect_and_app import Scope, bindings
from screens.line_cache.still import Still
from screens.messages import JobFailed
from screens.shell.footer import KeyHints
from screens.shell.problem import Problem
from screens.shell.remembered import keep, recall
from screens.shell.status_bar import Status, StatusBar
from screens.shell.worker import Background, Kind
from screens.token_grid.grid import TokenGrid
from screens.token_grid.inspector import TokenInspector
from screens.token_grid.lenses import Lens
from screens.token_grid.messages import CursorMoved
from screens.token_grid.row_view import RowView, Sample, read_row, read_sample
from workbench.bench import Bench
from workbench.editing.session import Editing
from workbench.errors import BenchError, Where
from workbench.findings import Finding
from workbench.views.items import visible

WIDE = 110
_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-middle"), (WIDE, "-wide"), (140, "-broad")]
_PATIENCE_SECONDS = 0.15
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class InspectScreen(Browse, Arranged, Comparing, Forms, Still):
    """Shows the rows of a loaded bench. Rows are read on the background thread; the last one asked for is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("inspect")]
    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("inspect", "grid", "samples", "editor", "form")

    def __init__(self, bench: Bench, background: Background, row: int = 0, *, editing: Editing | None = None) -> None:
        super().__init__()
        self.bench = bench
        self._background = background
        self.editing = editing or Editing(bench)
        self._row = row
        self._request = 0
        self._shown = -1
        self._view: RowView | None = None
        self._findings: list[Finding] = []
        self._token = 0
        self._recalled = 0
        # Held here: Textual would look for a pane all over the screen, and again whenever anything of it changed.
        self._status_bar = StatusBar(Status(visible(bench.title)), id="status")
        self._grid = TokenGrid(id="grid")
        self._preview = Preview(id="preview")
        self._inspector = TokenInspector(id="token")
        self._editor = RecipeEditor(self.typed, id="editor")
        self._form = BoundaryForm(self.edit_field, id="form")
        self._panel = BoundariesPanel(id="boundaries")
        self._waiting: Timer | None = None
        self._ticks = 0

    def compose(self) -> ComposeResult:
        """The panes, as in the design's mock-up."""
        yield self._status_bar
        with self._panes:
            with PaneColumn(id="main"):
                with PaneRow(id="upper"):
                    yield SamplesList(id="samples")
                    with PaneStack(id="centre"):
                        yield self._grid
                        yield Problem(id="problem")
                        yield self._preview
                yield self._inspector
            with PaneColumn(id="side"):
                yield self._editor
                yield self._form
                yield self._panel
                yield FindingsList(id="findings")
        yield Prompt(id="prompt")
        yield KeyHints("inspect", id="hints")

    def on_mount(self) -> None:
        self.query_one("#problem").display = False
        self._editor.display = False
        self._form.display = False
        self.set_focus(self._grid)
        self.query_one(SamplesList).open(self.bench.rows.known_length, self._row)
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._repaint))
        self._followed = self.bench.document.text
        self._recall()
        self.show_row(self._row)

    def on_unmount(self) -> None:
        self.editing.keep()
        # By now the panes are no longer below this screen.
        grid = self._grid
        keep(
            self.bench,
            {
                "row": self._row,
                "token": grid.cursor,
                "lens": grid.lens,
                "spaces": grid.spaces,
                "theme": self.app.theme,
                "panes": self.arrangement,
                "screen": getattr(self.app, "front", "inspect"),
            },
        )

    def _recall(self) -> None:
        """The row, token and looks of the last time, unless a row was asked for."""
        known, grid = recall(self.bench), self._grid
        if known.get("lens") in list(Lens):
            grid.set_lens(Lens(known["lens"]))
        if known.get("spaces") is True:
            grid.toggle_spaces()
        if isinstance(known.get("theme"), str) and known["theme"] in self.app.available_themes:
            self.app.theme = known["theme"]
        self.rearrange(known.get("panes"))
        row, token = known.get("row"), known.get("token")
        length = self.bench.rows.known_length
        if not self._row and isinstance(row, int) and row >= 0 and (length is None or row < length):
            self._row = self._recalled = row
            self._token = token if isinstance(token, int) else 0
            self.query_one(SamplesList).choose(row)

    @property
    def settled(self) -> bool:
        """Whether the row asked for is shown, and the list knows every row that is seen."""
        return self._shown == self._request and not self.query_one(SamplesList).unknown

    def watch_focused(self) -> None:
        """Note the moment, for `WorkbenchApp.on_key`."""
        self.focused_at = monotonic()

    # Rows

    def show_row(self, index: int) -> None:
        """Ask for a row; a newer request takes the place of this one."""
        self._row = index
        self._request += 1
        self._background.submit(Kind.ROW, self._read(index, self._request))
        self.query_one(SamplesList).choose(index)
        if self._waiting is None:
            self._ticks = 0
            self._waiting = self.set_interval(_PATIENCE_SECONDS, self._still_waiting)

    def _read(self, index: int, request: int) -> Iterator[None]:
        try:
            view: RowView | Finding = read_row(self.bench, index)
        except BenchError as problem:
            if index and index == self._recalled:
                # The data has fewer rows than the last time.
                self._recalled = 0
                self.app.call_from_thread(self.show_row, 0)
                return
            view = Finding("D001", "error", problem.title, problem.cause or problem.hint, problem.where)
        except Exception as error:
            write(Fault.of(f"row {index}", error))
            view = _as_finding(unexpected(error), index)
        self._send(RowReady(request, index, view))
        yield

    def _send(self, message: Message) -> None:
        try:
            self.post_message(message)
        except RuntimeError:
            self._background.check()

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        """What was asked for does not come: the pane that waits for it says so."""
        kind, problem = message.kind, message.problem
        if kind is Kind.ROW:
            self._row_ready(RowReady(self._request, self._row, _as_finding(problem, self._row)))
        elif kind is Kind.APPLY:
            self._settled(EditsSettled(problem))
        elif kind is Kind.FILTER:
            self._filter_found(FilterFound(self._filters, [], 0, complete=True))

    @on(RowReady)
    def _row_ready(self, message: RowReady) -> None:
        if message.request != self._request:
            return
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        self._shown = message.request
        grid, problem = self._grid, self.query_one(Problem)
        self._view = message.view if isinstance(message.view, RowView) else None
        grid.show_legend()
        grid.border_title = problem.border_title = f"row {message.index:,}"
        shown, hidden = (grid, problem) if self._view is not None else (problem, grid)
        shown.display = True
        # Before the other one goes: Textual would give the focus of a hidden pane to whichever comes next.
        if hidden.has_focus:
            self.set_focus(shown)
        hidden.display = False
        changed = self.changed(self._view) if self._view is not None else None
        if isinstance(message.view, RowView):
            self._findings = message.view.findings
            if grid.view is not None and grid.view.rendering is message.view.rendering:
                grid.remask(message.view, changed)
                self.show_token()
            else:
                grid.show(message.view, changed=changed, cursor=self._token)
                self._token = 0
        else:
            self._findings = [message.view]
            problem.show(message.view)
            self._inspector.show(None)
        self._panel.show(self._view, changed)
        self.query_one(FindingsList).show(self._findings, self.bench.findings)
        self._update_status()

    def _still_waiting(self) -> None:
        """Say so only when it takes a while."""
        glyph = _SPINNER[self._ticks % len(_SPINNER)]
        self._ticks += 1
        for pane in (self._grid, self.query_one(Problem)):
            pane.border_subtitle = f"{glyph} row {self._row:,}"

    def _update_status(self) -> None:
        bench, view = self.bench, self._view
        found = [*self._findings, *bench.findings]
        more, less = self._panel.difference
        status = Status(
            title=visible(bench.title),
            family=bench.family.name if bench.family is not None else "unknown family",
            recipe=visible(bench.document.name),
            edited=bench.document.dirty,
            row=self._row,
            trained=view.mask.trained if view is not None else None,
            before=view.mask.trained - more + less if view is not None else None,
            total=len(view.rendering) if view is not None else 0,
            errors=sum(finding.severity == "error" for finding in found),
            warnings=sum(finding.severity == "warning" for finding in found),
        )
        self._status_bar.show(status)

    def visit(self, where: Where) -> None:
        """Go to the place of a finding: a token of a row, or a line of the recipe."""
        if where.row is None:
            self.action_edit()
            self._editor.go(where.line or 1, where.column or 1)
            return
        view, grid = self._view, self._grid
        turns = view.turns if view is not None and view.index == where.row else []
        begun = [turn.start for turn in turns if turn.message == where.message]
        self._token = where.tokens[0] if where.tokens else begun[0] if begun else 0
        if view is not None and view.index == where.row:
            grid.go(self._token)
        else:
            self.show_row(where.row)
        self.action_focus_tokens()

    @on(CursorMoved)
    def _cursor_moved(self, message: CursorMoved) -> None:
        message.stop()
        self.show_token()

    def show_token(self) -> None:
        """Show what is under the cursor."""
        grid = self._grid
        start, stop = grid.covered
        self._inspector.show(grid.view, start, stop, grid.run)
        self.preview()

    @on(RowChosen)
    def _row_chosen(self, message: RowChosen) -> None:
        self.show_row(message.index)

    # Samples

    @on(SamplesWanted)
    def _samples_wanted(self, message: SamplesWanted) -> None:
        self._background.submit(Kind.SAMPLES, self._sample(message.indices))

    def _sample(self, indices: list[int]) -> Iterator[None]:
        for index in indices:
            try:
                sample = read_sample(self.bench, index, self.editing.against)
            except BenchError:
                self._send(RowsEnd(index))
                return
            except Exception:
                sample = Sample(index, 0, 0, "T006", "error")
            self._send(SampleReady(sample))
            yield

    @on(SampleReady)
    def _sample_ready(self, message: SampleReady) -> None:
        self.query_one(SamplesList).put(message.sample)

    @on(RowsEnd)
    def _rows_end(self, message: RowsEnd) -> None:
        self.query_one(SamplesList).end_at(message.count)

    # Looks

    def _repaint(self) -> None:
        self._panel.draw()
        self.query_one(FindingsList).draw()
        self.query_one(Problem).draw()
        self._editor.draw()
        self._grid.show_legend()
        if self._form.display:
            self._show_form()
        for widget in (StatusBar, KeyHints, TokenInspector, SamplesList, TokenGrid):
            self.query_one(widget).refresh()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The border of the pane in focus is lit by the style sheet; the hints follow the pane."""
        self.query_one(KeyHints).refresh()

    # Actions

    def action_next_edge(self) -> None:
        self._jumped(self._grid.jump_edge(1), "No mask edge after this token")

    def action_previous_edge(self) -> None:
        self._jumped(self._grid.jump_edge(-1), "No mask edge before this token")

    def action_next_turn(self) -> None:
        self._jumped(self._grid.jump_turn(1), "This is the last turn")

    def action_previous_turn(self) -> None:
        self._jumped(self._grid.jump_turn(-1), "This is the first turn")

    def action_next_finding(self) -> None:
        self._jump_finding(1)

    def action_previous_finding(self) -> None:
        self._jump_finding(-1)

    def _jump_finding(self, direction: int) -> None:
        places = sorted({finding.where.tokens[0] for finding in self._findings if finding.where.tokens is not None})
        moved = self._grid.jump(np.array(places, dtype=np.int64), direction)
        self._jumped(moved, "No finding points at a token there")

    def _jumped(self, moved: bool, otherwise: str) -> None:
        if not moved:
            self.notify(otherwise, timeout=2, markup=False)

    def action_focus_tokens(self) -> None:
        grid = self._grid
        (grid if grid.display else self.query_one(Problem)).focus()

    def action_spaces(self) -> None:
        self._grid.toggle_spaces()

    def action_lens(self) -> None:
        grid = self._grid
        grid.set_lens(grid.lens.following(losses=self._view is not None and self._view.nll is not None))

    def action_next_row(self) -> None:
        self.query_one(SamplesList).move(1)

    def action_previous_row(self) -> None:
        self.query_one(SamplesList).move(-1)


def _as_finding(problem: BenchError, index: int) -> Finding:
    return Finding("T006", "error", problem.title, f"{problem.cause} {problem.hint}", Where(row=index))
