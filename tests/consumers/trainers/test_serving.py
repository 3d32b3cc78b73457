"""The scripts' common part, and trainers whose interface has changed: each an error with its stage, never a mask."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import pytest

from workbench.consumers.trainers.client import SCRIPTS, RowsQuestion, ask_trainer, named_script, trainer_name
from workbench.consumers.trainers.scripts import serving
from workbench.errors import BenchError, EnvironmentProblem

QUESTION = {"rows": [7], "content": [{"messages": []}], "settings": {}, "model": "m", "scratch": "."}
TOKENIZER = SimpleNamespace(added_tokens_decoder={}, convert_ids_to_tokens=lambda one: f"t{one}")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The scratch folder of the question is the working directory; scripts write there."""
    monkeypatch.chdir(tmp_path)


def script(label, shift=0):
    def open_side(question, stage):
        stage("model")
        return serving.Side(label, TOKENIZER, {}, shift)

    return SimpleNamespace(NAME="trl", PACKAGES=("numpy",), open_side=open_side)


def test_ids_and_labels_come_with_the_texts_of_their_ids():
    found = serving.answer(script(lambda number: ([1, 2], [-100, 2], None)), QUESTION)
    assert found["refused"] is None
    assert found["rows"] == [{"row": 7, "input_ids": [1, 2], "labels": [-100, 2]}]
    assert found["pieces"] == {"1": "t1", "2": "t2"}


@pytest.mark.parametrize(
    "doctored",
    [
        lambda number: ([1, 2], [2, -100], None),
        lambda number: ([1, 2], [-100], None),
        lambda number: ([1.0, 2.0], [1.0, 2.0], None),
        lambda number: ([[1, 2]], [[1, 2]], None),
        lambda number: (None, None, None),
    ],
    ids=["shifted", "cut", "no whole numbers", "a batch", "nothing"],
)
def test_a_trainer_that_answers_otherwise_is_refused(doctored):
    found = serving.answer(script(doctored), QUESTION)
    assert found["refused"]["stage"] == "interface"
    assert found["rows"] == []


