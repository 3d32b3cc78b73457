"""Checks, inference, overfit runs and exports as HTML fragments; the tokens are in `html`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from workbench.checks.registry import codes
from workbench.checks.row_checks import row_findings
from workbench.findings import SEVERITIES, Finding
from workbench.overfit.events import Event, every, last, number
from workbench.overfit.verdict import Verdict
from workbench.tokens.sentinels import text_parts
from workbench.views.checks import Subject, looked_at, scope
from workbench.views.curve import curve
from workbench.views.deep_links import NO_LINKS, Links
from workbench.views.export import MARKS, outcome, path_line, proof_line
from workbench.views.html import asked_line_html
from workbench.views.infer import COLUMNS, cells, headline, injection_lines, not_read
from workbench.views.overfit import facts, path_of
from workbench.views.skeleton import draw
from workbench.views.written_turns import written_turns

if TYPE_CHECKING:
    from workbench.bench import Bench, Row
    from workbench.checks.report import Report
    from workbench.export.prepare import Export
    from workbench.infer.search import Inference
    from workbench.recipe.path import TrainingPath

_FIRST_WORDS = 90


def rows_html(rows: Sequence[Row], first: int, total: int | None) -> Markup:
    """A list of rows: place, share of trained tokens, the first words and the codes of what is wrong."""
    of = f" of {total:,}" if total is not None else ""
    cut = f"rows {first:,}–{first + len(rows):,}{of}: .rows[a:b]" if len(rows) != total else ""
    return draw("rows.jinja", rows=[listed(row) for row in rows], cut=cut)


def listed(row: Row) -> dict[str, Any]:
    """A row's line in a list of rows."""
    found = {"index": row.index, "codes": _codes(row)}
    if row.error is not None:
        return found | {"trained": "–", "tokens": "–", "part": None, "words": row.error.message}
    count = len(row.rendering)
    part = row.mask.trained / count if count else 0.0
    return found | {"trained": f"{row.mask.trained:,}", "tokens": f"{count:,}", "part": part, "words": first_words(row)}


def first_words(row: Row) -> str:
    """The first words of a row's first text, on one line."""
    texts = (part.text for part in text_parts(row.conversation.messages) if part.text.strip())
    words = " ".join(next(texts, "").split())
    return words if len(words) <= _FIRST_WORDS else words[: _FIRST_WORDS - 1] + "…"


def _codes(row: Row) -> list[tuple[str, str]]:
    """(severity, code) of what is wrong with a row, each once."""
    found = row_findings(row)
    return list(dict.fromkeys((finding.severity, finding.code) for finding in found if finding.severity != "note"))


def check_html(bench: Bench, report: Report) -> Markup:
    """The findings by cause, the worst first, under what was looked at."""
    return subject_html(Subject.of_bench(bench, report), report)


def subject_html(subject: Subject, report: Report, name: str = "", links: Links = NO_LINKS) -> Markup:
    """The same for a subject of any kind; `name` is its heading where there are several.

    With `links` each group has its anchor, leads to its rows, and is followed by its code's page.
    """
    counts = [
        (severity, f"{number} {severity}{'' if number == 1 else 's'}")
        for severity in SEVERITIES
        if (number := report.count(severity))
    ]
    part = f" ({report.trained / report.tokens:.0%})" if report.tokens else ""
    looked = "the recipe's text alone, no model and no rows"
    if subject.data is not None:
        looked = looked_at(subject.rows_known, report)
        looked += f" · {report.trained:,} of {report.tokens:,} tokens trained{part}"
    for number, words in ((report.ignored, "left out by the recipe's comments"), (report.known, "in the baseline")):
        looked += f" · {number:,} {words}" if number else ""
    known = codes()
    groups = [
        {
            "finding": group.finding,
            "scope": scope(group),
            "fix": group.fix.described if group.fix is not None else None,
            "anchor": (anchor := links.of_cause(group.finding).rpartition("#")[2]),
            "places": [(links.of_row(one), f"row {one.where.row}") for one in _apart(group.first) if links.of_row(one)],
            # Once a code: the anchors of further causes have a number behind it.
            "page": known[group.code] if anchor == group.code else None,
        }
        for group in report.groups
    ]
    asked = asked_line_html(subject.asked)
    drawn = {"counts": counts, "looked": looked, "asked": asked, "groups": groups, "links": links}
    return draw("check.jinja", name=name, path=subject.path, **drawn)


