"""The parts of the rehearsal that need no axolotl: stages, what is imitated and set back, whose fault a refusal is."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.consumers.axolotl import loader, rehearsal
from workbench.consumers.axolotl.loader import read_rehearsal, rehearse
from workbench.errors import EnvironmentProblem


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


def test_an_answer_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {
        "schema": rehearsal.SCHEMA,
        "versions": {"axolotl": "9"},
        "refused": None,
        "loader": "Auto",
        "model_class": "Whole",
        "modules": ["a"],
        "parameters": [],
        "trained": {"a.lora_A.default.weight": 3},
        "frozen": [],
        "use_reentrant": True,
        "attention": {"": "sdpa"},
        "embeddings": 7,
    }
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        asked.append(command)
        Path(command[-1]).write_text(json.dumps([said]))
        assert len(json.loads(Path(command[-2]).read_text())["recipes"]) == 1
        return SimpleNamespace(stderr="", returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    packages = SimpleNamespace(digest="some packages")
    monkeypatch.setattr(loader, "installed", lambda python: packages)
    first = rehearse("python", "base_model: x\n", folder=tmp_path)
    assert rehearse("python", "base_model: x\n", folder=tmp_path) == first
    assert (first.modules, first.trained, first.name) == (("a",), {"a.lora_A.default.weight": 3}, "axolotl 9")
    rehearse("python", "base_model: y\n", folder=tmp_path)
    assert len(asked) == 2
    packages.digest = "other packages"
    model = tmp_path / "model"
    model.mkdir()
    for text in ("{}", "{ }"):
        (model / "config.json").write_text(text, "utf-8")
        for _ in range(2):
            rehearse("python", "base_model: y\n", folder=tmp_path, model_folders=(model,))
    assert len(asked) == 4
    # What this machine lacks may be there the next time.
    said["refused"] = {"stage": "import", "type": "E", "message": "no", "environment": True, "keys": []}
    for _ in range(2):
        rehearse("python", "base_model: z\n", folder=tmp_path)
    assert len(asked) == 6
    said["refused"] = {"stage": "model", "type": "E", "message": "a\nb", "environment": False, "keys": ["k", "k"]}
    refused = read_rehearsal(said).refused
    assert refused is not None
    assert (refused.line, refused.keys) == ("E: a b", ("k",))
