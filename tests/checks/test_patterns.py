"""C011: a regular expression of a recipe that does not compile, or never ends, is a finding and no traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import workbench
from tests.test_cli import run
from workbench.bench import Bench
from workbench.checks.recipe_checks import model_findings, text_findings
from workbench.checks.registry import explain
from workbench.errors import InputError
from workbench.models import patterns as usable
from workbench.models.patterns import PatternError
from workbench.models.targets import trained
from workbench.paths import sample_dir
from workbench.recipe.patterns import broken, patterns
from workbench.recipe.yaml.document import Document

BROKEN = ("[", "(a", "a)", "model.[0-9+", "a{99999999999}")
AS_TYPED = r"model\.language_model\.layers\.[\d]+\.(mlp|self_attn)\.(up|q)_proj"
ENDLESS = r"(\w+\.?)+x"
LORA = {"adapter": "lora", "lora_r": 4, "lora_target_modules": ["q_proj"]}
PLACES: dict[str, Any] = {
    "lora_target_modules": lambda text: text,
    "lora_rank_pattern": lambda text: {text: 4},
    "lora_alpha_pattern": lambda text: {text: 4},
    "lora_modules_to_save": lambda text: [text],
    "peft_layers_pattern": lambda text: [text],
    "unfrozen_parameters": lambda text: [text],
}


def recipe_in(folder: Path, **keys: Any) -> Path:
    """The demo's recipe with other keys, in a file."""
    data = yaml.safe_load((sample_dir() / "demo.yaml").read_text("utf-8"))
    data |= {"base_model": str(sample_dir() / "demo-model")} | keys
    data["datasets"][0]["path"] = str(sample_dir() / "shapes.jsonl")
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
    return file


@pytest.fixture(scope="module")
def bench() -> Bench:
    found = Bench(Document.from_file(sample_dir() / "demo.yaml"))
    found.load()
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", BROKEN)
def test_each_is_told_at_its_line_and_no_model_is_made(bench: Bench, place: str, text: str) -> None:
    keys = LORA | {"peft_layers_to_transform": [0]} | {place: PLACES[place](text)}
    document = Document.from_text(yaml.safe_dump({"base_model": "here"} | keys, sort_keys=False))
    found = [one for one in text_findings(document) if one.code == "C011"]
    assert [one.where.line for one in found] == [document.line((*patterns_of(keys)[0],), key=True)[0]]
    assert found[0].severity == "error"
    assert text in found[0].message
    facts = trained(bench.anatomy, bench.recipe.model_copy(update=keys))
    assert isinstance(facts.refusal, PatternError)
    assert text in facts.refusal.cause
    assert facts.counts == {}


def test_an_interpreter_that_is_slow_to_start_is_no_pattern_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usable, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(usable, "_TRIAL", f"import time\ntime.sleep(1)\n{usable._TRIAL}")
    assert usable._ended(("(slow)+(start)+", ENDLESS), ("a.b", "a" * 60)) == 1
    monkeypatch.setattr(usable, "_TRIAL", "raise SystemExit(3)")
    assert usable._ended(("(no)+(start)+",), ("a.b",)) == 1


def patterns_of(keys: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [pattern.path for pattern, _ in broken(keys)]


@pytest.mark.parametrize("adapter", ["lora", "qlora"])
def test_every_beginning_of_a_pattern_is_taken_or_told(bench: Bench, adapter: str) -> None:
    told = 0
    for end in range(1, len(AS_TYPED) + 1):
        facts = trained(
            bench.anatomy,
            bench.recipe.model_copy(update={"adapter": adapter, "lora_target_modules": AS_TYPED[:end]}),
        )
        told += isinstance(facts.refusal, PatternError)
    assert 10 < told < len(AS_TYPED)
    assert facts.refusal is None
    assert facts.hits == {"language": facts.hits["language"]}


def test_names_and_words_are_no_patterns() -> None:
    said = {"adapter": "lora", "lora_target_modules": ["[", "a("], "lora_exclude_modules": "("}
    assert not list(patterns(said))
    assert not list(patterns({"adapter": "lora", "lora_target_modules": "all-linear"}))
    assert not list(patterns({"adapter": "lora", "lora_target_modules": "[", "lora_target_linear": True}))
    assert not list(patterns({"lora_target_modules": "["}))
    assert not list(broken({"unfrozen_parameters": ["model.embed_tokens.weight[0:32]", "lm_head.weight[10]"]}))


def test_a_pattern_that_never_ends_is_stopped(bench: Bench) -> None:
    recipe = bench.recipe.model_copy(update={"lora_target_modules": ENDLESS})
    facts = trained(bench.anatomy, recipe)
    assert isinstance(facts.refusal, PatternError)
    assert facts.refusal.endless
    assert ENDLESS in facts.refusal.cause
    assert not list(broken({"adapter": "lora", "lora_target_modules": ENDLESS}))


def test_check_names_the_pattern_that_never_ends(tmp_path: Path) -> None:
    bench = Bench(Document.from_file(recipe_in(tmp_path, lora_target_modules=ENDLESS)))
    bench.load()
    found = list(model_findings(bench))
    (one,) = [one for one in found if one.code == "C011"]
    assert one.where.line == bench.document.line(("lora_target_modules",), key=True)[0]
    assert not {"A002", "A003"} & {other.code for other in found}


@pytest.mark.parametrize("place", ["lora_target_modules", "lora_rank_pattern", "unfrozen_parameters"])
def test_no_command_ends_in_a_traceback(place: str, tmp_path: Path) -> None:
    file = recipe_in(tmp_path, **{place: PLACES[place]("model.[q")})
    ran = run("check", str(file), "--format", "json")
    assert ran.returncode == 1, ran.stderr
    told = [one for one in json.loads(ran.stdout)["findings"] if one["code"] == "C011"]
    assert [one["where"]["field"].partition(".")[0].partition("[")[0] for one in told] == [place]
    assert run("inspect", str(file), "--plain").returncode in (0, 1)
    ran = run("export", str(file), "--out", str(tmp_path / "out.yaml"))
    assert ran.returncode == 1
    assert "C011" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


def test_overfit_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    ran = run("overfit", str(recipe_in(tmp_path, lora_target_modules="model.[q")), "--format", "json")
    assert ran.returncode == 2, ran.stderr
    found = json.loads(ran.stdout)["findings"]
    assert any("does not compile" in one["message"] + one["hint"] for one in found), found
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_notebook_shows_it(tmp_path: Path) -> None:
    notebook = workbench.open(recipe_in(tmp_path, lora_target_modules="model.[q"))
    assert "does not compile" in str(notebook.anatomy().to_dict())
    assert "C011" in {one["code"] for one in notebook.check().to_dict()["findings"]}
    with pytest.raises(InputError, match="cannot be used"):
        notebook.memory()


def test_the_page_explains_it() -> None:
    assert explain("C011").severity == "error"