def _apart(found: Sequence[Finding]) -> list[Finding]:
    """The first finding of each row, but for the very first row's, which stands in the group's own line."""
    rows: dict[int | None, Finding] = {}
    for one in found:
        rows.setdefault(one.where.row, one)
    return list(rows.values())[1:]


def infer_html(found: Inference, model: str, data: str, path: TrainingPath | None = None) -> Markup:
    """The figures proved for each role, the notes, and the YAML; `path` is the recipe's, see `infer_text`."""
    on = f"Proved on {found.conversations} conversations that were not used to find it"
    on += f", and {found.rows} rows of {data}." if found.rows else "."
    notes = not_read(path) if path is not None and path.kind != "multimodal" else []
    notes += [f"{evidence.role}: {note}" for evidence in found.evidence for note in evidence.notes]
    notes += found.notes
    notes += [line.strip() for line in injection_lines(found)]
    return draw(
        "infer.jinja",
        evidence=[(list(cells(evidence)), evidence.verified) for evidence in found.evidence],
        good=found.verified,
        headline=f"{model}: {headline(found)}",
        on=on,
        columns=COLUMNS,
        yaml=found.yaml().splitlines(),
        notes=notes,
    )


def run_html(events: Sequence[Event], verdict: Verdict, file: str) -> Markup:
    """A run's verdict, its curve, what was asked of the model and what it wrote."""
    return draw(
        "run.jinja",
        path=path_of(events),
        verdict=verdict,
        curve=_curve(events),
        measured=facts(events, verdict, curve=False),
        turns=written_turns(events),
        file=file,
    )


def progress_html(events: Sequence[Event], steps: int) -> Markup:
    """A run that goes on: what it does, how far it is, and the curve so far."""
    step, probe = last(events, "step"), last(events, "probe")
    done = int(step["step"]) if step is not None else 0
    doing = f"asking: {probe['name']}" if probe is not None else "training" if step is not None else "loading the model"
    figures = ""
    if step is not None:
        left = number(step["seconds"]) * max(0, steps - done)
        figures = f"step {done} of {steps} · loss {number(step['loss']):.4f} · gradient {number(step['grad_norm']):.2f}"
        figures += f" · {left:.0f} s left" if probe is None else ""
    share = min(1.0, done / max(1, steps))
    return draw("progress.jinja", doing=doing, share=share, figures=figures, curve=_curve(events))


def _curve(events: Sequence[Event]) -> Markup:
    """The curve as SVG, which is made of numbers alone."""
    plan = (last(events, "start") or {}).get("plan") or {}
    vocabulary = int((last(events, "loaded") or {}).get("vocabulary") or 0)
    guess = math.log(vocabulary) if vocabulary > 1 else math.nan
    losses = [number(step["loss"]) for step in every(events, "step")]
    return Markup(curve(losses, int(plan.get("steps") or len(losses)), guess))


def export_html(made: Export, written: str | None, diff: str) -> Markup:
    """The proofs of an export, the changes it makes, and the file."""
    return draw(
        "export.jinja",
        path=path_line(made),
        proofs=made.proofs,
        classes={True: "yes", False: "no", None: "doubtful"},
        marks=MARKS,
        outcome=outcome(made),
        line=proof_line(made),
        requirements=made.composed.requirements,
        written=written,
        files=", ".join(made.composed.files),
        diff=diff_html(diff) if diff else "",
        count=len(made.text.splitlines()),
        text=yaml_html(made.text),
    )


def yaml_html(text: str) -> Markup:
    """A recipe's text; comments are muted."""
    lines = [("note" if line.lstrip().startswith("#") else None, line) for line in text.splitlines()]
    return draw("lines.jinja", lines=lines)


def diff_html(diff: str) -> Markup:
    """A unified diff in the colours of one."""
    kinds = {"+": "new", "-": "gone", "@": "note"}
    return draw("lines.jinja", lines=[(kinds.get(line[:1], ""), line) for line in diff.splitlines()])
