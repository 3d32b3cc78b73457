"""A row made ready for the screens: what it holds, the finding of one that cannot be shown, what edits change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.views.support import note
from workbench.bench import Bench
from workbench.checks.report import cause
from workbench.checks.row_checks import row_findings
from workbench.errors import InputError
from workbench.findings import Finding
from workbench.views import row_view
from workbench.views.row_view import RowView, Sample, pictures, read_row, read_sample, remasked


def view_of(bench: Bench, index: int = 0) -> RowView:
    view = read_row(bench, index)
    assert isinstance(view, RowView)
    return view


def test_a_row_with_all_that_the_panes_show(opened: Bench) -> None:
    view, row = view_of(opened, 1), opened.row(1)
    assert (view.index, view.source) == (1, row)
    assert view.rendering is row.rendering
    assert view.mask is row.mask
    assert view.trace is row.trace
    assert view.roles == tuple(message["role"] for message in row.conversation.messages)
    assert [turn.role for turn in view.turns] == list(view.roles)
    assert len(view.drawn.text) == len(view.rendering)
    assert view.findings == row_findings(row)
    assert view.boundaries == opened.masking.boundaries
    assert (view.roles_to_train, view.train_on_eos, view.nll) == (("assistant",), "turn", None)


def test_a_row_that_cannot_be_read_is_its_finding(hostile: Bench, opened: Bench) -> None:
    found = read_row(hostile, 1)
    assert isinstance(found, Finding)
    assert found is hostile.row(1).error
    assert found.code == "D001"
    with pytest.raises(InputError):
        read_row(opened, 100_000)


def test_another_mask_of_a_row_keeps_the_drawing_of_its_tokens(copied: Bench) -> None:
    before = view_of(copied)
    copied.document.set(("datasets", 0, "train_on_eos"), "none")
    copied.remask()
    view = read_row(copied, 0, before)
    assert isinstance(view, RowView)
    assert view.drawn is before.drawn
    assert view.mask.trained < before.mask.trained
    other = read_row(copied, 1, before)
    assert isinstance(other, RowView)
    assert len(other.drawn.text) == len(other.rendering)


def test_a_row_that_cannot_be_rendered_is_a_finding_with_its_place(
    copied: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise InputError("The template raises", "it wants a picture", "Give one.")

    monkeypatch.setattr(copied.renderer, "render", fail)
    found = read_row(copied, 2)
    assert isinstance(found, Finding)
    assert (found.code, found.severity, found.hint) == ("T006", "error", "Give one.")
    assert found.message == "The template raises (it wants a picture)"
    assert found.where.row == 2


def test_errors_of_the_recipe_that_keep_axolotl_from_the_rows_mask_stand_with_it(copied: Bench) -> None:
    assert view_of(copied).findings == row_findings(copied.row(0))
    copied.document.delete(("processor_type",))
    more = [one for one in view_of(copied).findings if one not in row_findings(copied.row(0))]
    assert more
    assert {one.severity for one in more} == {"error"}


def test_the_strategy_is_named_where_the_boundaries_are_its_own(copied: Bench) -> None:
    assert view_of(copied).built_in == ""
    copied.document.delete(("role_boundaries",))
    copied.document.set(("chat_template",), "gemma4")
    copied.apply()
    view = view_of(copied)
    assert view.built_in == copied.strategy.name == "gemma4"
    assert view.boundaries


def test_another_masking_changes_the_mask_and_its_rule_alone(copied: Bench) -> None:
    before = view_of(copied)
    copied.document.set(("datasets", 0, "roles_to_train"), ["user"])
    copied.document.set(("datasets", 0, "train_on_eos"), "none")
    copied.remask()
    after = remasked(before, copied)
    assert (after.roles_to_train, after.train_on_eos) == (("user",), "none")
    assert after.boundaries == copied.masking.boundaries
    assert after.mask is copied.row(0).mask
    assert not np.array_equal(after.mask.keep, before.mask.keep)
    assert (after.rendering, after.trace, after.turns) == (before.rendering, before.trace, before.turns)
    assert after.findings is before.findings


def test_the_picture_of_every_run(opened: Bench) -> None:
    row = opened.row(0)
    assert len(row.rendering.media) == 1
    (shown,) = view_of(opened).pictures.items()
    number, picture = shown
    assert number == 0
    (part,) = [part for message in row.conversation.messages for part in message["content"] if part["type"] == "image"]
    assert picture in part.values()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ({"type": "image", "image": "a.png"}, "a.png"),
        ({"type": "image", "path": "b.png"}, "b.png"),
        ({"type": "image", "image": ["c.png", "d.png"]}, "c.png"),
        ({"type": "image", "image": None, "url": "e.png"}, "e.png"),
        ({"type": "image_url", "image_url": {"url": "f.png"}}, "f.png"),
        ({"type": "image_url", "image_url": "g.png"}, "g.png"),
        ({"type": "image", "image": []}, []),
        ({"type": "image"}, None),
        ("text", None),
    ],
)
def test_where_a_part_names_its_picture(part: Any, value: Any) -> None:
    runs = SimpleNamespace(start=np.array([4]), modality=["image"])
    trace = SimpleNamespace(message=np.full(6, 1), part=np.full(6, 1))
    messages = [{"content": "none"}, {"content": [{"type": "text", "text": "x"}, part]}]
    found = pictures(SimpleNamespace(media=runs), trace, messages)  # type: ignore[arg-type]
    assert found == ({} if value is None else {0: value})


def test_runs_without_a_picture_of_their_own() -> None:
    runs = SimpleNamespace(start=np.array([0, 1, 2, 3, 4]), modality=["audio", "image", "image", "image", "image"])
    trace = SimpleNamespace(message=np.array([1, -1, 0, 1, 1]), part=np.array([0, 0, 0, 1, 0]))
    # Sound, a run of no message, a message of text alone, a part that is not there; the last one has its picture.
    messages = [{"content": "none"}, {"content": [{"type": "image", "image": "a.png"}]}]
    found = pictures(SimpleNamespace(media=runs), trace, messages)  # type: ignore[arg-type]
    assert found == {4: "a.png"}


def test_a_sample_counts_what_is_trained_and_what_was(copied: Bench) -> None:
    row, against = copied.row(0), copied.masking
    assert read_sample(copied, 0) == Sample(0, row.mask.trained, len(row.rendering), pictures=1)
    assert read_sample(copied, 0, against).before is None
    before = row.mask.trained
    copied.document.set(("datasets", 0, "roles_to_train"), ["user"])
    copied.remask()
    sample = read_sample(copied, 0, against)
    assert (sample.trained, sample.before) == (copied.row(0).mask.trained, before)
    assert sample.trained != before


def test_a_sample_names_its_worst_finding(copied: Bench, hostile: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [note("D005", "note"), note("M002", "warning"), note("M003", "warning"), note("M001", "error")]
    for found, worst in ((notes, ("M001", "error")), (notes[:3], ("M002", "warning")), (notes[:1], ("", ""))):
        monkeypatch.setattr(row_view, "row_findings", lambda _, found=found: found)
        sample = read_sample(copied, 0)
        assert (sample.code, sample.severity) == worst
    monkeypatch.undo()
    causes = frozenset(map(cause, row_findings(hostile.row(1))))
    assert read_sample(hostile, 1) == Sample(1, 0, 0, "D001", "error", causes=causes)
    assert read_sample(hostile, 1).codes == {"D001"}
