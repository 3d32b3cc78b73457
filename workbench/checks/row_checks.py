"""Every finding about one row, in order, kept for as long as the bench's masking stays."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.checks import data, handed_over, mask, template, text_path, trainer
from workbench.checks.registry import checks, run
from workbench.checks.row_facts import RowFacts
from workbench.errors import BenchError
from workbench.findings import SEVERITIES, Finding

if TYPE_CHECKING:
    from workbench.row import Row

UNRENDERED_CHECKS = checks("unrendered row", data, handed_over)
MASK_CHECKS = checks("row", mask, text_path)
ASKED_CHECKS = checks("asked row", trainer)
ROW_CHECKS = (*MASK_CHECKS, *checks("row", template, data))


def check_row(row: Row) -> list[Finding]:
    """Every finding about one row, those of its data included, the worst first. Never raises for what a row holds."""
    if not row.bench.path.shown:
        # The notes of a chat's rows are not those of other data.
        return [row.error] if row.error is not None else []
    try:
        conversation = row.conversation
    except BenchError:
        return [row.error] if row.error is not None else []
    found = [finding for finding in conversation.findings if not _overtaken(finding)]
    found += run(UNRENDERED_CHECKS, row)
    if row.error is not None:
        return in_order([row.error, *found])
    found += run(ROW_CHECKS, RowFacts(row))
    return in_order(found)


def mask_findings(facts: RowFacts) -> list[Finding]:
    """The findings about a row's mask alone, in their order."""
    return list(run(MASK_CHECKS, facts))


def row_findings(row: Row) -> list[Finding]:
    """`check_row`, once for each masking of the bench, and what the trainer said of the row, where it was asked."""
    masking = row.bench.masking
    if row.checked is None or row.checked[0] is not masking:
        row.checked = (masking, check_row(row))
    found = list(row.checked[1])
    # Not kept: the answer comes later than the row.
    return found if row.bench.asked is None else in_order([*found, *run(ASKED_CHECKS, row)])


def _overtaken(finding: Finding) -> bool:
    """Notes of ignored part keys: the checks count what they cost, and on the text path nothing is ignored."""
    return finding.code == "M013" and _PART_NOTE.match(finding.message) is not None


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, else as they came."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


_PART_NOTE = re.compile(r"`(train|weight|training)` ")
