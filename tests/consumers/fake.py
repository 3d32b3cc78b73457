"""A Python with an axolotl that is none: it speaks the protocol, or breaks it as the recipe says."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path

here = Path(__file__).parent
with (here / "starts").open("a") as log:
    log.write("start\\n")
out = sys.stdout
told = json.loads((here / "told.json").read_text())
base = {"schema": told["schema"], "consumer": "axolotl", "versions": told["versions"]}
if told.get("before"):
    out.write(told["before"] + "\\n")
print(json.dumps(base), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    told = json.loads((here / "told.json").read_text())
    recipe = question["recipe"]
    if question["what"] == "rehearsal":
        with (here / "rehearsals").open("a") as log:
            log.write("rehearsal\\n")
        refused = {"stage": "model", "type": "ValueError", "message": "no", "environment": False, "keys": []}
        found = {"schema": "vlmbench.rehearsal/1", "versions": told["versions"], "refused": refused}
        found |= told.get("rehearsal", {})
    else:
        with (here / "questions").open("a") as log:
            log.write(line)
    if "please noise" in recipe:
        out.write("Loading shards: 100%\\n" + json.dumps({"loss": 1.0}) + "\\n[1]\\nnull\\n")
    if "please segfault" in recipe:
        print("Fatal: in C", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if "please exit" in recipe:
        os._exit(7)
    if "please hang" in recipe:
        time.sleep(600)
    if "please half" in recipe:
        out.write(json.dumps(base)[:20])
        out.flush()
        os._exit(0)
    known = told.get("rows", {})
    plain = {row: {"input_ids": [row, 1, 2], "labels": [-100, 1, 2]} for row in question["rows"]}
    rows = [{"row": row, **known.get(str(row), plain[row])} for row in question["rows"]]
    answer = base | {"refused": None, "unwrapped": False, "strategy": "Fake", "rows": rows, "keys": ["base_model"]}
    answer |= told.get("answer", {})
    if question["what"] == "rehearsal":
        answer = base | {"refused": None, "rows": [], "rehearsal": found, "spent": told.get("spent", False)}
    if "another version" in recipe:
        answer["schema"] = "vlmbench.consumer/9"
    if "fewer rows" in recipe:
        answer["rows"] = rows[1:]
    if "not complete" in recipe:
        del answer["refused"]
    print(json.dumps(answer), flush=True)
"""


class FakeAxolotl:
    """The environment in `folder`; `python` is its interpreter."""

    def __init__(self, folder: Path, version: str = "0.19.0", **told: Any) -> None:
        self.folder = folder
        self._version = version
        site = folder / "site"
        (site / "axolotl").mkdir(parents=True)
        (site / "axolotl" / "__init__.py").write_text("", "utf-8")
        self.install("axolotl", version)
        self.install("transformers", "5.16.1")
        script = folder / "script.py"
        script.write_text(SCRIPT, "utf-8")
        self.python = str(folder / "python")
        text = f'#!/bin/sh\nif [ "$1" = "-c" ]; then PYTHONPATH="{site}" exec "{sys.executable}" "$@"; fi\n'
        Path(self.python).write_text(f'{text}exec "{sys.executable}" "{script}" "$@"\n', "utf-8")
        Path(self.python).chmod(0o755)
        self.tell(**told)

    def install(self, name: str, version: str, **direct_url: Any) -> None:
        """Put a package's record beside the interpreter, in the place of the one that is there."""
        site = self.folder / "site"
        for old in site.glob(f"{name}-*.dist-info"):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
        if direct_url:
            (info / "direct_url.json").write_text(json.dumps(direct_url), "utf-8")

    def tell(self, **told: Any) -> None:
        """Set its answers from now on: `rows` by number, `answer` for the rest, `before` as the first line of all.

        `rehearsal`: of its loader's answer; `spent`: the process is no good after it.
        """
        content = {"schema": "vlmbench.consumer/2", "versions": {"axolotl": self._version}} | told
        (self.folder / "told.json").write_text(json.dumps(content), "utf-8")

    @property
    def starts(self) -> int:
        """The number of starts of its process."""
        return self._lines("starts")

    @property
    def rehearsals(self) -> int:
        """The number of rehearsals of its loader."""
        return self._lines("rehearsals")

    def _lines(self, name: str) -> int:
        file = self.folder / name
        return len(file.read_text("utf-8").splitlines()) if file.exists() else 0

    @property
    def questions(self) -> list[Mapping[str, Any]]:
        """Every question that reached it, but for those of its loader."""
        file = self.folder / "questions"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
