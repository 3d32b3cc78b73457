"""Editing without a screen: what is read again after which edit, what is a problem, and what is compared and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import workbench.editing.session as editing_module
from tests.export.support import demo
from workbench.bench import Bench
from workbench.bench import open as open_bench
from workbench.editing.session import Editing
from workbench.errors import BenchError, InputError
from workbench.findings import Edit, Fix

Make = Callable[..., Editing]
ASSISTANT_START = ("role_boundaries", 0, "start")


@pytest.fixture(scope="module")
def loaded_demo() -> Bench:
    return open_bench()


@pytest.fixture
def edited(loaded_demo: Bench, tmp_path: Path) -> Editing:
    """Editing the demo, in a file of its own with four rows."""
    return Editing(demo(loaded_demo, tmp_path, rows=4))


def held(editing: Editing) -> dict[str, int]:
    """The objects that a bench reads and renders rows with, by their identity: an edit of the mask replaces none."""
    names = ("loaded", "family", "template", "strategy", "media", "renderer", "rows")
    return {name: id(getattr(editing.bench, name)) for name in names}


def reread(editing: Editing, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Settles, and says what of the bench was read again."""
    asked: list[str] = []
    for name in ("load", "apply"):
        real = getattr(editing.bench, name)
        monkeypatch.setattr(editing.bench, name, lambda real=real, name=name: (asked.append(name), real())[1])
    editing.reload_changes()
    return asked


