"""Output of `vlmbench check` and `vlmbench explain`, as text and as JSON (`vlmbench.check/1`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.findings import SEVERITIES, Fix
from workbench.views.asked import STYLES, asked_line, asked_payload
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.checks.registry import Code
    from workbench.checks.report import Group, Report

SCHEMA = "vlmbench.check/1"
EXPLAIN_SCHEMA = "vlmbench.explain/1"
_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def check_payload(bench: Bench, report: Report, fixed: Iterable[Fix] = ()) -> dict[str, Any]:
    """Everything that a check found, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "path": bench.path.title,
        "model": bench.title,
        "family": bench.family.name if bench.family is not None else None,
        "recipe": bench.document.name,
        "data": bench.rows.name,
        "findings": [finding.to_dict() for finding in report.findings],
        "summary": {
            "rows": report.rows,
            "rows_known": bench.rows.known_length,
            "rows_drawn_evenly": report.drawn,
            "rows_one_by_one": report.by_row,
            "rows_read": report.read,
            "tokens": report.tokens,
            "trained": report.trained,
            "errors": report.count("error"),
            "warnings": report.count("warning"),
            "notes": report.count("note"),
            "codes": dict(sorted(Counter(finding.code for finding in report.findings).items())),
            "fixable": sum(finding.fix is not None for finding in report.findings),
            "assistant_mask": None
            if report.agreement is None
            else dict(zip(("agree", "of"), report.agreement, strict=True)),
        },
        "asked": asked_payload(bench, report.findings),
        "fixed": [fix.to_dict() for fix in fixed],
    }


def check_view(bench: Bench, report: Report) -> RenderableType:
    """The groups of a report, the worst first, who was asked, and a last line that sums up."""
    lines: list[RenderableType] = [Text(visible(bench.path.title), "dim" if bench.path.shown else "yellow"), Text()]
    for group in report.groups:
        lines += _group(group)
    if report.groups:
        lines.append(Text())
    told = asked_line(bench, report.findings)
    lines += [Text(visible(told.text), style=STYLES[told.outcome]), _sum(bench, report)]
    return Lines(*lines)


def _group(group: Group) -> list[RenderableType]:
    finding = group.finding
    head = Text.assemble((f"{SEVERITY_GLYPH[group.severity]} {group.code} ", _STYLES[group.severity]))
    if finding.where:
        head.append(f"{visible(str(finding.where))}: ", style="dim")
    head.append(visible(finding.message))
    head.append(scope(group), style="bold")
    lines: list[RenderableType] = [head]
    hint = Text(visible(finding.hint), style="dim")
    if group.fix is not None:
        hint.append(" [--fix]", style="green")
    if hint.plain:
        lines.append(Padding(hint, (0, 0, 0, 7), expand=False))
    return lines


def scope(group: Group) -> str:
    """The number of a group's findings and their rows, in brackets; "" for a single finding."""
    if group.count == 1:
        return ""
    places = ", ".join(
        str(row) for row in dict.fromkeys(finding.where.row for finding in group.first) if row is not None
    )
    times = f"{group.rows:,} rows" if group.rows > 1 else f"{group.count:,} times"
    return f" ({times}: {places}{', …' if group.rows > len(group.first) else ''})" if places else f" ({times})"


def looked_at(bench: Bench, report: Report) -> str:
    """The number of rows that were checked, of how many, and of how many the syntax alone was read."""
    total = bench.rows.known_length
    if total is None:
        return f"{report.rows:,} rows; how many there are is not known"
    read = f", the syntax of all {report.read:,} read" if total != report.rows and report.read is not None else ""
    if total == report.rows:
        looked = f"all {total:,} rows" if total > 1 else f"{total:,} row{'' if total == 1 else 's'}"
    else:
        looked = f"{report.rows:,} of {total:,} rows{', drawn evenly' if report.drawn else ''}"
    by_row = f", one by one: {report.by_row}" if report.by_row else ""
    return looked + by_row + read


def _sum(bench: Bench, report: Report) -> Text:
    share = f"{100 * report.trained / report.tokens:.0f}%" if report.tokens else "0"
    facts = [looked_at(bench, report), f"{report.trained:,} of {report.tokens:,} tokens trained ({share})"]
    if report.agreement is not None:
        same, of = report.agreement
        facts.append(f"transformers' assistant mask agrees on {same:,} of {of:,} content tokens")
    counts = [
        f"{number} {severity}{'' if number == 1 else 's'}"
        for severity in SEVERITIES
        if (number := report.count(severity))
    ]
    style = "bold red" if report.count("error") else "yellow" if report.count("warning") else "green"
    return Text.assemble((", ".join(counts) or "clean", style), ("  ·  " + " · ".join(facts), "dim"))


def fixes_view(fixes: Sequence[Fix], diff: str) -> RenderableType:
    """The fixes and the diff that they make in the recipe."""
    lines: list[RenderableType] = [Text(f"{len(fixes)} fixes:" if len(fixes) != 1 else "1 fix:", style="bold")]
    lines += [Text(f"  {visible(fix.described)}") for fix in fixes]
    for line in diff.splitlines():
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        lines.append(Text(visible(line), style=style))
    return Lines(*lines)


def code_page(code: Code) -> RenderableType:
    """The page of one code."""
    head = Text.assemble((f"{code.code} ", _STYLES[code.severity]), (code.title, "bold"))
    facts = Text(f"{code.severity}, found in the {code.scope}", style="dim")
    parts: list[RenderableType] = [head, facts]
    for name, text in (("Cause", code.cause), ("Example", code.example), ("What to do", code.fix)):
        parts += [Text(), Text(name, style="bold"), Padding(Text(text), (0, 0, 0, 2), expand=False)]
    return Lines(*parts)


def codes_table(codes: Iterable[Code]) -> RenderableType:
    """Every code with its title."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    for code in codes:
        table.add_row(Text(code.code, style=_STYLES[code.severity]), Text(code.title))
    return table
