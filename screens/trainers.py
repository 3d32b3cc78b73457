"""The trainers screen: the same rows under each trainer at hand, as lanes aligned by text, and why they differ."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets.option_list import Option

from screens.guard.faults import on, subscriber
from screens.guard.widgets import Container, Static, VerticalScroll
from screens.keys.actions import Scope, bindings
from screens.keys.spoken import keyed
from screens.shell.base_screen import WorkbenchScreen, draw_keys
from screens.shell.fields import OptionList
from screens.shell.messages import JobFailed, LanesRead
from screens.shell.themes import paints
from screens.shell.worker import Kind
from screens.trainers_text import row_line, row_page, summary_page, trainers_line
from workbench.errors import BenchError, Where

if TYPE_CHECKING:
    from workbench.consumers.trainers.client import RowsAnswer
    from workbench.lanes.asking import Content, Lanes, Prepared
    from workbench.lanes.comparison import ComparedRow

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]
ROWS = 20
"""The first rows of the shown data set, about which every trainer is asked."""
_FRAME = 4


class TrainersScreen(WorkbenchScreen):
    """Asks when told to, each trainer in its own process, one after the other. Nothing is installed."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("trainers")]
    CSS_PATH = "trainers.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("trainers",)
    JOBS = (Kind.LANES,)

    lanes: Lanes | None = None
    problem: BenchError | None = None
    asking = ""
    missing: tuple[str, ...] = ()
    read = False
    """True once it is known which trainers are at hand."""
    _number = 0

    def body(self) -> ComposeResult:
        """The rows, and beside them the lanes of one, or the summary of all."""
        yield Static(id="trainers-line", markup=False)
        with Container(id="compared"):
            rows = OptionList(id="compared-rows", markup=False)
            rows.border_title = "rows"
            yield rows
            with VerticalScroll(id="lanes"):
                yield Static(id="lanes-text", markup=False)

    def on_mount(self) -> None:
        self.problems: dict[str, BenchError] = {}
        self.at_hand: tuple[str, ...] = ()
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._draw))
        self.query_one("#compared-rows").focus()

    def on_unmount(self) -> None:
        self._number += 1

    def activated(self, edited: bool) -> None:
        """Forget the lanes of another recipe, and see who is at hand."""
        if edited:
            self.follow()

    def follow(self) -> None:
        """Show that nobody was asked about the recipe as it is now."""
        self._seen = self.editing.document.text
        self._number += 1
        self.lanes, self.asking, self.problem, self.problems = None, "", None, {}
        self.background.submit(Kind.LANES, self._look(self._number))
        self._draw()

    # On the background thread

    def _look(self, number: int) -> Iterator[None]:
        from workbench.lanes.asking import at_hand

        try:
            found, missing = at_hand(self.bench)
        except BenchError as problem:
            self.tell(LanesRead(number, None, problem=problem))
            return
        self.at_hand = tuple(one.label for one in found)
        self.tell(LanesRead(number, None, missing=missing))
        yield

    def _prepare(self, number: int) -> Iterator[None]:
        from workbench.lanes.asking import at_hand, contents, prepared

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            yield
            found, missing = at_hand(self.bench)
            self.at_hand = tuple(one.label for one in found)
            if not found:
                self.tell(LanesRead(number, None, missing=missing))
                return
            scratch = tempfile.TemporaryDirectory(prefix="vlmbench-lanes-")
            rows = [row.index for row in self.bench.head(ROWS)]
            content, skipped = contents(self.bench, rows, Path(scratch.name))
            asked = [prepared(self.bench, one, content) for one in found]
        except BenchError as problem:
            self.tell(LanesRead(number, None, problem=problem))
            return
        arguments = (number, asked, content, skipped, missing, scratch)
        threading.Thread(target=self._ask, args=arguments, name="vlmbench-trainers", daemon=True).start()
        yield

    def _ask(
        self,
        number: int,
        asked: list[Prepared],
        content: Content,
        skipped: dict[int, str],
        missing: list[str],
        scratch: tempfile.TemporaryDirectory[str],
    ) -> None:
        """In a thread of its own, which waits for one trainer after the other."""
        from workbench.lanes.asking import lanes_of

        answers: list[RowsAnswer] = []
        problems: dict[str, BenchError] = {}
        lanes: Lanes | None = None
        with scratch:
            for one in asked:
                if number != self._number:
                    return
                self.tell(LanesRead(number, lanes, one.label, problems, missing))
                try:
                    answers.append(one.ask())
                except BenchError as problem:
                    problems[one.label] = problem
                    continue
                except Exception as problem:
                    self.background.submit(Kind.LANES, _raising(problem))
                    return
                lost = {each.label: each.lost for each in asked if each.label not in problems}
                lanes = lanes_of(content, answers, lost, skipped)
        self.tell(LanesRead(number, lanes, "", problems, missing))

    def offers(self, action: str, parameters: tuple[object, ...]) -> bool:
        """The trainers are asked where none is asked now, and no further one where one is; a line is a row or not."""
        if action in ("start", "stop"):
            return bool(self.asking) == (action == "stop")
        return self.row is not None if action == "visit" else super().offers(action, parameters)

    # Drawing

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        if message.kind is Kind.LANES:
            self._was_read(LanesRead(self._number, self.lanes, missing=self.missing, problem=message.problem))

    @on(LanesRead)
    def _was_read(self, message: LanesRead) -> None:
        if message.number != self._number:
            return
        self.lanes, self.asking, self.problem = message.lanes, message.asking, message.problem
        self.problems, self.missing, self.read = message.problems, message.missing, True
        if message.problem is not None:
            self.notify_problem(message.problem)
        self._draw()

    @property
    def rows(self) -> tuple[ComparedRow, ...]:
        """The rows that were compared."""
        return self.lanes.comparison.rows if self.lanes is not None else ()

    @property
    def row(self) -> ComparedRow | None:
        """The row under the cursor; None on the line of the summary."""
        index = self.query_one("#compared-rows", OptionList).highlighted
        return self.rows[index - 1] if index and index <= len(self.rows) else None

    def _draw(self) -> None:
        paint = paints(self.app.current_theme)
        options = self.query_one("#compared-rows", OptionList)
        at = options.highlighted or 0
        with self.prevent(OptionList.OptionHighlighted):
            options.clear_options()
            options.add_options([Option("= all rows, by trainer")])
            options.add_options([Option(row_line(row, paint)) for row in self.rows])
            options.highlighted = min(at, len(self.rows))
        line = trainers_line(self.lanes, self.asking, paint, problem=self.problem, rows=ROWS, say=partial(keyed, self))
        self.query_one("#trainers-line", Static).update(line)
        self._draw_lanes()

    def _draw_lanes(self) -> None:
        paint, box, row = paints(self.app.current_theme), self.query_one("#lanes"), self.row
        if row is None:
            box.border_title = "by trainer"
            room = box.size.width - _FRAME
            page = summary_page(self.lanes, self.at_hand, self.problems, self.missing, paint, room)
        else:
            box.border_title = f"row {row.row}"
            page = row_page(row, box.size.width - _FRAME, paint)
        self.query_one("#lanes-text", Static).update(page)
        draw_keys(self)

    def on_resize(self, event: events.Resize) -> None:
        """Lanes are wrapped by the width of their pane."""
        self.call_after_refresh(self._draw_lanes)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        self._draw_lanes()
        self.query_one("#lanes").scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    async def _selected(self) -> None:
        await self.action_visit()

    # Actions

    def action_start(self) -> None:
        """Ask every trainer at hand about the first rows of the recipe as it stands."""
        if self.asking:
            text = "The trainers are being asked; {stop} asks no further one"
            self.notify(keyed(self, text), timeout=3, markup=False)
            return
        self._seen = self.editing.document.text
        self._number += 1
        self.lanes, self.problem, self.problems, self.asking = None, None, {}, "the trainers"
        self.background.submit(Kind.LANES, self._prepare(self._number))
        self._draw()

    def action_stop(self) -> None:
        """Ask no further trainer; what is known stays."""
        if not self.asking:
            self.notify("No trainer is being asked", timeout=2)
            return
        self._number += 1
        self.asking = ""
        self._draw()

    async def action_visit(self) -> None:
        """Open the row on the inspect screen."""
        from screens.inspect.screen import InspectScreen

        row = self.row
        if row is None:
            return
        screen = await self.app.show("inspect")  # type: ignore[attr-defined]
        assert isinstance(screen, InspectScreen)
        screen.visit(Where(row=row.row))


def _raising(problem: Exception) -> Iterator[None]:
    """A job that lets an exception of another thread out where it is reported."""
    yield
    raise problem