# What is read again after which edit


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("role_boundaries", 0, "start"), "<|turn>"),
        (("roles_to_train",), ["user"]),
        (("datasets", 0, "roles_to_train"), ["user"]),
        (("datasets", 0, "train_on_eos"), "none"),
        (("train_on_inputs",), True),
        (("learning_rate",), 1.0),
        (("lora_r",), 4),
    ],
)
def test_an_edit_of_the_mask_leaves_nothing_to_settle(
    edited: Editing, path: tuple[Any, ...], value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(edited)
    edited.set(path, value)
    assert not edited.stale
    assert reread(edited, monkeypatch) == []
    assert held(edited) == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("chat_template",), "gemma4"),
        (("image_size",), 32),
        (("image_resize_algorithm",), "bilinear"),
        (("sequence_len",), 64),
        (("datasets", 0, "split"), "train"),
        (("datasets", 0, "field_messages"), "messages"),
    ],
)
def test_an_edit_of_the_rendering_reads_rows_and_template_again(
    edited: Editing, path: tuple[Any, ...], value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, rows = edited.bench.loaded, edited.bench.rows
    edited.set(path, value)
    assert edited.stale
    assert edited.bench.rows is rows
    assert reread(edited, monkeypatch) == ["apply"]
    assert not edited.stale
    assert edited.bench.loaded is loaded
    assert edited.bench.rows is not rows
    # Nothing is left of it: a second time has nothing to do.
    rows = edited.bench.rows
    edited.reload_changes()
    assert edited.bench.rows is rows


@pytest.mark.parametrize(
    ("path", "value"), [(("trust_remote_code",), True), (("special_tokens",), {"pad_token": "<eos>"})]
)
def test_an_edit_of_what_a_processor_is_made_of_loads_it_again(
    edited: Editing, path: tuple[Any, ...], value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = edited.bench.loaded
    edited.set(path, value)
    assert edited.stale
    assert reread(edited, monkeypatch)[0] == "load"
    assert edited.bench.loaded is not loaded
    assert not edited.stale


def test_a_key_that_goes_is_read_again_without_it(edited: Editing, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ("sequence_len" in edited.document.data, edited.stale) == (True, False)
    edited.set(("sequence_len",), None)
    assert edited.stale
    assert reread(edited, monkeypatch) == ["apply"]
    assert not edited.stale


def test_one_key_of_the_model_among_others_loads_it_again(edited: Editing, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = edited.bench.loaded
    edited.set(("sequence_len",), 64)
    edited.set(("trust_remote_code",), True)
    assert reread(edited, monkeypatch)[0] == "load"
    assert edited.bench.loaded is not loaded


def test_reading_that_is_interrupted_is_taken_back(edited: Editing, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        edited.bench.rows = None  # type: ignore[assignment]
        raise KeyboardInterrupt

    before = held(edited)
    edited.set(("sequence_len",), 64)
    monkeypatch.setattr(edited.bench, "apply", interrupt)
    with pytest.raises(KeyboardInterrupt):
        edited.reload_changes()
    assert held(edited) == before
    assert edited.stale


def test_the_rows_of_another_file_are_shown_once_settled(edited: Editing) -> None:
    folder = edited.bench.recipe_dir
    (folder / "two.jsonl").write_text("".join((folder / "shapes.jsonl").read_text("utf-8").splitlines(True)[:2]))
    edited.set(("datasets", 0, "path"), "two.jsonl")
    assert len(list(edited.bench.head(None))) == 4
    edited.reload_changes()
    assert len(list(edited.bench.head(None))) == 2


def test_an_edit_taken_back_is_not_stale(edited: Editing) -> None:
    edited.set(("sequence_len",), 64)
    assert edited.stale
    assert edited.undo()
    assert not edited.stale
    assert edited.redo()
    assert edited.stale


def test_text_that_does_not_parse_is_not_stale_but_a_problem(edited: Editing) -> None:
    good = edited.document.text
    edited.set(("sequence_len",), 64)
    edited.type(good + "\nbroken: [")
    assert edited.problem is not None
    assert not edited.stale
    edited.type(good.replace("sequence_len: 512", "sequence_len: 64"))
    assert edited.problem is None
    assert edited.stale


# Problems


def test_what_stands_in_the_way_stays_a_problem_until_it_is_mended(edited: Editing) -> None:
    """`reload_changes` may come after the text was broken, or while a marker means nothing: it mends neither."""
    good = edited.document.text
    edited.type(good + "\nbroken: [")
    broken = edited.problem
    assert broken is not None
    edited.reload_changes()
    assert edited.problem is broken
    edited.type(good.replace('start: "<|turn>user\\n"', 'start: ""'))
    meaningless = edited.problem
    assert isinstance(meaningless, InputError)
    edited.reload_changes()
    assert edited.problem is meaningless
    edited.type(good)
    assert edited.problem is None
    # What the last good text asks for is read all the same; the broken one is still a problem.
    edited.set(("sequence_len",), 64)
    edited.type(edited.document.text + "\nbroken: [")
    assert edited.problem is not None
    edited.reload_changes()
    assert edited.bench.recipe.sequence_len == 64
    assert edited.problem is not None
    assert edited.problem is edited.document.error


def test_a_problem_is_gone_once_what_caused_it_is_read(edited: Editing) -> None:
    edited.set(("sequence_len",), 64)
    # As the screens do after a settling that failed.
    edited.problem = InputError("The data is not there")
    edited.reload_changes()
    assert edited.problem is None


def test_the_mask_of_the_last_good_text_stays(edited: Editing) -> None:
    row = edited.bench.row(0)
    trained = row.mask.trained
    edited.type(edited.document.text.replace('start: "<|turn>model\\n"', 'start: ""'))
    assert edited.problem is not None
    assert edited.bench.row(0).mask.trained == trained


@pytest.mark.parametrize(
    "more",
    [
        {},
        {("chat_template",): "gemma4"},
        {("special_tokens",): {"pad_token": "<eos>"}},
        {("datasets", 0, "field_messages"): "turns"},
    ],
    ids=["the data alone", "the template too", "the tokenizer too", "the column too"],
)
def test_a_bench_that_cannot_be_read_again_keeps_what_it_had(edited: Editing, more: dict[Any, Any]) -> None:
    bench = edited.bench
    ids = bench.row(0).rendering.input_ids.tolist()
    for path, value in {**more, ("datasets", 0, "path"): "not-there.jsonl"}.items():
        edited.set(path, value)
    before, masking, recipe = held(edited), bench.masking, bench.recipe
    with pytest.raises(BenchError):
        edited.reload_changes()
    assert held(edited) == before
    assert bench.masking is masking
    assert bench.recipe is recipe
    # It is still to be read: another attempt fails alike, and taking the edits back leaves the bench as it was.
    assert edited.stale
    with pytest.raises(BenchError):
        edited.reload_changes()
    while edited.undo():
        pass
    assert not edited.stale
    assert bench.row(0).rendering.input_ids.tolist() == ids


# What changes are shown against


def changed(editing: Editing) -> tuple[int, int] | None:
    row = editing.bench.row(0)
    found = editing.change(row)
    return None if found is None else found.counts


def test_a_change_is_counted_against_the_text_as_opened(edited: Editing) -> None:
    trained = edited.bench.row(0).mask.trained
    ends = 2
    assert changed(edited) is None
    edited.set(("datasets", 0, "train_on_eos"), "none")
    assert changed(edited) == (0, ends)
    edited.set(("train_on_inputs",), True)
    everything = edited.bench.row(0).mask.trained
    assert everything > trained
    assert changed(edited) == (everything - trained, 0)
    edited.save()
    assert changed(edited) is None
    edited.set(("train_on_inputs",), None)
    assert changed(edited) == (0, everything - trained + ends)


def test_a_change_is_counted_against_another_recipe(edited: Editing, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(edited.document.text.replace("train_on_eos: turn", "train_on_eos: none"), "utf-8")
    edited.compare(other)
    assert (edited.compared_with, edited.compared_path) == ("other.yaml", str(other))
    assert changed(edited) == (2, 0)
    # Saving does not change what another recipe says.
    edited.set(("lora_r",), 8)
    edited.save()
    assert changed(edited) == (2, 0)
    edited.compare(None)
    assert (edited.other, edited.compared_with) == (None, "")
    assert changed(edited) is None


# Undo


def test_typing_without_a_pause_is_one_step_to_undo(edited: Editing, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((10.0, 10.9, 11.8, 13.0, 14.1))
    monkeypatch.setattr(editing_module, "monotonic", lambda: next(clock))
    text = edited.document.text
    for number in range(5):
        edited.type(f"{text}\n# {'x' * (number + 1)}\n")
    steps = [edited.document.text]
    while edited.undo():
        steps.append(edited.document.text)
    # Three without a pause of a second, then one after 1.2 and one after 1.1.
    assert [step.count("x" * 9) or step.rsplit("# ", 1)[-1].strip() for step in steps[:-1]] == ["xxxxx", "xxxx", "xxx"]
    assert steps[-1] == text


def test_typing_after_undo_is_a_step_of_its_own(edited: Editing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing_module, "monotonic", lambda: 10.0)
    text = edited.document.text
    edited.type(text + "# a\n")
    edited.type(text + "# ab\n")
    edited.undo()
    assert edited.document.text == text
    edited.redo()
    edited.type(text + "# abc\n")
    edited.undo()
    assert edited.document.text == text + "# ab\n"


def test_a_fix_is_made_and_undone_as_one(edited: Editing) -> None:
    text = edited.document.text
    edited.apply(Fix("two at once", (Edit(("lora_r",), 4), Edit(("lora_alpha",), remove=True))))
    assert (edited.document.get(("lora_r",)), edited.document.get(("lora_alpha",))) == (4, None)
    edited.undo()
    assert edited.document.text == text


def test_boundaries_are_written_and_followed(edited: Editing) -> None:
    rows = edited.family_boundaries()
    assert rows is not None
    assert [row["role"] for row in rows][:2] == ["assistant", "user"]
    edited.set_boundaries(rows[1:2])
    assert [one.role for one in edited.bench.masking.boundaries] == ["user"]
    edited.bench.family = None
    assert edited.family_boundaries() is None


# Safety


def test_an_edit_is_kept_on_disk_until_it_is_saved_or_taken_back(edited: Editing) -> None:
    opened = edited.document.text
    copy = edited.working_copy
    edited.set(("lora_r",), 4)
    assert copy.file.read_text("utf-8") == edited.document.text
    assert copy.unsaved().opened == opened  # type: ignore[union-attr]
    edited.undo()
    assert not copy.file.exists()
    edited.type(opened + "# typed\n", keep=False)
    assert not copy.file.exists()
    # The next edit keeps what was typed before it is made, or `keep` does.
    edited.type(opened + "# typed more\n", keep=False)
    assert copy.file.read_text("utf-8") == opened + "# typed\n"
    edited.keep()
    assert copy.file.read_text("utf-8") == opened + "# typed more\n"
    edited.save()
    assert not copy.file.exists()


def test_edits_left_by_a_crash_are_found_and_can_be_taken_up(edited: Editing) -> None:
    opened = edited.document.text
    assert edited.unsaved() is None
    edited.working_copy.keep(opened + "# left\n", opened)
    left = edited.unsaved()
    assert left is not None
    assert not edited.changed_since(left)
    edited.restore(left)
    assert edited.document.text == opened + "# left\n"
    assert edited.unsaved() is None
    assert not edited.changed_outside()
    edited.undo()
    assert edited.document.text == opened


def test_edits_left_on_a_file_that_was_changed_since_are_not_saved_over_it(edited: Editing) -> None:
    opened = edited.document.text
    edited.working_copy.keep("base_model: older\n", "base_model: old\n")
    left = edited.unsaved()
    assert left is not None
    assert edited.changed_since(left)
    edited.restore(left)
    assert edited.changed_outside()
    edited.save()
    (theirs,) = edited.set_aside
    assert theirs.read_text("utf-8") == opened


def test_edits_that_are_not_wanted_are_set_aside(edited: Editing) -> None:
    edited.working_copy.keep("base_model: left\n", "")
    left = edited.unsaved()
    assert left is not None
    assert not edited.changed_since(left)
    aside = edited.discard(left)
    assert aside is not None
    assert aside.read_text("utf-8") == "base_model: left\n"
    assert edited.unsaved() is None


def test_a_file_that_was_changed_outside_is_taken_or_set_aside(edited: Editing) -> None:
    file, mine = edited.file, edited.document.text
    assert file is not None
    assert not edited.changed_outside()
    theirs = mine.replace("lora_r: 16", "lora_r: 8")
    file.write_text(theirs, "utf-8")
    assert edited.changed_outside()
    edited.set(("lora_r",), 4)
    unsaved = edited.document.text
    edited.take_file_text()
    assert edited.document.text == edited.opened == theirs
    assert not edited.changed_outside()
    assert edited.pending() == ""
    (aside,) = (edited.working_copy.folder / "set-aside").iterdir()
    assert aside.read_text("utf-8") == unsaved
    edited.undo()
    assert edited.document.text == unsaved
    assert "-lora_r: 8" in edited.pending()
    assert "+lora_r: 4" in edited.pending()


def test_the_demo_has_no_file_to_save_to(loaded_demo: Bench, tmp_path: Path) -> None:
    editing = Editing(loaded_demo)
    assert editing.file is None
    assert editing.on_disk() is None
    assert not editing.changed_outside()
    with pytest.raises(InputError, match="no file of its own"):
        editing.save()
