"""An audit in words and figures that text, page and screen share. Whoever shows them makes them safe to draw."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from workbench.audit.report import AuditReport, place_of
from workbench.audit.sources import RowPlace
from workbench.paths import sample_dir
from workbench.views.model import short_bytes

if TYPE_CHECKING:
    from workbench.audit.causes import Cause
    from workbench.audit.lengths import Limit, Packing
    from workbench.audit.repeats import Group, Overlap
    from workbench.bench import Bench
    from workbench.findings import Finding

BUDGET_COLUMNS = ("data set", "rows", "tokens", "trained", "of all", "in the run", "by role")
_NAMED = 3
_FATES = {
    "whole": "the collator trains them whole",
    "cut": "they are cut",
    "dropped": "they are dropped",
    "refused": "axolotl stops at them",
}
_OPTIONS = ("model", "data", "family", "revision", "axolotl_python", "axolotl_version")
_FLAGS = ("trust_remote_code", "offline")


def percent(part: float, whole: float) -> str:
    """A share in percent, with as many digits as it needs."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f}%" if share >= 10 or share == 0 else f"{share:.1f}%" if share >= 0.1 else "under 0.1%"


def row_name(place: RowPlace, report: AuditReport) -> str:
    """The row's number, with that of its data set where there are several."""
    if place.dataset < 0:
        return f"{place.row} of test_datasets[{-1 - place.dataset}]"
    return str(place.row) if len(report.datasets) < 2 else f"{place.row} of datasets[{place.dataset}]"


def row_names(places: Sequence[RowPlace], report: AuditReport) -> str:
    """The numbers of some rows, a data set that they share named once behind them."""
    parts = []
    for _, together in groupby(places, key=lambda place: place.dataset):
        *others, last = together
        parts.append(", ".join([*(str(place.row) for place in others), row_name(last, report)]))
    return ", ".join(parts)


def examples_of(cause: Cause) -> list[tuple[RowPlace, Finding]]:
    """The rows of a cause that can be looked at, each with what was found there."""
    pairs = ((place_of(finding, at), finding) for finding, at in zip(cause.examples, cause.datasets, strict=True))
    return [(place, finding) for place, finding in pairs if place is not None]


def inspect_command(bench: Bench, place: RowPlace) -> str:
    """The command line that shows a row, to be pasted into a shell."""
    dataset = ["--dataset", str(place.dataset)] if place.dataset else []
    return command_line(bench, "inspect", *dataset, "--row", str(place.row))


def command_line(bench: Bench, command: str, *more: str) -> str:
    """The line of a command on the bench's recipe, model and rows, to be pasted into a shell."""
    words = ["vlmbench", command]
    if bench.document.path is not None and bench.document.path.parent != sample_dir():
        words.append(str(bench.document.path))
    for name in _OPTIONS:
        if bench.options[name]:
            words += [f"--{name.replace('_', '-')}", str(bench.options[name])]
    words += [f"--{name.replace('_', '-')}" for name in _FLAGS if bench.options[name]]
    return shlex.join([*words, *more])


def budget_lines(report: AuditReport) -> list[tuple[str, ...]]:
    """A line for each data set, by `BUDGET_COLUMNS`, and one for all where there are several."""
    lines: list[tuple[str, ...]] = []
    for budget in report.datasets:
        rows = f"{budget.rows:,}" + (f" of {budget.whole:,}" if budget.rows != budget.whole else "")
        roles = ", ".join(
            f"{role or 'outside of turns'} {percent(count, budget.trained)}" for role, count in budget.by_role.items()
        )
        share = f"{percent(budget.trained, budget.tokens)}"
        lines.append(
            (
                f"{budget.dataset} {budget.name}",
                rows,
                f"{budget.tokens:,}",
                f"{budget.trained:,} ({share})",
                percent(budget.share, 1),
                f"{budget.trained * report.epochs:,.0f}",
                roles,
            )
        )
    if len(report.datasets) > 1:
        tokens, trained = (sum(getattr(one, name) for one in report.datasets) for name in ("tokens", "trained"))
        roles = ", ".join(
            f"{role or 'outside of turns'} {percent(count, trained)}" for role, count in report.by_role.items()
        )
        lines.append(
            (
                "all",
                f"{report.rows:,}",
                f"{tokens:,}",
                f"{trained:,} ({percent(trained, tokens)})",
                "100%" if trained else "0%",
                f"{trained * report.epochs:,.0f}",
                roles,
            )
        )
    return lines


