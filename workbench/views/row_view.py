"""A row made ready to be shown: tokens, turns, findings, pictures. Made on a background thread, read by the panes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.bench import Bench, Masking, Row, as_finding
from workbench.checks.report import cause
from workbench.checks.row_checks import error_finding, row_findings
from workbench.checks.schema import multimodal
from workbench.data.pictures import PICTURE_KEYS
from workbench.data.row_notes import BAD_PICTURES
from workbench.errors import BenchError
from workbench.findings import Finding, worst
from workbench.tokens.render import Rendering
from workbench.tokens.trace import Trace
from workbench.views.items import glyphs, turns
from workbench.views.shown_row import RowView as RowView

if TYPE_CHECKING:
    from workbench.blocks.known import KnownRows
    from workbench.judged import JudgedRow


@dataclass(frozen=True, slots=True)
class Sample:
    """A row as the list shows it: tokens trained of all, and its worst error or warning (empty code: none).

    `before` are the tokens trained with the masking that changes are shown against; None where that is the same.
    `causes` are those of all its findings, as `checks.report.cause` gives them; `pictures` counts what the processor
    made of pictures.
    """

    index: int
    trained: int
    total: int
    code: str = ""
    severity: str = ""
    before: int | None = None
    causes: frozenset[tuple[str, ...]] = frozenset()
    pictures: int = 0

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all its findings."""
        return frozenset(one[0] for one in self.causes)


def read_row(bench: Bench, index: int, before: RowView | None = None) -> RowView | Finding:
    """Render, mask and trace a row; a finding when it cannot be shown.

    What no mask changes is taken from `before`, where that is a view of the same rendering.

    Raises:
        InputError: there is no such row.
    """
    row = bench.row(index)
    if row.error is not None:
        return error_finding(row)
    try:
        return _view(bench, row, before)
    except BenchError as problem:
        return as_finding(problem, row.where)


def _view(bench: Bench, row: Row, before: RowView | None) -> RowView:
    roles = tuple(str(message.get("role", "")) for message in row.conversation.messages)
    rendering, mask, trace = row.rendering, row.mask, row.trace
    masking = bench.masking
    known = before if before is not None and before.rendering is rendering else None
    return RowView(
        index=row.index,
        rendering=rendering,
        mask=mask,
        trace=trace,
        drawn=known.drawn if known is not None else glyphs(rendering),
        roles=roles,
        turns=turns(rendering, mask, trace, roles),
        findings=[*row_findings(row), *_another_path(bench, row)],
        boundaries=masking.boundaries,
        roles_to_train=masking.roles_to_train,
        train_on_eos=masking.train_on_eos,
        built_in=_built_in(bench),
        source=row,
        nll=row.nll,
        pictures=known.pictures if known is not None else pictures(rendering, trace, row.conversation.messages),
        path=bench.path.title,
        text=masking.text,
        unread=_unread(bench),
    )


def remasked(view: RowView, bench: Bench) -> RowView:
    """The same row under the bench's masking as it is now; its findings are still those of before."""
    assert view.source is not None
    return replace(with_boundaries(view, bench), mask=view.source.mask)


def with_boundaries(view: RowView, bench: Bench) -> RowView:
    """The same row with the boundaries that are in force now, for where they match nothing: its mask stays."""
    masking = bench.masking
    return replace(
        view,
        boundaries=masking.boundaries,
        roles_to_train=masking.roles_to_train,
        train_on_eos=masking.train_on_eos,
        built_in=_built_in(bench),
        text=masking.text,
        unread=_unread(bench),
    )


def _built_in(bench: Bench) -> str:
    if bench.path.kind == "text" or bench.recipe.effective_boundaries is not None:
        return ""
    return bench.strategy.name


def _unread(bench: Bench) -> tuple[str, ...]:
    """The recipe's boundaries where the text path leaves them unread, a line each."""
    kept = bench.recipe.effective_boundaries or [] if bench.path.kind == "text" else []
    return tuple(f"{one.role}: {one.start!r} … {one.end!r}" for one in kept)


def _another_path(bench: Bench, row: Row) -> list[Finding]:
    """Errors of the recipe for which axolotl would not come to this row's mask at all; the rest is for the checks."""
    lost = any(finding.code == BAD_PICTURES.code for finding in row.conversation.findings)
    found = multimodal(bench.document, sees=lambda: lost or len(row.rendering.media.start) > 0)
    return [finding for finding in found if finding.severity == "error"]


def pictures(rendering: Rendering, trace: Trace, messages: Sequence[dict[str, Any]]) -> dict[int, Any]:
    """The picture of every media run that is one, by the run's number: PIL, or what `load_picture` opens."""
    runs, found = rendering.media, {}
    for run, start in enumerate(runs.start.tolist()):
        message, number = int(trace.message[start]), int(trace.part[start])
        if runs.modality[run] != "image" or message < 0:
            continue
        parts = messages[message]["content"]
        part = parts[number] if isinstance(parts, list) and number < len(parts) else None
        if not isinstance(part, dict):
            continue
        address = part.get("image_url")
        values = [
            *(part.get(key) for key in PICTURE_KEYS),
            address.get("url") if isinstance(address, dict) else address,
        ]
        value = next((value for value in values if value is not None), None)
        if value is not None:
            found[run] = value[0] if isinstance(value, list) and value else value
    return found


def read_sample(bench: Bench, index: int, against: Masking | None = None) -> Sample:
    """The list of samples' entry for a row, and what was trained with another masking.

    Raises:
        InputError: there is no such row.
    """
    row = bench.row(index)
    found = row_findings(row)
    shown, causes = _shown(found), frozenset(map(cause, found))
    code, severity = (shown.code, shown.severity) if shown is not None else ("", "")
    if row.error is not None:
        return Sample(index, 0, 0, code, severity, causes=causes)
    same = against is None or against == bench.masking
    before = None if same or against is None else row.mask_under(against).trained
    count = sum(name == "image" for name in row.rendering.media.modality)
    return Sample(index, row.mask.trained, len(row.rendering), code, severity, before, causes, count)


def read_samples(bench: Bench, indices: Sequence[int], against: Masking | None = None) -> list[Sample]:
    """The same for several rows, judged in blocks or known already; fewer where the data ends before.

    Raises:
        InputError: a row cannot be had.
    """
    from workbench.blocks.known import KnownRows, read_rows

    rows, known = read_rows(bench, indices), KnownRows(bench)
    same = against is None or against == bench.masking
    before = known.trained(rows, against) if not same and against is not None else [None] * len(rows)
    found = zip(rows, known.judged(rows), before, strict=True)
    return [_sample(result, known.findings(row, result), trained) for row, result, trained in found]


def sample_there(known: KnownRows, index: int) -> tuple[Sample, bool] | None:
    """The entry of a row as far as the row was judged, and whether that is all; for the window's thread.

    None where it is to be read.
    """
    there = known.there(index)
    return None if there is None else (_sample(there[0], there[0].findings, None), there[1])


def _sample(result: JudgedRow, found: Sequence[Finding], before: int | None) -> Sample:
    shown, causes = _shown(found), frozenset(map(cause, found))
    code, severity = (shown.code, shown.severity) if shown is not None else ("", "")
    if result.tokens < 0:
        return Sample(result.index, 0, 0, code, severity, causes=causes)
    sizes = (result.index, result.trained, result.tokens)
    return Sample(*sizes, code, severity, before, causes, max(0, result.pictures))


def _shown(findings: Sequence[Finding]) -> Finding | None:
    """The worst error or warning; a note is no reason to look at a row."""
    found = worst(findings)
    return None if found is None or found.severity == "note" else found
