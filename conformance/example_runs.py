"""Overfit runs of axolotl's own multimodal examples, a tiny model in the place of each one's.

`python -m conformance.example_runs [PART …]` in the environment of a release prints a table of all, or of those whose
path holds one of the parts: the verdict, what this machine replaced, and what was not followed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from conformance.corpus import Corpus
from conformance.environment import here
from conformance.tiny import TEXT_ONLY, tiny_model
from tests.support.processors import ensure_num2words
from workbench.bench import Bench
from workbench.errors import BenchError
from workbench.families.library import family as family_of
from workbench.overfit import runner
from workbench.overfit.events import last, read
from workbench.overfit.plan import make_plan
from workbench.overfit.runs import EVENTS, PLAN
from workbench.overfit.verdict import Verdict, judge
from workbench.recipe.knobs import repeating_model
from workbench.recipe.yaml.document import Document

# Whose tiny model stands in for the examples of a folder.
FAMILIES = {
    "LiquidAI": "lfm2_vl",
    "archived": "llama4",
    "cohere-north-micro-vision-instruct": "cohere_compass",
    "gemma3": "gemma3",
    "gemma3n": "gemma3n",
    "gemma4": "gemma4",
    "gemma4-unified": "gemma4_unified",
    "glm46v": "glm46v",
    "internvl3_5": "internvl",
    "llama-3-vision": "llama3_2_vision",
    "llama-4": "llama4",
    "llava": "llava_1_5",
    "magistral": "mistral3",
    "ministral3": "mistral3",
    "mistral-medium-3_5": "mistral3",
    "mistral-small": "mistral3",
    "mistral4": "mistral3",
    "muse-glimmer": "muse_glimmer",
    "nex-n2.5": "qwen3_5",
    "paddleocr-vl": "paddleocr_vl",
    "pixtral": "pixtral",
    "qwen2-vl": "qwen2_vl",
    "qwen2_5-vl": "qwen2_5_vl",
    "qwen3.5": "qwen3_5",
    "qwen3.8-flash-next": "qwen4_exp",
    "shieldstral": "mistral3",
    "smolvlm2": "smolvlm2",
    "voxtral": "voxtral",
}
STEPS, ROWS = 3, 2
# What belongs to the model that is replaced, or to its data.
_OF_THE_MODEL = ("revision_of_model", "model_revision", "special_tokens", "tokenizer_use_mistral_common")
_OF_THE_DATA = ("path", "name", "split", "data_files", "ds_type", "revision")


@dataclass(frozen=True, slots=True)
class ExampleRun:
    """The run of one example: its verdict, the keys that were replaced here and those that were not followed.

    `refused` is set instead where the bench does not open the recipe, as axolotl does not.
    """

    name: str
    verdict: Verdict | None = None
    replaced: dict[str, str] | None = None
    left_out: dict[str, str] | None = None
    steps: int = 0
    refused: str = ""


def examples() -> list[Path]:
    """Every example of the release that names a processor."""
    found = sorted(here().examples.rglob("*.y*ml"))
    return [path for path in found if re.search("^processor_type:", path.read_text("utf-8"), re.MULTILINE)]


def run_example(path: Path, scratch: Path) -> ExampleRun:
    """A few steps of an example on two rows, in this process, with everything but model and data as it says."""
    ensure_num2words()
    name = str(path.relative_to(here().examples))
    family = FAMILIES[Path(name).parts[0]]
    model = tiny_model(family, scratch / "models")
    document = Document.from_file(path)
    document = Document(document.text, name)
    for key in (*repeating_model(document.data), *_OF_THE_MODEL):
        if document.data.get(key) is not None:
            document.delete((key,))
    document.set(("base_model",), str(model))
    data = rows(scratch, pictures=family not in TEXT_ONLY)
    first = dict((document.data.get("datasets") or [{"type": "chat_template"}])[0])
    entry = {key: value for key, value in first.items() if key not in _OF_THE_DATA} | {"path": str(data)}
    document.set(("datasets",), [entry])
    if family in TEXT_ONLY:
        # The processor that stands in is LLaVA's.
        document.set(("processor_type",), "AutoProcessor")
    if family in TEXT_ONLY and not document.data.get("role_boundaries"):
        # The template that stands in has LLaVA's turns, whatever markers axolotl has for this model type.
        document.set(("role_boundaries",), [one.as_recipe() for one in family_of("llava").boundaries])
    try:
        bench = Bench(Document(document.text, name), axolotl_version=here().release).load()
    except BenchError as problem:
        return ExampleRun(name, refused=f"{problem.title} {problem.cause}".strip())
    # The table of the release answers: rehearsals have tests of their own.
    bench.asks = False
    folder = scratch / "runs" / name.replace("/", "-")
    folder.mkdir(parents=True)
    make_plan(bench, rows=ROWS, steps=STEPS, device="cpu").write(folder / PLAN)
    runner.main(folder)
    events = read(folder / EVENTS)
    start, loaded = last(events, "start") or {}, last(events, "loaded") or {}
    verdict = judge(events)
    return ExampleRun(name, verdict, loaded.get("replaced") or {}, start.get("not_honoured") or {}, verdict.steps)


def rows(scratch: Path, *, pictures: bool) -> Path:
    """A file of rows, of which all or none have a picture."""
    file = scratch / ("pictures.jsonl" if pictures else "text.jsonl")
    if not file.is_file():
        count = ROWS if pictures else 0
        made: list[dict[str, Any]] = []
        while len(made) < ROWS:
            corpus = Corpus(f"examples {len(made)}", [], [], scratch / "pictures")
            made += [_plain(one.row) for one in corpus.rows(ROWS, count, field="messages")]
        file.write_text("".join(json.dumps(row) + "\n" for row in made[:ROWS]), "utf-8")
    return file


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """One question and one answer, with the picture of a row where it has one."""
    parts = [part for message in row.get("messages", ()) for part in message["content"] if isinstance(part, dict)]
    column = row.get("images") or row.get("image")
    picture = next((part for part in parts if part["type"] == "image" and len(part) > 1), None)
    if picture is None and column:
        picture = {"type": "image", "path": column[0]} if not str(column[0]).startswith("data:") else None
    question: list[dict[str, Any]] = [{"type": "text", "text": "What is in the picture?"}]
    answer = [{"type": "text", "text": "A red square on a table."}]
    if picture is not None:
        question.insert(0, {key: value for key, value in picture.items() if value is not None})
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def run_all(parts: list[str]) -> Iterator[ExampleRun]:
    """The runs of the examples whose path holds one of the parts; of all where there are none."""
    with TemporaryDirectory() as scratch:
        for path in examples():
            if not parts or any(part in str(path) for part in parts):
                yield run_example(path, Path(scratch))


def main(parts: list[str]) -> int:
    """Print the table."""
    print("| example | verdict | steps | replaced here | not followed |\n| --- | --- | --- | --- | --- |")
    for one in run_all(parts):
        if one.verdict is None:
            print(f"| {one.name} | not opened: {one.refused} | | | |", flush=True)
            continue
        codes = ", ".join(dict.fromkeys(f.code for f in one.verdict.findings if f.severity != "note"))
        replaced, left_out = (", ".join(keys or ()) for keys in (one.replaced, one.left_out))
        print(f"| {one.name} | {one.verdict.outcome} ({codes}) | {one.steps} | {replaced} | {left_out} |", flush=True)
        if codes and not one.steps:
            print(f"<!-- {one.verdict.findings[0].message[:300]} -->", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
