"""Output of `vlmbench check` and `vlmbench explain`, as text and as JSON (`vlmbench.check/1`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.checks.registry import codes
from workbench.escaping import visible
from workbench.findings import SEVERITIES, Finding, Fix
from workbench.views.asked import STYLES, AskedLine, asked_line, asked_payload
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.answers import AskedAnswer, CheckAnswer
    from workbench.bench import Bench
    from workbench.checks.registry import Code
    from workbench.checks.report import Group, Report
    from workbench.recipe.axolotl_table import AxolotlTable
    from workbench.recipe.yaml.document import Document

SCHEMA: Final = "vlmbench.check/1"
EXPLAIN_SCHEMA: Final = "vlmbench.explain/1"
_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that was checked, in words: a recipe with its model and rows, or a recipe's text alone.

    `shown`: the bench follows the recipe's path. `data`: the rows' name; None where no row was looked at.
    """

    path: str
    shown: bool
    model: str
    family: str | None
    recipe: str
    data: str | None
    rows_known: int | None
    asked: AskedLine
    asked_payload: AskedAnswer

    @classmethod
    def of_bench(cls, bench: Bench, report: Report) -> Subject:
        """A bench whose rows were checked."""
        family = bench.family.name if bench.family is not None else None
        rows = bench.rows
        return cls(
            bench.path.title,
            bench.path.shown,
            bench.title,
            family,
            bench.document.name,
            rows.name,
            rows.known_length,
            asked_line(bench, report.findings),
            asked_payload(bench, report.findings),
        )

    @classmethod
    def of_text(cls, document: Document, axolotl: AxolotlTable) -> Subject:
        """A recipe of which the text alone was checked."""
        from workbench.checks.recipe_facts import TextFacts

        line = AskedLine(f"from the table of {axolotl.name}", "unknown")
        payload: AskedAnswer = {"by": None, "table": axolotl.name, "problem": None}
        path = TextFacts(document, axolotl).path
        model = str(document.get(("base_model",), "")) or document.name
        return cls(path.title, path.shown, model, None, document.name, None, None, line, payload)


def check_payload(bench: Bench, report: Report, fixed: Iterable[Fix] = ()) -> CheckAnswer:
    """Everything that a check found, ready for `json.dumps`."""
    return subject_payload(Subject.of_bench(bench, report), report, fixed)


def subject_payload(subject: Subject, report: Report, fixed: Iterable[Fix] = ()) -> CheckAnswer:
    """The same for a subject of any kind."""
    return {
        "schema": SCHEMA,
        "path": subject.path,
        "model": subject.model,
        "family": subject.family,
        "recipe": subject.recipe,
        "data": subject.data,
        "findings": [finding.to_dict() for finding in report.findings],
        "groups": [
            {
                "code": group.code,
                "severity": group.severity,
                "message": group.finding.message,
                "count": group.count,
                "rows": group.rows,
                "first": [finding.where.to_dict() for finding in group.first],
            }
            for group in report.groups
        ],
        "summary": {
            "rows": report.rows,
            "rows_known": subject.rows_known,
            "rows_drawn_evenly": report.drawn,
            "rows_one_by_one": report.by_row,
            "rows_read": report.read,
            "tokens": report.tokens,
            "trained": report.trained,
            "errors": report.count("error"),
            "warnings": report.count("warning"),
            "notes": report.count("note"),
            "ignored": report.ignored,
            "in_baseline": report.known,
            "codes": dict(sorted(Counter(finding.code for finding in report.findings).items())),
            "fixable": sum(finding.fix is not None for finding in report.findings),
            "assistant_mask": None
            if report.agreement is None
            else {"agree": report.agreement[0], "of": report.agreement[1]},
        },
        "asked": subject.asked_payload,
        "fixed": [fix.to_dict() for fix in fixed],
    }


def check_view(bench: Bench, report: Report) -> RenderableType:
    """The groups of a report, the worst first, who was asked, and a last line that sums up."""
    return subject_view(Subject.of_bench(bench, report), report)


def subject_view(subject: Subject, report: Report) -> RenderableType:
    """The same for a subject of any kind."""
    lines: list[RenderableType] = [Text(visible(subject.path), "dim" if subject.shown else "yellow"), Text()]
    for group in report.groups:
        lines += _group(group)
    if report.groups:
        lines.append(Text())
    asked = subject.asked
    lines += [Text(visible(asked.text), style=STYLES[asked.outcome]), _sum(subject, report)]
    return Lines(*lines)


def statistics_view(findings: Iterable[Finding]) -> RenderableType:
    """The number of findings of each code, the most frequent first, with the code's title."""
    counts = Counter((finding.code, finding.severity) for finding in findings)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column(justify="right")
    known = codes()
    for (code, severity), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(f"{count:,}", Text(code, style=_STYLES[severity]), severity, known[code].title)
    return table


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


def looked_at(total: int | None, report: Report) -> str:
    """The number of rows that were checked, of how many, and of how many the syntax alone was read.

    `total`: the rows that there are; None where that is not known.
    """
    if total is None:
        return f"{report.rows:,} rows; how many there are is not known"
    read = f", the syntax of all {report.read:,} read" if total != report.rows and report.read is not None else ""
    if total == report.rows:
        looked = f"all {total:,} rows" if total > 1 else f"{total:,} row{'' if total == 1 else 's'}"
    else:
        looked = f"{report.rows:,} of {total:,} rows{', drawn evenly' if report.drawn else ''}"
    by_row = f", one by one: {report.by_row}" if report.by_row else ""
    return looked + by_row + read


def _sum(subject: Subject, report: Report) -> Text:
    share = f"{100 * report.trained / report.tokens:.0f}%" if report.tokens else "0"
    if subject.data is None:
        facts = ["the recipe's text alone, no model and no rows"]
    else:
        trained = f"{report.trained:,} of {report.tokens:,} tokens trained ({share})"
        facts = [looked_at(subject.rows_known, report), trained]
    if report.agreement is not None:
        same, of = report.agreement
        facts.append(f"transformers' assistant mask agrees on {same:,} of {of:,} content tokens")
    if report.ignored:
        facts.append(f"{report.ignored:,} left out by the recipe's comments")
    if report.known:
        facts.append(f"{report.known:,} in the baseline")
    style = "bold red" if report.count("error") else "yellow" if report.count("warning") else "green"
    return Text.assemble((counted(report.findings) or "clean", style), ("  ·  " + " · ".join(facts), "dim"))


def counted(findings: Sequence[Finding]) -> str:
    """The number of findings of each severity, the worst first; "" where there are none."""
    numbers = Counter(finding.severity for finding in findings)
    return ", ".join(
        f"{numbers[severity]:,} {severity}{'' if numbers[severity] == 1 else 's'}"
        for severity in SEVERITIES
        if numbers[severity]
    )


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


def codes_table(listed: Iterable[Code]) -> RenderableType:
    """Every code with its title."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    for code in listed:
        table.add_row(Text(code.code, style=_STYLES[code.severity]), Text(code.title))
    return table
