"""Checks, inference, overfit runs and exports as HTML fragments; the tokens are in `html`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.checks.row_checks import row_findings
from workbench.findings import SEVERITIES
from workbench.overfit.events import Event, every, last, number
from workbench.overfit.verdict import Verdict
from workbench.tokens.sentinels import text_parts
from workbench.views.checks import looked_at, scope
from workbench.views.curve import curve
from workbench.views.export import MARKS, outcome, path_line, proof_line
from workbench.views.html import asked_html, finding_line, findings, safe, table
from workbench.views.infer import COLUMNS, cells, headline, injection_lines, not_read
from workbench.views.overfit import facts, path_of

if TYPE_CHECKING:
    from workbench.bench import Bench, Row
    from workbench.checks.run import Group, Report
    from workbench.export.prepare import Export
    from workbench.infer.search import Inference
    from workbench.recipe.path import TrainingPath

_FIRST_WORDS = 90


def rows_html(rows: Sequence[Row], first: int, total: int | None) -> str:
    """A list of rows: place, share of trained tokens, the first words and the codes of what is wrong."""
    lines = []
    for row in rows:
        if row.error is not None:
            lines.append([str(row.index), "–", "–", "", safe(row.error.message), _codes(row)])
            continue
        count = len(row.rendering)
        part = row.mask.trained / count if count else 0.0
        bar = f'<span class="bar" title="{part:.0%} trained"><i style="width:{part:.0%}"></i></span>'
        cells = [str(row.index), f"{row.mask.trained:,}", f"{count:,}", bar, safe(_words(row)), _codes(row)]
        lines.append(cells)
    head = ("row", "trained", "tokens", "", "begins", "findings")
    of = f" of {total:,}" if total is not None else ""
    cut = f'<p class="cut">rows {first:,}–{first + len(rows):,}{of}: .rows[a:b]</p>'
    return table(head, lines, numbers=("row", "trained", "tokens")) + (cut if len(rows) != total else "")


def _words(row: Row) -> str:
    texts = (part.text for part in text_parts(row.conversation.messages) if part.text.strip())
    words = " ".join(next(texts, "").split())
    return words if len(words) <= _FIRST_WORDS else words[: _FIRST_WORDS - 1] + "…"


def _codes(row: Row) -> str:
    found = dict.fromkeys(
        (finding.severity, finding.code) for finding in row_findings(row) if finding.severity != "note"
    )
    return " ".join(f'<span class="{severity}"><b>{safe(code)}</b></span>' for severity, code in found)


def check_html(bench: Bench, report: Report) -> str:
    """The findings by cause, the worst first, under what was looked at."""
    counts = [
        f'<span class="{severity}"><b>{number} {severity}{"" if number == 1 else "s"}</b></span>'
        for severity in SEVERITIES
        if (number := report.count(severity))
    ]
    part = f" ({report.trained / report.tokens:.0%})" if report.tokens else ""
    looked = f"{looked_at(bench, report)} · {report.trained:,} of {report.tokens:,} tokens trained{part}"
    head = ", ".join(counts) or '<span class="yes">clean</span>'
    groups = "".join(_group(group) for group in report.groups)
    asked = asked_html(bench, report.findings)
    path = _path(bench.path.title)
    return f'{path}<p class="outcome">{head}</p><p class="facts">{looked}</p>{asked}<ul class="findings">{groups}</ul>'


def _group(group: Group) -> str:
    more = f'<span class="muted">{safe(scope(group))}</span>'
    fix = f'<br><span class="yes">fix:</span> {safe(group.fix.described)}' if group.fix is not None else ""
    return finding_line(group.finding, more, fix)


def infer_html(found: Inference, model: str, data: str, path: TrainingPath | None = None) -> str:
    """The figures proved for each role, the notes, and the YAML; `path` is the recipe's, see `infer_text`."""
    lines = []
    for evidence in found.evidence:
        *figures, proved = map(safe, cells(evidence))
        lines.append([*figures, f'<span class="{"yes" if evidence.verified else "no"}">{proved}</span>'])
    on = f"Proved on {found.conversations} conversations that were not used to find it"
    on += f", and {found.rows} rows of {data}." if found.rows else "."
    notes = not_read(path) if path is not None and path.kind != "multimodal" else []
    notes += [f"{evidence.role}: {note}" for evidence in found.evidence for note in evidence.notes]
    notes += found.notes
    notes += [line.strip() for line in injection_lines(found)]
    noted = "".join(f'<li class="hint">{safe(note)}</li>' for note in notes)
    good = "yes" if found.verified else "no"
    return (
        f'<p class="outcome {good}">{safe(model)}: {safe(headline(found))}</p><p class="facts">{safe(on)}</p>'
        f"{table(COLUMNS, lines, numbers=('leaked',))}<pre>{_lines(found.yaml())}</pre>"
        f'<ul class="findings">{noted}</ul>'
    )


