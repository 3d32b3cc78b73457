"""A check of a recipe's text finds what the whole check finds under C, and says which codes are its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.contradictory import CLEAN, REFUSED
from workbench.bench import Bench
from workbench.checks.inline_ignores import LEAVES_NOTHING_OUT
from workbench.checks.registry import codes
from workbench.checks.run import check_rows
from workbench.checks.text_run import check_text, of_text_alone
from workbench.paths import sample_dir
from workbench.recipe.axolotl_table import table
from workbench.recipe.yaml.document import Document

SAMPLES = sample_dir()
TEXT_PATH = {"processor_type": None, "skip_prepare_dataset": None, "tokenizer_type": "AutoTokenizer"}
CASES: dict[str, dict[str, Any]] = {
    "clean": {},
    "pictures on the text path": TEXT_PATH,
    "texts on the text path": TEXT_PATH | {"datasets": [{"path": str(SAMPLES / "text.jsonl")}]},
    "rows that nothing tokenizes": TEXT_PATH | {"skip_prepare_dataset": True},
    "pictures for another strategy": TEXT_PATH
    | {"datasets": [{"path": str(SAMPLES / "shapes.jsonl"), "type": "alpaca"}]},
    "packed": {"sample_packing": True, "skip_prepare_dataset": False, "remove_unused_columns": None},
    "misspelt": {
        "freeze_mm_module": True,
        "lora_targett_modules": ["x"],
        "datasets": [{"path": "SHAPES", "roles_to_trian": []}],
    },
    "outdated": {"evaluation_strategy": "steps", "sdp_attention": True, "eot_tokens": ["x"]},
    "ignored by the collator": {"eot_tokens": ["x"], "pad_to_multiple_of": 8},
    "a removed class": {"model_type": "NoSuchClassForConditionalGeneration"},
    "a class that there is": {"model_type": "Gemma3ForConditionalGeneration"},
    "patterns": {"adapter": "lora", "lora_target_modules": "model.layers.[0-9+"},
    "no rate": {"learning_rate": None},
    **{f"refused: {name}": changes for name, (changes, _) in list(REFUSED.items())[:12]},
}


CLEAN_CASES = ("clean", "texts on the text path", "a class that there is", "ignored by the collator")


@pytest.fixture(scope="module")
def model() -> Any:
    from workbench.models.load import load

    return load(str(SAMPLES / "demo-model"))


@pytest.mark.parametrize("name", CASES)
def test_the_text_alone_shows_what_the_whole_check_shows_under_c(name: str, model: Any) -> None:
    data = CLEAN | {"base_model": str(SAMPLES / "demo-model"), "datasets": [{"path": "SHAPES"}]} | CASES[name]
    text = yaml.safe_dump({key: value for key, value in data.items() if value is not None}, sort_keys=False)
    document = Document(text.replace("SHAPES", str(SAMPLES / "shapes.jsonl")), "recipe.yaml")
    bench = Bench(document)
    bench.loaded, bench.family = model, None
    bench.apply()
    whole = check_rows(bench, [], select="C").findings
    # Beside an axolotl of another release the bench has the table of that one.
    alone = check_text(document, bench.axolotl, select="C").findings
    assert not any(finding.fix for finding in alone)
    # The trial of a fix, which needs rows, writes the hint anew.
    bare = [Counter(repr(replace(one, fix=None, hint="")) for one in found) for found in (alone, whole)]
    assert bare[0] == bare[1]
    assert bool(alone) == (name not in CLEAN_CASES)


def test_values_that_axolotl_refuses_are_findings_each(tmp_path: Path) -> None:
    document = Document("base_model: x\nlearning_rate: fast\nlora_r: [1]\nmicro_batch_size: 2\n", "recipe.yaml")
    found = [(one.code, one.where.line) for one in check_text(document, table(), select="C010").findings]
    assert found == [("C010", 2), ("C010", 3)]


def test_rows_elsewhere_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is fetched, and none is read where the recipe names its processor."""

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("the rows were opened")

    monkeypatch.setattr("workbench.data.sources.open_source", refuse)
    for path, processor in (
        ("org/rows", ""),
        ("https://x.example/rows.jsonl.unknown", ""),
        ("rows.jsonl", "processor_type: AutoProcessor\n"),
    ):
        document = Document(f"base_model: x\nlearning_rate: 1\n{processor}datasets:\n  - path: {path}\n", "recipe.yaml")
        check_text(document, table(), select="C")


@pytest.mark.parametrize(
    ("select", "ignore", "alone"),
    [
        ([], [], False),
        (["C"], [], True),
        (["c002", "C01"], [], True),
        (["C", "M"], [], False),
        (["C", "M001"], ["M"], True),
        (["M"], ["M"], False),
        ([], ["A", "D", "L", "M", "R", "T"], False),
    ],
)
def test_which_codes_the_text_alone_can_show(select: list[str], ignore: list[str], alone: bool) -> None:
    assert of_text_alone(select, ignore) is alone


def test_every_check_under_c_is_one_of_the_text() -> None:
    from workbench.checks import registry

    elsewhere = {
        code
        for checks in registry._CHECKS.values()
        for check in checks
        for code in check.codes
        if code.startswith("C") and check.stage != "text"
    }
    assert elsewhere == set()
    assert LEAVES_NOTHING_OUT.code in codes()
