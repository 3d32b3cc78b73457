"""`python -m conformance.harvest [RELEASE …]`: ask each release of axolotl, in its environment, and write its table.

Without a release: all of them for which this machine has a Python.
"""

from __future__ import annotations

import os
import subprocess
import sys

from conformance.environment import PYTHONS, ROOT, NoInterpreterError, Place
from workbench.consumers.axolotl.worker import quiet


def main(releases: list[str]) -> int:
    """Write the tables, the oldest release first; returns 0 where all were written."""
    if unknown := set(releases) - set(PYTHONS):
        print(f"harvest: no environment for {', '.join(sorted(unknown))}: {', '.join(PYTHONS)}", file=sys.stderr)
        return 2
    # The children inherit it, and import axolotl.
    quiet(offline=True)
    worst = 0
    for release in releases or PYTHONS:
        try:
            python = Place(release).ensure()
        except NoInterpreterError as problem:
            print(f"harvest: {problem}", file=sys.stderr)
            worst = 3
            continue
        command = [os.fspath(python), "-m", "conformance.harvest.table"]
        variables = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
        worst = max(worst, subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode)
    return worst


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
