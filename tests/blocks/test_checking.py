"""A check in blocks finds what a check row by row finds, and says what it looked at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.blocks.rows import rows
from tests.blocks.test_path import opened as opened
from tests.checks.test_recipes import run
from workbench.bench import Bench
from workbench.blocks import known
from workbench.blocks.checking import BlockChecking, check_chosen
from workbench.blocks.chosen_rows import WHOLE, ChosenRows, choose_rows, even_sample
from workbench.blocks.path import PROBED
from workbench.checks.run import check_rows
from workbench.consumers.protocol import Answer, Asked
from workbench.paths import sample_dir

MODEL = str(sample_dir() / "demo-model")
OF_ROWS = ("D", "M", "T")


def written(path: Path, made: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    return path


@pytest.mark.parametrize("family", ["qwen3_5", "gemma4", "pixtral", "llava_1_5"])
def test_a_check_in_blocks_is_the_check_row_by_row(family: str, opened: Callable[..., Bench]) -> None:
    bench = opened(family, rows(40, seed=7 + len(family)))
    codes = {"select": OF_ROWS, "ignore": ("T002", "T004")}
    alone = check_rows(bench, bench.head(None), **codes)
    told = check_chosen(bench, choose_rows(bench), **codes)
    assert told.findings == alone.findings
    assert alone.findings
    assert told.groups == alone.groups
    assert (told.rows, told.trained, told.tokens) == (alone.rows, alone.trained, alone.tokens)
    assert told.agreement == alone.agreement
    assert bool(told.by_row) == (family == "llava_1_5")


def test_the_size_of_a_block_changes_nothing(opened: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = opened("qwen3_5", rows(30, seed=3))
    whole = check_chosen(bench, choose_rows(bench), select=OF_ROWS)
    assert len({finding.code for finding in whole.findings}) > 2
    for size in (1, 7):
        monkeypatch.setattr(known, "MOST", size)
        assert check_chosen(bench, choose_rows(bench), select=OF_ROWS).findings == whole.findings


def test_fixes_are_tried_step_by_step_to_the_same_end(opened: Callable[..., Bench]) -> None:
    bench = opened("qwen3_5", rows(10, seed=3))
    bench.document.set(("role_boundaries", 0, "end"), "<|nowhere|>")
    bench.remask()
    whole = check_chosen(bench, choose_rows(bench), select=("M",))
    assert any(finding.fix is not None and finding.where.row is not None for finding in whole.findings)
    checking = BlockChecking(bench, choose_rows(bench), select=("M",))
    assert list(checking.steps())
    first = checking.report(tried=1)
    assert [(one.code, one.message) for one in first.findings] == [(one.code, one.message) for one in whole.findings]
    steps = list(checking.trial_steps(0.001))
    assert len(steps) > 1
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1] > 1
    assert checking.finished().findings == whole.findings


def test_beginnings_are_rendered_of_the_first_rows_of_a_form(
    opened: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [{"role": "user", "content": "a red square"}, {"role": "assistant", "content": "two"}]
    bench = opened("qwen3_5", [{"messages": turns * (1 + number % 2)} for number in range(20)])
    probed: list[int] = []
    monkeypatch.setattr("workbench.blocks.path.in_parts_findings", lambda row: probed.append(row.index) or [])
    monkeypatch.setattr(known, "MOST", 3)
    check_chosen(bench, choose_rows(bench))
    assert probed == list(range(2 * PROBED))


def test_a_form_of_which_one_row_is_found_is_looked_at_to_the_end(
    opened: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [{"role": "user", "content": "a red square"}, {"role": "assistant", "content": "two"}]
    other, bench = (opened("qwen3_5", [{"messages": turns}] * 9) for _ in range(2))
    whole = check_rows(other, other.head(None))
    note = replace(whole.findings[0] if whole.findings else bench.findings[0], code="T002", severity="warning")
    monkeypatch.setattr(
        "workbench.blocks.path.in_parts_findings", lambda row: [note.at(row=row.index)] if row.index >= 2 else []
    )
    monkeypatch.setattr(known, "MOST", 4)
    found = [one.where.row for one in check_chosen(bench, choose_rows(bench)).findings if one.code == "T002"]
    assert found == list(range(2, 9))


def test_what_the_trainer_gives_else_is_found_in_blocks_too(opened: Callable[..., Bench]) -> None:
    bench = opened("qwen3_5", rows(12, seed=2, faulty=0))
    theirs = {index: (bench.row(index).rendering.input_ids, bench.row(index).mask.labels.copy()) for index in range(6)}
    theirs[4][1][-2:] = -100 if theirs[4][1][-2] >= 0 else 5
    answer = Answer({"axolotl": "0.21.0"}, rows=theirs)
    bench.take_answer(Asked(bench.document.text, tuple(range(6)), answer))
    told = check_chosen(bench, choose_rows(bench))
    assert [one.where.row for one in told.findings if one.code == "M020"] == [4]


@given(st.integers(0, 5000), st.integers(1, 400))
def test_an_even_sample_takes_one_row_of_each_stretch(length: int, count: int) -> None:
    drawn = even_sample(length, count)
    assert drawn == sorted(set(drawn)) == even_sample(length, count)
    assert len(drawn) == min(length, count)
    stretches = Counter(index * count // length for index in drawn)
    assert max(stretches.values(), default=1) <= 2


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More rows than are checked whole."""
    turns = [{"role": "user", "content": "a red square"}, {"role": "assistant", "content": "two"}]
    return written(tmp_path_factory.mktemp("many") / "many.jsonl", [{"messages": turns}] * (WHOLE + 500))


def test_of_many_rows_some_are_drawn_and_the_output_says_so(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert "2,000 of 2,500 rows, drawn evenly" in run("check", "--model", MODEL, "--data", str(many)).out
    told = json.loads(run("check", "--data", str(many), "--rows", "all", "--format", "json").out)["summary"]
    assert (told["rows"], told["rows_known"], told["rows_drawn_evenly"]) == (2500, 2500, False)
    told = json.loads(run("check", "--data", str(many), "--rows", "30", "--format", "json").out)["summary"]
    assert (told["rows"], told["rows_drawn_evenly"]) == (30, False)


def test_few_of_the_drawn_rows_are_from_everywhere() -> None:
    assert ChosenRows(range(10)).spread(3) == [0, 1, 2]
    drawn = ChosenRows(tuple(range(0, 1000, 5)), drawn=True).spread(20)
    assert len(drawn) == 20
    assert drawn[0] < 50
    assert drawn[-1] >= 900
    assert all(index % 5 == 0 for index in drawn)


def test_rows_that_go_one_by_one_are_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    recipe = tmp_path / "text.yaml"
    data = written(tmp_path / "rows.jsonl", rows(3, seed=1, faulty=0))
    recipe.write_text(
        f"base_model: {MODEL}\nchat_template: jinja\nchat_template_jinja: >-\n"
        "  {% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}\n"
        f"datasets:\n  - path: {data.name}\n    type: chat_template\n    ds_type: json\n",
        "utf-8",
    )
    assert "all 3 rows, one by one: transformers' own assistant mask" in run("check", str(recipe)).out
