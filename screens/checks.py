"""The checks screen: every finding about the recipe and all rows, by cause, with what it means and its fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets.option_list import Option

from screens.guard.faults import on, subscriber
from screens.guard.widgets import Container, Static, VerticalScroll
from screens.keys.actions import Scope, bindings
from screens.keys.spoken import advice, keyed
from screens.shell.base_screen import WorkbenchScreen, draw_keys, say_state, status_of
from screens.shell.checked_rows_asked import CheckedRowsAsked
from screens.shell.fields import OptionList
from screens.shell.finding_page import finding_page
from screens.shell.fix_trials import TriedFixes
from screens.shell.job_line import JobProgress, job_line
from screens.shell.messages import CheckProgressed, JobFailed, TrainerAnswered
from screens.shell.notices import UNTIL_DONE_SECONDS
from screens.shell.preferences import preferences
from screens.shell.status_bar import AskedStatus, StatusBar
from screens.shell.story import PASS, PASS_OF_SAMPLE, RUNNING, Mark, counts
from screens.shell.themes import Paints, paints
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.findings import SEVERITIES, Finding
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.blocks.chosen_rows import Wanted
    from workbench.checks.report import Group, Report

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]
PLACES = 1000
"""Places of one cause that can be stepped through."""
_EVERY_SECONDS = 0.25
_STEP_SECONDS = 0.1
_SHARE = 5.0
"""Showing the findings so far takes at most a sixth of the time."""


class ChecksScreen(WorkbenchScreen):
    """Checks when it is first looked at, and again when the recipe was edited. Leaving it does not stop the check."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("checks")]
    CSS_PATH = "checks.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("checks",)
    JOBS = (Kind.CHECK,)

    report: Report | None = None
    done = False
    problem: BenchError | None = None
    _report_text = ""
    """The recipe's text that the report is of."""
    _began = 0.0
    _rows = 0
    """The rows that the check under way has seen."""
    _round = 0
    _stop_round = -1
    """The round of the check that was stopped."""
    _trial: tuple[int, int] | None = None
    _place = 0
    _chosen: tuple[str, str] | None = None
    _trainer_status: AskedStatus | None = None

    def body(self) -> ComposeResult:
        """The causes, and beside them what there is to say of one."""
        yield Static(id="progress", markup=False)
        with Container(id="found"):
            causes = OptionList(id="causes", markup=False)
            causes.border_title = "findings"
            yield causes
            with VerticalScroll(id="detail") as box:
                box.border_title = "explanation"
                yield Static(id="page", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._draw))
        self.query_one("#causes").focus()
        self._trainer = CheckedRowsAsked(
            self.bench, self.background, lambda status, again: self.tell(TrainerAnswered(status, again))
        )

    def activated(self, edited: bool) -> None:
        """Check again what was edited."""
        if edited:
            self.follow()

    def follow(self) -> None:
        """Check from the beginning."""
        self.seen = self.editing.document.text
        self._round += 1
        self._began, self._rows = monotonic(), 0
        self.done, self.problem, self._trainer_status = False, None, None
        self.background.submit(Kind.CHECK, self._check(self._round))
        self._draw()

    # On the background thread

    def _check(self, number: int) -> Iterator[None]:
        from workbench.blocks.checking import FIRST_TRIAL, BlockChecking
        from workbench.blocks.chosen_rows import choose_rows
        from workbench.checks.inline_ignores import with_comments

        def under_way() -> Report:
            report = checking.report(places=PLACES, tried=FIRST_TRIAL)
            return with_comments(report, self.bench, whole=False)

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            yield
            wanted: Wanted = None if preferences().rows else "all"
            checking = BlockChecking(self.bench, choose_rows(self.bench, wanted))
        except BenchError as problem:
            self.tell(CheckProgressed(number, None, 0, True, problem))
            return
        shown, cost = 0.0, 0.0
        # A row that is asked for comes between two steps.
        for done in checking.steps(_STEP_SECONDS):
            if self._stop_round == number:
                break
            if monotonic() - shown > max(_EVERY_SECONDS, _SHARE * cost):
                begin = monotonic()
                self.tell(CheckProgressed(number, under_way(), done, False))
                shown = monotonic()
                cost = shown - begin
            yield
        tried = FIRST_TRIAL
        if self._stop_round != number:
            report = under_way()
            for tried, total in checking.trial_steps(_STEP_SECONDS):
                if self._stop_round == number:
                    break
                if monotonic() - shown > _EVERY_SECONDS:
                    self.tell(CheckProgressed(number, report, checking.rows, False, trial=(tried, total)))
                    shown = monotonic()
                yield
        stopped = self._stop_round == number
        report = checking.report(places=PLACES, tried=tried if stopped else None)
        report = with_comments(report, self.bench, whole=not stopped)
        self.tell(CheckProgressed(number, report, checking.rows, True))
        self._trainer.ask()
        yield

    def offers(self, action: str, parameters: tuple[object, ...]) -> bool:
        """A place to go to, and a fix to apply, are there or not."""
        group = self.group
        if action == "visit":
            return group is not None
        if action == "fix":
            return group is not None and group.fix is not None
        if action == "fix_all":
            return self.report is not None and any(finding.fix is not None for finding in self.report.findings)
        if action == "step_place":
            return group is not None and len(group.first) > 1
        return super().offers(action, parameters)

    # Drawing

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        if message.kind is Kind.CHECK:
            self._checked(CheckProgressed(self._round, None, 0, True, message.problem))

    @on(TrainerAnswered)
    def _trainer_answered(self, message: TrainerAnswered) -> None:
        if message.again:
            self.follow()
        else:
            self._trainer_status = message.status
            self._draw()

    @on(CheckProgressed)
    def _checked(self, message: CheckProgressed) -> None:
        if message.number != self._round:
            return
        self.done, self.problem, self._rows = message.done, message.problem, message.rows
        self._trial = message.trial
        if message.report is not None:
            self.report, self._report_text = message.report, self.seen
        if message.problem is not None:
            self.notify_problem(message.problem)
        self._draw()

    @property
    def groups(self) -> tuple[Group, ...]:
        """The causes, the worst first."""
        return self.report.groups if self.report is not None else ()

    @property
    def group(self) -> Group | None:
        """The cause under the cursor."""
        index = self.query_one("#causes", OptionList).highlighted
        return self.groups[index] if index is not None and index < len(self.groups) else None

    @property
    def finding(self) -> Finding | None:
        """The finding whose place is shown."""
        group = self.group
        return group.first[min(self._place, len(group.first) - 1)] if group is not None else None

    def _draw(self) -> None:
        paint = paints(self.app.current_theme)
        causes = self.query_one("#causes", OptionList)
        at = next((i for i, group in enumerate(self.groups) if _key(group) == self._chosen), 0)
        with self.prevent(OptionList.OptionHighlighted):
            causes.clear_options()
            causes.add_options([Option(cause_line(group, paint)) for group in self.groups])
            causes.highlighted = at if self.groups else None
        if self.done:
            progress = check_summary(self.bench, self.report, paint)
        else:
            seconds, report = monotonic() - self._began, self.report if self._rows else None
            stops = keyed(self, "{stop} stops")
            known = (self.bench, report, self._rows, self._trial, seconds)
            progress = check_under_way(*known, paint, self.size.width, stops)
        if self.problem is not None:
            # The findings so far stay in sight, and are not all.
            progress = Text(f" ✗ the check ended early: {visible(self.problem.title)}", paint.severity["error"])
        self.query_one("#progress", Static).update(progress)
        self._draw_detail()
        status = status_of(self.bench)
        self.query_one(StatusBar).show(replace(status, asked=self._trainer_status or status.asked))
        self._say_state()

    def _say_state(self) -> None:
        sample = self.report is not None and (self.report.drawn or self._stop_round == self._round)
        severities = [group.severity for group in self.groups] if self._report_text == self.seen else []
        found = counts(severities, partial=sample)
        if self.problem is not None:
            say_state(self, Mark("✗", "error", "✗"))
        elif not self.done:
            say_state(self, *found, RUNNING)
        else:
            say_state(self, *(found or (PASS_OF_SAMPLE if sample else PASS,)))
            if self.report is not None and not sample:
                self.app.story.keep_report(self._report_text, self.report)  # type: ignore[attr-defined]

    def _draw_detail(self) -> None:
        paint = paints(self.app.current_theme)
        group, box = self.group, self.query_one("#detail")
        box.border_subtitle = ""
        if group is not None and len(group.first) > 1:
            box.border_subtitle = (
                f"place {min(self._place, len(group.first) - 1) + 1} of {group.count:,}  {_steps(self)}"
            )
        empty = "" if not self.done else "nothing to explain"
        if self.problem is not None:
            empty = advice(self, f"{self.problem.cause} {self.problem.hint}")
        page: Text | str = empty
        if group is not None and self.finding is not None:
            key = keyed(self, "{checks.fix}")
            page = finding_page(self.finding, group.fix, paint, partial(advice, self), key)
        self.query_one("#page", Static).update(page)
        draw_keys(self)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        group = self.group
        self._chosen = _key(group) if group is not None else None
        self._place = 0
        self._draw_detail()
        self.query_one("#detail").scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    async def _selected(self) -> None:
        await self.action_visit()

    # Actions

    def action_step_place(self, by: int) -> None:
        """Go so many places of this cause further."""
        if self.group is not None:
            self._place = min(max(0, self._place + by), len(self.group.first) - 1)
            self._draw_detail()

    async def action_visit(self) -> None:
        """Go to the place on the inspect screen."""
        from screens.inspect.screen import InspectScreen

        finding = self.finding
        if finding is None:
            return
        screen = await self.app.show("inspect")  # type: ignore[attr-defined]
        assert isinstance(screen, InspectScreen)
        screen.visit(finding.where)

    def action_fix(self) -> None:
        """Apply the fix of the cause under the cursor."""
        fix = self.group.fix if self.group is not None else None
        if fix is None:
            self.notify("This finding has no fix that can be applied", timeout=3)
            return
        self.fixes.apply(TriedFixes(self._report_text, [fix], fix.described))

    def action_fix_all(self) -> None:
        """Apply every fix that goes together with the others."""
        if self.report is None or not self.offers("fix_all", ()):
            self.notify("No finding has a fix that can be applied", timeout=3)
            return
        self.notify("Trying the fixes together…", timeout=UNTIL_DONE_SECONDS)
        self.background.submit(Kind.FIX, self._all(self.report, self._report_text))

    def _all(self, report: Report, text: str) -> Iterator[None]:
        from workbench.checks.apply_fixes import together

        fixes = together(report)
        description = f"{len(fixes)} fixes" if len(fixes) > 1 else "".join(fix.described for fix in fixes)
        self.fixes.apply_from_thread(
            TriedFixes(text, fixes, description or "No fix can be applied to the recipe as it is now")
        )
        yield

    def action_stop(self) -> None:
        """End the check; the findings so far stay."""
        self._stop_round = self._round

    def action_check_again(self) -> None:
        """Check from the beginning."""
        self.follow()


