"""The parts of an audit's report: what stands twice, what is trained of which data set, how rows fill sequences."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.blocks.rows import rows
from workbench.audit.content import picture_number, picture_numbers, row_number
from workbench.audit.largest import Largest
from workbench.audit.lengths import first_fit, packing_of
from workbench.audit.repeats import Repeats, overlap_of, repeats_of
from workbench.audit.run import audit, recipe_plan, row_plan
from workbench.audit.sources import RowPlace
from workbench.audit.spread import spread_of
from workbench.bench import Bench, open
from workbench.paths import sample_dir
from workbench.tokens.by_role import trained_by_role

PLACES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 9)), max_size=40)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80), st.integers(60, 120), st.integers(1, 6))
def test_rows_go_into_the_first_sequence_with_room(lengths: list[int], limit: int, most: int) -> None:
    room: list[tuple[int, int]] = []
    for length in lengths:
        fits = (at for at, (left, held) in enumerate(room) if left >= length and held < most)
        at = next(fits, len(room))
        if at == len(room):
            room.append((limit, 0))
        room[at] = (room[at][0] - length, room[at][1] + 1)
    assert first_fit(lengths, limit, most) == len(room)


@given(PLACES)
def test_what_stands_twice_is_what_a_dictionary_finds(drawn: list[tuple[int, int, int]]) -> None:
    known: dict[int, set[tuple[int, int]]] = {}
    for number, dataset, row in drawn:
        if number:
            known.setdefault(number, set()).add((dataset, row))
    groups = sorted(tuple(sorted(rows)) for rows in known.values() if len(rows) > 1)
    numbers = np.array([one[0] for one in drawn], dtype=np.uint64)
    places = np.array([one[1:] for one in drawn], dtype=np.int64).reshape(-1, 2)
    found = repeats_of(numbers, places)
    assert found.count == sum(len(group) - 1 for group in groups)
    shown = [tuple(map(tuple, group)) for group in found.groups]
    assert [group[:2] for group in shown] == [group[:2] for group in groups][:10]
    if len(groups) <= 10:
        assert sorted(shown) == sorted(group[:10] for group in groups)


def test_a_group_whose_rows_differ_to_their_ends_is_not_shown() -> None:
    numbers = np.array([7, 7, 8, 8], dtype=np.uint64)
    places = np.array([[0, 0], [0, 1], [0, 2], [0, 3]])
    found = repeats_of(numbers, places, lambda number, place: place.row if number == 7 else number)
    assert found.groups == ((RowPlace(0, 2), RowPlace(0, 3)),)


@given(PLACES, PLACES)
def test_the_overlap_names_a_trained_row_for_each_row_that_is_shared(
    trained: list[tuple[int, int, int]], evaluated: list[tuple[int, int, int]]
) -> None:
    def columns(drawn: list[tuple[int, int, int]], sign: int) -> tuple[Any, Any]:
        places = [(one[1] if sign > 0 else -1 - one[1], one[2]) for one in drawn]
        return np.array([one[0] for one in drawn], dtype=np.uint64), np.array(places, dtype=np.int64).reshape(-1, 2)

    mine, theirs = columns(trained, 1), columns(evaluated, -1)
    none = np.zeros(0, dtype=np.uint64), np.zeros((0, 2), dtype=np.int64)
    found = overlap_of((*mine, *none), (*theirs, *none))
    known = {number for number, _, _ in trained if number}
    shared = {one[1:] for one in evaluated if one[0] in known}
    assert found.shared == len(shared)
    assert found.pictures == 0
    said = {(number, (dataset, row)) for number, dataset, row in trained}
    for here, twin in found.first:
        asked = {number for number, dataset, row in evaluated if (-1 - dataset, row) == here}
        assert any((number, tuple(twin)) in said for number in asked)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=50))
def test_a_histogram_holds_every_row_once(values: list[int]) -> None:
    found = spread_of(np.array(values))
    assert found is not None
    assert sum(found.counts) == len(values)
    for low, high, count in zip(found.edges, found.edges[1:], found.counts, strict=False):
        assert count == sum(low <= value < high for value in values)
    assert len(found.counts) <= 16


def test_equal_pictures_have_one_number_whatever_they_are_called(tmp_path: Path) -> None:
    for name, colour in (("a.png", "red"), ("b.png", "red"), ("c.png", "blue")):
        Image.new("RGB", (9, 9), colour).save(tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    encoded = base64.b64encode(content).decode()
    forms = ["a.png", "b.png", content, {"bytes": content, "path": None}, f"data:image/png;base64,{encoded}", encoded]
    assert len({picture_number(form, tmp_path) for form in forms}) == 1
    assert picture_number("c.png", tmp_path) != picture_number("a.png", tmp_path)
    assert picture_number("missing.png", tmp_path) is None
    row = {
        "images": ["a.png", "c.png"],
        "messages": [
            {"role": "user", "content": [{"type": "image", "path": "b.png"}, {"type": "text", "text": "c.png"}]}
        ],
    }
    found = picture_numbers(row, tmp_path)
    assert len(found) == 3
    assert found[0] == found[2] != found[1]


def test_large_pictures_are_told_apart_when_they_are_read_whole(tmp_path: Path) -> None:
    content = bytes(300_000)
    (tmp_path / "a.bmp").write_bytes(content)
    (tmp_path / "b.bmp").write_bytes(content[:60_000] + b"x" + content[60_001:])
    one, other = (picture_number(f"{name}.bmp", tmp_path) for name in "ab")
    assert one == other
    assert picture_number("a.bmp", tmp_path, whole=True) != picture_number("b.bmp", tmp_path, whole=True)
    (tmp_path / "b.bmp").write_bytes(content + b"x")
    assert picture_number("b.bmp", tmp_path) != one


def test_rows_that_differ_in_their_number_alone_say_the_same() -> None:
    said = {"messages": [{"role": "user", "content": "a"}]}
    assert row_number({**said, "id": 3}, []) == row_number({"tools": None, **said}, [])
    assert row_number(said, [1]) != row_number(said, [2])
    assert row_number({"id": 3}, []) != row_number({"id": 4}, [])
    assert row_number(None, []) == 0


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Two data sets and an evaluation that shares two rows and a picture with them."""
    made = rows(60, seed=5)
    made[50] = {"id": 50, **made[3]}
    Image.new("RGB", (32, 32), "red").save(tmp_path / "p.png")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "q.png")
    more = rows(30, seed=6)
    for at, name in ((0, "p.png"), (1, "q.png")):
        parts = [{"type": "image", "path": name}, {"type": "text", "text": f"What is {at}?"}]
        answer = {"role": "assistant", "content": [{"type": "text", "text": "A red square."}]}
        more[at] = {"messages": [{"role": "user", "content": parts}, answer]}
    for name, some in (("a", made), ("b", more), ("e", [made[20], *rows(4, seed=77), more[0]])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some), "utf-8")
    text = (sample_dir() / "demo.yaml").read_text("utf-8").replace("demo-model", str(sample_dir() / "demo-model"))
    before, rest = text.split("datasets:\n")
    entries = "datasets:\n" + "".join(f"  - path: {name}.jsonl\n    type: chat_template\n" for name in "ab")
    entries += "test_datasets:\n  - path: e.jsonl\n    type: chat_template\n"
    rest = rest[rest.index("# LoRA") :].replace("num_epochs: 1", "num_epochs: 3")
    (tmp_path / "my recipe.yaml").write_text(before + entries + rest, "utf-8")
    return tmp_path / "my recipe.yaml"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.audit.plan.BLOCK", 20)
    monkeypatch.setattr("workbench.audit.beside.check_recipe", lambda bench: [])
    monkeypatch.setattr("workbench.audit.tally.estimated", lambda bench, place, tokens: Largest(place, tokens))


