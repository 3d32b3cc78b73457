"""Rows and findings as tables and batches, two benches side by side, a conversation of one's own; wrong arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench
from workbench.errors import BenchError, InputError
from workbench.notebook import Session

TALK = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hi."}]


def test_masks_are_the_collators_batch(session: Session) -> None:
    masks = session.masks(5)
    ids, labels = session.bench.collate(range(5))
    assert np.array_equal(masks.input_ids, ids)
    assert np.array_equal(masks.labels, labels)
    lengths = [len(row.mask().labels) for row in session.rows[:5]]
    assert masks.attention_mask.sum(axis=1).tolist() == lengths
    assert len(set(lengths)) > 1
    assert masks.keep.sum() == sum(row.mask().trained for row in session.rows[:5])
    assert (len(masks), len(session.rows[2:4].masks()), masks.skipped) == (5, 2, {})
    assert masks.to_dict()["labels"] == labels.tolist()
    assert f"5 × {max(lengths)}" in masks.text()


def test_rows_that_cannot_be_rendered_are_named(session: Session) -> None:
    rows = session.bench.recipe_dir / "shapes.jsonl"
    lines = rows.read_text("utf-8").splitlines()
    rows.write_text("\n".join([lines[0], "{", *lines[2:]]) + "\n", "utf-8")
    session.bench.apply()
    masks = session.masks(3)
    assert (masks.rows, list(masks.skipped)) == ((0, 2), [1])
    frame = session.to_pandas(3)
    assert frame["reason"].tolist()[::2] == ["", ""]
    assert frame.loc[1, "reason"]
    assert frame["tokens"].isna().tolist() == [False, True, False]
    assert frame.loc[1, "errors"] == "D001"
    with pytest.raises(InputError, match="No row"):
        session.rows[1:2].masks()
    compared = session.compare(session)
    assert compared.same
    assert session.rows[1].to_pandas().empty
    for shown in (masks, compared):
        assert shown.text() in repr(shown)
        assert shown.html().startswith("<!doctype html>")


def test_tables_hold_the_figures_of_the_answers(session: Session) -> None:
    frame = session.to_pandas()
    assert frame.index.tolist() == list(range(8))
    assert frame["trained"].tolist() == [row.mask().trained for row in session.rows]
    assert frame["pictures"].tolist() == [len(row.images) for row in session.rows]
    assert frame["share"].tolist() == [row.mask().trained / len(row.mask().labels) for row in session.rows]
    tokens = session.rows[2].to_pandas()
    assert tokens["label"].tolist() == session.rows[2].mask().labels.tolist()
    assert set(tokens.loc[tokens["trained"], "role"]) <= {"assistant", ""}
    session.set("role_boundaries.0.start", "<|turn>assistant\n")
    checked = session.check()
    found = checked.to_pandas()
    assert found["code"].tolist() == [one.code for one in checked.findings]
    assert "M002" in session.to_pandas(1).loc[0, "errors"]
    assert found["row"].isna().sum() == sum(one.where.row is None for one in checked.findings)


def test_a_conversation_of_ones_own_follows_the_recipe(session: Session) -> None:
    row = session.render(TALK)
    assert "Hi." in row.text()
    assert (row.findings, row.images) == ([], [])
    same = session.render({"messages": TALK})
    assert np.array_equal(same.mask().input_ids, row.mask().input_ids)
    trained = row.mask().trained
    assert trained > 0
    assert row.check().to_dict()["summary"]["rows"] == 1
    session.set("role_boundaries.0.start", "<|turn>assistant\n")
    assert row.mask().trained == 0
    session.undo()
    assert row.trace.to_dict()["tokens"][-1]["index"] == len(row.mask().labels) - 1
    with_parts = session.render([{**TALK[0], "content": [{"type": "text", "text": "Hello?"}]}, TALK[1]])
    assert np.array_equal(with_parts.mask().input_ids, row.mask().input_ids)
    # The text path, whose columns have other names.
    session.set("processor_type", None)
    session.set("datasets.0.field_messages", "talk")
    session.set("datasets.0.message_property_mappings", {"role": "who", "content": "said"})
    assert session.bench.path.kind == "text"
    text = session.render(TALK)
    assert text.row.error is None
    assert "Hi." in text.text()


def test_two_recipes_are_compared_row_by_row(session: Session, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(session.recipe.yaml.replace("train_on_eos: turn", "train_on_eos: none"), "utf-8")
    assert other.read_text("utf-8") != session.recipe.yaml
    compared = session.compare(other)
    assert not compared.same
    assert compared.to_dict()["keys"] == {"train_on_eos": ["turn", "none"]}
    first = compared.rows[0]
    mine = session.rows[0].mask()
    assert first.trained[0] == mine.trained
    assert (first.same_ids, first.same_labels) == (True, False)
    assert first.first is not None
    assert mine.labels[first.first] != -100
    frame = compared.to_pandas()
    assert (frame["trained"] - frame["trained_other"]).min() > 0
    assert "train_on_eos" in compared.text()
    assert "8 rows" in compared.html()
    assert session.compare(session, 2).to_dict()["rows"][1]["same_labels"]
    fewer = tmp_path / "fewer.jsonl"
    fewer.write_text((tmp_path / "shapes.jsonl").read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    short = session.compare(workbench.open(other, data=fewer))
    assert (short.rows[0].same_ids, short.rows[1].reason) == (True, "renders / no such row")


def test_codes_and_families_are_told() -> None:
    page = workbench.explain("m002")
    assert page.codes[0].code == "M002"
    assert "What to do" in page.html()
    assert len(workbench.explain().codes) > 80
    family = workbench.known_families("gemma4")
    assert family.names == ("gemma4",)
    assert "gemma4" in workbench.known_families().names
    assert "<|turn>model" in family.text()
    assert family.to_dict()["families"][0]["name"] == "gemma4"
    for one in (workbench.explain(), family, workbench.known_families()):
        assert one.html().startswith("<!doctype html>")


WRONG: list[Callable[[Session], Any]] = [
    lambda one: one.rows["a"],  # type: ignore[call-overload]
    lambda one: one.rows[1.5],  # type: ignore[call-overload]
    lambda one: one.rows[True],
    lambda one: one.rows["a":],  # type: ignore[misc]
    lambda one: one.rows[::2],
    lambda one: one.rows[99],
    lambda one: one.rows[0].window("a", 3),  # type: ignore[arg-type]
    lambda one: one.rows[0].window(3, 3),
    lambda one: one.masks(0),
    lambda one: one.masks("all"),  # type: ignore[arg-type]
    lambda one: one.to_pandas(-1),
    lambda one: one.render([]),
    lambda one: one.render("hello"),  # type: ignore[arg-type]
    lambda one: one.render([3]),  # type: ignore[list-item]
    lambda one: one.compare(3),  # type: ignore[arg-type]
    lambda one: one.compare(one, 0),
    lambda one: one.check(-1),
    lambda one: one.check("all"),  # type: ignore[arg-type]
    lambda one: one.check(select=["Z"]),
    lambda one: one.check(ignore=[3]),  # type: ignore[list-item]
    lambda one: one.check(select=3),  # type: ignore[arg-type]
    lambda one: one.check(Session(one.bench).rows[0]),
    lambda one: one.infer(rows=-1),
    lambda one: one.memory(sequence=0),
    lambda one: one.memory(batch="two"),  # type: ignore[arg-type]
    lambda one: one.overfit(rows=0),
    lambda one: one.overfit(rows=[]),
    lambda one: one.overfit(rows=[99]),
    lambda one: one.overfit(rows="all"),  # type: ignore[arg-type]
    lambda one: one.overfit(steps=0),
    lambda one: one.overfit(device="gpu"),
    lambda one: one.overfit(max_minutes=0),
    lambda one: one.overfit(max_memory="8G"),  # type: ignore[arg-type]
    lambda one: one.overfit(out=3),  # type: ignore[arg-type]
    lambda one: one.export(values=["a"]),  # type: ignore[arg-type]
    lambda one: one.export(values={"": 1}),
    lambda one: one.export(values={3: 1}),  # type: ignore[dict-item]
    lambda one: one.export(values={"num_epochs": object()}),
    lambda one: one.export(rows=0),
    lambda one: one.export(run="nowhere"),
    lambda one: one.export(3),  # type: ignore[arg-type]
    lambda one: one.set("", 1),
    lambda one: one.set(3, 1),  # type: ignore[arg-type]
    lambda one: one.set("datasets.x", 1),
    lambda one: one.set("datasets.9.path", "x"),
    lambda one: one.set("note", object()),
    lambda one: one.save(3),  # type: ignore[arg-type]
    lambda one: one.save(""),
    lambda one: one.editor(99),
    lambda one: one.editor("a"),  # type: ignore[arg-type]
    lambda one: workbench.explain("M999"),
    lambda one: workbench.explain(3),  # type: ignore[arg-type]
    lambda one: workbench.known_families("nobody"),
    lambda one: workbench.known_families(3),  # type: ignore[arg-type]
]


def test_every_wrong_argument_is_named_and_changes_nothing(session: Session) -> None:
    whole = session.recipe.yaml
    for number, wrong in enumerate(WRONG):
        with pytest.raises(BenchError) as raised:
            wrong(session)
        assert raised.value.hint, number
        assert session.recipe.yaml == whole, number


def test_the_public_api_is_what_dir_lists() -> None:
    assert dir(workbench) == sorted(workbench.__all__)
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None
    assert (Path(workbench.__file__).parent / "py.typed").exists()
