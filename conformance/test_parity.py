"""Train parity: six steps of `axolotl train` on the CPU, and six of the bench's overfit, on the same export.

Both are fed the same rows with the same labels in the same order, train the same tensors, and have the same loss,
gradient norm and learning rate in every step. What axolotl saved loads back as what it trained.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from conformance.once import FULL
from conformance.train import child, sides
from conformance.train.cases import CASES, STEPS, Case
from conformance.train.compare import DifferenceError, compared, largest_difference
from conformance.train.export import exported
from conformance.train.models import weighted_folder
from conformance.train.record import Record
from conformance.train.reload import reloaded
from workbench.recipe.yaml.document import Document


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    sides.warm()


@pytest.mark.parametrize("case", [case for case in CASES if FULL or case.by_default], ids=lambda case: case.id)
def test_both_train_the_same(case: Case, tmp_path: Path, record_property: Any) -> None:
    recipe = exported(case, tmp_path)
    asked = child.start(lambda: sides.axolotl_side(recipe), tmp_path, "axolotl", directory=tmp_path)
    own = child.start(lambda: sides.bench_side(recipe, tmp_path / "run"), tmp_path, "bench")
    # Both are waited for before either is judged.
    theirs, ours = [one.result() for one in (asked, own)]
    trained_something(theirs)
    back = child.start(lambda: reloaded(weighted_folder(case.family), tmp_path / "out"), tmp_path, "reload").result()
    assert largest_difference(theirs.after, back) == 0.0
    found = compared(theirs, ours, STEPS)
    record_property("figures", ["train", case.id, str(found)])


SABOTAGED = next(case for case in CASES if case.id == "qwen2_vl-accumulation_1")
CHANGES: dict[str, dict[tuple[str | int, ...], Any]] = {
    "rate": {("learning_rate",): 0.00501},
    "labels": {("datasets", 0, "roles_to_train"): ["assistant", "user"]},
    "rank": {("lora_r",): 8},
    "scale": {("lora_alpha",): 33},
    "decay": {("weight_decay",): 0.1},
    "momentum": {("adam_beta2",): 0.99},
    "accumulation": {("gradient_accumulation_steps",): 2},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Record]:
    """The recipe of a case whose two runs are the same, and axolotl's run of it."""
    folder = tmp_path_factory.mktemp("sabotaged")
    recipe = exported(SABOTAGED, folder)
    return recipe, child.start(lambda: sides.axolotl_side(recipe), folder, "axolotl", directory=folder).result()


@pytest.mark.parametrize("change", CHANGES)
def test_another_recipe_is_another_run(trained: tuple[Path, Record], change: str, tmp_path: Path) -> None:
    """One key changed on the bench's side is found, however little it does."""
    recipe, theirs = trained
    document = Document.from_file(recipe)
    for place, value in CHANGES[change].items():
        document.set(place, value)
    changed = recipe.with_name(f"{change}.yaml")
    changed.write_text(document.text, "utf-8")
    ours = child.start(lambda: sides.bench_side(changed, tmp_path / "run"), tmp_path, "bench").result()
    with pytest.raises(DifferenceError):
        compared(theirs, ours, STEPS)


def trained_something(record: Record) -> None:
    """Six steps that changed the weights: two runs that train nothing would be the same."""
    assert len(record.losses) == STEPS
    assert all(math.isfinite(loss) and loss > 0 for loss in record.losses)
    assert all(norm > 0 for norm in record.norms)
    assert record.moved
