"""`python -m tests.benchmarks [NAME …] [--page FILE]`: run all benchmarks, or those named (scan, startup, screens).

With `--page` the table of all targets is written; what was not run is said to be so.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance import environment
from tests.benchmarks import page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# These are measured against axolotl, which lives in the conformance environment.
WITH_AXOLOTL = {"scan", "picture_audit"}


def main(names: list[str], target: Path | None) -> int:
    """Run each benchmark in a process of its own; returns the worst exit status."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    if unknown := set(names) - set(known):
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    failed: dict[str, int] = {}
    before = page.load()
    with tempfile.TemporaryDirectory() as scratch:
        records = Path(scratch) / "records.jsonl"
        for name in names or known:
            python = environment.newest().ensure() if name in WITH_AXOLOTL else sys.executable
            print(f"== {name}", flush=True)
            command = [os.fspath(python), "-m", f"tests.benchmarks.bench_{name}"]
            made = {**os.environ, page.RECORD: str(records)}
            if code := subprocess.run(command, cwd=ROOT, check=False, env=made).returncode:
                failed[name] = code
        if target is not None:
            target.write_text(page.page(page.recorded(records), failed, before), "utf-8")
            print(f"wrote {target}")
    return max(failed.values(), default=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--page", type=Path)
    asked = parser.parse_args()
    raise SystemExit(main(asked.names, asked.page))
