"""A traced row as bytes: what another process reads is the row that was sent, and half of it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.views.test_first_tokens import written
from workbench.data.first_row import first_row
from workbench.views.early_row import EarlyRow, early_row, from_json, to_json
from workbench.views.first_tokens import first_tokens
from workbench.views.traced_row import TracedRow, from_bytes, to_bytes

FAMILIES = ("qwen3_5", "gemma4", "llama3_2_vision", "gemma3")
HOSTILE = [
    {"role": "user", "content": "Say 😀 漢字 é\u0301 \u202e \x1b[31m\n\n<|im_start|>user ⟨x⟩"},
    {"role": "assistant", "content": "🏳️‍🌈 " + "wide漢字 " * 30 + "\t\n"},
    {"role": "user", "content": ""},
    {"role": "assistant", "content": "<end_of_turn> \u0000 done"},
]


def traced(folder: Path, model: Path | None = None, talk: Any = None) -> TracedRow | None:
    """The first row of a recipe."""
    bench = written(folder, "processor_type: AutoProcessor", model=model, rows={"messages": talk or HOSTILE})
    first = first_row(bench.document.data, bench.recipe_dir)
    assert first is not None
    return first_tokens(bench, first)


def same(row: TracedRow, other: TracedRow) -> None:
    """All that is drawn, searched and explained of them is equal."""
    assert (row.index, row.roles, row.bos) == (other.index, other.roles, other.bos)
    ours, theirs = row.rendering, other.rendering
    assert (ours.prompt, ours.text) == (theirs.prompt, theirs.text)
    assert np.array_equal(ours.input_ids, theirs.input_ids)
    assert np.array_equal(ours.offsets, theirs.offsets)  # type: ignore[arg-type]
    for name in ("kind", "message", "part", "char_start", "char_end", "exact", "offsets"):
        assert np.array_equal(getattr(row.trace, name), getattr(other.trace, name)), name
    assert (row.trace.missing, row.trace.places) == (other.trace.missing, other.trace.places)
    for number in np.unique(ours.input_ids).tolist():
        for told in ("raw", "piece", "text"):
            assert getattr(ours.vocabulary, told)(number) == getattr(theirs.vocabulary, told)(number), (told, number)
    mine, sent = row.view(), other.view()
    assert mine.drawn.texts == sent.drawn.texts
    assert np.array_equal(mine.drawn.control, sent.drawn.control)
    assert mine.turns == sent.turns
    assert sent.preliminary
    assert early_row(mine) == early_row(sent)


def test_a_row_comes_back_from_its_bytes(tmp_path: Path) -> None:
    row = traced(tmp_path)
    assert row is not None
    same(row, from_bytes(to_bytes(row)))


@pytest.mark.parametrize("family", [pytest.param(name, marks=pytest.mark.real_tokenizer(name)) for name in FAMILIES])
def test_so_does_one_of_a_real_tokenizer(family: str, tmp_path: Path, processor_folder: Callable[[str], Path]) -> None:
    row = traced(tmp_path, processor_folder(family))
    if row is None:
        pytest.skip("needs more than two files")
    same(row, from_bytes(to_bytes(row)))


def test_bytes_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    row = traced(tmp_path)
    assert row is not None
    sent = to_bytes(row)
    for wrong in (b"", sent[:5], sent[:40], sent[: len(sent) // 2], sent[:-1], sent + b"x"):
        with pytest.raises((ValueError, LookupError, TypeError)):
            from_bytes(wrong)


texts = st.text(max_size=5)


@given(
    st.builds(
        lambda tokens, turns: EarlyRow.of(3, 9, tokens, turns),
        st.lists(st.tuples(texts, st.booleans(), st.booleans())),
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), texts)),
    )
)
def test_an_early_row_comes_back_from_its_json(row: EarlyRow) -> None:
    assert from_json(to_json(row)) == row
