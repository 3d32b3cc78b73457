"""`make trainers`: ask every trainer the same forty rows over the families, and write the pages and their table."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.environment import newest
from report_card.environment import TRAINERS, Place
from report_card.families import FAMILIES, SPEC_OF, answer_file, recipe_of
from report_card.last_step import Asked, train_all, write
from report_card.page import HELD, TIMES, known_share, page, read_card
from report_card.rows import rows
from report_card.timing import keep, time_axolotl, time_families
from tests.support.environment import ROOT
from workbench.consumers.trainers.client import SERVING, TrainerProcess, read_rows, script_of
from workbench.errors import BenchError
from workbench.lanes.asking import Named, ask_one, contents
from workbench.lanes.translate import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.bench import Bench

HOME = ROOT / ".trainers"
NEEDS = (
    "The report card needs Python 3.12, about 30 GB of disk for six environments (less where uv links them), and about "
    "half a minute to a minute of CPU for each trainer and family. What was answered is kept in .trainers/report."
)


def main() -> int:
    """Build the environments one after the other, ask, and write a page a family and the page of all."""
    parser = argparse.ArgumentParser(prog="python -m report_card")
    parser.add_argument("--family", action="append", choices=FAMILIES)
    parser.add_argument("--trainer", action="append", choices=("axolotl", *TRAINERS))
    parser.add_argument("--again", action="store_true", help="ask again what is kept")
    parser.add_argument("--train", action="store_true", help="hold the answers against each trainer's own training")
    parser.add_argument("--time", action="store_true", help="only ask a hundred rows of each family, and note the time")
    chosen = parser.parse_args()
    print(NEEDS, file=sys.stderr)
    benches: dict[str, Bench] = {}
    for trainer in chosen.trainer or ["axolotl", *TRAINERS]:
        place = newest() if trainer == "axolotl" else Place(trainer)
        python = place.ensure()
        if chosen.time:
            _time(trainer, python, chosen.family or FAMILIES)
            continue
        process = None if trainer == "axolotl" else TrainerProcess(trainer, str(python), offline=True)
        for family in chosen.family or FAMILIES:
            _ask(family, Named(trainer, str(python), trainer), place.requirements, benches, process, again=chosen.again)
        if process is not None:
            process.close()
        if chosen.train:
            _train(trainer, python, chosen.family or FAMILIES)
    _write_pages()
    return 0


def _write_pages() -> None:
    """A page a family in .trainers/report, and the page of all in docs/."""
    from workbench.views.about import About, installed_versions
    from workbench.views.html import document
    from workbench.views.lanes import lanes_html, lanes_payload

    card = read_card(HOME)
    for family, lanes in card.lanes.items():
        place = HOME / "report" / f"{family}.html"
        about = About(
            family, "the report card's own, one a family", f"{len(lanes.comparison.rows)} rows", installed_versions()
        )
        place.write_text(document(f"Trainers · {family}", lanes_html(lanes), about), encoding="utf-8")
        place.with_suffix(".json").write_text(json.dumps(lanes_payload(lanes)), encoding="utf-8")
    if len(card.lanes) == len(FAMILIES):
        (ROOT / "docs" / "trainers.md").write_text(page(card, os.cpu_count() or 1), encoding="utf-8")
    known, total = known_share(card)
    print(f"{known:,} of {total:,} differing stretches have a cause", file=sys.stderr)


def _time(trainer: str, python: Path, families: Sequence[str]) -> None:
    """Keep how long a trainer takes for a hundred rows of each family."""
    recipes = {family: recipe_of(family, HOME) for family in families}
    if trainer == "axolotl":
        with tempfile.TemporaryDirectory() as scratch:
            keep(HOME / TIMES, trainer, time_axolotl(python, recipes, Path(scratch)))
        return
    asked = {}
    for family in families:
        asked[family] = (HOME / "models" / family, names().get(SPEC_OF.get(family, family), {}).get(trainer, {}))
    keep(HOME / TIMES, trainer, time_families(trainer, python, asked, HOME / "report" / "picture.png"))


def _train(trainer: str, python: Path, families: Sequence[str]) -> None:
    """Hold the kept answers of a trainer against its own training, and keep what was found."""
    messages = {number: row["messages"] for number, row in enumerate(rows(HOME / "report" / "picture.png"))}
    asked = []
    for family in families:
        file = answer_file(HOME, family, trainer)
        if not file.is_file():
            continue
        answer = read_rows(json.loads(file.read_text("utf-8"))["answer"], [*messages], trainer)
        recipe = recipe_of(family, HOME).read_text("utf-8")
        settings = names().get(SPEC_OF.get(family, family), {}).get(trainer, {})
        asked.append(Asked(family, str(HOME / "models" / family), settings, messages, answer, recipe))
    try:
        found = train_all(trainer, python, asked)
    except subprocess.CalledProcessError as problem:
        print(f"{trainer} cannot be trained with:\n{problem.stdout}\n{problem.stderr}", file=sys.stderr, flush=True)
        return
    write(HOME / HELD, trainer, asked[0].answer.versions[trainer], found)
    for family, one in found.items():
        print(family, trainer, one, flush=True)


def _ask(
    family: str,
    trainer: Named,
    requirements: Path,
    benches: dict[str, Bench],
    process: TrainerProcess | None,
    *,
    again: bool,
) -> None:
    """Keep a trainer's answer about a family's rows; one that is kept stays while rows, recipe and packages do."""
    from workbench.bench import open as open_bench

    recipe = recipe_of(family, HOME)
    sources = [recipe, recipe.parent / "rows.jsonl", requirements]
    if process is not None:
        sources += [SERVING, script_of(process.name)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    file = answer_file(HOME, family, trainer.trainer)
    if not again and file.is_file() and json.loads(file.read_text("utf-8"))["made_from"] == digest:
        return
    if family not in benches:
        benches[family] = open_bench(recipe, offline=True)
    bench = benches[family]
    content, _ = contents(bench, range(len(bench.rows)), recipe.parent)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        answer, lost = ask_one(bench, trainer, content, process)
    except BenchError as problem:
        print(f"{family} {trainer.label}: {problem.line}", file=sys.stderr, flush=True)
        return
    kept = {"made_from": digest, "lost": list(lost), "answer": answer.payload()}
    file.write_text(json.dumps(kept), encoding="utf-8")
    print(family, answer.version, answer.refused or answer.seconds, f"{len(answer.errors)} errors", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
