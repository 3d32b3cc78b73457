"""Addresses from one page of a site to a row or a finding on another; a page alone has none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from workbench.checks.report import cause
from workbench.findings import Finding

ROWS, CHECKS = "rows.html", "checks.html"


def row_anchor(index: int) -> str:
    """The anchor of a row on the page of rows."""
    return f"row-{index}"


@dataclass(frozen=True, slots=True)
class Links:
    """The rows that the site shows, and by cause the anchor of each finding on the page of checks."""

    rows: Collection[int] = frozenset()
    causes: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def of_row(self, finding: Finding) -> str:
        """The address of a finding's row; "" where it has none, or its row is not shown."""
        index = finding.where.row
        return f"{ROWS}#{row_anchor(index)}" if index is not None and index in self.rows else ""

    def of_cause(self, finding: Finding) -> str:
        """The address of the finding's cause among the checks; "" where it is not there."""
        anchor = self.causes.get(cause(finding), "") if self.causes else ""
        return f"{CHECKS}#{anchor}" if anchor else ""


NO_LINKS = Links()
"""Those of a page that stands alone."""
