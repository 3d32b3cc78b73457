"""Unsaved text of a recipe that two processes have open: neither loses what the other holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.editing.working_copy import WorkingCopy

pytest.importorskip("fcntl")

OTHER = """
import sys
from pathlib import Path
from workbench.editing.working_copy import WorkingCopy

copy = WorkingCopy(Path(sys.argv[1]))
copy.keep(sys.argv[2], "opened")
print(copy.other_process or "alone", flush=True)
sys.stdin.read()
"""


@contextmanager
def another(folder: Path, text: str) -> Iterator[tuple[int, str]]:
    """Another process that keeps a text and has the recipe open until the end of the block: its id, and whom it saw."""
    command = [sys.executable, "-c", OTHER, str(folder), text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        yield child.pid, child.stdout.readline().strip()


def test_a_second_process_does_not_write_over_the_first(tmp_path: Path) -> None:
    with another(tmp_path, "theirs") as (process, saw):
        assert saw == "alone"
        mine = WorkingCopy(tmp_path)
        assert mine.other_process == str(process)
        assert mine.collect_unsaved() == []
        # Their edits are theirs as long as they have them open.
        assert mine.unsaved() is None
        mine.keep("mine", "opened")
        mine.drop()
        mine.keep("mine again", "opened")
        assert (tmp_path / "working.yaml").read_text("utf-8") == "theirs"
    assert mine.other_process == ""
    assert WorkingCopy(tmp_path).file == mine.file


def test_what_two_processes_left_is_found_by_the_next(tmp_path: Path) -> None:
    with another(tmp_path, "first"), another(tmp_path, "second") as (_, saw):
        assert saw != "alone"
    later = WorkingCopy(tmp_path)
    assert later.other_process == ""
    (aside,) = later.collect_unsaved()
    assert aside.read_text("utf-8") == "first"
    left = later.unsaved()
    assert left is not None
    assert (left.text, left.opened) == ("second", "opened")
    # Once taken up, it is nobody else's.
    assert later.collect_unsaved() == []
    later.drop()
    assert later.collect_unsaved() == []
    assert later.unsaved() is None


def test_what_an_edit_was_made_from_is_kept_with_the_first_one(tmp_path: Path) -> None:
    copy = WorkingCopy(tmp_path)
    assert copy.unsaved() is None
    before = datetime.now(UTC)
    copy.keep("one \udcff\r\n", "opened\r\n")
    copy.keep("two", "another")
    left = copy.unsaved()
    assert left is not None
    # The second edit was made from the first, but both from what was opened.
    assert (left.text, left.opened) == ("two", "opened\r\n")
    assert abs((left.when - before).total_seconds()) < 60
    copy.keep("one \udcff\r\n", "")
    assert copy.unsaved().text == "one \udcff\r\n"  # type: ignore[union-attr]
    copy.drop()
    assert copy.unsaved() is None
    assert not list(tmp_path.glob("*.yaml"))
    copy.keep("three", "saved since")
    assert copy.unsaved().opened == "saved since"  # type: ignore[union-attr]


def test_a_text_without_what_it_was_made_from_is_found_all_the_same(tmp_path: Path) -> None:
    copy = WorkingCopy(tmp_path)
    copy.keep("mine", "opened")
    (tmp_path / "opened.yaml").unlink()
    assert copy.unsaved().opened == ""  # type: ignore[union-attr]
    copy.file.write_bytes(b"\xff\xfe")
    assert copy.unsaved() is None


def test_what_is_set_aside_says_whose_it_is_and_is_never_written_over(tmp_path: Path) -> None:
    copy = WorkingCopy(tmp_path)
    files = [copy.set_aside(text, whose) for text, whose in (("a", "mine"), ("b", "mine"), ("c", "theirs"))]
    assert [file.read_text("utf-8") for file in files if file is not None] == ["a", "b", "c"]
    assert [file.name.rsplit("-", 1)[1] for file in files if file is not None] == [
        "mine.yaml",
        "mine.yaml",
        "theirs.yaml",
    ]
    assert {file.parent for file in files if file is not None} == {tmp_path / "set-aside"}
    # None is taken for edits that were left.
    assert copy.collect_unsaved() == []
    assert copy.unsaved() is None


def test_a_place_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    copy = WorkingCopy(tmp_path / "file" / "below")
    copy.keep("mine", "opened")
    copy.drop()
    assert copy.unsaved() is None
    assert copy.set_aside("mine", "mine") is None
    assert copy.other_process == ""


def test_of_what_two_left_the_newest_is_taken_up(tmp_path: Path) -> None:
    """Whichever of the two places it lies in; equal texts are kept once."""
    for newest, aside in (("beside-2", ["mine"]), ("", ["theirs"])):
        folder = tmp_path / f"newest {newest or 'here'}"
        mine = WorkingCopy(folder)
        mine.keep("mine", "from mine")
        beside = folder / "beside-2"
        beside.mkdir()
        (beside / "working.yaml").write_text("theirs")
        (beside / "opened.yaml").write_text("from theirs")
        times = {folder: 2_000, beside: 1_000}
        times[folder / newest if newest else folder] = 3_000
        for place, when in times.items():
            os.utime(place / "working.yaml", (when, when))
        set_aside = mine.collect_unsaved()
        assert [file.read_text() for file in set_aside] == aside
        left = mine.unsaved()
        assert left is not None
        assert (left.text, left.opened) == (("theirs", "from theirs") if newest else ("mine", "from mine"))
        assert not (beside / "working.yaml").exists()
    same = WorkingCopy(tmp_path / "same")
    same.keep("equal", "from")
    (tmp_path / "same" / "beside-3").mkdir()
    (tmp_path / "same" / "beside-3" / "working.yaml").write_text("equal")
    assert same.collect_unsaved() == []
    assert same.unsaved().text == "equal"  # type: ignore[union-attr]
