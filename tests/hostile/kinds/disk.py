"""Disks that are full, folders that are files, and files that may not be written; signals have tests of their own."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.hostile.case import ROWS, Case, Content, Fifo, Link, recipe

_FILES: dict[str, Content | None] = {"recipe.yaml": recipe(), "rows.jsonl": ROWS, "file": "x"}


def cases(chance: Random) -> Iterator[Case]:
    """Commands that write, where nothing can be written."""
    refused = frozenset((2, 3))
    unproven = ["export", "recipe.yaml", "--unvalidated", "--rows", "1"]
    for size in (0, 1, 100, 1000):
        # Less than that an error could not be written either.
        yield Case(f"export with room for {size} bytes", [*unproven, "--out", "out.yaml"], _FILES, file_bytes=size)
        fixed = ["check", "recipe.yaml", "--fix", "--yes", "--rows", "1"]
        broken = {**_FILES, "recipe.yaml": recipe(sample_packing="true")}
        yield Case(f"check --fix with room for {size} bytes", fixed, broken, file_bytes=size)
        for arguments in (
            ["explain"],
            ["inspect"],
            ["inspect", "--format", "json"],
            ["check", "--format", "html"],
            ["families"],
        ):
            yield Case(f"{arguments} with room for {size} bytes", arguments, _FILES, file_bytes=size)
        run = ["overfit", "recipe.yaml", "--steps", "1", "--rows", "1", "--out", "run"]
        if size in (0, 100):
            yield Case(f"overfit with room for {size} bytes", run, _FILES, codes=refused, file_bytes=size)
    for state in ("file", "file/below", "pipe", "\x1b[2J", "x" * 300, "loop"):
        environment = {"VLMBENCH_STATE": state, "VLMBENCH_CACHE": state}
        files: dict[str, Content | None] = {**_FILES, "pipe": Fifo(), "loop": Link("loop")}
        for arguments in (unproven, ["check", "recipe.yaml", "--rows", "1"], ["inspect", "recipe.yaml"]):
            yield Case(f"{arguments[0]} with state at {state[:9]!r}", arguments, files, environment=environment)
        run = ["overfit", "recipe.yaml", "--steps", "1", "--rows", "1"]
        if state in ("file", "loop"):
            yield Case(f"overfit with state at {state}", run, files, codes=refused, environment=environment)
    for out in ("file", "file/below", "pipe", "loop"):
        files = {**_FILES, "pipe": Fifo(), "loop": Link("loop")}
        run = ["overfit", "recipe.yaml", "--steps", "1", "--rows", "1", "--out", out]
        yield Case(f"overfit --out {out}", run, files, codes=refused)
        yield Case(f"export --out {out}", [*unproven, "--out", out], files, codes=frozenset((1, 2, 3)))
    for name, text in {
        "HF_ENDPOINT": "no address",
        "HF_HOME": "file/x",
        "LANG": "C",
        "PYTHONIOENCODING": "ascii",
        "NO_COLOR": "1",
        "COLUMNS": "x",
        "TERM": "\x1b[2J",
        "LC_ALL": "nonsense",
        "HOME": "/nowhere",
        "TMPDIR": "/nowhere",
    }.items():
        yield Case(f"{name}={text!r}", ["check", "recipe.yaml", "--rows", "1"], _FILES, environment={name: text})
    for columns in ("0", "1", "3", "-5", "9" * 30):
        yield Case(f"COLUMNS={columns[:5]}", ["inspect", "--rows", "1"], _FILES, environment={"COLUMNS": columns})