def test_a_name_that_is_gone_is_said(monkeypatch):
    for name in ("nemo_automodel", "nemo_automodel.components", "nemo_automodel.components.datasets"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    vlm = ModuleType("nemo_automodel.components.datasets.vlm")
    vlm.collate_fns = ModuleType("nemo_automodel.components.datasets.vlm.collate_fns")
    monkeypatch.setitem(sys.modules, vlm.__name__, vlm)
    monkeypatch.setitem(
        sys.modules, "transformers", SimpleNamespace(AutoProcessor=SimpleNamespace(from_pretrained=str))
    )
    # The scripts find the common part under the name that it has beside them.
    monkeypatch.setitem(sys.modules, "vlmbench_serving", serving)
    monkeypatch.delitem(sys.modules, named_script("nemo_automodel"), raising=False)
    from importlib import import_module

    found = serving.answer(import_module(named_script("nemo_automodel")), QUESTION)
    monkeypatch.delitem(sys.modules, named_script("nemo_automodel"))
    assert found["refused"]["stage"] == "interface"
    assert "has no COLLATE_FNS" in found["refused"]["message"]


def test_what_a_row_raises_is_its_own_error():
    def label(number):
        raise ValueError("no such picture")

    found = serving.answer(script(label), QUESTION)
    assert found["refused"] is None
    assert found["rows"] == [{"row": 7, "error": "ValueError: no such picture"}]


def test_a_stop_iteration_says_what_it_would_end():
    def label(number):
        return next(iter(()))

    assert "ends the epoch unseen" in serving.answer(script(label), QUESTION)["rows"][0]["error"]


def test_the_stages_are_timed_by_the_clock_and_by_the_processor():
    def label(number):
        sum(range(300_000))
        return [1], [1], None

    found = serving.answer(script(label), QUESTION)
    assert found["seconds"].keys() == found["busy"].keys() == {"import", "model", "rows", "interface", "pieces"}
    assert found["busy"]["rows"] > 0
    assert found["refused"] is None


def test_what_datasets_makes_is_named_by_chance():
    from datasets import Dataset, arrow_dataset, fingerprint

    kept = [(module, module.update_fingerprint) for module in (arrow_dataset, fingerprint)]
    hashed = []

    class Heavy:
        def __call__(self, row):
            return {"b": row["a"] + 1}

        def __reduce__(self):
            hashed.append(1)
            return Heavy, ()

    try:
        serving.unhashed()
        made = Dataset.from_list([{"a": 1}]).map(Heavy())
    finally:
        for module, was in kept:
            module.update_fingerprint = was
    assert made[0] == {"a": 1, "b": 2}
    assert not hashed


def test_labels_of_the_next_position_are_moved_back():
    assert serving.unshifted([1, 2, 3], [2, 3, 4], 1) == ([1, 2, 3, 4], [-100, 2, 3, 4])
    assert serving.unshifted([1, 2, 3], [2, 3, -100], 1) == ([1, 2, 3], [-100, 2, 3])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_python_without_the_trainer_is_said_with_its_name(name):
    with pytest.raises(EnvironmentProblem, match=f"has no {name}"):
        ask_trainer(name, sys.executable, RowsQuestion("m", {0: []}))


def test_an_unknown_trainer_is_an_error_that_names_the_known():
    assert trainer_name("swift") == "ms-swift"
    with pytest.raises(BenchError) as raised:
        trainer_name("keras")
    assert "llamafactory" in raised.value.hint


class _Pretrained:
    """A class of transformers that loads anything."""

    _model_mapping: ClassVar[tuple[type, ...]] = ()

    @classmethod
    def from_pretrained(cls, *_, **__):
        return SimpleNamespace(_name_or_path="", config=SimpleNamespace())

    from_config = from_pretrained


TORCH = SimpleNamespace(device=lambda name: nullcontext(), bfloat16=None)
CLASSES = ("AutoConfig", "AutoProcessor", "AutoModelForCausalLM", "AutoModelForImageTextToText", "Trainer")
TRANSFORMERS = SimpleNamespace(**{name: type(name, (_Pretrained,), {}) for name in CLASSES}, __version__="0")
ARGUMENTS = SimpleNamespace(assistant_only_loss=True, completion_only_loss=None, max_length=1)
DATASETS = SimpleNamespace(Dataset=SimpleNamespace(from_list=list))


@pytest.mark.parametrize(
    ("name", "modules", "text"),
    [
        ("trl", {"trl": {}}, "trl has no SFTConfig"),
        ("trl", {"trl": {"SFTConfig": lambda **_: ARGUMENTS}}, "trl has no SFTTrainer"),
        (
            "trl",
            {"trl": {"SFTConfig": lambda **_: ARGUMENTS, "SFTTrainer": lambda **_: None}},
            "built without transformers' Trainer",
        ),
        (
            "trl",
            {
                "trl": {
                    "SFTConfig": lambda **_: ARGUMENTS,
                    "SFTTrainer": lambda **_: TRANSFORMERS.Trainer.__init__(None, data_collator=1),
                }
            },
            "hands no train_dataset to Trainer",
        ),
        ("ms-swift", {"swift": {}, "swift.arguments": {}}, "swift.arguments has no SftArguments"),
        (
            "llamafactory",
            {
                "llamafactory": {},
                "llamafactory.data": {},
                "llamafactory.data.processor": {"SupervisedDatasetProcessor": object},
                "llamafactory.hparams": {},
                "llamafactory.model": {},
            },
            "llamafactory.hparams has no get_train_args",
        ),
        (
            "unsloth_zoo",
            {"unsloth_zoo": {}, "unsloth_zoo.dataset_utils": {}, "unsloth_zoo.vision_utils": {}},
            "unsloth_zoo.vision_utils has no UnslothVisionDataCollator",
        ),
    ],
)
def test_a_doctored_trainer_is_refused_at_its_interface(monkeypatch, name, modules, text):
    """Whatever of its interface is gone: an error with the stage, and no row."""
    for module, (key, values) in ((ModuleType(key), (key, values)) for key, values in modules.items()):
        module.__dict__.update(values)
        parent, _, last = key.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)
        monkeypatch.setitem(sys.modules, key, module)
    monkeypatch.setitem(sys.modules, "torch", TORCH)
    monkeypatch.setitem(sys.modules, "transformers", TRANSFORMERS)
    monkeypatch.setitem(sys.modules, "datasets", DATASETS)
    # Put back after the test.
    monkeypatch.setitem(sys.modules, "vlmbench_serving", serving)
    found = serving.answer(serving.load(SCRIPTS[name]), QUESTION)
    assert found["refused"]["stage"] == "interface"
    assert text in found["refused"]["message"]
    assert found["rows"] == []
