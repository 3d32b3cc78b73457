"""The block path finds in every row what the row alone is found to have."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.blocks.rows import rows
from workbench.bench import Bench, open
from workbench.blocks import suspects
from workbench.blocks.path import BlockPath
from workbench.checks.report import cause
from workbench.checks.row_checks import ROW_CHECKS, check_row
from workbench.judged import JudgedRow
from workbench.row import Row
from workbench.tokens.mask import IGNORE
from workbench.tokens.render import Renderer

FAMILIES = ("qwen3_5", "gemma4", "llama3_2_vision", "pixtral", "smolvlm2", "gemma3", "qwen2_5_vl")


@pytest.fixture
def opened(processor_folder: Callable[[str], Path], tmp_path: Path) -> Callable[..., Bench]:
    """A bench of a family, over rows."""

    def make(family: str, made: list[dict[str, Any]], **recipe: Any) -> Bench:
        data = tmp_path / f"{family}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
        bench = open(model=str(processor_folder(family)), data=str(data))
        for key, value in recipe.items():
            bench.document.set((key,), value)
        if recipe:
            bench.apply()
        return bench

    return make


def judged(bench: Bench, count: int, size: int = 64) -> tuple[list[JudgedRow], BlockPath]:
    """All rows in blocks, and the path that judged them."""
    path = BlockPath(bench)
    results: list[JudgedRow] = []
    for first in range(0, count, size):
        results += path.judge([bench.peek(index) for index in range(first, min(first + size, count))])
    return results, path


def compared(bench: Bench, results: list[JudgedRow]) -> None:
    """Every row alone, against its result."""
    for result in results:
        row = bench.peek(result.index)
        found = check_row(row, in_parts=False)
        mine = [finding for finding in (*result.findings, *result.like) if finding.code not in ("T002", "T004")]
        assert [cause(finding) for finding in mine] == [cause(finding) for finding in found], (result, row.raw.data)
        if not result.like:
            assert mine == found
        if row.error is None:
            assert (result.tokens, result.trained) == (len(row.rendering), int((row.mask.labels != IGNORE).sum()))


def same_trace(mine: Row, alone: Row) -> None:
    """A row of a block has the trace that it has alone, and its places are those that the block knew."""
    assert mine.located is not None
    for name in ("kind", "message", "part", "char_start", "char_end", "exact", "offsets"):
        assert np.array_equal(getattr(mine.trace, name), getattr(alone.trace, name)), (name, alone.raw.data)
    assert (mine.trace.missing, mine.trace.places) == (alone.trace.missing, alone.trace.places), alone.raw.data


def same_traces(bench: Bench, count: int) -> int:
    """The traces of the rows that a block judges together, each against the row alone; gives their number."""
    judge = BlockPath(bench, alike=None)
    facts = judge.each([bench.peek(index) for index in range(count)]).facts
    for number, row in enumerate(facts.rows if facts is not None else ()):
        assert facts is not None
        same_trace(judge._rendered(facts, number), bench.peek(row.index))
    return len(facts) if facts is not None else 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_is_found_as_alone(family: str, opened: Callable[..., Bench]) -> None:
    count = 160
    bench = opened(family, rows(count, seed=len(family)))
    results, path = judged(bench, count)
    assert [result.index for result in results] == list(range(count))
    assert not path.reason
    assert not path.differs
    compared(bench, results)
    assert any(not result.alone for result in results)
    assert same_traces(bench, 24) > 8


def test_a_form_that_was_seen_is_rendered_once_and_a_suspect_not_again(
    opened: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes."}]
    talks = [{"messages": [*asked, {**asked[0], "content": f"Is it {number}?"}]} for number in range(9)]
    bench = opened("qwen3_5", talks, role_boundaries=[{"role": "assistant", "start": "<|im_start|>model\n"}])
    path = BlockPath(bench, alike=None, proved=100)
    assert all(result.alone for result in path.each([bench.peek(number) for number in range(3)]).results)
    rendered: list[int] = []
    prompts = Renderer.prompts

    def counted(self: Renderer, conversations: Sequence[Any], **options: Any) -> Any:
        rendered.append(len(conversations))
        return prompts(self, conversations, **options)

    monkeypatch.setattr(Renderer, "prompts", counted)
    monkeypatch.setattr(Row, "prompt", lambda *given, **named: pytest.fail("a row is rendered again"))
    later = path.each([bench.peek(number) for number in range(3, 9)])
    assert all("M002" in {finding.code for finding in result.findings} for result in later.results)
    assert rendered == [6]


def test_a_template_that_marks_its_answers_goes_row_by_row(opened: Callable[..., Bench]) -> None:
    bench = opened("llava_1_5", rows(12, seed=1))
    results, path = judged(bench, 12)
    assert "assistant mask" in path.reason
    assert all(result.alone for result in results)
    compared(bench, results)


def test_every_check_of_a_row_has_its_suspects() -> None:
    assert suspects.without_suspects(ROW_CHECKS) == []
