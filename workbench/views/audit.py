"""Output of `vlmbench audit`, as text and as JSON (`vlmbench.audit/1`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.audit.report import AuditReport
from workbench.audit.spread import PERCENTILES, Spread
from workbench.findings import SEVERITIES, Finding
from workbench.views.audit_facts import BUDGET_COLUMNS, audit_facts, budget_lines, examples_of, percent, row_names
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.answers import AuditAnswer
    from workbench.audit.causes import Cause
    from workbench.bench import Bench

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_SHADES = " ▁▂▃▄▅▆▇█"
_ROWS_NAMED = 5


def audit_payload(bench: Bench, report: AuditReport) -> AuditAnswer:
    """The whole report, ready for `json.dumps`."""
    whole = report.to_dict() | {
        "model": bench.title,
        "recipe": bench.document.name,
        "path": bench.path.title,
        "data": bench.rows.name,
        "summary": {f"{severity}s": report.count(severity) for severity in SEVERITIES},
        "seconds": round(report.seconds, 3),
        "resumed": report.resumed,
    }
    return cast("AuditAnswer", whole)


def audit_view(bench: Bench, report: AuditReport) -> RenderableType:
    """The causes, the worst first, how long the rows are and what is trained, and a last line that sums up."""
    lines: list[RenderableType] = [Text(visible(bench.path.title), "dim" if bench.path.shown else "yellow"), Text()]
    for finding in sorted(report.recipe, key=lambda finding: SEVERITIES.index(finding.severity)):
        lines += _lines_of(finding, "")
    for cause in report.causes:
        lines += _lines_of(cause.examples[0], _scope(cause, report)) if cause.examples else ()
    if report.recipe or report.causes:
        lines.append(Text())
    if report.rows:
        lines += [_spreads(report), Text(), _budget(report), Text()]
    lines += [Text(visible(line), style="dim") for line in audit_facts(report)]
    return Lines(*lines, outcome_line(report))


def _lines_of(finding: Finding, scope: str) -> list[RenderableType]:
    head = Text.assemble((f"{SEVERITY_GLYPH[finding.severity]} {finding.code} ", _STYLES[finding.severity]))
    if finding.where:
        head.append(f"{visible(str(finding.where))}: ", style="dim")
    head.append(visible(finding.message)).append(scope, style="bold")
    hint = Text(visible(finding.hint), style="dim")
    return [head, Padding(hint, (0, 0, 0, 7), expand=False)] if hint.plain else [head]


def _scope(cause: Cause, report: AuditReport) -> str:
    """The rows of a cause, their share, and the first of them, in brackets."""
    if cause.rows == 1:
        return ""
    places = examples_of(cause)
    first = row_names([place for place, _ in places[:_ROWS_NAMED]], report)
    first += ", …" if cause.rows > _ROWS_NAMED else ""
    return f" ({cause.rows:,} rows, {percent(cause.rows, report.rows)}: {first})"


def spreads(report: AuditReport) -> list[tuple[str, Spread]]:
    """The spreads that there are, each with its name."""
    named = (("tokens", report.tokens), ("trained", report.trained), ("trained share", report.share))
    found = [(name, spread) for name, spread in named if spread is not None]
    return [*found, ("media tokens", report.media)] if report.media is not None and report.media.total else found


def _spreads(report: AuditReport) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("a row has")
    for share in PERCENTILES:
        name = {0: "least", 50: "median", 100: "most"}.get(share, f"{share}%")
        table.add_column(name, justify="right")
    table.add_column("spread")
    for name, spread in spreads(report):
        values = [f"{100 * v:.0f}%" if name == "trained share" else f"{v:,.0f}" for v in spread.percentiles]
        table.add_row(name, *values, bars(spread))
    return table


def bars(spread: Spread) -> str:
    """The histogram of a spread in one line."""
    most = max(spread.counts) or 1
    # A bar for every bin that has a row, however few.
    return "".join(_SHADES[0 if not count else max(1, round(8 * count / most))] for count in spread.counts)


def _budget(report: AuditReport) -> RenderableType:
    """Trained tokens by data set and role: what the loss is weighted by."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in BUDGET_COLUMNS:
        table.add_column(name, justify="left" if name in ("data set", "by role") else "right", overflow="fold")
    for cells in budget_lines(report):
        table.add_row(*map(visible, cells))
    return table


def outcome_line(report: AuditReport) -> Text:
    """One line that sums up."""
    rows = f"{report.rows:,} of {report.planned:,} rows" if not report.whole else f"{report.rows:,} rows"
    known = "interrupted: what is known so far; " if report.interrupted else ""
    counts = [
        f"{number:,} {severity}{'' if number == 1 else 's'}"
        for severity in SEVERITIES
        if (number := report.count(severity))
    ]
    trained = report.trained.total if report.trained is not None else 0
    tokens = report.tokens.total if report.tokens is not None else 0
    share = f"{trained:,.0f} of {tokens:,.0f} tokens trained ({percent(trained, tokens)})"
    read = report.rows - report.resumed
    rate = f", {read / report.seconds:,.0f} rows/s" if report.seconds > 0 and read else ""
    style = "bold red" if report.count("error") else "yellow" if report.count("warning") else "green"
    return Text(f"{known}{rows}, {share}{rate}: {', '.join(counts) or 'nothing found'}", style=style)
