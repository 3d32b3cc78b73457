"""Benches that the views are tried on: the demo, and one whose data and recipe are hostile. Each is opened once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.export.support import demo
from tests.views.support import EVIL
from workbench.bench import Bench
from workbench.bench import open as open_bench
from workbench.paths import sample_dir
from workbench.row import Row


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The embedded demo on the rows that its model was trained on, which lie elsewhere; counted. Nothing edits it."""
    folder = tmp_path_factory.mktemp("rows")
    shutil.copy(sample_dir() / "shapes.jsonl", folder)
    shutil.copytree(sample_dir() / "pictures", folder / "pictures")
    bench = open_bench(data=str(folder / "shapes.jsonl"))
    assert len(list(bench.head(None))) == bench.rows.known_length
    return bench


@pytest.fixture(scope="session")
def rows(opened: Bench) -> list[Row]:
    """Its first three rows."""
    return [opened.row(index) for index in range(3)]


@pytest.fixture
def copied(opened: Bench, tmp_path: Path) -> Bench:
    """The demo in a file of its own, with six rows: a test may edit it."""
    return demo(opened, tmp_path, rows=6)


@pytest.fixture(scope="session")
def hostile(opened: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The demo around rows that try to be markup and control codes; the last one cannot be read."""
    folder = tmp_path_factory.mktemp("hostile")
    bench = demo(opened, folder, rows=1)
    talk = [
        {"role": "user", "content": [{"type": "text", "text": f"Read {EVIL} and\nthe next line."}]},
        {"role": "assistant", "content": [{"type": "text", "text": f"I read {EVIL}."}]},
    ]
    lines = [json.dumps({"messages": talk}), f'{{"messages": "{EVIL}'.replace("\x1b", "")]
    data = folder / "rows <b>&amp;.jsonl"
    data.write_text("\n".join(lines) + "\n", "utf-8")
    bench.document.set(("datasets", 0, "path"), str(data))
    bench.apply()
    return bench
