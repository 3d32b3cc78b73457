"""JSON Schemas of all answers, made of their types; `python -m workbench.answers.schemas DIR` writes them.

Within a version keys may be added and none is taken away, so the published schemas let other keys pass; `closed` ones,
which the tests hold real answers against, do not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from workbench import answers

ANSWERS: dict[str, Any] = {
    "inspect": answers.InspectAnswer,
    "check": answers.CheckAnswer,
    "checks": answers.ChecksAnswer,
    "baseline": answers.BaselineFileAnswer,
    "infer": answers.InferAnswer,
    "overfit": answers.OverfitAnswer,
    "export": answers.ExportAnswer,
    "audit": answers.AuditAnswer,
    "audit-progress": answers.AuditProgressAnswer,
    "convert": answers.ConvertAnswer,
    "trainers": answers.TrainersAnswer,
    "trainer-file": answers.TrainerFileAnswer,
    "families": answers.FamiliesAnswer,
    "explain": answers.ExplainAnswer,
    "error": answers.ErrorAnswer,
    "consumer-question": answers.ConsumerQuestion,
    "consumer": answers.ConsumerAnswer,
    "rehearsal": answers.RehearsalAnswer,
}
"""Name of an answer -> its type, whose `schema` is its name and version."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def identifier(name: str) -> str:
    """The `schema` that an answer carries: "vlmbench.check/1"."""
    return str(get_args(get_type_hints(ANSWERS[name])["schema"])[0])


def file_name(name: str) -> str:
    """The name of an answer's file: "check-1.json"."""
    return f"{name}-{identifier(name).rpartition('/')[2]}.json"


def schema(name: str, *, closed: bool = False) -> dict[str, Any]:
    """The JSON Schema of an answer; `closed`: no key may stand in it that the schema does not name."""
    made = TypeAdapter(ANSWERS[name]).json_schema()
    _tidy(made, closed)
    head = {"$schema": _DIALECT, "title": identifier(name)}
    return head | {key: value for key, value in made.items() if key not in head}


def _tidy(node: Any, closed: bool) -> None:
    """Titles that repeat a key's name go, and docstrings become one line; in place."""
    if isinstance(node, list):
        for item in node:
            _tidy(item, closed)
        return
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if isinstance(node.get("description"), str):
        node["description"] = " ".join(node["description"].split())
    if closed and "properties" in node:
        node["additionalProperties"] = False
    for key, item in node.items():
        # The keys of `properties` and `$defs` are names, whatever they are called.
        for child in item.values() if key in ("properties", "$defs") and isinstance(item, dict) else [item]:
            _tidy(child, closed)


def text(name: str) -> str:
    """The published file of an answer's schema."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write all schemas to a folder; files of answers that are no more go."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {file_name(name): text(name) for name in ANSWERS}
    for path in folder.glob("*.json"):
        if path.name not in names:
            path.unlink()
    for name, content in names.items():
        (folder / name).write_text(content, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
