"""A recipe of the demo's whose rows are talk alone, for the benchmarks that need no pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench.paths import sample_dir


def recipe_with_rows(folder: Path, talks: Iterable[Sequence[str]], model: Path | None = None) -> Path:
    """A recipe on a model, or the demo's; each talk is the texts of a row's turns, by turns user and assistant."""
    rows = folder / "rows.jsonl"
    with rows.open("w", encoding="utf-8") as stream:
        for texts in talks:
            messages = [
                {"role": ("user", "assistant")[turn % 2], "content": [{"type": "text", "text": text}]}
                for turn, text in enumerate(texts)
            ]
            stream.write(json.dumps({"messages": messages}) + "\n")
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    text = text.replace("base_model: demo-model", f"base_model: {model or sample_dir() / 'demo-model'}")
    file = folder / "recipe.yaml"
    file.write_text(text.replace("path: shapes-heldout.jsonl", f"path: {rows}"), encoding="utf-8")
    return file
