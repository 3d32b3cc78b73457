"""axolotl's own examples that train a model with pictures or sound, each with its stand-ins in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from conformance.environment import here
from conformance.evidence import rows, stand_ins
from workbench.recipe.yaml.document import Document

Path_ = Literal["multimodal", "text"]


@dataclass(frozen=True)
class Example:
    """An example recipe: its file, and its name, which is the path under `examples/`."""

    path: Path
    name: str
    base_model: str
    kind: Path_

    @property
    def without(self) -> str:
        """The reason why nothing stands in for its model; "" where something does."""
        return stand_ins.WITHOUT.get(self.base_model, "")


def examples() -> list[Example]:
    """Every example that names a processor, or whose model has pictures or sound; empty where none could be fetched."""
    return list(_found(here().examples))


def _found(folder: Path) -> Iterator[Example]:
    known = stand_ins.STAND_INS.keys() | stand_ins.WITHOUT.keys()
    for path in sorted(folder.rglob("*.y*ml")):
        text = path.read_text("utf-8")
        model = re.search(r"^base_model: *[\"']?([^\s\"'#]+)", text, re.MULTILINE)
        multimodal = re.search("^processor_type:", text, re.MULTILINE) is not None
        if model is None or not (multimodal or model[1] in known):
            continue
        yield Example(path, str(path.relative_to(folder)), model[1], "multimodal" if multimodal else "text")


def copied(example: Example, folder: Path) -> Path:
    """The example with its stand-ins, in a folder of its own: model and data are paths, the rest is as it is."""
    home = folder / re.sub(r"\W+", "-", example.name)
    home.mkdir(parents=True, exist_ok=True)
    document = Document.from_file(example.path)
    document.set(("base_model",), str(stand_ins.folder(example.base_model)))
    for key in ("datasets", "test_datasets"):
        for number, entry in enumerate(document.data.get(key) or ()):
            _with_rows(document, (key, number), entry, folder)
    out = home / example.path.name
    out.write_text(document.text, "utf-8")
    return out


def _with_rows(document: Document, place: tuple[Any, ...], entry: dict[str, Any], folder: Path) -> None:
    document.set((*place, "path"), str(rows.written(str(entry["path"]), folder)))
    # The part of the data set; a file is one.
    if "split" in entry:
        document.set((*place, "split"), "train")
    if "ds_type" not in entry:
        document.set((*place, "ds_type"), "json")
