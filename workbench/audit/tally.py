"""The rows that an audit has judged: a few numbers a row and the causes, for a report at any time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audit.block_file import BlockResult
from workbench.audit.budget import budgets_of
from workbench.audit.causes import Cause, merged
from workbench.audit.content import picture_number, pictures_in
from workbench.audit.largest import Largest, estimated
from workbench.audit.lengths import limit_of, packing_of
from workbench.audit.repeats import Overlap, overlap_of, repeats_of
from workbench.audit.report import AuditReport
from workbench.audit.sources import AuditPlan, RowPlace
from workbench.audit.spread import spread_of
from workbench.checks.recipe_checks import rows_findings
from workbench.checks.recipe_facts import RowsSeen
from workbench.findings import Finding

_NUMBERS = (("row", np.int64), ("length", np.int32), ("trained", np.int32), ("media_tokens", np.int32))
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Kept:
    dataset: int
    numbers: dict[str, Array]
    digests: npt.NDArray[np.uint64]
    picture_rows: npt.NDArray[np.int64]
    pictures: npt.NDArray[np.uint64]
    by_role: dict[str, int]
    causes: list[Cause]
    roles: list[str]
    source: list[Finding]
    alone: int
    by_row: str


@dataclass
class Tally:
    """The blocks of a plan that are judged, the same whatever order they came in. `rows` counts judged rows."""

    plan: AuditPlan
    rows: int = 0
    _blocks: dict[int, _Kept] = field(default_factory=dict)

    def add(self, number: int, block: BlockResult) -> None:
        """Take the results of block `number`."""
        columns = block.columns
        held = columns["picture_digests"]
        dataset = columns["dataset"][0] if len(block) else 0
        self._blocks[number] = _Kept(
            dataset,
            {name: np.array(columns[name], dtype=dtype) for name, dtype in _NUMBERS},
            np.array(columns["digest"], dtype=np.uint64),
            np.repeat(np.array(columns["row"], dtype=np.int64), [len(mine) for mine in held]),
            np.array([one for mine in held for one in mine], dtype=np.uint64),
            _summed(columns["by_role"]),
            block.causes,
            block.roles,
            block.source_findings,
            sum(columns["alone"]) if dataset >= 0 else 0,
            block.by_row,
        )
        self.rows += len(block) if dataset >= 0 else 0

    def has(self, number: int) -> bool:
        """True where a block is judged."""
        return number in self._blocks

    def causes(self) -> list[Cause]:
        """The causes so far, the worst first."""
        return merged(self._blocks[number].causes for number in sorted(self._blocks))

    def report(
        self,
        recipe: Iterable[Finding],
        *,
        interrupted: bool = False,
        lost: int = 0,
        seconds: float = 0.0,
        resumed: int = 0,
        estimate: bool = True,
    ) -> AuditReport:
        """The report of the blocks so far. `estimate`: with the memory of the largest step, which takes seconds."""
        kept = [self._blocks[number] for number in sorted(self._blocks)]
        judged = [one for one in kept if one.dataset >= 0]
        bench = self.plan.trained[0].bench
        columns = {name: _joined([one.numbers[name] for one in judged], kind) for name, kind in _NUMBERS}
        datasets = _joined([np.full(len(one.digests), one.dataset) for one in judged], np.int64)
        shown = columns["length"] >= 0
        tokens, trained = columns["length"][shown], columns["trained"][shown]
        rows, numbers = _places(judged, "rows")
        picture_rows, pictures = _places(judged, "pictures")
        roles: dict[int, dict[str, int]] = {}
        for one in judged:
            mine = roles.setdefault(one.dataset, {})
            for role, count in one.by_role.items():
                mine[role] = mine.get(role, 0) + count
        named = {source.dataset: (source.name, source.length) for source in self.plan.trained}
        recipe_now = bench.recipe
        return AuditReport(
            planned=len(self.plan),
            rows=self.rows,
            recipe=tuple(dict.fromkeys([*recipe, *self._of_no_row(judged)])),
            causes=tuple(merged(one.causes for one in kept)),
            unrendered=int(np.count_nonzero(~shown)),
            tokens=spread_of(tokens),
            trained=spread_of(trained),
            share=spread_of(trained / np.maximum(tokens, 1)),
            media=spread_of(columns["media_tokens"][shown]),
            datasets=budgets_of(datasets, columns["length"], columns["trained"], roles, named),
            epochs=float(recipe_now.num_epochs),
            steps=recipe_now.max_steps if (recipe_now.max_steps or 0) > 0 else None,
            largest=self._largest(rows[shown], tokens, estimate=estimate),
            limit=limit_of(bench, tokens),
            packing=packing_of(bench, tokens, trained),
            twice=repeats_of(numbers, rows),
            pictures=repeats_of(pictures, picture_rows, self._whole_picture),
            overlap=self._overlap(kept, (numbers, rows, pictures, picture_rows)),
            split=float(recipe_now.val_set_size or 0),
            alone=sum(one.alone for one in judged),
            by_row=next((one.by_row for one in judged if one.by_row), ""),
            interrupted=interrupted,
            lost=lost,
            seconds=seconds,
            resumed=resumed,
        )

    def _of_no_row(self, judged: Sequence[_Kept]) -> list[Finding]:
        """The findings about the rows together: of each data set's file, and of the roles that they have."""
        seen = {(finding.code, finding.message): finding for one in judged for finding in one.source}
        found = list(seen.values())
        for source in self.plan.trained:
            mine = [one for one in judged if one.dataset == source.dataset]
            roles = {role for one in mine for role in one.roles}
            if roles:
                rows = sum(len(one.digests) for one in mine)
                found += rows_findings(RowsSeen(source.bench, roles, rows, rows == source.length))
        return found

    def _largest(self, rows: Array, tokens: Array, *, estimate: bool) -> Largest | None:
        if not len(tokens):
            return None
        at = int(np.argmax(tokens))
        place, size = RowPlace(*map(int, rows[at])), int(tokens[at])
        bench = self.plan.trained[0].bench
        limit = limit_of(bench, tokens)
        if limit is not None and limit.fate != "whole":
            size = min(size, limit.limit)
        return estimated(bench, place, size) if estimate else Largest(place, size)

    def _overlap(self, kept: Sequence[_Kept], trained: tuple[Array, Array, Array, Array]) -> Overlap | None:
        if not any(source.evaluation for source in self.plan.sources):
            return None
        others = [one for one in kept if one.dataset < 0]
        rows, numbers = _places(others, "rows")
        picture_rows, pictures = _places(others, "pictures")
        return overlap_of(trained, (numbers, rows, pictures, picture_rows))

    def _whole_picture(self, number: int, place: RowPlace) -> int | None:
        """The number of a picture that is read to its end: of a row's picture with this number."""
        source = next(source for source in self.plan.sources if source.key == place.dataset)
        raw = source.bench.rows.row(place.row)
        base = raw.base_dir or source.bench.rows.base_dir
        for value in pictures_in(raw.data or {}):
            if picture_number(value, base) == number:
                return picture_number(value, base, whole=True)
        return None


def _places(kept: Sequence[_Kept], what: str) -> tuple[Array, Array]:
    """(places, numbers) of the rows or of the pictures of some blocks."""
    each = [(one.dataset, one.picture_rows, one.pictures) for one in kept]
    if what == "rows":
        each = [(one.dataset, one.numbers["row"], one.digests) for one in kept]
    places = [np.stack([np.full(len(rows), dataset), rows], axis=1) for dataset, rows, _ in each]
    numbers = _joined([numbers for _, _, numbers in each], np.uint64)
    return (np.concatenate(places) if places else np.zeros((0, 2), dtype=np.int64)), numbers


def _joined(parts: Sequence[Array], dtype: Any) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)


def _summed(rows: Iterable[Iterable[tuple[str, int]]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        for role, count in row:
            counts[role] = counts.get(role, 0) + count
    return counts
