"""Rows are judged once: samples, filter and checks read and fill one store, and it holds for what it was made with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.blocks.rows import rows
from tests.blocks.test_path import opened as opened
from workbench import judged
from workbench.bench import Bench
from workbench.blocks.checking import check_chosen
from workbench.blocks.chosen_rows import choose_rows
from workbench.blocks.known import KnownRows, MaskPair
from workbench.blocks.path import BlockPath, Forms, JudgedBlock
from workbench.checks.report import cause
from workbench.checks.row_checks import check_row, checking, in_parts_findings, row_findings
from workbench.checks.run import check_rows
from workbench.judged import JudgedRow, RowResults
from workbench.row import Row
from workbench.views.row_view import read_sample, read_samples, sample_there

COUNT = 40


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """The times that each row was judged."""
    counts: Counter[int] = Counter()
    each = BlockPath.each

    def counted(self: BlockPath, some: Sequence[Row]) -> JudgedBlock:
        counts.update(row.index for row in some)
        return each(self, some)

    monkeypatch.setattr(BlockPath, "each", counted)
    return counts


def test_samples_filter_and_check_judge_a_row_once(
    opened: Callable[..., Bench], looked_at: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = opened("qwen3_5", rows(COUNT, seed=4))
    numbers = [30, *range(12), 12, 31]
    samples = read_samples(bench, numbers)
    assert samples == [read_sample(bench, number) for number in numbers]
    assert any(sample.code for sample in samples)
    known = KnownRows(bench)
    exact = known.judged([bench.peek(number) for number in numbers])
    assert [list(result.findings) for result in exact] == [check_row(bench.row(number)) for number in numbers]
    codes = {"select": ("D", "M", "T"), "ignore": ("T002", "T004")}
    report = check_chosen(bench, choose_rows(bench), **codes)
    assert report.findings == check_rows(bench, bench.head(None), **codes).findings
    assert looked_at == Counter(range(COUNT))

    # Another mask is another result; that of before is known, and undoing finds it again.
    old, eos = bench.masking, bench.document.get(("datasets", 0, "train_on_eos"))
    bench.document.set(("datasets", 0, "train_on_eos"), "none")
    bench.remask()
    edited = read_samples(bench, range(8), old)
    assert [sample.before for sample in edited] == [read_sample(bench, n, old).before for n in range(8)]
    assert any(sample.before != sample.trained for sample in edited)
    assert edited == [read_sample(bench, number, old) for number in range(8)]
    assert looked_at.total() == COUNT + 8
    bench.results = RowResults()
    assert read_samples(bench, range(8), old) == edited
    bench.document.set(("datasets", 0, "train_on_eos"), eos)
    bench.remask()
    before = looked_at.total()
    read_samples(bench, range(8))
    read_samples(bench, range(8))
    assert looked_at.total() == before + 8

    # Values that only findings quote count as well, and few rows are kept.
    bench.document.set(("sequence_len",), 3)
    bench.remask()
    found = KnownRows(bench).judged([bench.peek(0)])[0].findings
    assert "D006" in {finding.code for finding in found}
    monkeypatch.setattr(judged, "ROWS_KEPT", 5)
    read_samples(bench, range(20, 30))
    assert [KnownRows(bench).known(number) is not None for number in range(20, 30)] == [False] * 5 + [True] * 5
    bench.apply()
    assert KnownRows(bench).known(29) is None


def test_the_sizes_of_rows_ask_no_check_for_those_that_one_may_say_something_of(opened: Callable[..., Bench]) -> None:
    made = [*rows(18, seed=4), {"messages": [{"role": "user", "content": "a"}]}]
    bench = opened("qwen3_5", made)
    wrong = [{"role": "assistant", "start": "<|im_start|>model\n"}, {"role": "user", "start": "<|im_start|>user\n"}]
    for boundaries in (None, wrong):
        if boundaries is not None:
            bench.document.set(("role_boundaries",), boundaries)
            bench.remask()
        some, known = [bench.peek(number) for number in range(len(made))], KnownRows(bench)
        alone: list[int] = []
        known.path.seen = lambda alone=alone: alone.append(1)
        sizes = known.measured(some)
        asked, kept = len(alone), [known.known(row.index) is not None for row in some]
        exact = known.judged(some)
        assert [(size.tokens, size.trained, size.pictures) for size in sizes] == [
            (result.tokens, result.trained, result.pictures) for result in exact
        ]
        assert asked < len(alone)
        assert kept == [isinstance(size, JudgedRow) for size in sizes]
        assert any(kept)
        # What is found later is what would have been found at once.
        later = [known.known(row.index) for row in some]
        assert [list(result.findings) for result in later if result is not None] == [
            check_row(bench.peek(number), in_parts=False) for number in range(len(made))
        ]
        assert known.measured(some) == later


def test_a_row_that_was_shown_is_not_judged_again(
    opened: Callable[..., Bench], looked_at: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, other = (opened("qwen3_5", rows(COUNT, seed=4)) for _ in range(2))
    numbers = range(0, COUNT, 3)
    for one in (bench, other):
        one.document.set(("datasets", 0, "train_on_eos"), "none")
        one.remask()
    exact = KnownRows(other).judged([other.peek(number) for number in numbers])
    looked_at.clear()
    shown = [row_findings(bench.row(number)) for number in numbers]
    assert any(shown)
    known = KnownRows(bench)
    results = known.judged([bench.peek(number) for number in numbers])
    assert not looked_at
    for result, one, found in zip(results, exact, shown, strict=True):
        assert list(result.findings) == found
        assert Counter(map(cause, result.findings)) == Counter(map(cause, one.findings))
        assert replace(result, findings=(), alone=False) == replace(one, findings=(), alone=False)
    assert [known.known(number).findings for number in numbers] == [  # type: ignore[union-attr]
        tuple(check_row(bench.row(number), in_parts=False)) for number in numbers
    ]
    # What another mask would find is not taken for it.
    bench.document.set(("datasets", 0, "train_on_eos"), "all")
    bench.remask()
    KnownRows(bench).judged([bench.peek(number) for number in numbers])
    assert set(looked_at) == set(numbers)


def test_a_row_is_checked_in_steps_to_the_same_findings(opened: Callable[..., Bench]) -> None:
    made = [*rows(COUNT, seed=4), {"messages": 3}, {"messages": [{"role": ["user"], "content": "a"}]}]
    bench, whole = (opened("qwen3_5", made) for _ in range(2))
    for number in range(len(made)):
        steps = list(checking(bench.row(number)))
        assert row_findings(bench.row(number)) == check_row(whole.row(number))
        assert not list(checking(bench.row(number)))
        assert len(steps) > 5 or bench.row(number).error is not None
    # The recipe is edited in a pause: what is found is of the new mask alone.
    row = bench.row(0)
    row.checked = None
    for number, _ in enumerate(checking(row)):
        if number == 4:
            bench.document.set(
                ("role_boundaries",), [{"role": "assistant", "start": "<|nowhere|>", "end": "<|im_end|>"}]
            )
            bench.remask()
    assert row.checked is not None
    assert row.checked[0] is bench.masking
    assert row.checked[1] == check_row(row)
    assert {"M001", "M002"} & {finding.code for finding in row.checked[1]}


def test_beginnings_of_known_rows_are_rendered_together_to_the_same_findings(opened: Callable[..., Bench]) -> None:
    bench = opened("qwen3_5", rows(COUNT, seed=4))
    some = [bench.peek(number) for number in range(COUNT)]
    known, forms = KnownRows(bench), Forms()
    known.judged(some, forms)
    before = [sample_there(known, number) for number in range(COUNT)]
    assert all(before)
    assert 0 < sum(one is not None and not one[1] for one in before) < COUNT
    samples = read_samples(bench, range(COUNT))
    assert samples == [read_sample(bench, number) for number in range(COUNT)]
    assert [sample_there(known, number) for number in range(COUNT)] == [(sample, True) for sample in samples]
    for number, result in enumerate(known.judged(some)):
        expected = in_parts_findings(bench.peek(number)) if result.tokens >= 0 else []
        assert [one for one in result.findings if one.code in ("T002", "T004")] == expected


def test_what_is_judged_while_the_recipe_is_edited_is_not_kept(
    opened: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = opened("qwen3_5", rows(6, seed=1, faulty=0))
    each = BlockPath.each

    def edited(self: BlockPath, some: Any) -> JudgedBlock:
        block = each(self, some)
        bench.remask()
        return block

    monkeypatch.setattr(BlockPath, "each", edited)
    assert len(read_samples(bench, range(6))) == 6
    assert KnownRows(bench).known(0) is None


def test_the_roles_of_markers_are_those_of_each_row(opened: Callable[..., Bench]) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    bench = opened("qwen3_5", [{"messages": turns}, {"messages": turns[:1]}, {"messages": [*turns, turns[0]]}])
    results = KnownRows(bench).judged([bench.peek(number) for number in range(3)])
    assert [set(result.matched) for result in results] == [{"user", "assistant"}, {"user"}, {"user", "assistant"}]
    for number, result in enumerate(results):
        spans = bench.row(number).mask.spans
        assert result.matched == {spans.role(index) for index in range(len(spans))}


def test_results_of_other_settings_are_forgotten_before_rows_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "ROWS_KEPT", 5)
    results = RowResults()

    def fill(settings: str, count: int) -> None:
        for index in range(count):
            results.of(settings).put(JudgedRow(index, 1, 1, 0, 0, (), None, alone=False))

    fill("a", 4)
    fill("b", 1)
    assert len(results.of("a")) == 4
    fill("b", 3)
    assert results.settings() == ["b"]
    fill("b", 9)
    assert len(results.of("b")) == 5


def test_masks_are_compared_place_by_place(opened: Callable[..., Bench]) -> None:
    """Also where as many tokens are trained: the answer's stop token here, the question's there."""
    bench = opened("qwen3_5", rows(COUNT, seed=4))
    count = 16
    some = [bench.peek(number) for number in range(count)]
    other = replace(bench.masking, roles_to_train=("user",))
    swapped = replace(other, boundaries=tuple(replace(one, role="user") for one in bench.masking.boundaries[:1]))
    for masking in (other, swapped, bench.masking):
        found = KnownRows(bench).against(some, masking)
        assert [pair is None for pair in found] == [row.error is not None for row in map(bench.row, range(count))]
        for number, pair in enumerate(found):
            if pair is not None:
                mine, theirs = bench.row(number).mask.keep, bench.row(number).mask_under(masking).keep
                assert pair.trained == mine.sum()
                assert (pair.more, pair.less) == ((mine & ~theirs).sum(), (theirs & ~mine).sum())
                assert pair.same is bool((mine == theirs).all())
    for number, kept in enumerate(KnownRows(bench).path.kept_under(some, (other, swapped))):
        masks = [bench.row(number).mask_under(masking).keep for masking in (other, swapped)] if kept else []
        assert all(map(np.array_equal, kept or (), masks))
    assert sum(pair is not None for pair in found) > count // 2
    assert all(pair is None or pair.same for pair in found)
    assert MaskPair.of(np.array([True, False]), np.array([False, True])) == MaskPair(1, 1, 1)