def test_all_data_sets_are_read_and_compared_with_the_evaluation(recipe: Path, tmp_path: Path, quick: None) -> None:
    bench = open(str(recipe))
    out = tmp_path / "out"
    report = audit(bench, recipe_plan(bench), workers=2, out=out)
    assert report.whole
    assert report.rows == 90
    each = [audit(one, row_plan(one)) for one in (bench, bench.of_dataset(1))]
    assert [budget.trained for budget in report.datasets] == [int(one.trained.total) for one in each if one.trained]
    assert sum(budget.share for budget in report.datasets) == pytest.approx(1)
    assert report.by_role == {"assistant": sum(budget.trained for budget in report.datasets)}
    assert report.twice == Repeats(1, ((RowPlace(0, 3), RowPlace(0, 50)),))
    assert report.pictures == Repeats(1, ((RowPlace(1, 0), RowPlace(1, 1)),))
    assert report.overlap is not None
    assert (report.overlap.rows, report.overlap.shared, report.overlap.pictures) == (6, 2, 1)
    assert report.overlap.first == ((RowPlace(-1, 0), RowPlace(0, 20)), (RowPlace(-1, 5), RowPlace(1, 0)))
    # All rows once, in their order, without those of the evaluation.
    table = pq.read_table(out / "rows.parquet").to_pydict()
    assert list(zip(table["dataset"], table["row"], strict=True)) == [(0, at) for at in range(60)] + [
        (1, at) for at in range(30)
    ]
    assert sum(trained for trained in table["trained"] if trained > 0) == sum(one.trained for one in report.datasets)
    assert next(dict(roles) for roles in table["by_role"] if roles) == {"assistant": table["trained"][0]}
    assert table["pictures"][60:62] == [1, 1]
    assert table["media_tokens"][60] > 0
    assert {code for codes in table["codes"] for code in codes} == {cause.code for cause in report.causes}
    # A sample is drawn from all of them together, in proportion.
    sample = recipe_plan(bench, sample=45)
    assert len(sample) == 45
    assert 20 < len(sample.sources[0].rows) < 40


