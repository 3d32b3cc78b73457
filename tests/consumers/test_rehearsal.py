"""The parts of the rehearsal that need no axolotl: stages, what is imitated and set back, whose fault a refusal is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.consumers.fake import FakeAxolotl
from workbench.consumers.axolotl import rehearsal, worker
from workbench.consumers.axolotl.client import close_all, consumer
from workbench.consumers.axolotl.loader import read_rehearsal, rehearse
from workbench.consumers.protocol import Question
from workbench.errors import EnvironmentProblem


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeAxolotl]:
    yield FakeAxolotl(tmp_path / "environment")
    close_all()


def test_the_innermost_stage_that_failed_is_named() -> None:
    stage = rehearsal.Stage()
    with stage.at("model"):
        with stage.at("patches"):
            assert stage.name == "patches"
        assert stage.name == "model"
    assert stage.name == "import"

    def fails() -> None:
        raise ValueError

    with pytest.raises(ValueError), stage.at("model"):
        stage.within("kernels", fails)()
    assert stage.name == "kernels"


def test_what_is_replaced_is_set_back_and_what_is_not_there_is_left_alone() -> None:
    owner = SimpleNamespace(there=1)
    seen: list[int] = []

    def fails() -> None:
        with rehearsal.replaced(owner, "there", 2):
            seen.append(owner.there)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert (seen, owner.there) == ([2], 1)
    with rehearsal.replaced(owner, "absent", 2):
        assert not hasattr(owner, "absent")


@pytest.mark.parametrize(
    ("stage", "problem", "environment"),
    [
        ("model", ValueError("does not support sdpa"), False),
        ("adapters", TypeError("unsupported operand"), False),
        ("model", ImportError("timm is wanted"), True),
        ("validate", ModuleNotFoundError("No module named 'theirs'"), True),
        ("validate", ModuleNotFoundError("No module named 'axolotl.integrations.ligerr'"), False),
        ("import", PackageNotFoundError("axolotl"), True),
        ("validate", ValueError("bf16 requested, but AMP is not supported on this GPU"), True),
        ("model", RuntimeError("Found no NVIDIA driver; No GPU found"), True),
    ],
)
def test_whose_fault_a_refusal_is(stage: str, problem: Exception, environment: bool) -> None:
    refused = rehearsal._refusal(stage, problem)
    assert (refused["stage"], refused["environment"]) == (stage, environment)
    assert json.loads(json.dumps(refused)) == refused


def test_the_validators_keys_are_named() -> None:
    from pydantic import BaseModel, ValidationError

    class Config(BaseModel):
        lora_r: int
        bf16: bool

    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"lora_r": "many", "bf16": True})
    refused = rehearsal._refusal("validate", caught.value)
    assert refused["keys"] == ["lora_r"]
    assert "valid integer" in refused["message"]


def test_a_python_without_axolotl_is_told(tmp_path: Path) -> None:
    bare = "import sys; sys.modules['axolotl'] = None"
    (tmp_path / "sitecustomize.py").write_text(bare)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with pytest.raises(EnvironmentProblem, match=r"has no axolotl|did not rehearse"):
        rehearse(str(python), "base_model: x\n", folder=tmp_path)
    with pytest.raises(EnvironmentProblem, match="cannot be run"):
        rehearse(str(tmp_path / "nothing"), "base_model: x\n", folder=tmp_path)


def test_an_answer_is_asked_for_once_and_all_of_one_process(fake: FakeAxolotl, tmp_path: Path) -> None:
    said: dict[str, Any] = {
        "loader": "Auto",
        "model_class": "Whole",
        "modules": ["a"],
        "parameters": [],
        "trained": {"a.lora_A.default.weight": 3},
        "frozen": [],
        "use_reentrant": True,
        "loss_by_tokens": True,
        "attention": {"": "sdpa"},
        "embeddings": 7,
    }
    fake.tell(rehearsal={"refused": None} | said)
    first = rehearse(fake.python, "base_model: x\n", folder=tmp_path)
    assert rehearse(fake.python, "base_model: x\n", folder=tmp_path) == first
    assert (first.modules, first.trained, first.name) == (("a",), {"a.lora_A.default.weight": 3}, "axolotl 0.19.0")
    rehearse(fake.python, "base_model: y\n", folder=tmp_path)
    # The rows are asked of the same process, before and after.
    consumer(fake.python).ask_one(Question("a: 1", tmp_path, (0,)))
    rehearse(fake.python, "base_model: w\nplugins: [theirs.Plugin]\n", folder=tmp_path)
    assert (fake.rehearsals, fake.starts) == (3, 1)
    fake.install("transformers", "5.17.0")
    close_all()
    model = tmp_path / "model"
    model.mkdir()
    for text in ("{}", "{ }"):
        (model / "config.json").write_text(text, "utf-8")
        for _ in range(2):
            rehearse(fake.python, "base_model: y\n", folder=tmp_path, model_folders=(model,))
    assert fake.rehearsals == 5
    # What this machine lacks may be there the next time.
    refused = {"stage": "import", "type": "E", "message": "no", "environment": True, "keys": []}
    fake.tell(rehearsal={"refused": refused})
    for _ in range(2):
        rehearse(fake.python, "base_model: z\n", folder=tmp_path)
    assert fake.rehearsals == 7


def test_the_refusal_is_told_in_a_line() -> None:
    refused = {"stage": "model", "type": "E", "message": "a\nb", "environment": False, "keys": ["k", "k"]}
    found = read_rehearsal({"schema": rehearsal.SCHEMA, "versions": {}, "refused": refused}).refused
    assert found is not None
    assert (found.line, found.keys) == ("E: a b", ("k",))


def test_a_process_that_is_spent_answers_nothing_more(fake: FakeAxolotl, tmp_path: Path) -> None:
    """Without processes that can be copied, the loader's patches stay in the one that answered."""
    fake.tell(spent=True)
    for number in range(2):
        rehearse(fake.python, f"base_model: m{number}\n", folder=tmp_path)
    assert (fake.rehearsals, fake.starts) == (2, 2)


@pytest.mark.parametrize(("words", "said"), [("please segfault: 1", "SIGSEGV"), ("please exit: 1", "exit code 7")])
def test_a_rehearsal_that_ends_the_process_is_no_answer(
    words: str, said: str, fake: FakeAxolotl, tmp_path: Path
) -> None:
    with pytest.raises(EnvironmentProblem, match="did not rehearse its loader") as problem:
        rehearse(fake.python, words, folder=tmp_path)
    assert said in problem.value.cause
    assert rehearse(fake.python, "base_model: x\n", folder=tmp_path).refused is not None


def test_a_copy_that_dies_leaves_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = SimpleNamespace(SCHEMA=rehearsal.SCHEMA, warm=lambda: None, rehearse=lambda path: os.kill(os.getpid(), 9))
    monkeypatch.setattr(worker, "_rehearsal", lambda: script)
    found = read_rehearsal(worker.rehearsed(tmp_path)).refused
    assert found is not None
    assert (found.stage, found.environment) == ("process", True)
    assert "SIGKILL" in found.message
    script.rehearse = lambda path: {"pid": os.getpid(), "path": str(path)}
    again = worker.rehearsed(tmp_path)
    assert (again["path"], again["pid"] == os.getpid()) == (str(tmp_path), False)


def test_the_worker_finds_the_rehearsal_beside_it() -> None:
    assert worker._rehearsal().SCHEMA == rehearsal.SCHEMA
