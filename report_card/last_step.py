"""The batches of a trainer's own training, beside what the bench's script answered about the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.consumers.trainers.client import RowsAnswer

SCRIPTS = Path(__file__).with_name("last_steps")
TIMEOUT_SECONDS = 3600.0
STEP = {
    "axolotl": "the epoch of `axolotl.train.train`: its collator's batches at `training_step`",
    "trl": "the epoch of `SFTTrainer.train`: its collator's batches at `training_step`",
    "llamafactory": "the epoch of `run_exp`: batches of SFTDataCollatorWith4DAttentionMask at `training_step`",
    "ms-swift": "the epoch of `sft_main`: batches of `Template.data_collator` at `training_step`",
    "unsloth_zoo": "the epoch of `Trainer` with UnslothVisionDataCollator: its batches at `training_step`",
    "nemo_automodel": "the batches of its recipe's loader, from the collate function that it chooses",
}
"""By trainer: where its own training was listened to. Only the model comes after it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The bench's answer about a family's rows, and what is needed to train on the same."""

    family: str
    model: str
    settings: Mapping[str, Any]
    content: Mapping[int, Sequence[Mapping[str, Any]]]
    answer: RowsAnswer
    recipe: str = ""

    @property
    def stopping(self) -> list[int]:
        """The rows at which the trainer stops; the first of all where it takes none."""
        return sorted(self.content)[:1] if self.answer.refused is not None else sorted(self.answer.errors)

    def question(self) -> dict[str, Any]:
        """The question to the trainer's script."""
        together = [] if self.answer.refused is not None else [one for one in self.content if one not in self.stopping]
        return {
            "family": self.family,
            "model": self.model,
            "settings": dict(self.settings),
            "recipe": self.recipe,
            "rows": [{"messages": self.content[number]} for number in together],
            "alone": [{"messages": self.content[number]} for number in self.stopping],
        }


@dataclass(frozen=True, slots=True)
class Held:
    """One family of a trainer: rows and tokens that were trained on, what did not, and how many differ."""

    rows: int
    tokens: int
    dropped: int
    stopped: int
    refused: bool
    differences: int
    failed: str = ""


def train_all(trainer: str, python: str | Path, asked: Sequence[Asked]) -> dict[str, Held]:
    """Train on the rows of each family by the trainer's own code, and hold the answers against it.

    Raises:
        subprocess.CalledProcessError: it could not be trained with.
    """
    with tempfile.TemporaryDirectory() as scratch:
        question, answer = Path(scratch, "question.json"), Path(scratch, "answer.json")
        question.write_text(json.dumps([one.question() for one in asked]), encoding="utf-8")
        script = SCRIPTS / f"with_{trainer.replace('-', '_')}.py"
        ran = subprocess.run(
            [str(python), str(script), str(question), str(answer)],
            cwd=scratch,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if ran.returncode:
            raise subprocess.CalledProcessError(ran.returncode, script.name, ran.stdout[-2000:], ran.stderr[-6000:])
        told = json.loads(answer.read_text("utf-8"))
    return {one.family: held(one.answer, told[one.family]) for one in asked}


def held(answer: RowsAnswer, told: Mapping[str, Any]) -> Held:
    """The answer beside what the training was fed, in whatever order; a row that differs counts once on each side."""
    shift = answer.label_shift
    fed = Counter(_key(*_unshifted(ids, labels, shift)) for ids, labels in told["steps"])
    answered = Counter(_key(ids, labels) for ids, labels in answer.rows.values())
    went_on = sum(one is None for one in told["alone"])
    differences = (fed - answered).total() + (answered - fed).total() + went_on
    return Held(
        rows=fed.total(),
        tokens=sum(len(ids) for ids, _ in told["steps"]),
        dropped=len(answer.dropped),
        stopped=len(told["alone"]) - went_on,
        refused=answer.refused is not None,
        differences=differences,
        failed=told.get("failed", ""),
    )


def _key(ids: Sequence[int], labels: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(ids), tuple(labels)


def _unshifted(ids: list[int], labels: list[int], shift: int) -> tuple[list[int], list[int]]:
    """Labels at their own places, where they were those of the next one and the last id was cut off."""
    if not shift:
        return ids, labels
    last = [labels[-1]] if labels[-1] != -100 else []
    return ids + last, ([-100, *labels])[: len(ids) + len(last)]


def write(file: Path, trainer: str, version: str, found: Mapping[str, Held]) -> None:
    """Note what was found beside what the file has of other trainers, and of other families under the same version."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    before = known.get(trainer, {})
    kept = before["families"] if before.get("version") == version else {}
    known[trainer] = {"version": version, "families": kept | {name: asdict(one) for name, one in found.items()}}
    file.write_text(json.dumps(known, indent=1), encoding="utf-8")


def read_held(file: Path) -> dict[str, dict[str, Held]]:
    """Trainer -> family -> what was found, as `write` noted it."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return {
        trainer: {family: Held(**one) for family, one in told["families"].items()} for trainer, told in known.items()
    }
