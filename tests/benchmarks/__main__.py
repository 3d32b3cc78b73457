"""`python -m tests.benchmarks [NAME …]`: run all benchmarks, or those named (scan, startup, screens)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conformance import environment

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# These are measured against axolotl, which lives in the conformance environment.
WITH_AXOLOTL = {"scan", "picture_audit"}


def main(names: list[str]) -> int:
    """Run each benchmark in a process of its own; returns the worst exit status."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    if unknown := set(names) - set(known):
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    worst = 0
    for name in names or known:
        python = environment.newest().ensure() if name in WITH_AXOLOTL else sys.executable
        print(f"== {name}", flush=True)
        command = [os.fspath(python), "-m", f"tests.benchmarks.bench_{name}"]
        worst = max(worst, subprocess.run(command, cwd=ROOT, check=False).returncode)
    return worst


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
