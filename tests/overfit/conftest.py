"""Runs on the demo, whole or sabotaged, in this process or in a child; the honest one is run once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.bench import Bench
from workbench.overfit.events import Event, read
from workbench.overfit.plan import make_plan
from workbench.overfit.runs import EVENTS, PLAN
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document

Edits = dict[tuple[Any, ...], Any]
Run = Callable[..., list[Event]]


def demo(folder: Path, edits: Edits, *, model: Path | None = None, data: str = "shapes-heldout.jsonl") -> Bench:
    """A loaded bench on the demo's recipe with some edits, in a file of its own."""
    text = (sample_dir() / "demo.yaml").read_text("utf-8")
    document = Document(text)
    document.set(("base_model",), str(model or sample_dir() / "demo-model"))
    document.set(("datasets", 0, "path"), str(sample_dir() / data))
    for path, value in edits.items():
        document.set(path, value)
    file = folder / "recipe.yaml"
    file.write_text(document.text, "utf-8")
    return Bench(Document.from_file(file)).load()


@pytest.fixture
def overfit(tmp_path: Path) -> Run:
    """Runs the child's own code in this process: everything but the process is the real thing."""

    def run(edits: Edits | None = None, *, rows: int = 2, steps: int = 12, **more: Any) -> list[Event]:
        from workbench.overfit import runner

        bench = demo(tmp_path, edits or {}, **more)
        folder = tmp_path / "run"
        folder.mkdir()
        make_plan(bench, rows=rows, steps=steps, device="cpu").write(folder / PLAN)
        runner.main(folder)
        return read(folder / EVENTS)

    return run


@pytest.fixture(scope="session")
def changed_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[str, Any], Any]], Path]:
    """Makes the demo's model with other weights: `change` gets each tensor's name and the tensor."""

    def make(name: str, change: Callable[[str, Any], Any]) -> Path:
        import shutil

        from safetensors.torch import load_file, save_file

        folder = tmp_path_factory.mktemp(name) / "model"
        shutil.copytree(sample_dir() / "demo-model", folder)
        weights = load_file(folder / "model.safetensors")
        save_file(
            {key: change(key, value).contiguous() for key, value in weights.items()},
            folder / "model.safetensors",
            metadata={"format": "pt"},
        )
        return folder

    return make
