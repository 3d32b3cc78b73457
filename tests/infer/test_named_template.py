"""A new recipe names axolotl's template where text and boundaries are shown to be the model's, else the plugin."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tests.export.support import axolotl_with
from workbench.bench import Bench
from workbench.families.spec import FamilyBoundary
from workbench.infer import named_template as naming
from workbench.infer.named_template import named_template
from workbench.paths import sample_dir
from workbench.recipe import plugin
from workbench.recipe.axolotl_table import table

DEMO = str(sample_dir() / "demo-model")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(model=DEMO).load()


@pytest.fixture(autouse=True)
def none_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No axolotl but the one that a test gives."""
    monkeypatch.setattr("workbench.tokens.template.find_spec", lambda name: None)


def test_a_text_that_writes_the_same_is_taken(bench: Bench, tmp_path: Path) -> None:
    own = bench.loaded.tokenizer_template
    assert own is not None
    for number, text in enumerate((own, "{#- in other words -#}" + own)):
        (tmp_path / str(number)).mkdir()
        assert named_template(bench.loaded, bench.family, axolotl_with(tmp_path / str(number), text)) == "gemma4"


@pytest.mark.parametrize(
    ("old", "new"),
    [("<|turn>", "<|turn> "), ("<turn|>", "<turn|>\n"), ("<|image|>", "<|image>")],
    ids=["start", "end", "picture"],
)
def test_a_text_that_writes_anything_else_is_not(bench: Bench, tmp_path: Path, old: str, new: str) -> None:
    own = bench.loaded.tokenizer_template or ""
    assert old in own
    assert named_template(bench.loaded, bench.family, axolotl_with(tmp_path, own.replace(old, new))) is None


def test_without_an_axolotl_the_hash_decides(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert named_template(bench.loaded, bench.family) is None
    assert named_template(bench.loaded, bench.family, str(tmp_path / "no python")) is None
    own = sha256((bench.loaded.tokenizer_template or "").encode()).hexdigest()
    known = replace(table(), templates={"gemma4": own})
    assert named_template(bench.loaded, bench.family, axolotl=known) == "gemma4"
    assert named_template(bench.loaded, None) is None


@pytest.mark.parametrize(
    "change",
    [{"end": "\n"}, {"start": "<|turn>model"}, {"include_start": True}, {"include_end": False}, {"role": "model"}],
    ids=lambda change: next(iter(change)),
)
def test_other_boundaries_are_not_those_of_the_name(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    monkeypatch.setattr(naming, "_same_text", lambda *_: True)
    assert bench.family is not None
    first, *others = bench.family.boundaries
    other = FamilyBoundary.model_validate(first.model_dump() | change)
    family = bench.family.model_copy(update={"boundaries": (other, *others)})
    monkeypatch.setattr(naming, "select_strategy", lambda **given: bench_strategy(bench))
    assert named_template(bench.loaded, bench.family) == "gemma4"
    assert named_template(bench.loaded, family) is None


def bench_strategy(bench: Bench) -> object:
    """The strategy that axolotl selects by the template's name, with its own built-in boundaries."""
    from workbench.families.library import select_strategy

    return select_strategy(model_type="gemma4", chat_template="gemma4", family=bench.family)


def test_a_new_recipe_starts_with_axolotl_either_way(bench: Bench, tmp_path: Path) -> None:
    assert bench.recipe.chat_template == "tokenizer_default"
    assert bench.document.data["plugins"] == [plugin.NAME]
    assert [one.code for one in bench.findings if one.severity != "note"] == []
    python = axolotl_with(tmp_path, bench.loaded.tokenizer_template or "")
    other = Bench(model=DEMO, axolotl_python=python).load()
    assert other.recipe.chat_template == "gemma4"
    assert not {"role_boundaries", "plugins"} & set(other.document.data)
    assert [one.code for one in other.findings if one.severity != "note"] == []
    for index in range(4):
        assert other.row(index).mask.labels.tolist() == bench.row(index).mask.labels.tolist()
        assert other.row(index).rendering.input_ids.tolist() == bench.row(index).rendering.input_ids.tolist()
