"""The way from nothing to an exported recipe, for each face of the bench: they all write the same."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.paths import sample_dir

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def undated(text: str) -> str:
    """An exported file without the day it was made."""
    return _DATE.sub("", text)


def recipe_in(folder: Path) -> Path:
    """The demo's recipe in a file of its own, on its held-out rows."""
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {sample_dir() / 'demo-model'}")
    text = text.replace("path: shapes-heldout.jsonl", f"path: {sample_dir() / 'shapes-heldout.jsonl'}")
    file = folder / "mine.yaml"
    file.write_text(text, "utf-8")
    return file
