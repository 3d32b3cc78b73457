"""TRL itself, asked by the bench and trained for an epoch on the same rows: ids and labels of every step are the same.

It needs an environment with TRL: the report card's (`python -m report_card --trainer trl` makes it), or one that
VLMBENCH_TRL_PYTHON names.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.environment import ROOT
from report_card.rows import draw_picture, rows
from tests.support import processors
from workbench.consumers.trainers.client import RowsQuestion, ask_trainer
from workbench.lanes.own_mask import own_mask
from workbench.recipe.trainer_file import read_trainer_file

PYTHON = Path(os.environ.get("VLMBENCH_TRL_PYTHON") or ROOT / ".trainers" / "trl" / "venv" / "bin" / "python")
CHOSEN = (0, 10, 13, 16, 25, 28, 34, 38, 39)
"""Rows of the report card: usual ones, a text, a system turn, and those at which trainers differ."""

pytestmark = pytest.mark.skipif(
    not PYTHON.is_file(),
    reason=f"no TRL at {PYTHON}: `python -m report_card --trainer trl` makes it, or name one in VLMBENCH_TRL_PYTHON",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trl")


@pytest.fixture(scope="module")
def model(place: Path) -> Path:
    made = processors.build_processor(
        "qwen2_5_vl", processors.tokenizer_folder("qwen2_5_vl", place), place / "qwen2_5_vl"
    )
    return Path(made)


@pytest.fixture(scope="module")
def content(place: Path) -> dict[int, list[dict[str, Any]]]:
    made = rows(draw_picture(place / "picture.png"))
    return {number: made[number]["messages"] for number in CHOSEN}


def as_trl_writes(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """A row in the columns that TRL documents."""
    parts = [part for message in messages for part in message["content"]]
    bare = [
        {
            "role": one["role"],
            "content": [{"type": "image"} if part["type"] == "image" else part for part in one["content"]],
        }
        for one in messages
    ]
    return {"messages": bare, "images": [part["path"] for part in parts if part["type"] == "image"]}


@pytest.fixture(scope="module")
def data(place: Path, content: dict[int, list[dict[str, Any]]]) -> Path:
    file = place / "rows.jsonl"
    file.write_text("".join(json.dumps(as_trl_writes(one)) + "\n" for one in content.values()), "utf-8")
    return file


def trained(model: Path, data: Path, assistant_only: bool) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of every step of an epoch of TRL's own, in the order of their ids."""
    command = [PYTHON, "-P", Path(__file__).with_name("train_with_trl.py"), model, data]
    ran = subprocess.run(
        [*command, "yes" if assistant_only else "no"], capture_output=True, text=True, timeout=900, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    steps = [json.loads(line[5:]) for line in ran.stdout.splitlines() if line.startswith("step ")]
    return sorted((step["input_ids"], step["labels"]) for step in steps)


def test_the_answer_is_what_an_epoch_of_trl_hands_to_the_model(
    model: Path, data: Path, content: dict[int, list[dict[str, Any]]]
) -> None:
    settings = {"assistant_only": True, "sequence_len": 2048}
    answer = ask_trainer("trl", str(PYTHON), RowsQuestion(str(model), content, settings, offline=True))
    assert answer.refused is None
    assert sorted(answer.rows) == list(CHOSEN)
    assert sorted(answer.rows.values()) == trained(model, data, assistant_only=True)
    assert any(label != -100 for _, labels in answer.rows.values() for label in labels)


def test_its_own_file_gives_what_it_trains(model: Path, data: Path, place: Path) -> None:
    """TRL's default, from a file of `trl sft --config`: everything is trained, the tokens of pictures too."""
    file = place / "sft.yaml"
    file.write_text(f"model_name_or_path: {model}\ndataset_name: {data}\nmax_length: 2048\nbf16: true\n", "utf-8")
    own = read_trainer_file(file)
    assert own is not None
    scratch = place / "scratch"
    scratch.mkdir()
    mask = own_mask(own, str(PYTHON), len(CHOSEN), scratch, offline=True)
    assert mask.answer.refused is None
    assert sorted(mask.answer.rows.values()) == trained(model, data, assistant_only=False)
    assert {"X004", "X002"} <= {finding.code for finding in mask.findings}