def test_trained_tokens_by_role_are_those_of_each_row(recipe: Path) -> None:
    bench = open(str(recipe))
    bench.document.set(("role_boundaries", 1, "include_start"), True)
    bench.document.set(("datasets", 0, "roles_to_train"), ["assistant", "user"])
    bench.apply()
    roles: set[str] = set()
    for index in range(10):
        row = bench.row(index)
        if row.error is not None:
            continue
        (counts,) = trained_by_role(row.mask)
        assert sum(counts.values()) == row.mask.trained
        expected: dict[str, int] = {}
        for position in np.flatnonzero(row.mask.keep).tolist():
            span = int(row.mask.span[position])
            role = row.mask.spans.role(span) if span >= 0 else ""
            expected[role] = expected.get(role, 0) + 1
        assert counts == expected
        roles |= set(counts)
    assert roles >= {"assistant", "user"}


def _text_bench(tmp_path: Path, **keys: Any) -> Bench:
    made = [
        {"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "word " * (4 + at)}]}
        for at in range(12)
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    bench = open(model=str(sample_dir() / "demo-model"), data=str(tmp_path / "t.jsonl"))
    for key in ("processor_type", "role_boundaries", "skip_prepare_dataset", "remove_unused_columns"):
        if key in bench.document.data:
            bench.document.delete((key,))
    for key, value in keys.items():
        bench.document.set((key,), value)
    bench.apply()
    assert bench.path.kind == "text"
    return bench


@pytest.mark.parametrize("fate", ["drop", "truncate"])
def test_long_rows_of_the_text_path_and_how_the_rest_is_packed(tmp_path: Path, quick: None, fate: str) -> None:
    bench = _text_bench(tmp_path)
    lengths = np.array([len(bench.row(at).rendering) for at in range(12)])
    limit = int(sorted(lengths)[8])
    bench = _text_bench(tmp_path, sequence_len=limit, excess_length_strategy=fate, sample_packing=True)
    report = audit(bench, row_plan(bench), workers=1)
    over = lengths[lengths > limit]
    assert len(over) > 0
    assert report.limit is not None
    assert report.limit.rows == len(over)
    assert report.limit.lost == (int((over - limit).sum()) if fate == "truncate" else int(over.sum()))
    assert report.limit.fate == ("cut" if fate == "truncate" else "dropped")
    assert report.packing is not None
    kept = np.minimum(lengths, limit) if fate == "truncate" else lengths[lengths <= limit]
    assert report.packing.asked
    assert report.packing.sequences >= -(-int(kept.sum()) // limit)
    assert report.packing.fill == pytest.approx(kept.sum() / (report.packing.sequences * limit))
    assert report.packing.unpacked == -(
        -len(kept) // ((bench.recipe.micro_batch_size or 1) * (bench.recipe.gradient_accumulation_steps or 1))
    )


def test_rows_that_the_collator_tokenizes_are_not_packed(recipe: Path) -> None:
    bench = open(str(recipe))
    assert packing_of(bench, np.array([10, 20]), np.array([5, 5])) is None


def test_the_largest_step_is_estimated_without_weights(recipe: Path) -> None:
    from workbench.audit.largest import estimated

    bench = open(str(recipe))
    small, large = (estimated(bench, RowPlace(0, 1), tokens) for tokens in (50, 400))
    assert small.estimate is not None
    assert large.estimate is not None
    assert small.estimate.total < large.estimate.total
    assert large.with_estimate(large.estimate.to_dict()) == large
