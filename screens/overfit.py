"""The overfit screen: start a run, watch it learn, read the verdict; earlier runs are kept and can be shown again."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from screens.guard.faults import Fault, on, subscriber, unexpected, write
from screens.guard.widgets import Container, Static, VerticalScroll
from screens.keys.actions import Scope, bindings
from screens.keys.spoken import advice, keyed
from screens.loss_plot import LossPlot
from screens.overfit_text import (
    compared_text,
    next_step,
    progress_text,
    stage,
    stages_text,
    verdict_mark,
    verdict_text,
    waiting_text,
)
from screens.shell.base_screen import WorkbenchScreen, draw_keys, say_state
from screens.shell.explanation import Explanation
from screens.shell.messages import JobFailed, RunProgressed, RunsFound
from screens.shell.story import RUNNING, Mark, Story
from screens.shell.themes import paints
from screens.shell.worker import Kind
from workbench.errors import BenchError, Where
from workbench.findings import Finding
from workbench.overfit.events import Event, every, last, number
from workbench.overfit.plan import ROWS, STEPS
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.overfit.runs import Run
    from workbench.overfit.supervisor import Supervisor
    from workbench.overfit.verdict import Verdict
    from workbench.recipe.yaml.document import Document

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]


class OverfitScreen(WorkbenchScreen):
    """One run at a time. Leaving the screen does not stop it; leaving the app does."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overfit")]
    CSS_PATH = "overfit.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("overfit",)

    rows = ROWS
    steps = STEPS
    _supervisor: Supervisor | None = None
    _problem: BenchError | None = None
    _shown = -1
    _comparing = False
    _began: float | None = None
    """The time at which the run that goes on was asked for; None where none does."""
    _cancelled = False
    """True where the run that is being prepared is to be ended."""
    _place: Where | None = None
    """The line of the recipe that the explanation is about."""

    def body(self) -> ComposeResult:
        """The curve, what is known of the run, and what was found."""
        self._events: list[Event] = []
        self._runs: list[Run] = []
        yield Static(id="run-line", markup=False)
        with Container(id="run"):
            yield LossPlot(id="curve")
            with VerticalScroll(id="verdict") as box:
                box.border_title = "verdict"
                yield Static(id="verdict-text", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._draw))
        self.query_one("#verdict").focus()
        # A sign of life a second, from the first one of a run on.
        self.set_interval(1.0, self._draw_line)

    def on_unmount(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()

    @property
    def running(self) -> bool:
        """True while a run is in progress."""
        return self._supervisor is not None

    def offers(self, action: str, parameters: tuple[object, ...]) -> bool:
        """A run is begun where none goes on, and cancelled where one does; other runs are shown where there are any."""
        if action == "start":
            return self._began is None
        if action == "cancel":
            return self._began is not None or self.running
        if action == "next":
            verdict = _verdict_of(self._events)
            return self._began is None or (verdict is not None and bool(verdict.findings))
        if action == "step_run":
            return self._began is None and 0 <= self._shown + int(str(parameters[0])) < len(self._runs)
        if action == "compare":
            return self._comparing or self._before() is not None
        return super().offers(action, parameters)

    def activated(self, edited: bool) -> None:
        """Look for the runs that are kept."""
        if edited and not self.running:
            self.background.submit(Kind.RUNS, self._find())
        self._draw()

    # Runs that are kept

    def _find(self) -> Iterator[None]:
        from workbench.overfit.runs import runs_of

        self.tell(RunsFound(runs_of(self.bench)))
        yield

    @on(RunsFound)
    def _found(self, message: RunsFound) -> None:
        self._runs = message.runs
        if not self.running and self._runs and not self._events:
            self._show_run(0)
        elif not self.running and self._runs and self._shown < 0 and self._problem is None:
            # The run that has just ended is the newest that is kept: older ones and the comparison count from it.
            self._shown = 0
        self._draw()

    def _show_run(self, index: int) -> None:
        self._shown = index
        self._events = list(self._runs[index].events)
        _take_losses(self.bench, self._events)
        self._draw()

    def action_step_run(self, by: int) -> None:
        """Show an older run, or with a negative number a newer one."""
        index = self._shown + by
        if self._began is not None:
            self.notify("Other runs can be shown when this one has ended", timeout=3)
            return
        if not 0 <= index < len(self._runs):
            self.notify(f"There is no {'older' if by > 0 else 'newer'} run", timeout=2)
            return
        self._show_run(index)

    def action_compare(self) -> None:
        """Show the run side by side with the one before it, or alone again."""
        if not self._comparing and self._before() is None:
            self.notify("There is no earlier run to compare with", timeout=2)
            return
        self._comparing = not self._comparing
        self._draw()

    def _before(self) -> Run | None:
        """The run before the one that is shown."""
        index = self._shown + 1
        return self._runs[index] if 0 < index < len(self._runs) and not self.running else None

    # Running

    def action_start(self) -> None:
        """Start a run of the recipe as it stands."""
        if self._began is not None:
            self.notify(keyed(self, "A run is in progress; {cancel} cancels it"), timeout=3, markup=False)
            return
        self._problem, self._comparing, self._cancelled = None, False, False
        self._events, self._shown = [], -1
        self._began = monotonic()
        self._draw()
        self.background.submit(Kind.RUN, self._prepare())

    def _prepare(self) -> Iterator[None]:
        """On the background thread, which alone works with the bench: the plan; the run itself has another."""
        from workbench.overfit.start import start

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            supervisor = start(self.bench, rows=self.rows, steps=self.steps)
        except BenchError as problem:
            self.tell(RunProgressed(None, problem=problem))
            return
        self._supervisor = supervisor
        # The process is begun: the next of the stages goes on.
        self.tell(RunProgressed(None))
        threading.Thread(target=self._follow, args=(supervisor,), name="vlmbench-run", daemon=True).start()
        yield

    def _follow(self, supervisor: Supervisor) -> None:
        try:
            for event in supervisor.events():
                self.post_message(RunProgressed(event))
            self.post_message(RunProgressed(None, ended=True))
        except RuntimeError:
            # The app is gone, and so is the child by now.
            supervisor.cancel()
        except Exception as error:
            write(Fault.of("following the run", error))
            supervisor.cancel()
            self.post_message(RunProgressed(None, ended=True, problem=unexpected(error)))

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        if message.kind in (Kind.RUN, Kind.RUNS):
            self._progressed(RunProgressed(None, problem=message.problem))

    @on(RunProgressed)
    def _progressed(self, message: RunProgressed) -> None:
        if message.problem is not None:
            self._problem = message.problem
            self._began = None
        if self._cancelled and self._supervisor is not None:
            self._cancelled = False
            self._supervisor.cancel()
        if message.event is not None:
            self._events.append(message.event)
        if message.ended:
            self._supervisor, self._began = None, None
            _take_losses(self.bench, self._events)
            self.background.submit(Kind.RUNS, self._find())
        self._draw()

    def action_cancel(self) -> None:
        """Cancel the run that is in progress."""
        if self._supervisor is not None:
            self._supervisor.cancel()
        elif self._began is not None:
            # Its process is not begun yet, and cannot be ended before it is.
            self._cancelled = True
            self.notify("The run ends as soon as its process has begun", timeout=5)
        else:
            self.notify("No run is in progress", timeout=2)

    async def action_next(self) -> None:
        """Do what follows from the verdict: go to the export, or say what the first finding means."""
        verdict = _verdict_of(self._events)
        words, action = next_step(verdict)
        # What a finding means can be read while the run still writes its turns.
        if verdict is not None and verdict.findings and words and not action:
            finding = _placed(verdict.findings[0], self.editing.document)
            self._place = finding.where if finding.where.row is None and finding.where.line is not None else None
            self.app.push_screen(Explanation(finding, place=self._place is not None), self._visit)
        elif self._began is not None:
            self.notify(keyed(self, "A run is in progress; {cancel} cancels it"), timeout=3, markup=False)
        else:
            await self.run_action(action or "screen.start")

    async def _visit(self, wanted: bool | None) -> None:
        """Go to the line of the recipe that the explanation was about."""
        if wanted and self._place is not None:
            screen = await self.app.show("inspect")  # type: ignore[attr-defined]
            screen.visit(self._place)

    def action_scale_steps(self, factor: float) -> None:
        """Take so many times the steps in the next run."""
        self.steps = min(960, max(15, int(self.steps * factor)))
        self._draw()

    # Drawing

    def _draw_line(self) -> None:
        paint = paints(self.app.current_theme)
        if self._began is None and not self.running:
            line = waiting_text(self.rows, self.steps, paint, partial(keyed, self))
        else:
            seconds = monotonic() - self._began if self._began is not None else None
            line = progress_text(self._events, self.steps, paint, started=self.running, seconds=seconds)
        self.query_one("#run-line", Static).update(line)

    def _draw(self) -> None:
        paint = paints(self.app.current_theme)
        verdict = _verdict_of(self._events)
        steps = every(self._events, "step")
        other = self._before() if self._comparing else None
        plot = self.query_one(LossPlot)
        # Axes without a curve tell nothing.
        plot.display = bool(steps)
        plot.show(
            _losses(self._events),
            [number(step["grad_norm"]) for step in steps],
            _guess(self._events),
            _losses(other.events) if other is not None else (),
        )
        self._draw_line()
        text, box = Text(end=""), self.query_one("#verdict")
        box.border_subtitle = _run_name(self)
        if self._problem is not None:
            text.append(f"✗ {visible(self._problem.title)}", paint.severity["error"])
            for more in (self._problem.cause, self._problem.hint):
                text.append(f"\n{advice(self, more)}" if more else "", paint.muted)
        elif self._began is not None and not steps:
            stages_text(text, stage(self._events, self.running), paint)
        elif verdict is None:
            text.append("No run yet.", paint.strong)
            text.append(
                "\n\nA run trains the recipe's adapters on a few rows until the model reproduces them, in a process "
                "of its own. It takes a minute or two for a small model, and tells whether the recipe can learn.",
                paint.muted,
            )
        elif other is not None:
            compared_text(text, self._runs[self._shown], other, paint)
        else:
            key = keyed(self, "{overfit.next}")
            verdict_text(text, self._events, verdict, paint, say=partial(advice, self), key=key)
        self.query_one("#verdict-text", Static).update(text)
        _say_state(self)
        draw_keys(self)


def _placed(finding: Finding, document: Document) -> Finding:
    """The finding with the line of its key, where the recipe has one."""
    key = finding.where.field
    if finding.where.row is not None or not key or key not in document.data:
        return finding
    return replace(finding, where=document.where((key,)))


def _take_losses(bench: Bench, events: Sequence[Event]) -> None:
    """Keep the loss of every token, for the lens of the token grid."""
    from workbench.overfit.runs import losses

    bench.losses.update(losses(events))


def _verdict_of(events: Sequence[Event]) -> Verdict | None:
    from workbench.overfit.verdict import judge

    return judge(events) if events else None


def _run_name(screen: OverfitScreen) -> str:
    if screen.running:
        return "running"
    count, shown = len(screen._runs), screen._shown
    return f"run {count - shown} of {count}" if 0 <= shown < count else ""


def _say_state(screen: OverfitScreen) -> None:
    """The newest run, whichever is shown; it is about the recipe as that was when it began."""
    newest = next((run for run in screen._runs if run.done), None)
    if screen.running or screen._began is not None:
        say_state(screen, RUNNING)
    elif screen._problem is not None:
        say_state(screen, Mark("✗", "error", "✗"))
    elif newest is not None:
        story: Story = screen.app.story  # type: ignore[attr-defined]
        story.say("overfit", newest.recipe, verdict_mark(newest.verdict))


def _guess(events: Sequence[Event]) -> float:
    """The loss of a model that predicts at random; NaN before the model is loaded."""
    loaded = last(events, "loaded")
    vocabulary = int((loaded or {}).get("vocabulary") or 0)
    return math.log(vocabulary) if vocabulary > 1 else math.nan


def _losses(events: Sequence[Event]) -> list[float]:
    return [number(step["loss"]) for step in every(events, "step")]
