"""Files of other trainers, told from axolotl recipes by their keys; and what is no such file."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.bench import prepare
from workbench.errors import InputError
from workbench.recipe.trainer_file import read_trainer_file, trainer_of

SWIFT = """#!/bin/bash
# swift sft --model not/this
CUDA_VISIBLE_DEVICES=0,1 \\
swift sft \\
    --model Qwen/Qwen2.5-VL-7B-Instruct \\
    --dataset 'a.jsonl#500' b.jsonl \\
    --loss-scale=last_round --freeze_vit true | tee log
echo done
"""


@pytest.mark.parametrize(
    ("text", "trainer"),
    [
        ("model_name_or_path: m\ndataset_name: d\nmax_length: 1\n", "trl"),
        ("model_name_or_path: m\ndatasets: [{path: d}]\n", "trl"),
        ("model_name_or_path: m\nstage: sft\ndataset: a,b\ntemplate: qwen2_vl\n", "llamafactory"),
        ('{"model": "m", "dataset": ["d"], "tuner_type": "lora"}', "ms-swift"),
        ("base_model: m\nmodel_name_or_path: m\nstage: sft\n", ""),
        ("base_model: m\ndatasets: [{path: d}]\n", ""),
        ("model: m\n", ""),
        ("model_name_or_path: m\n", ""),
        ("- a\n- b\n", ""),
        ("a: [\n", ""),
        ("", ""),
    ],
)
def test_the_keys_tell_whose_file_it_is(tmp_path: Path, text: str, trainer: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text, "utf-8")
    found = read_trainer_file(file)
    assert (found.trainer if found is not None else "") == trainer


def test_a_script_with_the_command(tmp_path: Path) -> None:
    file = tmp_path / "train.sh"
    file.write_text(SWIFT, "utf-8")
    found = read_trainer_file(file)
    assert found is not None
    assert found.trainer == "ms-swift"
    assert found.model == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert found.values["dataset"] == ["a.jsonl#500", "b.jsonl"]
    assert found.values["loss_scale"] == "last_round"
    assert found.values["freeze_vit"] == "true"


def test_a_script_that_names_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "sft.yaml").write_text("model_name_or_path: m\nmax_length: 5\ndataset_name: d\n", "utf-8")
    file = tmp_path / "train.sh"
    file.write_text("trl sft --config sft.yaml --max_length 7\n", "utf-8")
    found = read_trainer_file(file)
    assert found is not None
    assert (found.trainer, found.model) == ("trl", "m")
    assert found.values["max_length"] == "7"


@pytest.mark.parametrize("text", ["model_name_or_path: m\nstage: dpo\n", "model: m\nrlhf_type: dpo\ndataset: [d]\n"])
def test_other_training_than_fine_tuning_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "dpo.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match="trains by dpo") as raised:
        read_trainer_file(file)
    assert raised.value.hint


def test_quotes_that_do_not_close_and_a_file_without_a_model(tmp_path: Path) -> None:
    file = tmp_path / "train.sh"
    file.write_text("swift sft --model 'x\n", "utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        read_trainer_file(file)
    file.write_text("trl sft --dataset_name d\n", "utf-8")
    found = read_trainer_file(file)
    assert found is not None
    with pytest.raises(InputError, match="names no model"):
        _ = found.model


def test_commands_that_need_a_recipe_say_so(tmp_path: Path) -> None:
    file = tmp_path / "lf.yaml"
    file.write_text("model_name_or_path: m\nstage: sft\n", "utf-8")
    with pytest.raises(InputError, match="LLaMA-Factory file, not an axolotl recipe") as raised:
        prepare(file)
    assert "not written yet" in raised.value.cause


def test_values_that_are_no_texts() -> None:
    assert trainer_of({1: 2, None: 3}) == ""
    assert trainer_of({"model": ["m"], "dataset": []}) == ""
