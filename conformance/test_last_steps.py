"""Each trainer, asked by the bench and trained by its own code up to the model: every row has the same ids and labels.

The training shares nothing with the bench's scripts: `report_card/last_steps` has a script a trainer, which calls what
the trainer's own command calls and notes what reaches `training_step`. Each trainer needs an environment, which
`python -m report_card --trainer NAME --family qwen2_5_vl` makes, or VLMBENCH_TRAINERS names the folder of (it has
`NAME/venv`); without one it is skipped. axolotl is the one that runs these tests; `test_parity.py` trains with it in
every run, so its forty rows are left to the full one. `python -m report_card --train` does this for ten families.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.environment import ROOT
from conformance.once import FULL
from report_card.environment import TRAINERS
from report_card.families import recipe_of
from report_card.last_step import Asked, train_all
from report_card.rows import draw_picture, rows
from workbench.bench import open as opened
from workbench.consumers.trainers.client import RowsQuestion, ask_trainer
from workbench.lanes.asking import Named, ask_one, contents
from workbench.lanes.translate import names

HOME = Path(os.environ.get("VLMBENCH_TRAINERS") or ROOT / ".trainers")
FAMILY = "qwen2_5_vl"


def python_of(trainer: str) -> Path:
    """The trainer's Python. Skips the test where there is none."""
    if trainer == "axolotl":
        if not FULL:
            pytest.skip("test_parity.py trains with axolotl; its forty rows are part of --full")
        return Path(sys.executable)
    python = HOME / trainer / "venv" / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"no {trainer} at {python}: `python -m report_card --trainer {trainer}` makes it")
    return python


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recipe_of(FAMILY, tmp_path_factory.mktemp("trainers"))


def asked_of(trainer: str, python: Path, recipe: Path) -> Asked:
    """The bench's answers about forty rows."""
    home = recipe.parents[2]
    model = home / "models" / FAMILY
    made = rows(draw_picture(home / "report" / "picture.png"))
    content: dict[int, list[dict[str, Any]]] = {number: row["messages"] for number, row in enumerate(made)}
    settings = names()[FAMILY].get(trainer, {})
    if trainer == "axolotl":
        bench = opened(recipe, offline=True)
        found, _ = contents(bench, range(len(bench.rows)), home)
        answer, _ = ask_one(bench, Named("axolotl", str(python), "axolotl"), found)
    else:
        question = RowsQuestion(
            str(model), content, settings | {"assistant_only": True, "sequence_len": 2048}, offline=True
        )
        answer = ask_trainer(trainer, str(python), question)
    return Asked(FAMILY, str(model), settings, content, answer, recipe.read_text("utf-8"))


@pytest.mark.parametrize("trainer", ["axolotl", *TRAINERS])
def test_the_answer_is_what_its_own_training_hands_to_the_model(
    trainer: str, recipe: Path, record_property: Any
) -> None:
    python = python_of(trainer)
    asked = asked_of(trainer, python, recipe)
    assert asked.answer.refused is None
    held = train_all(trainer, python, [asked])[FAMILY]
    record_property("figures", [trainer, asked.answer.version, held.rows, "rows", held.tokens, "tokens"])
    assert held.differences == 0
    assert held.rows + held.dropped + held.stopped == len(asked.content) == 40
    assert any(label != -100 for _, labels in asked.answer.rows.values() for label in labels)
