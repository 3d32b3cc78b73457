from __future__ import annotations

import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.processors import TOKENIZERS
from workbench.errors import EnvironmentProblem, InputError
from workbench.recipe.axolotl_table import releases, table
from workbench.tokens.template import bundled_templates, choose_template

OWN = {"tokenizer_template": "T", "processor_template": "P"}


@pytest.fixture
def axolotl_python(tmp_path: Path) -> str:
    """A Python whose path has an axolotl that would fail if it were imported."""
    package = tmp_path / "site" / "axolotl"
    templates = package / "utils" / "chat_templates" / "templates"
    templates.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (templates / "gemma4.jinja").write_text("bundled gemma4")
    (templates / "chatml.jinja").write_text("<You are a helpful assistant.>")
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path / "site"} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("recipe", "text"),
    [
        ({}, "T"),
        ({"chat_template": "tokenizer_default"}, "T"),
        ({"chat_template": "tokenizer_default_fallback_chatml"}, "T"),
        ({"chat_template": "jinja", "chat_template_jinja": "{{ x }}"}, "{{ x }}"),
        ({"chat_template_jinja": "{{ x }}"}, "{{ x }}"),
        ({"tokenizer_use_mistral_common": True}, None),
    ],
)
def test_the_recipe_decides(recipe, text):
    assert choose_template(recipe, **OWN).text == text


def test_unset_falls_back_to_the_processors():
    assert choose_template({}, tokenizer_template=None, processor_template="P").text == "P"


def test_tokenizer_default_needs_the_tokenizers_own():
    with pytest.raises(InputError, match="only the processor") as raised:
        choose_template({"chat_template": "tokenizer_default"}, tokenizer_template=None, processor_template="P")
    assert "chat_template: jinja" in raised.value.hint


def test_a_model_without_any_template_is_an_error():
    with pytest.raises(InputError, match="no chat template"):
        choose_template({}, tokenizer_template=None, processor_template=None)


def test_a_name_is_axolotls_bundled_text(axolotl_python):
    chosen = choose_template({"chat_template": "gemma4"}, axolotl_python=axolotl_python, **OWN)
    assert chosen.text == "bundled gemma4"
    assert not chosen.findings


def test_a_fallback_name_counts_when_the_tokenizer_has_none(axolotl_python):
    recipe = {"chat_template": "tokenizer_default_fallback_gemma4"}
    chosen = choose_template(recipe, tokenizer_template=None, processor_template="P", axolotl_python=axolotl_python)
    assert chosen.text == "bundled gemma4"


def test_the_default_system_message_changes_chatml_only(axolotl_python):
    recipe = {"chat_template": "chatml", "default_system_message": "Be brief."}
    assert choose_template(recipe, axolotl_python=axolotl_python, **OWN).text == "<Be brief.>"


def test_an_unknown_name_lists_the_known_ones(axolotl_python):
    with pytest.raises(InputError, match="no chat template 'gemma5'") as raised:
        choose_template({"chat_template": "gemma5"}, axolotl_python=axolotl_python, **OWN)
    assert "gemma4" in raised.value.cause


def test_without_axolotl_the_models_own_is_shown_and_said(monkeypatch):
    monkeypatch.setattr("workbench.tokens.template.find_spec", lambda name: None)
    chosen = choose_template({"chat_template": "gemma4"}, **OWN)
    assert chosen.text == "T"
    assert [finding.code for finding in chosen.findings] == ["T007"]
    with pytest.raises(EnvironmentProblem):
        choose_template({"chat_template": "gemma4"}, tokenizer_template=None, processor_template=None)


def test_without_axolotl_a_model_whose_own_text_is_the_bundled_one_is_shown_with_it(monkeypatch):
    bundled = "<You are a helpful assistant.>"
    monkeypatch.setattr("workbench.tokens.template.find_spec", lambda name: None)
    known = replace(table(), templates={"chatml": sha256(bundled.encode()).hexdigest()})
    recipe = {"chat_template": "chatml", "default_system_message": "Be brief."}
    for own in ({"tokenizer_template": bundled}, {"tokenizer_template": None}):
        chosen = choose_template(recipe, axolotl=known, **(own | {"processor_template": bundled}))
        assert (chosen.text, chosen.source, chosen.findings) == ("<Be brief.>", "axolotl's chatml", ())
    other = choose_template(recipe, axolotl=known, tokenizer_template=bundled + " ", processor_template=None)
    assert [finding.code for finding in other.findings] == ["T007"]
    assert f"not the model's own (from the table of {known.name})" in other.findings[0].message
    unknown = choose_template(
        {"chat_template": "mine"}, axolotl=known, tokenizer_template=bundled, processor_template=None
    )
    assert "not the model's own" not in unknown.findings[0].message


def test_real_models_that_carry_a_bundled_text():
    """Three checkpoints publish the very text that axolotl bundles; Gemma 4's current one is another."""
    if TOKENIZERS is None:
        pytest.skip("no shared/tokenizers")
    same = {"llama3_2_vision": "llama3_2_vision", "llama4": "llama4", "llava_1_5": "llava"}
    for folder, name in same.items():
        text = (TOKENIZERS / folder / "chat_template.jinja").read_text("utf-8")
        assert all(table(release).is_bundled(name, text) for release in releases()), name
        assert not table().is_bundled(name, text + " ")
    assert not table().is_bundled("gemma4", (TOKENIZERS / "gemma4" / "chat_template.jinja").read_text("utf-8"))


def test_a_python_without_axolotl_or_without_python_is_an_error(tmp_path):
    with pytest.raises(EnvironmentProblem, match="cannot be run"):
        bundled_templates(str(tmp_path / "nothing"))


def test_jinja_may_be_a_file_beside_the_recipe(tmp_path):
    (tmp_path / "my.jinja").write_text("from file")
    recipe = {"chat_template_jinja": "my.jinja"}
    assert choose_template(recipe, base_dir=tmp_path, **OWN).text == "from file"
    with pytest.raises(InputError, match="no template file"):
        choose_template({"chat_template_jinja": "other.jinja"}, base_dir=tmp_path, **OWN)


def test_mistral_common_refuses_a_chat_template():
    with pytest.raises(InputError, match="mistral_common"):
        choose_template({"chat_template": "pixtral", "tokenizer_use_mistral_common": True}, **OWN)
