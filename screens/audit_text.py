"""Texts of the audit screen: its line, the causes, and the pages beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from screens.shell.job_line import JobProgress, job_line
from screens.shell.themes import Paints
from workbench.findings import SEVERITIES
from workbench.views.audit import bars, outcome_line, spreads
from workbench.views.audit_facts import audit_facts, budget_lines, examples_of, inspect_command, percent, row_name
from workbench.views.durations import duration
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.audit.causes import Cause
    from workbench.audit.progress_file import Followed
    from workbench.audit.report import AuditReport
    from workbench.bench import Bench
    from workbench.errors import BenchError

_ENDS = {"interrupted": "stopped, {audit.start} goes on: ", "failed": "ended early: "}
_SPREAD = ("least", "median", "95%", "most")


def audit_line(
    report: AuditReport | None,
    progress: Followed | None,
    paint: Paints,
    *,
    running: bool,
    problem: BenchError | None = None,
    room: int | None = None,
    say: Callable[[str], str],
) -> Text:
    """One line on an audit: how far it is and how long it takes, or what came of it; under way within `room` cells.

    `say` knows the keys.
    """
    text = Text(" ", no_wrap=True, overflow="ellipsis")
    if problem is not None:
        return text.append(f"✗ {visible(problem.title)}", paint.severity["error"])
    if running:
        return _running(text, report, progress, paint, room, say("{audit.stop} stops"))
    if progress is not None and progress.ended == "failed":
        return text.append(f"✗ the audit ended early: {visible(progress.problem)}", paint.severity["error"])
    if report is None:
        return text.append(say("no audit of this recipe as it is: {audit.start} reads every row"), paint.muted)
    ended = _ENDS.get(progress.ended, "") if progress is not None else ""
    text.append(say(ended), paint.severity["warning"])
    for severity in SEVERITIES:
        if count := report.count(severity):
            text.append(f"{count:,} {severity}{'s' if count > 1 else ''}  ", paint.severity[severity])
    if not any(report.count(severity) for severity in SEVERITIES):
        text.append("✓ clean  ", paint.accent)
    rows = f"{report.rows:,}" + (f" of {report.planned:,}" if not report.whole else "")
    text.append(f"{rows} rows", paint.strong)
    if progress is not None and progress.step.seconds:
        text.append(f"  in {duration(progress.step.seconds)}", paint.muted)
    return text


def _running(
    text: Text, report: AuditReport | None, progress: Followed | None, paint: Paints, room: int | None, stops: str
) -> Text:
    if progress is None or not progress.step.total:
        text.append("audit  ", paint.accent)
        return text.append("loading the model…", paint.strong).append(f"  {stops}", paint.muted)
    step = progress.step
    found = sum(report.count(severity) for severity in SEVERITIES) if report is not None else None
    job = JobProgress("audit", step.done, step.total, step.rate, step.left, found)
    return text.append_text(job_line(job, paint, room, stops))


def figures_line(report: AuditReport, paint: Paints) -> Text:
    """The line above the causes: what all rows are like."""
    text = Text("= all rows ", no_wrap=True, overflow="ellipsis", style=paint.accent)
    if report.trained is not None and report.tokens is not None:
        share = percent(report.trained.total, report.tokens.total)
        text.append(f"{report.tokens.total:,.0f} tokens, {share} trained", paint.muted)
    return text


def cause_line(cause: Cause, report: AuditReport, paint: Paints) -> Text:
    """Code and message of a cause, with how many rows it is in."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{SEVERITY_GLYPH[cause.severity]} {visible(cause.code)} ", paint.severity[cause.severity])
    if cause.rows > 1:
        text.append(f"{cause.rows:,} rows, {percent(cause.rows, report.rows)} ", paint.strong)
    return text.append(visible(cause.examples[0].message))


def cause_page(
    bench: Bench, cause: Cause, place: int, report: AuditReport, paint: Paints, say: Callable[[str], str] = visible
) -> Text:
    """An example of a cause, its rows, and the page of its code; `say` makes advice safe to draw.

    For a marked row of a data set that is not shown, the command line that opens it.
    """
    from workbench.checks.registry import codes

    rows = examples_of(cause)
    finding = rows[place][1] if rows else cause.examples[0]
    text = Text()
    text.append(f"{SEVERITY_GLYPH[cause.severity]} {visible(cause.code)}", paint.severity[cause.severity])
    if finding.where:
        text.append(f"  {visible(str(finding.where))}", paint.muted)
    text.append(f"\n{visible(finding.message)}", paint.strong)
    if finding.hint:
        text.append(f"\n→ {say(finding.hint)}", paint.accent)
    share = percent(cause.rows, report.rows)
    text.append(f"\n\n{cause.rows:,} row{'s' if cause.rows != 1 else ''}, {share}\n", paint.strong)
    for number, (row, _) in enumerate(rows):
        mark = "▸ " if number == place else "  "
        text.append(f"{mark}row {visible(row_name(row, report))}\n", paint.accent if number == place else paint.muted)
    if rows and rows[place][0].dataset != bench.options["dataset"]:
        text.append(f"\n{visible(inspect_command(bench, rows[place][0]))}\n", paint.muted)
    page = codes().get(cause.code)
    if page is not None:
        text.append(f"\n{page.title}", paint.strong)
        for name, body in (("cause", page.cause), ("what to do", page.fix)):
            text.append(f"\n\n{name}\n", paint.muted).append("\n".join(map(say, body.splitlines())))
    return text


def figures_page(report: AuditReport | None, paint: Paints, *, read: bool, running: bool) -> Text:
    """The figures of all rows: how long they are, what the loss is weighted by, and what else there is to say."""
    text = Text()
    if report is None:
        if running:
            return text.append("The processes load the model; the first rows come with their blocks.", paint.muted)
        words = (
            "An audit reads every row of every data set of the recipe, in processes of its own: what each trains, how "
            "long it is, and what is wrong with it, by cause. It can be stopped, and goes on where it was left."
        )
        return text.append(words if read else "", paint.muted)
    for finding in sorted(report.recipe, key=lambda finding: SEVERITIES.index(finding.severity)):
        text.append(f"{SEVERITY_GLYPH[finding.severity]} {visible(finding.code)} ", paint.severity[finding.severity])
        text.append(f"{visible(finding.message)}\n")
    text.append("a row has".ljust(15) + "".join(f"{name:>8}" for name in _SPREAD) + "\n", paint.muted)
    for name, spread in spreads(report):
        points = [spread.percentiles[at] for at in (0, 2, 3, 5)]
        values = [f"{100 * value:.0f}%" if name == "trained share" else f"{value:,.0f}" for value in points]
        text.append(f"{name:<15}" + "".join(f"{value:>8}" for value in values))
        text.append(f"  {bars(spread)}\n", paint.bar)
    text.append("\ntrained tokens\n", paint.muted)
    for name, rows, _, trained, share, run, roles in budget_lines(report):
        text.append(f"{visible(name)}\n", paint.strong)
        text.append(f"  {rows} rows, {trained} trained\n  {share} of all, {run} in the run\n  {visible(roles)}\n")
    text.append("\n")
    for fact in audit_facts(report):
        text.append(f"· {visible(fact)}\n")
    text.append("\n").append(outcome_line(report).plain, paint.muted)
    return text
