"""Every place that counts trained tokens asks the row for its mask, so that flags of messages and parts count there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from workbench.bench import Bench, prepare
from workbench.editing.session import Editing
from workbench.paths import sample_dir
from workbench.views.row_view import RowView, read_row, read_sample, remasked

ANSWER = [
    {"type": "text", "text": "A red square on a table. ", "train": False},
    {"type": "text", "text": "It is large.", "train": True},
]
ROW = {"messages": [{"role": "user", "content": "What is there?"}, {"role": "assistant", "content": ANSWER}]}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A recipe on the text path whose answer has one part that is trained and one that is not."""
    folder = tmp_path_factory.mktemp("flags")
    (folder / "rows.jsonl").write_text(json.dumps(ROW) + "\n", "utf-8")
    kept = [
        line
        for line in (sample_dir() / "demo.yaml").read_text("utf-8").splitlines()
        if not line.startswith(("processor_type", "skip_prepare_dataset", "base_model"))
    ]
    text = "\n".join([f"base_model: {sample_dir() / 'demo-model'}", *kept])
    text = text.replace("path: shapes-heldout.jsonl", f"path: {folder / 'rows.jsonl'}")
    file = folder / "text.yaml"
    file.write_text(text, "utf-8")
    return prepare(file).load()


def test_an_edit_without_effect_changes_no_count(bench: Bench) -> None:
    editing = Editing(bench)
    row = bench.row(0)
    before = row.mask
    assert 0 < before.trained < len(row.rendering)
    view = read_row(bench, 0)
    assert isinstance(view, RowView)
    # The row's own flags are for the answer; a role that is not in the row changes nothing.
    editing.set(("datasets", 0, "roles_to_train"), ["assistant", "narrator"])
    assert row.mask is not before
    np.testing.assert_array_equal(row.mask.labels, before.labels)
    change = editing.change(row)
    assert change is not None
    assert change.counts == (0, 0)
    sample = read_sample(bench, 0, editing.compared_masking)
    assert sample.before == sample.trained == before.trained
    np.testing.assert_array_equal(remasked(view, bench).mask.labels, before.labels)
    editing.undo()


def test_an_edit_with_effect_is_counted_within_the_trained_part(bench: Bench) -> None:
    editing = Editing(bench)
    row = bench.row(0)
    before = row.mask.keep
    editing.set(("datasets", 0, "roles_to_train"), ["user", "assistant"])
    change = editing.change(row)
    assert change is not None
    added, removed = change.counts
    assert (added, removed) == (int((row.mask.keep & ~before).sum()), 0)
    assert added > 0
    assert read_sample(bench, 0, editing.compared_masking).before == int(before.sum())
    editing.undo()
