"""Unsaved text of a recipe that two processes have open: neither loses what the other holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.working_copy import WorkingCopy

pytest.importorskip("fcntl")

OTHER = """
import sys
from pathlib import Path
from workbench.working_copy import WorkingCopy

copy = WorkingCopy(Path(sys.argv[1]))
copy.keep(sys.argv[2], "opened")
print(copy.other or "alone", flush=True)
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
        assert mine.other == str(process)
        assert mine.gather() == []
        # Their edits are theirs as long as they have them open.
        assert mine.left() is None
        mine.keep("mine", "opened")
        mine.drop()
        mine.keep("mine again", "opened")
        assert (tmp_path / "working.yaml").read_text("utf-8") == "theirs"
    assert mine.other == ""
    assert WorkingCopy(tmp_path).file == mine.file


def test_what_two_processes_left_is_found_by_the_next(tmp_path: Path) -> None:
    with another(tmp_path, "first"), another(tmp_path, "second") as (_, saw):
        assert saw != "alone"
    later = WorkingCopy(tmp_path)
    assert later.other == ""
    (aside,) = later.gather()
    assert aside.read_text("utf-8") == "first"
    left = later.left()
    assert left is not None
    assert (left.text, left.opened) == ("second", "opened")
    # Once taken up, it is nobody else's.
    assert later.gather() == []
    later.drop()
    assert later.gather() == []
    assert later.left() is None
