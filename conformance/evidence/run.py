"""The examples one after the other in the Python of a release: findings, evidence, export. Called by `__main__`."""

from __future__ import annotations

import json
import multiprocessing
import sys
import traceback
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from conformance.environment import here
from conformance.evidence.asked import Asker
from conformance.evidence.case import Case
from conformance.evidence.examples import Example, examples
from conformance.evidence.questions import ask
from tests.support.processors import ensure_num2words
from workbench.consumers.axolotl import rehearsal, worker

Entry = dict[str, Any]


def examined(example: Example, home: Path) -> Entry:
    """All about one example, for JSON: its findings with their evidence, what axolotl says of it and of its export.

    `home` keeps the answers, and the recipes that were asked about.
    """
    entry: Entry = {"example": example.name, "path": example.kind, "without": example.without, "findings": []}
    if example.without:
        return entry
    case = Case(example, Asker(home / "answers"), home / "recipes")
    entry["refused"] = case.refused()
    if case.told.problem:
        # axolotl has to refuse what the bench cannot open.
        return entry | {"problem": case.told.problem}
    for finding, count in zip(case.told.findings, case.told.counts, strict=True):
        found = ask(case, finding)
        entry["findings"].append(
            {
                "code": finding.code,
                "severity": finding.severity,
                "field": finding.where.field,
                "message": finding.message,
                "count": count,
                "fix": finding.fix.title if finding.fix is not None else "",
                "question": found.question if found is not None else "",
                "before": found.before if found is not None else "",
                "after": found.after if found is not None else "",
                "shown": found is not None and found.shown,
            }
        )
    entry["export"] = case.export_refused()
    return entry


def _examined(example: Example) -> Entry:
    try:
        return examined(example, here().home / "evidence")
    except Exception:
        return {"example": example.name, "path": example.kind, "without": "", "error": traceback.format_exc(limit=-3)}


def entries(wanted: Iterable[Example], jobs: int) -> Iterator[Entry]:
    """The entries of these examples, in their order, `jobs` at a time."""
    worker.quiet(offline=True)
    rehearsal.warm()
    ensure_num2words()
    if jobs <= 1:
        yield from map(_examined, wanted)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_examined, wanted)


def main(arguments: list[str]) -> int:
    parser = ArgumentParser("conformance.evidence.run", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("words", nargs="*", help="parts of examples' names; all where none is given")
    options = parser.parse_intermixed_args(arguments)
    # Examples of one model together, so that what is built of it is built once.
    wanted = sorted(examples(), key=lambda one: (one.base_model, one.name))
    wanted = [one for one in wanted if not options.words or any(word in one.name for word in options.words)]
    found = []
    for entry in entries(wanted, options.jobs):
        found.append(entry)
        print(f"{len(found)}/{len(wanted)} {entry['example']}", file=sys.stderr, flush=True)
        options.out.write_text(json.dumps(found, indent=1), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
