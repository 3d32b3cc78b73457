"""Reading rows on the background thread: the one that is shown, and what the list of samples says about the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from textual.timer import Timer

from screens.guard.faults import Fault, unexpected, write
from screens.inspect.asking import Asking
from screens.inspect.context import InspectContext
from screens.inspect.sample_reading import samples_of
from screens.inspect.tokens import Tokens
from screens.shell.worker import Kind
from workbench.bench import ROWS_KEPT
from workbench.checks.row_checks import checking
from workbench.data.row_notes import BAD_ROW
from workbench.errors import BenchError, Where
from workbench.findings import Finding
from workbench.row import NOT_RENDERED
from workbench.views.path import preference_lines, preference_texts
from workbench.views.row_view import RowView, Sample, read_row, sample_there

if TYPE_CHECKING:
    from workbench.blocks.known import KnownRows

_PATIENCE_SECONDS = 0.15
_PAINT_SECONDS = 0.03
"""A page of the list is painted in this time; the background thread would take turns with it."""
_SAMPLES_SECONDS = 0.01
"""Seconds that a block of samples takes about: the next page of the list is painted between two blocks."""
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class RowReader:
    """The part of the inspect screen that shows a row. The last one asked for is shown, whatever comes first."""

    def __init__(self, context: InspectContext, tokens: Tokens) -> None:
        self._context = context
        self._tokens = tokens
        self._request = 0
        self._asking = Asking(context, self.show)
        self._shown = -1
        self._then: Callable[[], None] | None = None
        self._moved = False
        self._waiting: Timer | None = None
        self._ticks = 0
        self.cursor = 0
        """The token that the cursor is put on once the row that was asked for is there."""
        self.recalled = 0
        """The row of the last time, while it is not known whether the data still has it."""
        self.on_shown: Callable[[], None] = lambda: None
        """A callback of every row that has come."""
        self._known: KnownRows | None = None
        context.panes.samples.known.there = self._there
        context.panes.samples.scrolled = lambda: context.background.hold(_PAINT_SECONDS, Kind.ROW)

    @property
    def settled(self) -> bool:
        """True where the requested row is shown and every visible row of the list has its sample."""
        return self._shown == self._request and not self._context.panes.samples.unknown

    # The shown row

    def begin(self, view: RowView, cursor: int, moved: bool) -> None:
        """Show tokens of the row that are there already, until the row is; the cursor stays where a person put it."""
        self._moved = moved
        self._context.panes.grid.show(view, cursor=cursor)

    def show(self, index: int, then: Callable[[], None] | None = None) -> None:
        """Ask for a row, and do something once it is there; a newer request takes the place of this one."""
        context = self._context
        context.row, self._then = index, then
        self._request += 1
        context.background.submit(Kind.ROW, self._read(index, self._request))
        context.panes.samples.choose(index)
        if self._waiting is None:
            self._ticks = 0
            self._waiting = context.screen.set_interval(_PATIENCE_SECONDS, self._still_waiting)

    def next(self) -> None:
        self._context.panes.samples.move(1)

    def previous(self) -> None:
        self._context.panes.samples.move(-1)

    def check_again(self) -> None:
        """Read the shown row and every sample again."""
        self.show(self._context.row)
        self._context.panes.samples.forget()

    def show_losses(self) -> None:
        """Show the losses that a run has measured of this row since it was shown, if any."""
        context = self._context
        losses = context.bench.losses.get(context.row)
        known = context.view.nll if context.view is not None else None
        if losses is not None and losses.nll is not known:
            self.show(context.row)

    def visit(self, where: Where) -> None:
        """Go to the token of a row that a finding is about."""
        assert where.row is not None
        view = self._context.view
        here = view is not None and view.index == where.row
        turns = view.turns if view is not None and here else []
        begun = [turn.start for turn in turns if turn.message == where.message]
        self.cursor = where.tokens[0] if where.tokens else begun[0] if begun else 0
        if here:
            self._context.panes.grid.go(self.cursor, unfold=True)
        else:
            self.show(where.row)
        self._tokens.focus()

    def _read(self, index: int, request: int) -> Iterator[None]:
        context = self._context
        try:
            # In steps, so that a key need not wait until a long row is checked.
            yield from checking(context.bench.row(index))
            view: RowView | Finding = read_row(context.bench, index, context.view)
        except BenchError as problem:
            if index and index == self.recalled:
                # The data has fewer rows than the last time.
                self.recalled = 0
                context.tell(self.show, 0)
                return
            view = BAD_ROW("error", problem.title, problem.cause or problem.hint, problem.where)
        except Exception as error:
            write(Fault.of(f"row {index}", error))
            view = _as_finding(unexpected(error), index)
        context.tell(self._ready, request, index, view)
        yield

    def _ready(self, request: int, index: int, found: RowView | Finding) -> None:
        if request != self._request:
            return
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
            self._context.panes.problem.border_subtitle = ""
        self._shown = request
        context, panes = self._context, self._context.panes
        view = context.view = found if isinstance(found, RowView) else None
        panes.grid.show_legend()
        self._exchange(shown=view is not None)
        changed = context.change(view) if view is not None else None
        if isinstance(found, RowView):
            context.findings = found.findings
            before = panes.grid.view
            if before is not None and before.preliminary and before.index == index and self._moved:
                self.cursor = _same_place(before, panes.grid.at.cursor, found)
            if before is not None and before.rendering is found.rendering:
                panes.grid.remask(found, changed)
                self._tokens.show()
            else:
                panes.grid.show(found, changed=changed, cursor=self.cursor)
                self.cursor = 0
        else:
            context.findings = [found]
            panes.problem.show(found, self._as_text(index))
            # What is beside the tokens goes with them: it is of another row.
            self._tokens.show()
        context.show_boundaries(changed)
        panes.findings.show(context.findings, context.bench.findings)
        context.show_status()
        if self._then is not None:
            then, self._then = self._then, None
            then()
        self.on_shown()
        self._asking.ask()

    def _as_text(self, index: int) -> str:
        """A row of preference data, which has no tokens to show; "" for other rows."""
        if self._context.bench.path.kind != "preference":
            return ""
        try:
            return preference_lines(preference_texts(self._context.bench.row(index)))
        except BenchError:
            return ""

    def failed(self, problem: BenchError) -> None:
        """The row that was asked for does not come."""
        self._ready(self._request, self._context.row, _as_finding(problem, self._context.row))

    def _exchange(self, *, shown: bool) -> None:
        """The tokens, or the reason why there are none, in the same place."""
        panes = self._context.panes
        come, go = (panes.grid, panes.problem) if shown else (panes.problem, panes.grid)
        come.display = True
        # Before the other one goes: Textual would give the focus of a hidden pane to whichever comes next.
        if go.has_focus:
            self._context.screen.set_focus(come)
        go.display = False

    def _still_waiting(self) -> None:
        """Say so only when it takes a while."""
        glyph = _SPINNER[self._ticks % len(_SPINNER)]
        self._ticks += 1
        panes = self._context.panes
        for pane in (panes.grid, panes.problem):
            pane.border_subtitle = f"{glyph} row {self._context.row:,}"

    # Samples

    def _there(self, index: int) -> tuple[Sample, bool] | None:
        """The sample of a row that was judged before; none while changes are shown."""
        context = self._context
        if context.editing.compared_masking != context.bench.masking:
            return None
        if self._known is None:
            from workbench.blocks.known import KnownRows

            self._known = KnownRows(context.bench)
        return sample_there(self._known, index)

    def want_samples(self, indices: list[int]) -> None:
        """Read what the list says about some rows."""
        self._context.background.submit(Kind.SAMPLES, self._sample(indices))

    def _sample(self, indices: list[int]) -> Iterator[None]:
        from workbench.blocks.known import Pace

        context, pace, waiting = self._context, Pace(_SAMPLES_SECONDS), iter(indices)
        while wanted := list(islice(waiting, pace.size)):
            with pace.block(len(wanted)):
                samples = samples_of(context, wanted)
            for sample in samples:
                context.tell(context.panes.samples.put, sample)
            yield
            if len(samples) < len(wanted):
                context.tell(context.panes.samples.end_at, wanted[len(samples)])
                return
        yield from self._make_ready(indices[:ROWS_KEPT])

    def _make_ready(self, indices: list[int]) -> Iterator[None]:
        """Render the rows that the list shows, which are opened next, and which a fix is tried on."""
        bench = self._context.bench
        for index in indices:
            with suppress(Exception):
                row = bench.row(index)
                _ = row.trace if row.error is None else None
            yield


def _same_place(before: RowView, token: int, view: RowView) -> int:
    """The token of a row so far on in the same message as a preliminary token of it."""
    turn = next((turn for turn in reversed(before.turns) if turn.start <= token), None)
    start = next((other.start for other in view.turns if turn is not None and other.message == turn.message), None)
    return token if turn is None or start is None else start + token - turn.start


def _as_finding(problem: BenchError, index: int) -> Finding:
    return NOT_RENDERED("error", problem.title, f"{problem.cause} {problem.hint}", Where(row=index))
