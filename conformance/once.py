"""Files of this suite that need not run on two releases, because the code of axolotl that they ask is the same in both.

Whether it is the same, the stored tables say: each has the sha256 of that code (`harvest/sources.py`), and
`test_tables.py` holds it to the installed release.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from conformance.environment import ROOT

FULL = os.environ.get("VLMBENCH_CONFORMANCE") == "full"
"""True where everything is run: the wider part of a file too."""
AGAIN = os.environ.get("VLMBENCH_CONFORMANCE") == "again"
"""True on a release after the first, which is asked of fewer pictures and trains once with the demo's export."""

ASKS = {"test_scan.py": "scanner", "test_families.py": "scanner"}
"""File -> the part of axolotl's source that decides all of its answers."""
OF_OTHERS = ("test_trl.py", "test_last_steps.py")
"""Files about other trainers, on which no release of axolotl has a say."""


def same_on(release: str, proved: str) -> Iterator[str]:
    """The files that say nothing new of `release` once they have run on `proved`."""
    ours, theirs = _sources(release), _sources(proved)
    yield from OF_OTHERS
    yield from (file for file, part in ASKS.items() if ours[part] == theirs[part])


def _sources(release: str) -> dict[str, str]:
    file = ROOT / "workbench" / "consumers" / "axolotl" / "tables" / f"{release}.json"
    return dict(json.loads(file.read_text("utf-8"))["sources"])
