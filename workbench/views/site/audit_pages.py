"""The pages of an audit that a site takes in: those in its own folder, in a folder that is named, or the app's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.audit.follow import REPORT, kept_folder
from workbench.audit.question import is_of
from workbench.errors import BenchError, InputError, Where
from workbench.files import read_limited
from workbench.views.audit_files import PAGE

if TYPE_CHECKING:
    from workbench.bench import Bench

FOLDER = "audit"
"""The audit's folder in a site."""
_MOST_BYTES = 256 << 20
_NONE = "`vlmbench audit CONFIG --out DIR` writes one, with report.json and report.html."


@dataclass(frozen=True, slots=True)
class AuditPages:
    """An audit that was written: its page, and what its report sums up. `other`: the name of another recipe's."""

    page: bytes
    report: Mapping[str, Any]
    other: str = ""

    @property
    def outcome(self) -> str:
        """The colour of its worst finding."""
        found = self.report["summary"]
        return "fail" if found.get("errors") else "doubtful" if found.get("warnings") else "pass"

    @property
    def line(self) -> str:
        """The rows and findings, in one line."""
        found, rows, planned = (self.report[key] for key in ("summary", "rows", "planned"))
        read = f"{rows:,} rows" if rows == planned else f"{rows:,} of {planned:,} rows"
        counts = [f"{found[name]:,} {name if found[name] != 1 else name[:-1]}" for name in _COUNTS if found.get(name)]
        return f"{read}: {', '.join(counts) or 'nothing found'}"


_COUNTS = ("errors", "warnings", "notes")


def audit_pages(bench: Bench, site: Path, given: Path | None = None) -> AuditPages | None:
    """The audit in the folder that is given, in the site's own, or the one of the app for this very recipe; None: none.

    Raises:
        InputError: there is none in the folder that is given, or it cannot be read.
    """
    if given is not None:
        return _read(given, bench)
    own = site / FOLDER
    if (own / REPORT).is_file():
        return _read(own, bench)
    kept = kept_folder(bench)
    try:
        return _read(kept, bench) if (kept / REPORT).is_file() and is_of(kept, bench) else None
    except BenchError:
        # Nobody named that one.
        return None


def _read(folder: Path, bench: Bench) -> AuditPages:
    title = "This folder has no audit in it"
    page = read_limited(folder / PAGE, _MOST_BYTES, title, hint=_NONE)
    report = read_limited(folder / REPORT, _MOST_BYTES, title, hint=_NONE)
    where = Where(str(folder / REPORT))
    try:
        told = json.loads(report)
        numbers = [told["rows"], told["planned"], *(told["summary"].get(name, 0) for name in _COUNTS)]
        recipe = str(told["recipe"])
        good = told["schema"] == "vlmbench.audit/1" and all(type(number) is int for number in numbers)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        good = False
    if not good:
        raise InputError("This is no report of an audit", "", _NONE, where)
    return AuditPages(page, told, recipe if recipe != bench.document.name else "")
