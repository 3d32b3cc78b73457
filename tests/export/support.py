"""Benches on the demo and recorded overfit runs for the tests of the export."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from workbench.bench import Bench
from workbench.families.library import family
from workbench.fingerprint import fingerprint
from workbench.overfit.events import VERSION
from workbench.overfit.runs import EVENTS, Run, new_folder
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document

ROWS = (0, 1, 2, 3)


def demo(loaded_from: Bench, folder: Path, change: Any = None, *, rows: int | None = None, **options: Any) -> Bench:
    """The demo as a file of its own in `folder`, its text changed by `change`, around a loaded model."""
    source = sample_dir()
    lines = (source / "shapes.jsonl").read_text("utf-8").splitlines(keepends=True)
    (folder / "shapes.jsonl").write_text("".join(lines[:rows]), "utf-8")
    if not (folder / "pictures").exists():
        shutil.copytree(source / "pictures", folder / "pictures")
    text = (source / "demo.yaml").read_text("utf-8").replace("demo-model", str(source / "demo-model"), 1)
    text = text.replace("path: shapes-heldout.jsonl", "path: shapes.jsonl")
    file = folder / "recipe.yaml"
    file.write_text(change(text) if change is not None else text, "utf-8")
    bench = Bench(Document.from_file(file), **options)
    bench.loaded, bench.family = loaded_from.loaded, loaded_from.family
    bench.apply()
    return bench


def with_boundaries(text: str) -> str:
    """The demo's recipe with the model's own template and its boundaries written out, as axolotl cannot start it."""
    document = Document(text)
    document.delete(("plugins",))
    document.set(("chat_template",), "tokenizer_default")
    document.set(("role_boundaries",), [one.as_recipe() for one in family("gemma4").boundaries])
    return document.text


def axolotl_with(folder: Path, template: str, answer: str = "") -> str:
    """A Python that has an `axolotl` with this template for gemma4, as far as the bench reads it."""
    package = folder / "site" / "axolotl" / "utils" / "chat_templates" / "templates"
    package.mkdir(parents=True)
    (package / "gemma4.jinja").write_text(template, "utf-8")
    (folder / "site" / "axolotl" / "__init__.py").write_text(answer, "utf-8")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder / "site"}" exec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    return str(python)


def record(
    bench: Bench, *, nll: float = 0.01, rows: tuple[int, ...] = ROWS, end: str | None = "done", **more: Any
) -> Run:
    """An overfit run of this bench as its events tell it: by default one that passes."""
    events: list[dict[str, Any]] = [
        {"event": "start", "version": VERSION, "plan": {}, "fingerprint": fingerprint(bench, rows).to_dict()},
        {"event": "loaded", "parameters": 9000, "trainable": 1000, "adapters": {"language": 14}, "vocabulary": 1024}
        | {"dtype": "float32", "device": "cpu"},
        {
            "event": "baseline",
            "nll": 1.5,
            "tokens": 80,
            "rows": [{"row": row, "tokens": 20, "nll": 1.5} for row in rows],
        },
    ]
    events += [
        {"event": "step", "step": step, "loss": 1.5 / step**2, "grad_norm": 1.0, "learning_rate": 0.002}
        | {"seconds": 0.1, "memory": 1}
        for step in range(1, 13)
    ]
    if end == "done":
        events += [
            {"event": "probe", "name": "final", "nll": nll},
            {"event": "probe", "name": "stop", "stopped": 4, "of": 4, "trained": 4},
            {"event": "done", "reason": "finished", "steps": 12, "seconds": 3.0},
        ]
    elif end == "error":
        events.append({"event": "error", "kind": "crash", "message": "RuntimeError: no", "tail": ""})
    events[0] |= more.pop("start", {})
    if more.pop("without_probes", False):
        events = [one for one in events if one["event"] != "probe"]
    assert not more
    folder = new_folder(bench)
    (folder / EVENTS).write_text("".join(json.dumps({"time": 0.0} | one) + "\n" for one in events), "utf-8")
    return Run(folder)
