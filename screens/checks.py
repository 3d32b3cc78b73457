"""The checks screen: every finding about the recipe and all rows, by cause, with what it means and its fix."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets.option_list import Option

from screens.describe_findings import detail, headline, summary
from screens.guard.faults import on, subscriber
from screens.guard.widgets import Container, Static, VerticalScroll
from screens.keys.actions import Scope, bindings
from screens.shell.base_screen import WorkbenchScreen, status_of
from screens.shell.fields import OptionList
from screens.shell.fix_trials import TriedFixes
from screens.shell.messages import CheckProgressed, JobFailed
from screens.shell.status_bar import StatusBar
from screens.shell.themes import paints
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.findings import Finding
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.checks.run import Group, Report

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]
PLACES = 1000
"""Places of one cause that can be stepped through."""
_EVERY_SECONDS = 0.25
_SHARE = 5.0
"""A picture of the findings so far takes at most a sixth of the time."""


class ChecksScreen(WorkbenchScreen):
    """Checks when it is first looked at, and again when the recipe was edited. Leaving it does not stop the check."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("checks")]
    CSS_PATH = "checks.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("checks",)

    report: Report | None = None
    done = False
    problem: BenchError | None = None
    _told_of = ""
    _round = 0
    _place = 0
    _chosen: tuple[str, str] | None = None

    def body(self) -> ComposeResult:
        """The causes, and beside them what there is to say of one."""
        yield Static(id="progress", markup=False)
        with Container(id="found"):
            causes = OptionList(id="causes", markup=False)
            causes.border_title = "findings"
            yield causes
            with VerticalScroll(id="detail") as box:
                box.border_title = "explained"
                yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self._draw))
        self.query_one("#causes").focus()

    def looked_at(self, edited: bool) -> None:
        """Check again what was edited."""
        if edited:
            self.follow()

    def follow(self) -> None:
        """Check from the beginning."""
        self._seen = self.editing.document.text
        self._round += 1
        self.done, self.problem = False, None
        self.background.submit(Kind.CHECK, self._check(self._round))
        self._draw()

    # On the background thread

    def _check(self, number: int) -> Iterator[None]:
        from workbench.checks.run import Checking

        try:
            if self.editing.stale:
                self.editing.reload_changes()
            yield
            checking = Checking(self.bench)
        except BenchError as problem:
            self.tell(CheckProgressed(number, None, 0, True, problem))
            return
        shown, cost = 0.0, 0.0
        for index in self._indices():
            try:
                row = self.bench.peek(index)
            except BenchError:
                break
            checking.add(row)
            if monotonic() - shown > max(_EVERY_SECONDS, _SHARE * cost):
                begin = monotonic()
                self.tell(CheckProgressed(number, checking.report(places=PLACES), index + 1, False))
                shown = monotonic()
                cost = shown - begin
            yield
        self.tell(CheckProgressed(number, checking.report(places=PLACES), checking.rows, True))
        yield

    def _indices(self) -> Iterator[int]:
        for index in itertools.count():
            length = self.bench.rows.known_length
            if length is not None and index >= length:
                return
            yield index

    # Drawing

    @on(JobFailed)
    def _job_failed(self, message: JobFailed) -> None:
        if message.kind is Kind.CHECK:
            self._checked(CheckProgressed(self._round, None, 0, True, message.problem))

    @on(CheckProgressed)
    def _checked(self, message: CheckProgressed) -> None:
        if message.number != self._round:
            return
        self.done, self.problem = message.done, message.problem
        if message.report is not None:
            self.report, self._told_of = message.report, self._seen
        if message.problem is not None:
            self.refused(message.problem)
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
        at = next((i for i, group in enumerate(self.groups) if _name(group) == self._chosen), 0)
        with self.prevent(OptionList.OptionHighlighted):
            causes.clear_options()
            causes.add_options([Option(headline(group, paint)) for group in self.groups])
            causes.highlighted = at if self.groups else None
        said = summary(self.bench, self.report, self.done, paint)
        if self.problem is not None:
            # What was found before is shown on, and is not all.
            said = Text(f" ✗ not checked to the end: {visible(self.problem.title)}", paint.severity["error"])
        self.query_one("#progress", Static).update(said)
        self._draw_detail()
        status = status_of(self.bench)
        if self.report is not None:
            status = replace(status, errors=self.report.count("error"), warnings=self.report.count("warning"))
        self.query_one(StatusBar).show(status)

    def _draw_detail(self) -> None:
        paint = paints(self.app.current_theme)
        group, box = self.group, self.query_one("#detail")
        box.border_subtitle = ""
        if group is not None and len(group.first) > 1:
            box.border_subtitle = f"place {min(self._place, len(group.first) - 1) + 1} of {group.count:,}  n N"
        quiet = "" if not self.done else "nothing to explain"
        if self.problem is not None:
            quiet = visible(f"{self.problem.cause} {self.problem.hint}")
        said = detail(group, self.finding, paint) if group is not None and self.finding is not None else quiet
        self.query_one("#said", Static).update(said)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        group = self.group
        self._chosen = _name(group) if group is not None else None
        self._place = 0
        self._draw_detail()
        self.query_one("#detail").scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    async def _selected(self) -> None:
        await self.action_visit()

    # Actions

    def action_next_place(self) -> None:
        self._step(1)

    def action_previous_place(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
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
        self.fixes.make(TriedFixes(self._told_of, [fix], fix.described))

    def action_fix_all(self) -> None:
        """Apply every fix that goes together with the others."""
        if self.report is None or not any(one.fix is not None for one in self.report.findings):
            self.notify("No finding has a fix that can be applied", timeout=3)
            return
        self.notify("Trying the fixes together…", timeout=3)
        self.background.submit(Kind.FIX, self._all(self.report, self._told_of))

    def _all(self, report: Report, text: str) -> Iterator[None]:
        from workbench.checks.apply_fixes import together

        fixes = together(report)
        said = f"{len(fixes)} fixes" if len(fixes) > 1 else "".join(one.described for one in fixes)
        self.fixes.made(TriedFixes(text, fixes, said or "None can be made as the recipe is now"))
        yield

    def action_check_again(self) -> None:
        """Check from the beginning."""
        self.follow()


def _name(group: Group) -> tuple[str, str]:
    return group.code, group.finding.message
