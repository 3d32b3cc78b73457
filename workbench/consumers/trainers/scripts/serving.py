"""Answer questions about rows inside a trainer's Python: `python serving.py NAME [--offline]`, a JSON object a line.

This file and the script of the trainer that lies beside it import the standard library alone until they import the
trainer. The script makes ids and labels by the trainer's own code; this file says at which stage it stopped, and lets
no answer pass whose labels are not labels of its ids: a trainer whose interface has changed is an error, never a mask.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import monotonic, process_time
from types import ModuleType
from typing import Any

SCHEMA = "vlmbench.consumer/2"
IGNORED = -100


class DroppedRow(Exception):
    """The trainer does not train on a row; the text is its reason."""


class InterfaceChanged(Exception):
    """The trainer has no such name, or answers in another form than the one that the script was written for."""


@dataclass(slots=True)
class Side:
    """A trainer that is ready for rows.

    `label`: a row's number -> ids, labels and weights or None, as they are before the model; it raises DroppedRow or
    whatever the trainer raises. `label_shift`: 1 where the labels are those of the next position.
    """

    label: Callable[[int], tuple[Any, Any, Any]]
    tokenizer: Any
    resolved: dict[str, Any] = field(default_factory=dict)
    label_shift: int = 0


class AtStage:
    """The stage of the work, for a refusal that says so, and the seconds that each stage took.

    `busy`: those of the processor, which other work on the machine does not lengthen.
    """

    def __init__(self) -> None:
        self.name = "import"
        self.seconds: dict[str, float] = {}
        self.busy: dict[str, float] = {}
        self._since = monotonic(), process_time()

    def __call__(self, name: str) -> None:
        now = monotonic(), process_time()
        for found, begun, ended in zip((self.seconds, self.busy), self._since, now, strict=True):
            found[self.name] = found.get(self.name, 0.0) + ended - begun
        self.name, self._since = name, now


def quiet(cache: str, more: dict[str, str], *, offline: bool) -> None:
    """Turn off telemetry, progress output, accelerators and caches. Call it before a trainer is imported."""
    os.environ.update(
        CUDA_VISIBLE_DEVICES="",
        DO_NOT_TRACK="1",
        HF_DATASETS_CACHE=cache,
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        # Pictures go one by one: threads would wait for each other longer than they work.
        OMP_NUM_THREADS="1",
        TOKENIZERS_PARALLELISM="false",
        TRANSFORMERS_VERBOSITY="error",
        WANDB_DISABLED="true",
    )
    os.environ.update(more)
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """The installed versions of packages; those that are not installed are left out."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def part(module: Any, name: str) -> Any:
    """The object that a module of the trainer has under a name. Raises InterfaceChanged where it has no such name."""
    try:
        return getattr(module, name)
    except AttributeError:
        raise InterfaceChanged(f"{module.__name__} has no {name}") from None


def unhashed() -> None:
    """Let `datasets` name what it makes by chance instead of by a hash of all that made it.

    The names are those of a cache that ends with the question, and to hash a tokenizer takes longer than the rows.
    """
    from datasets import arrow_dataset, fingerprint

    for module in (arrow_dataset, fingerprint):
        if hasattr(module, "update_fingerprint"):
            module.update_fingerprint = lambda *_: fingerprint.generate_random_fingerprint()


def pictures(row: dict[str, Any]) -> list[str]:
    """The paths of a row's pictures, in their order."""
    return [one["path"] for message in row["messages"] for one in message["content"] if one["type"] == "image"]


def tagged(row: dict[str, Any], tag: str = "<image>") -> list[dict[str, Any]]:
    """A row's messages as plain texts with a tag where a picture is."""
    return [
        {"role": one["role"], "content": "".join(tag if c["type"] == "image" else c["text"] for c in one["content"])}
        for one in row["messages"]
    ]


def own_rows(question: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows as they stand in the trainer's own data; None where they are given as messages."""
    found = [row.get("raw") for row in question["content"]]
    return found if found and all(one is not None for one in found) else None


def answer(script: Any, question: dict[str, Any]) -> dict[str, Any]:
    """The ids and labels that a trainer makes of the rows of a question, for JSON."""
    payload: dict[str, Any] = {"schema": SCHEMA, "consumer": script.NAME, "versions": versions(script.PACKAGES)}
    payload |= {"refused": None, "rows": [], "resolved": {}, "keys": [], "label_shift": 0, "pieces": {}, "added": []}
    stage = AtStage()
    try:
        side = script.open_side(question, stage)
        payload |= {"resolved": side.resolved, "label_shift": side.label_shift}
        stage("rows")
        seen: set[int] = set()
        for number in range(len(question["content"])):
            found = _row(side, number, stage)
            seen.update(found.get("input_ids", ()))
            payload["rows"].append({"row": question["rows"][number]} | found)
        stage("pieces")
        payload["pieces"], payload["added"] = pieces(side.tokenizer, seen)
    except (Exception, SystemExit) as problem:
        payload |= {"rows": [], "refused": _refusal(stage.name, problem)}
    stage("done")
    payload["seconds"] = {name: round(value, 3) for name, value in stage.seconds.items()}
    payload["busy"] = {name: round(value, 3) for name, value in stage.busy.items()}
    return payload


def _row(side: Side, number: int, stage: AtStage) -> dict[str, Any]:
    try:
        ids, labels, weights = side.label(number)
    except DroppedRow as reason:
        return {"dropped": str(reason)}
    except InterfaceChanged:
        stage("interface")
        raise
    except StopIteration:
        # It has no text, and no trainer's loop takes it for an error.
        return {"error": "StopIteration: fewer pictures than places for them; in training this ends the epoch unseen"}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:2000]}
    stage("interface")
    ids, labels = _whole(ids, "ids"), _whole(labels, "labels")
    ids, labels = unshifted(ids, labels, side.label_shift)
    check(ids, labels)
    stage("rows")
    found: dict[str, Any] = {"input_ids": ids, "labels": labels}
    if weights is not None:
        found["weights"] = [float(one) for one in weights]
    return found