def audit_facts(report: AuditReport) -> list[str]:
    """The facts of the rows besides their findings, a line each."""
    if not report.rows:
        return []
    facts = []
    epochs = f"{report.epochs:g} epoch{'' if report.epochs == 1 else 's'}"
    ended = f", unless max_steps {report.steps:,} end the run before" if report.steps is not None else ""
    facts.append(f"in the run: trained tokens times {epochs}{ended}; the loss weighs each trained token alike")
    if report.largest is not None:
        facts.append(_largest(report))
    facts += _limit(report.limit) if report.limit is not None else []
    facts += _packing(report.packing) if report.packing is not None else []
    if report.twice.count:
        facts.append(
            f"{_number(report.twice.count, 'row')} repeat an earlier one{_groups(report, report.twice.groups)}"
        )
    if report.pictures.count:
        many = "pictures stand" if report.pictures.count > 1 else "picture stands"
        facts.append(
            f"{report.pictures.count:,} {many} in an earlier row too, by the bytes of their files"
            f"{_groups(report, report.pictures.groups)}"
        )
    if report.overlap is not None and report.overlap.rows:
        facts += _overlap(report, report.overlap)
    if report.split:
        share = f"{report.split:.0%}" if report.split < 1 else f"{report.split:,.0f} rows"
        twins = "; rows that stand twice may fall on both sides" if report.twice.count else ""
        facts.append(f"val_set_size takes {share} of these rows from the training, drawn at random{twins}")
    if report.unrendered:
        facts.append(f"{_number(report.unrendered, 'row')} without a rendering")
    if report.by_row:
        facts.append(f"rows were checked one by one: {report.by_row}")
    if report.lost:
        facts.append(f"{_number(report.lost, 'process', 'processes')} lost to rows that cannot be processed")
    return facts


def _number(count: int, name: str, many: str = "") -> str:
    return f"{count:,} {name if count == 1 else many or name + 's'}"


def _largest(report: AuditReport) -> str:
    assert report.largest is not None
    largest = report.largest
    text = f"row {row_name(largest.place, report)} needs the most memory, with {largest.tokens:,} tokens"
    if largest.estimate is not None:
        rows = f" of {largest.estimate.batch} such rows" if largest.estimate.batch > 1 else ""
        return f"{text}: about {short_bytes(largest.estimate.total)} for its step{rows}"
    return f"{text}; its step is not estimated: {largest.unknown}" if largest.unknown else text


def _limit(limit: Limit) -> list[str]:
    named = "" if limit.named else ", axolotl's default"
    if not limit.rows:
        return [f"no row is longer than sequence_len ({limit.limit:,}{named})"]
    lost = f", {limit.lost:,} tokens are lost" if limit.lost else ""
    longer = "rows are" if limit.rows > 1 else "row is"
    fate = _FATES[limit.fate]
    return [f"{limit.rows:,} {longer} longer than sequence_len ({limit.limit:,}{named}): {fate}{lost}"]


def _packing(packing: Packing) -> list[str]:
    found = f" (found on {packing.sampled:,} rows)" if packing.sampled is not None else ""
    how = "packed" if packing.asked else "packed (the recipe does not: sample_packing)"
    return [
        f"{how} into sequences of {packing.limit:,}: {packing.sequences:,} an epoch, {packing.fill:.0%} full, "
        f"{packing.rows:.1f} rows in each; {_number(packing.steps, 'step')} an epoch on one device, "
        f"{packing.unpacked:,} without packing{found}"
    ]


def _overlap(report: AuditReport, overlap: Overlap) -> list[str]:
    facts = []
    for count, first, what in (
        (overlap.shared, overlap.first, "stand in the training too"),
        (overlap.pictures, overlap.first_pictures, "have a picture that is trained"),
    ):
        pairs = "; ".join(f"{row_name(one, report)} = {row_name(other, report)}" for one, other in first[:_NAMED])
        named = f" ({pairs}{'; …' if count > _NAMED else ''})" if first else ""
        facts.append(f"{count:,} of {overlap.rows:,} rows of the evaluation {what}{named}")
    # Rows that stand there whole have their pictures there too: said once where that is all.
    return facts if overlap.pictures else facts[:1]


def _groups(report: AuditReport, groups: tuple[Group, ...]) -> str:
    if not groups:
        return ""
    named = "; ".join(row_names(group[:5], report) for group in groups[:_NAMED])
    return f" (rows {named}{'; …' if len(groups) > _NAMED else ''})"
