"""An audit's report in its folder: as JSON for programs and as a page for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.audit.follow import REPORT
from workbench.audit.report import AuditReport
from workbench.recipe.yaml.document import write_atomically
from workbench.views.audit import audit_payload
from workbench.views.html_audit import audit_page

if TYPE_CHECKING:
    from workbench.bench import Bench

PAGE = "report.html"


def write_report(folder: Path, bench: Bench, report: AuditReport) -> None:
    """Write both files.

    Raises:
        BenchError: no right, no room.
    """
    payload = json.dumps(audit_payload(bench, report), ensure_ascii=True, separators=(",", ":"))
    write_atomically(folder / REPORT, payload.encode())
    write_atomically(folder / PAGE, str(audit_page(bench, report)).encode("utf-8", "replace"))
