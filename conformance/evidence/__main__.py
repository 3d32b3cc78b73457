"""`python -m conformance.evidence [--axolotl RELEASE] [--out table.md|table.json] [--jobs N] [part of a name …]`.

Asks each example's findings of axolotl, in the environment of the release, and writes the table of the answers. What
was asked before is kept. The exit code is 1 where a finding is not shown, or an export is refused that was accepted
as it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from conformance.environment import PYTHONS, ROOT, Place
from conformance.evidence.table import table


def main(arguments: list[str]) -> int:
    """Run as a command."""
    parser = ArgumentParser("conformance.evidence", description=__doc__)
    parser.add_argument("--axolotl", choices=PYTHONS, default=list(PYTHONS)[-1])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("words", nargs="*", metavar="NAME")
    options = parser.parse_intermixed_args(arguments)
    python = Place(options.axolotl).ensure()
    paths = [os.fspath(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(paths), "VLMBENCH_ASK": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        found = Path(scratch) / "entries.json"
        command = [python, "-m", "conformance.evidence.run", found, "--jobs", str(options.jobs), *options.words]
        ran = subprocess.run(command, cwd=ROOT, env=variables, check=False)
        if ran.returncode or not found.is_file():
            return ran.returncode or 1
        entries = json.loads(found.read_text("utf-8"))
    text = table(entries, options.axolotl)
    if options.out is None:
        print(text, end="")
    else:
        options.out.write_text(
            json.dumps(entries, indent=1) + "\n" if options.out.suffix == ".json" else text, encoding="utf-8"
        )
    bad = [
        entry for entry in entries if entry.get("error") or not all(one["shown"] for one in entry.get("findings", ()))
    ]
    lost = [entry for entry in entries if entry.get("refused") == "" and entry.get("export", "") != ""]
    return 1 if bad or lost else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