def run_html(events: Sequence[Event], verdict: Verdict, file: str) -> str:
    """A run's verdict, its curve, what was asked of the model and what it wrote."""
    measured = "".join(f'<li class="muted">{safe(line)}</li>' for line in facts(events, verdict, curve=False))
    decode = last(events, "probe", name="decode")
    written = ""
    if decode is not None:
        lines = [
            [
                str(turn["row"]),
                safe(turn["wanted"]),
                safe(turn["got"]),
                _mark(turn["exact"]),
                _mark(turn["stopped"]),
            ]
            for turn in decode["turns"]
        ]
        head = ("row", "trained turn", "what the model wrote", "exact", "stopped")
        turns = table(head, lines, numbers=("row",))
        written = f"<details><summary>{len(lines)} turns reproduced</summary>{turns}</details>"
    return (
        f'{_path(path_of(events))}<p class="outcome {verdict.outcome}">{safe(verdict.line)}</p>{_curve(events)}'
        f'<ul class="findings">{measured}</ul>{findings(verdict.findings)}{written}'
        f'<p class="cut">events: {safe(file)}</p>'
    )


def progress_html(events: Sequence[Event], steps: int) -> str:
    """A run that goes on: what it does, how far it is, and the curve so far."""
    step, probe = last(events, "step"), last(events, "probe")
    done = int(step["step"]) if step is not None else 0
    doing = f"asking: {probe['name']}" if probe is not None else "training" if step is not None else "loading the model"
    figures = ""
    if step is not None:
        left = number(step["seconds"]) * max(0, steps - done)
        figures = f"step {done} of {steps} · loss {number(step['loss']):.4f} · gradient {number(step['grad_norm']):.2f}"
        figures += f" · {left:.0f} s left" if probe is None else ""
    bar = f'<span class="bar"><i style="width:{done / max(1, steps):.0%}"></i></span>'
    return f'<p class="outcome">{safe(doing)} {bar}</p><p class="facts">{safe(figures)}</p>{_curve(events)}'


def _curve(events: Sequence[Event]) -> str:
    plan = (last(events, "start") or {}).get("plan") or {}
    vocabulary = int((last(events, "loaded") or {}).get("vocabulary") or 0)
    guess = math.log(vocabulary) if vocabulary > 1 else math.nan
    losses = [number(step["loss"]) for step in every(events, "step")]
    return curve(losses, int(plan.get("steps") or len(losses)), guess)


def _path(title: str) -> str:
    """The path of a recipe, where it is known."""
    return f'<p class="path">{safe(title)}</p>' if title else ""


def _mark(good: bool) -> str:
    return '<span class="yes">✓</span>' if good else '<span class="no">✗</span>'


def export_html(made: Export, written: str | None, diff: str) -> str:
    """The proofs of an export, the changes it makes, and the file."""
    classes = {True: "yes", False: "no", None: "doubtful"}
    lines = [
        [
            f'<span class="{classes[proof.ok]}">{MARKS[proof.ok]}</span>',
            safe(proof.step),
            safe(proof.message)
            + (f'<br><span class="hint">→ {safe(proof.hint)}</span>' if proof.hint and not proof.ok else ""),
        ]
        for proof in made.proofs
    ]
    head = f'{_path(path_line(made))}<p class="outcome {outcome(made)}">{safe(proof_line(made))}</p>'
    required = "".join(f'<li class="warning"><b>!</b> {safe(text)}</li>' for text in made.composed.requirements)
    beside = f", with <code>{safe(', '.join(made.composed.files))}</code> beside it" if made.composed.files else ""
    where = f"<p>wrote <code>{safe(written)}</code>{beside}</p>" if written else ""
    before = f"<details><summary>difference to the file that is there</summary>{diff_html(diff)}</details>"
    return (
        f'{head}{table(("", "", ""), lines)}<ul class="findings">{required}</ul>{where}{before if diff else ""}'
        f"<details><summary>the file, {len(made.text.splitlines())} lines</summary>{yaml_html(made.text)}</details>"
    )


def yaml_html(text: str) -> str:
    """A recipe's text; comments are muted."""
    lines = [
        f'<span class="note">{safe(line)}</span>' if line.lstrip().startswith("#") else safe(line)
        for line in text.splitlines()
    ]
    return f"<pre>{'<br>'.join(lines)}</pre>"


def diff_html(diff: str) -> str:
    """A unified diff in the colours of one."""
    kinds = {"+": "new", "-": "gone", "@": "note"}
    lines = [f'<span class="{kinds.get(line[:1], "")}">{safe(line)}</span>' for line in diff.splitlines()]
    return f"<pre>{'<br>'.join(lines)}</pre>"


def _lines(text: str) -> str:
    return "<br>".join(safe(line) for line in text.splitlines())
