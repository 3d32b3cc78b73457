"""Rows of a notebook are cleared when they are old or too many; what was opened just now stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from workbench.notebook import kept_rows
from workbench.notebook.kept_rows import DAYS, clear_old, rows_dir
from workbench.notebook.row_file import as_source

TALK = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def aged(file: Path, days: float) -> Path:
    os.utime(file, (time.time() - days * 86400,) * 2)
    return file


def kept(colour: str) -> Path:
    return Path(as_source([{"messages": TALK, "images": [Image.new("RGB", (8, 8), colour)]}]))


def test_what_was_not_opened_for_weeks_goes_with_its_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path))
    old, young = kept("red"), kept("blue")
    assert old.parent == rows_dir() == tmp_path / "rows"
    pictures = rows_dir() / "pictures"
    (red, blue) = sorted(pictures.iterdir(), key=lambda one: one.name not in old.read_text())
    both = rows_dir() / "both.jsonl"
    both.write_text(f'"{blue.name}"')
    for file in (old, red, blue):
        aged(file, DAYS + 1)
    aged(young, DAYS - 1)
    third = kept("green")
    assert not old.exists()
    assert not red.exists()
    assert third.exists()
    assert young.exists()
    # A picture stays as long as rows name it, however old it is.
    assert blue.exists()
    # Opened again, rows are young again, and what is open stays whatever its age.
    aged(young, DAYS + 1)
    assert kept("blue") == young
    assert young.exists()
    assert clear_old(rows_dir(), aged(young, DAYS + 9)) == []


def test_the_oldest_go_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path))
    monkeypatch.setattr(kept_rows, "MOST_BYTES", 1000)
    folder = rows_dir()
    folder.mkdir(parents=True)
    files = [folder / f"{number}.jsonl" for number in range(5)]
    for number, file in enumerate(files):
        file.write_text("x" * 300)
        aged(file, 5 - number)
    (folder / ".rows.being-written").write_text("x" * 900)
    assert sorted(clear_old(folder, files[0])) == [files[1]]
    assert sorted(clear_old(folder, files[0])) == []
    assert (folder / ".rows.being-written").exists()
