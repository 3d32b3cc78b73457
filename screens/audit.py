"""The audit screen: every row of every data set, judged by processes of their own; what is found, by cause."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets.option_list import Option

from screens.audit_text import audit_line, cause_line, cause_page, figures_line, figures_page
from screens.guard.faults import on, subscriber
from screens.guard.widgets import Container, Static, VerticalScroll
from screens.keys.actions import Scope, bindings
from screens.keys.spoken import advice, keyed
from screens.shell.base_screen import WorkbenchScreen, draw_keys, say_state
from screens.shell.fields import OptionList
from screens.shell.hanging import Wrapped
from screens.shell.messages import AuditRead, JobFailed
from screens.shell.story import PASS, PASS_OF_SAMPLE, RUNNING, Mark, counts
from screens.shell.themes import paints
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.views.audit_facts import examples_of, inspect_command
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.audit.causes import Cause
    from workbench.audit.follow import FollowedAudit
    from workbench.audit.progress_file import Followed
    from workbench.audit.report import AuditReport

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]
_EVERY_SECONDS = 0.5
_SHARE = 5.0
"""Making the report so far takes at most a sixth of the time."""


class AuditScreen(WorkbenchScreen):
    """Reads the files of the recipe's audit while they are written. Leaving the screen does not stop it; leaving the
    app does, and the rows that were judged stay known."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("audit")]
    CSS_PATH = "audit.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("audit",)
    JOBS = (Kind.AUDIT,)

    report: AuditReport | None = None
    progress: Followed | None = None
    problem: BenchError | None = None
    running = False
    read = False
    """True once the files were looked at."""
    _audit: FollowedAudit | None = None
    _number = 0
    _place = 0
    _chosen: tuple[str, ...] = ()
    _made = 0.0
    _cost = 0.0

    def body(self) -> ComposeResult:
        """The causes, and beside them what there is to say of one, or of all rows."""
        yield Wrapped(id="audit-line", markup=False)
        with Container(id="audited"):
            causes = OptionList(id="causes", markup=False)
            causes.border_title = "causes"
            yield causes
            with VerticalScroll(id="detail"):
                yield Static(id="audit-text", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._draw))
        self.query_one("#audit-line", Wrapped).narrowed = self._draw_line
        self.query_one("#causes").focus()
        self.set_interval(_EVERY_SECONDS, self._poll)

    def on_unmount(self) -> None:
        if self._audit is not None:
            self._audit.end()

    def activated(self, edited: bool) -> None:
        """Read what is known of the recipe as it is now."""
        if edited:
            self.follow()

    def follow(self) -> None:
        """Read the files from the beginning."""
        self.seen = self.editing.document.text
        self._number += 1
        self.problem = None
        self.background.submit(Kind.AUDIT, self._read(self._number))
        self._draw()

    def _poll(self) -> None:
        if self.running:
            self.background.submit(Kind.AUDIT, self._read(self._number))

    # On the background thread

    def _read(self, number: int, *, start: bool = False) -> Iterator[None]:
        from workbench.audit.follow import FollowedAudit

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            audit = self._audit
            if audit is None:
                audit = self._audit = FollowedAudit(self.bench)
            if start:
                audit.start()
            yield from audit.read()
            progress = audit.progress
            running = not progress.ended if progress is not None else audit.running
            report = self.report
            if not running or monotonic() - self._made > _SHARE * self._cost:
                begin = monotonic()
                report = audit.report()
                self._made = monotonic()
                self._cost = self._made - begin
        except BenchError as problem:
            self.tell(AuditRead(number, None, None, running=False, problem=problem))
            return
        self.tell(AuditRead(number, report, progress, running=running))
        yield

    def offers(self, action: str, parameters: tuple[object, ...]) -> bool:
        """An audit is begun where none goes on, and stopped where one of this window does; a cause has examples."""
        examples = len(examples_of(self.cause)) if action in ("visit", "next_place") and self.cause is not None else 0
        if action == "start":
            return not self.running
        if action == "stop":
            return self._audit is not None and self._audit.running
        if action in ("visit", "next_place"):
            return examples > (1 if action == "next_place" else 0)
        return super().offers(action, parameters)

    # Drawing

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        if message.kind is Kind.AUDIT:
            self._was_read(AuditRead(self._number, self.report, self.progress, running=False, problem=message.problem))

    @on(AuditRead)
    def _was_read(self, message: AuditRead) -> None:
        if message.number != self._number:
            return
        self.report, self.progress, self.running = message.report, message.progress, message.running
        self.problem, self.read = message.problem, True
        if message.problem is not None:
            self.notify_problem(message.problem)
        self._draw()

    @property
    def causes(self) -> list[Cause]:
        """The causes that have an example, the worst first."""
        return [cause for cause in self.report.causes if cause.examples] if self.report is not None else []

    @property
    def cause(self) -> Cause | None:
        """The cause under the cursor; None on the line of the figures."""
        index = self.query_one("#causes", OptionList).highlighted
        return self.causes[index - 1] if index and index <= len(self.causes) else None

    def _draw(self) -> None:
        paint = paints(self.app.current_theme)
        options = self.query_one("#causes", OptionList)
        at = next((number for number, cause in enumerate(self.causes, 1) if cause.key == self._chosen), 0)
        with self.prevent(OptionList.OptionHighlighted):
            options.clear_options()
            if self.report is not None:
                options.add_options([Option(figures_line(self.report, paint))])
                options.add_options([Option(cause_line(cause, self.report, paint)) for cause in self.causes])
                options.highlighted = at
        self._say_state()
        self._draw_line()
        self._draw_detail()

    def _draw_line(self) -> None:
        shown, paint = self.query_one("#audit-line", Wrapped), paints(self.app.current_theme)
        room = shown.size.width - 2 if shown.size.width else None
        known, say = (self.report, self.progress, paint), partial(keyed, self)
        shown.update(audit_line(*known, running=self.running, problem=self.problem, room=room, say=say))

    def _say_state(self) -> None:
        partial = self.report is not None and not self.running and not self.report.whole
        found = counts((str(cause.severity) for cause in self.causes), partial=partial)
        if self.problem is not None:
            say_state(self, Mark("✗", "error", "✗"))
        elif self.running:
            say_state(self, *found, RUNNING)
        elif self.report is not None and self.report.rows:
            say_state(self, *(found or (PASS if self.report.whole else PASS_OF_SAMPLE,)))

    def _draw_detail(self) -> None:
        paint = paints(self.app.current_theme)
        box, cause = self.query_one("#detail"), self.cause
        box.border_title = "explanation" if cause is not None else "all rows"
        box.border_subtitle = ""
        if cause is not None and self.report is not None:
            rows = examples_of(cause)
            place = min(self._place, len(rows) - 1)
            if len(rows) > 1:
                box.border_subtitle = f"example {place + 1} of {len(rows)}  {_steps(self)}"
            page = cause_page(self.bench, cause, place, self.report, paint, partial(advice, self))
        else:
            page = figures_page(self.report, paint, read=self.read, running=self.running)
        self.query_one("#audit-text", Static).update(page)
        draw_keys(self)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        cause = self.cause
        self._chosen, self._place = cause.key if cause is not None else (), 0
        self._draw_detail()
        self.query_one("#detail").scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    async def _selected(self) -> None:
        await self.action_visit()

    # Actions

    def action_start(self) -> None:
        """Audit every row of the recipe as it stands, from where that was left."""
        if self.running:
            self.notify(keyed(self, "An audit is in progress; {stop} stops it"), timeout=3, markup=False)
            return
        self.seen = self.editing.document.text
        self._number += 1
        self.running, self.problem, self.report, self.progress = True, None, None, None
        self.background.submit(Kind.AUDIT, self._read(self._number, start=True))
        self._draw()

    def action_stop(self) -> None:
        """Stop the audit; what it knows is kept."""
        if self._audit is None or not self._audit.running:
            self.notify("No audit of this window is in progress", timeout=2)
            return
        self._audit.stop()

    def action_next_place(self) -> None:
        self._step(1)

    def action_previous_place(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        if self.cause is not None:
            self._place = min(max(0, self._place + by), max(0, len(examples_of(self.cause)) - 1))
            self._draw_detail()

    async def action_visit(self) -> None:
        """Open the example on the inspect screen, where its data set is the one that is shown."""
        from screens.inspect.screen import InspectScreen

        rows = examples_of(self.cause) if self.cause is not None else []
        if not rows:
            return
        place, finding = rows[min(self._place, len(rows) - 1)]
        if place.dataset != self.bench.options["dataset"]:
            command = inspect_command(self.bench, place)
            self.notify(visible(f"This row is of another data set: {command}"), timeout=12, markup=False)
            return
        screen = await self.app.show("inspect")  # type: ignore[attr-defined]
        assert isinstance(screen, InspectScreen)
        screen.visit(finding.where)


def _steps(screen: AuditScreen) -> str:
    """The keys that go from place to place, for a border."""
    return keyed(screen, "{audit.next-place} {audit.previous-place}").replace("[", "\\[")