def _key(group: Group) -> tuple[str, str]:
    return group.code, group.finding.message


# Findings as text


def cause_line(group: Group, paint: Paints) -> Text:
    """Code and message of a cause, with how often it was found."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{SEVERITY_GLYPH[group.severity]} {visible(group.code)} ", paint.severity[group.severity])
    if group.count > 1:
        rows = group.rows > 1
        text.append(f"×{group.count:,}" + (f" in {group.rows:,} rows " if rows else " "), paint.strong)
    if group.fix is not None:
        text.append("fix ", paint.accent)
    return text.append(visible(group.finding.message))


def check_under_way(
    bench: Bench,
    report: Report | None,
    rows: int,
    trial: tuple[int, int] | None,
    seconds: float,
    paint: Paints,
    width: int,
    stops: str,
) -> Text:
    """One line on a check that goes on, with the findings of its report so far; on its trial of the fixes at the end.

    `trial` are the rows that the fixes were tried on, and of how many.
    """
    found = sum(report.count(severity) for severity in SEVERITIES) if report is not None else None
    if trial is not None:
        job = JobProgress("trying the fixes", *trial, found=found)
    else:
        job = JobProgress.since("checks", rows, bench.rows.known_length, seconds, found=found)
    return Text(" ", end="", no_wrap=True, overflow="ellipsis").append_text(job_line(job, paint, width - 2, stops))


def check_summary(bench: Bench, report: Report | None, paint: Paints) -> Text:
    """One line on a check that has ended: the counts of findings, and the share of trained tokens."""
    text = Text(" ", no_wrap=True, overflow="ellipsis")
    rows, total = report.rows if report is not None else 0, bench.rows.known_length
    counts = [
        (f"{number:,} {severity}{'s' if number > 1 else ''}", paint.severity[severity])
        for severity in SEVERITIES
        if report is not None and (number := report.count(severity))
    ]
    if not counts:
        text.append("✓ clean  ", paint.accent)
    for count, style in counts:
        text.append(f"{count}  ", style)
    text.append(f"{rows:,}" + (f" of {total:,}" if total and total != rows else "") + " rows", paint.strong)
    if report is not None and report.tokens:
        share = f"{100 * report.trained / report.tokens:.0f}%"
        text.append(f"  {report.trained:,} of {report.tokens:,} tokens trained ({share})", paint.muted)
    if report is not None and report.ignored:
        text.append(f"  {report.ignored:,} left out by the recipe's comments", paint.muted)
    if report is not None and report.agreement is not None and report.agreement[1]:
        same, compared = report.agreement
        text.append(f"  transformers' own mask agrees on {same:,} of {compared:,} tokens", paint.muted)
    return text


def _steps(screen: ChecksScreen) -> str:
    """The keys that go from place to place, for a border."""
    return keyed(screen, "{checks.next-place} {checks.previous-place}").replace("[", "\\[")