def _whole(values: Any, what: str) -> list[int]:
    """A list of whole numbers. Raises InterfaceChanged where it is none."""
    listed = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(listed, (list, tuple)) or not all(type(one) is int for one in listed):
        raise InterfaceChanged(f"the {what} are no list of whole numbers, but {type(values).__name__}")
    return list(listed)


def unshifted(ids: list[int], labels: list[int], shift: int) -> tuple[list[int], list[int]]:
    """Ids and labels position by position, where the labels were those of the next position.

    The last id was cut off by the trainer: it is given back where its label says which it was.
    """
    if not shift:
        return ids, labels
    moved = [IGNORED, *labels]
    if labels and labels[-1] != IGNORED:
        return [*ids, labels[-1]], moved
    return ids, moved[: len(ids)]


def check(ids: list[int], labels: list[int]) -> None:
    """Let only labels pass that are those of their ids. Raises InterfaceChanged."""
    if len(ids) != len(labels):
        raise InterfaceChanged(f"there are {len(ids)} ids and {len(labels)} labels")
    for place, (one, label) in enumerate(zip(ids, labels, strict=True)):
        if label not in (IGNORED, one):
            text = f"at position {place} the label is {label} and the id {one}: the labels are not those of the ids"
            raise InterfaceChanged(text)


def pieces(tokenizer: Any, ids: set[int]) -> tuple[dict[str, str], list[int]]:
    """Id -> its bytes, written as latin-1, and the ids of added tokens. Bytes alone join to a text at any place."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    backend = getattr(tokenizer, "backend_tokenizer", None)
    by_bytes = "ByteLevel" in str(getattr(backend, "decoder", ""))
    table = _byte_of()
    found: dict[str, str] = {}
    for one in sorted(ids):
        if one in added:
            raw = added[one].content.encode()
        else:
            token = tokenizer.convert_ids_to_tokens(one)
            if not isinstance(token, str):
                raw = tokenizer.decode([one]).encode()
            elif by_bytes and all(char in table for char in token):
                raw = bytes(table[char] for char in token)
            elif len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
                raw = bytes([int(token[3:5], 16)])
            else:
                raw = token.replace("\u2581", " ").encode()
        found[str(one)] = raw.decode("latin-1")
    return found, sorted(one for one in ids if one in added)


def _byte_of() -> dict[str, int]:
    """The characters by which a byte-level vocabulary writes bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [one for one in range(256) if one not in plain]
    return {chr(one): one for one in plain} | {chr(256 + place): one for place, one in enumerate(others)}


def _refusal(stage: str, problem: BaseException) -> dict[str, str]:
    if isinstance(problem, InterfaceChanged):
        stage = "interface"
    found = {"stage": stage, "type": type(problem).__name__, "message": str(problem)[:4000]}
    if isinstance(problem, ModuleNotFoundError) and problem.name:
        found["missing"] = problem.name.partition(".")[0]
    return found


def load(name: str) -> ModuleType:
    """The script of a trainer, which lies beside this one."""
    spec = spec_from_file_location(f"vlmbench_{name}_side", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # What the scripts share with this file they find under this name.
    sys.modules["vlmbench_serving"] = sys.modules[__name__]
    spec.loader.exec_module(module)
    return module


def questions() -> Iterator[dict[str, Any]]:
    """The questions, until stdin ends."""
    stream = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for line in stream:
        yield json.loads(line)


def main(arguments: list[str]) -> int:
    """Run as a script."""
    name = arguments[0]
    script = load(name)
    scratch = tempfile.mkdtemp(prefix="vlmbench-trainer-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    quiet(scratch, script.ENVIRONMENT, offline="--offline" in arguments)
    # What a trainer prints, in C too, goes to stderr.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(payload: dict[str, Any]) -> None:
        answers.write(json.dumps(payload) + "\n")
        answers.flush()

    say({"schema": SCHEMA, "consumer": script.NAME, "versions": versions(script.PACKAGES)})
    if script.NAME not in versions(script.PACKAGES):
        # Who asks says so; nothing heavy is imported to find it out again.
        return 3
    for question in questions():
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            os.chdir(folder)
            say(answer(script, question | {"scratch": folder}))
            os.chdir(scratch)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
