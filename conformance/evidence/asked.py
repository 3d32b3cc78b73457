"""Questions to axolotl itself about one recipe file; each answer is kept, by the content of all that it depends on.

Each is answered in a forked process: what axolotl registers or patches for one recipe is for no other.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from workbench.consumers.axolotl import rehearsal, worker

Answer = dict[str, Any]
# Plugins of axolotl's whose package is not among those that its environments of this suite are made of.
ABSENT = {"axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin": ("cut_cross_entropy",)}


class Asker:
    """axolotl in this process, and the answers that it gave before."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.asked = 0
        store.mkdir(parents=True, exist_ok=True)

    def settled(self, path: Path) -> Answer:
        """The configuration that training starts from: `refused` as the rehearsal has it, or `config`, plain values."""
        return self._kept("settled", (rehearsal,), path, lambda: _settled(path))

    def loaded(self, path: Path) -> Answer:
        """The loader, rehearsed without weights; plugins whose package is not here are taken out before."""
        there = without_absent(path)
        return self._kept("loaded", (rehearsal,), there, lambda: rehearsal.rehearse(there))

    def labels(self, path: Path, rows: int) -> Answer:
        """The ids and labels of the first rows, or where it stopped before."""
        there = without_absent(path)
        return self._kept(f"labels {rows}", (worker,), there, lambda: worker.answer(there, list(range(rows))))

    def prepared(self, name: str, path: Path, function: Callable[[Path], Answer]) -> Answer:
        """The answer to another question, `function`, about the recipe."""
        there = without_absent(path)
        module = sys.modules[getattr(function, "func", function).__module__]
        return self._kept(name, (worker, rehearsal, module), there, lambda: function(there))

    def _kept(self, what: str, code: tuple[ModuleType, ...], path: Path, ask: Callable[[], Answer]) -> Answer:
        asking = b"".join(Path(str(module.__file__)).read_bytes() for module in code)
        about = f"{what} {path.name} {path.read_text('utf-8')}"
        key = hashlib.sha256(asking + about.encode()).hexdigest()[:32]
        kept = self.store / f"{key}.json"
        if kept.is_file():
            return dict(json.loads(kept.read_text("utf-8")))
        self.asked += 1
        answer = forked(ask, path.parent)
        kept.write_text(json.dumps(answer), "utf-8")
        return answer


def without_absent(path: Path) -> Path:
    """The recipe without plugins whose package is not here, in a file beside it; the file itself where it has none."""
    data = yaml.safe_load(path.read_text("utf-8"))
    named = [one for one in data.get("plugins") or () if one in ABSENT]
    if not named:
        return path
    data["plugins"] = [one for one in data["plugins"] if one not in ABSENT]
    for key in (key for one in named for key in ABSENT[one]):
        data.pop(key, None)
    out = path.with_name(f"{path.stem}.here{path.suffix}")
    out.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), "utf-8")
    return out


def _settled(path: Path) -> Answer:
    from axolotl.utils.dict import DictDefault

    stage = rehearsal.Stage()
    try:
        with rehearsal.as_if_on_a_gpu():
            config = rehearsal.configured(path, stage)
    except Exception as problem:
        return {"refused": rehearsal._refusal(stage.name, problem)}
    plain = config.to_dict() if isinstance(config, DictDefault) else dict(config)
    return {"refused": None, "config": json.loads(json.dumps(plain, default=str))}


def forked(ask: Callable[[], Mapping[str, Any]], folder: Path) -> Answer:
    """The answer of a function from a process of its own, started in this folder."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.chdir(folder)
        told: Mapping[str, Any]
        try:
            told = ask()
        except BaseException as problem:
            message = f"{type(problem).__name__}: {problem}"
            told = {"refused": {"stage": "process", "type": type(problem).__name__, "message": message, "keys": []}}
        with os.fdopen(writer, "w", encoding="utf-8") as pipe:
            json.dump(told, pipe, default=str)
        # Nothing of the parent's is run at the child's end.
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        text = pipe.read()
    _, ended = os.waitpid(child, 0)
    if text:
        return dict(json.loads(text))
    code = os.waitstatus_to_exitcode(ended)
    return {
        "refused": {"stage": "process", "type": "ChildProcessError", "message": f"it ended with {code}", "keys": []}
    }


def stop(answer: Answer) -> str:
    """The refusal in an answer, in one line with its stage; "" where there is none."""
    refused = answer.get("refused")
    if not refused or answer.get("unwrapped"):
        return ""
    message = re.sub(r"\s+", " ", str(refused["message"])).strip()
    return f"{refused['stage']}: {refused['type']}: {message[:220]}"
