"""A recipe in the words of other trainers, and what is lost of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import InputError
from workbench.lanes.asking import named
from workbench.lanes.translate import names, translate
from workbench.recipe.model import Recipe


def recipe(**values):
    entry = {"path": "rows.jsonl", "roles_to_train": values.pop("roles", ["assistant"]), "train_on_eos": "turn"}
    return Recipe.model_validate({"base_model": "m", "sequence_len": 1024, "datasets": [entry], **values})


def test_answers_alone():
    made = translate(recipe(), "trl", "qwen2_5_vl")
    assert made.settings == {"sequence_len": 1024, "assistant_only": True}
    assert made.lost == ()


def test_names_of_a_family():
    made = translate(recipe(), "ms-swift", "gemma3")
    assert made.settings["template"] == made.settings["model_type"] == "gemma3_vision"
    assert any("no template" in line for line in translate(recipe(), "llamafactory", "smolvlm2").lost)


def test_what_cannot_be_said_is_listed():
    made = translate(recipe(roles=["user", "assistant"], chat_template="qwen2_vl", image_size=64), "trl", "qwen2_vl")
    assert made.settings["train_all"]
    assert [line.partition(":")[0] for line in made.lost] == [
        "roles_to_train assistant, user",
        "image_size",
        "chat_template",
    ]
    assert translate(recipe(), "nemo_automodel", "qwen2_vl").settings == {}


def test_one_trainer_may_be_named_twice(tmp_path):
    (tmp_path / "python").touch()
    path = tmp_path / "python"
    assert [one.label for one in named([f"axolotl={path}", f"axolotl={path}"])] == ["axolotl", "axolotl (2)"]


KNOWN = json.loads(Path(__file__).with_name("recorded").joinpath("names.json").read_text("utf-8"))
"""The names that trainers have, as `report_card/trainer_names.py` asked them."""


@pytest.mark.parametrize("trainer", KNOWN)
def test_every_name_is_one_that_the_trainer_has(trainer):
    mine = {family: of[trainer] for family, of in names().items() if trainer in of}
    assert len(mine) >= 13
    types = KNOWN[trainer]["model_types"]
    for family, words in mine.items():
        assert words["template"] in KNOWN[trainer]["templates"], family
        if types:
            # A type whose models have several templates says none.
            assert types[words["model_type"]] in (words["template"], None), family
        else:
            assert words.keys() == {"template"}


def test_no_other_trainer_is_given_names():
    assert {trainer for of in names().values() for trainer in of} == {*KNOWN}


@pytest.mark.parametrize("text", ["trl", "trl=", "trl=/no/such/python", "keras=/bin/sh"])
def test_a_trainer_that_cannot_be_named_so(text):
    with pytest.raises(InputError) as raised:
        named([text])
    assert raised.value.hint
