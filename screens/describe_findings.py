"""Findings in words: one line for a cause, a page for what it means, a line for a whole check. Text only, no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from screens.shell.themes import Paints
from workbench.findings import SEVERITIES, Finding, Fix
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.checks.run import Group, Report

_VALUE_CHARS = 600


def headline(group: Group, paint: Paints) -> Text:
    """Code and message of a cause, with how often it was found."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{SEVERITY_GLYPH[group.severity]} {visible(group.code)} ", paint.severity[group.severity])
    if group.count > 1:
        rows = group.rows > 1
        text.append(f"×{group.count:,}" + (f" in {group.rows:,} rows " if rows else " "), paint.strong)
    if group.fix is not None:
        text.append("fix ", paint.accent)
    return text.append(visible(group.finding.message))


def detail(group: Group, finding: Finding, paint: Paints) -> Text:
    """A finding's place, message and hint, its fix, and the page of its code."""
    from workbench.checks.registry import codes

    text = Text()
    text.append(f"{SEVERITY_GLYPH[group.severity]} {visible(group.code)}", paint.severity[group.severity])
    if finding.where:
        text.append(f"  {visible(str(finding.where))}", paint.muted)
    text.append(f"\n{visible(finding.message)}", paint.strong)
    if finding.hint:
        text.append(f"\n→ {visible(finding.hint)}", paint.accent)
    if group.fix is not None:
        text.append("\n\n").append_text(_fix(group.fix, paint))
    page = codes().get(group.code)
    if page is not None:
        text.append(f"\n\n{page.title}", paint.strong)
        for name, body in (("cause", page.cause), ("example", page.example), ("what to do", page.fix)):
            text.append(f"\n\n{name}\n", paint.muted).append(body)
    return text


def _fix(fix: Fix, paint: Paints) -> Text:
    from workbench.recipe.yaml.document import dotted, write_value

    text = Text()
    text.append("f applies: ", paint.accent).append(visible(fix.described))
    for edit in fix.edits:
        name = visible(dotted(edit.path))
        if edit.rename:
            text.append(f"\n- {name}", paint.severity["error"])
            text.append(f"\n+ {visible(dotted((*edit.path[:-1], edit.rename)))}", paint.accent)
            continue
        if edit.remove:
            text.append(f"\n- {name}", paint.severity["error"])
            continue
        # Written under a plain key: the brackets of a path would be quoted.
        value = name + write_value("x", edit.value).removeprefix("x")
        body = "\n".join(f"+ {visible(line)}" for line in value[:_VALUE_CHARS].splitlines())
        text.append(f"\n{body}" + ("…" if len(value) > _VALUE_CHARS else ""), paint.accent)
    return text


def summary(bench: Bench, report: Report | None, done: bool, paint: Paints) -> Text:
    """One line on a check: its progress, the counts of findings, and the share of trained tokens."""
    text = Text(" ", no_wrap=True, overflow="ellipsis")
    rows, total = report.rows if report is not None else 0, bench.rows.known_length
    counts = [
        (f"{number:,} {severity}{'s' if number > 1 else ''}", paint.severity[severity])
        for severity in SEVERITIES
        if report is not None and (number := report.count(severity))
    ]
    if not done:
        share = f"{100 * rows // total}%  " if total else ""
        text.append(f"checking…  {share}", paint.accent)
    elif not counts:
        text.append("✓ clean  ", paint.accent)
    for said, style in counts:
        text.append(f"{said}  ", style)
    text.append(f"{rows:,}" + (f" of {total:,}" if total and total != rows else "") + " rows", paint.strong)
    if report is not None and report.tokens:
        share = f"{100 * report.trained / report.tokens:.0f}%"
        text.append(f"  {report.trained:,} of {report.tokens:,} tokens trained ({share})", paint.muted)
    if report is not None and report.agreement is not None and report.agreement[1]:
        same, of = report.agreement
        text.append(f"  transformers' own mask agrees on {same:,} of {of:,}", paint.muted)
    return text
