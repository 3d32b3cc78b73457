"""An audit as a page: the causes with their first rows and a command line for each, and what the rows are like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from workbench.audit.report import AuditReport
from workbench.audit.spread import PERCENTILES, Spread
from workbench.findings import SEVERITIES
from workbench.views.about import About, about_bench
from workbench.views.audit import outcome_line, spreads
from workbench.views.audit_facts import (
    BUDGET_COLUMNS,
    audit_facts,
    budget_lines,
    examples_of,
    inspect_command,
    percent,
    row_name,
)
from workbench.views.histogram import histogram
from workbench.views.html import document
from workbench.views.model import memory_lines, short_bytes
from workbench.views.skeleton import draw

if TYPE_CHECKING:
    from workbench.audit.causes import Cause
    from workbench.bench import Bench
    from workbench.findings import Finding

_NUMBERS = ("rows", "tokens", "trained", "of all", "in the run")


def audit_page(bench: Bench, report: AuditReport) -> Markup:
    """The whole document."""
    about = about_bench(bench)
    data = ", ".join(budget.name for budget in report.datasets) or about.rows
    rows = f"{report.rows:,} of {report.planned:,}" if not report.whole else f"all {report.rows:,}"
    whole = About(about.model, about.recipe, f"{data}: {rows}", about.versions, about.trainer)
    return document(f"audit of {bench.title}", audit_html(bench, report), whole)


def audit_html(bench: Bench, report: AuditReport) -> Markup:
    """The report; every text of it is escaped by the skeleton."""
    facts = audit_facts(report)
    estimate = report.largest.estimate if report.largest is not None else None
    parts = memory_lines(estimate) if estimate is not None else []
    return draw(
        "audit.jinja",
        path=bench.path.title,
        outcome="fail" if report.count("error") else "doubtful" if report.count("warning") else "pass",
        line=outcome_line(report).plain,
        found=sorted(report.recipe, key=lambda finding: SEVERITIES.index(finding.severity)),
        causes=[_cause(bench, report, cause) for cause in report.causes if cause.examples],
        histograms=[
            {"name": name, "figures": _figures(name, spread), "drawn": Markup(histogram(spread, _shown(name)))}
            for name, spread in spreads(report)
        ],
        weighs=facts[0] if facts else "",
        columns=BUDGET_COLUMNS,
        budget=budget_lines(report),
        numbers=_NUMBERS,
        largest=facts[1] if parts else "",
        parts=[
            (name, size / estimate.total if estimate is not None else 0.0, short_bytes(size)) for name, size in parts
        ],
        facts=facts[2:] if parts else facts[1:],
    )


def _cause(bench: Bench, report: AuditReport, cause: Cause) -> dict[str, Any]:
    rows = examples_of(cause)
    many = f"{cause.rows:,} rows" if cause.rows != 1 else "1 row"
    return {
        "finding": cause.examples[0],
        "scope": f" ({many}, {percent(cause.rows, report.rows)})",
        "summary": f"the first {len(rows)} rows" if cause.rows > len(rows) > 1 else many,
        "examples": [
            {
                "name": f"row {row_name(place, report)}",
                "place": _within(finding),
                "message": finding.message if finding.message != cause.examples[0].message else "",
                "command": inspect_command(bench, place),
            }
            for place, finding in rows
        ],
    }


def _within(finding: Finding) -> str:
    """The place of a finding inside of its row."""
    return str(replace(finding.where, file=None, line=None, column=None, row=None))


def _shown(name: str) -> Any:
    return (lambda value: f"{100 * value:.0f}%") if name == "trained share" else (lambda value: f"{value:,.0f}")


def _figures(name: str, spread: Spread) -> str:
    points = dict(zip(PERCENTILES, map(_shown(name), spread.percentiles), strict=True))
    return f"least {points[0]}, median {points[50]}, 95% {points[95]}, most {points[100]}"
