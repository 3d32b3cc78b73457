"""An example with what the bench says of it, and the recipes on which a finding is put to axolotl.

Findings that stop a run hide one another, so before and after a fix all but the one in question are mended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from conformance.environment import ROOT
from conformance.evidence.asked import Answer, Asker, stop
from conformance.evidence.examples import Example, copied
from workbench.bench import Bench
from workbench.bench import open as opened
from workbench.checks.run import check_rows
from workbench.errors import BenchError, Where
from workbench.export.compose import compose
from workbench.findings import Edit, Finding, Fix, apply_fix
from workbench.recipe import plugin
from workbench.recipe.yaml.document import Document

ROWS = 4
# The finding's own word that axolotl does not take the recipe. Errors of another kind train something else than meant.
STOPS = ("A002", "A003", "A006", "A010", "A014", "A015", "A017", "C003", "C004", "C005", "C010")


@dataclass(frozen=True)
class Told:
    """The answers of the bench about an example: its findings, one a cause, or the error with which it stops."""

    findings: tuple[Finding, ...]
    counts: tuple[int, ...]
    export: str = ""
    problem: str = ""


class Case:
    """An example under question."""

    def __init__(self, example: Example, asker: Asker, scratch: Path) -> None:
        self.example, self.asker = example, asker
        self.path = copied(example, scratch)
        self.document = Document.from_file(self.path)

    @cached_property
    def bench(self) -> Bench:
        bench = opened(self.path)
        bench.asks = False
        return bench

    @cached_property
    def told(self) -> Told:
        """The words of the bench; kept beside axolotl's answers for as long as its code is the same."""
        key = hashlib.sha256(f"{_code()} {self.document.text}".encode()).hexdigest()[:32]
        kept = self.asker.store / f"told-{key}.json"
        if not kept.is_file():
            kept.write_text(json.dumps(self._tell()), "utf-8")
        told = json.loads(kept.read_text("utf-8"))
        findings = tuple(_finding(one) for one in told["findings"])
        return Told(findings, tuple(told["counts"]), told["export"], told["problem"])

    def _tell(self) -> dict[str, Any]:
        try:
            report = check_rows(self.bench, self.bench.head(ROWS))
            export = compose(self.bench, rows=()).text
        except BenchError as problem:
            return {"findings": [], "counts": [], "export": "", "problem": f"{problem.title} {problem.cause}".strip()}
        groups = [group for group in report.groups if group.severity != "note"]
        findings = [group.finding.to_dict() for group in groups]
        for told, group in zip(findings, groups, strict=True):
            told["fix"] = group.fix.to_dict() if group.fix is not None else None
        return {"findings": findings, "counts": [group.count for group in groups], "export": export, "problem": ""}

    @cached_property
    def stopping(self) -> list[Finding]:
        """The findings that say that axolotl stops, and have a fix."""
        return [one for one in self.told.findings if one.severity == "error" and one.code in STOPS and one.fix]

    def before(self, finding: Finding) -> Path:
        """The recipe with this finding, and without the others that stop a run."""
        return self.with_fixes([one.fix for one in self.stopping if one is not finding and one.fix is not None])

    def after(self, finding: Finding, fix: Fix | None = None) -> Path | None:
        """The same with the finding's fix too; None where it has none and none is given."""
        fix = fix or finding.fix
        if fix is None:
            return None
        others = [one.fix for one in self.stopping if one is not finding and one.fix is not None]
        return self.with_fixes([*others, fix])

    @cached_property
    def mended(self) -> Path:
        """The recipe without what stops a run."""
        return self.with_fixes([one.fix for one in self.stopping if one.fix is not None])

    def with_fixes(self, fixes: Sequence[Fix]) -> Path:
        """A file beside the example's copy with these fixes made, in the order of their keys."""
        document = Document(self.document.text, self.document.name)
        for fix in sorted(fixes, key=lambda one: one.title):
            apply_fix(document, fix)
        if document.text == self.document.text:
            return self.path
        return self.written(document.text)

    def written(self, text: str) -> Path:
        """This text as a recipe beside the example's copy, with the plugin that it names, if it does."""
        name = hashlib.sha256(text.encode()).hexdigest()[:10]
        out = self.path.with_name(f"{name}.yaml")
        out.write_text(text, "utf-8")
        plugin.write_beside(Document(text).data, out)
        return out

    def towers(self, answer: Answer) -> dict[str, int]:
        """The number of adapted modules and parameters of each tower, by the rehearsed loader."""
        found: dict[str, int] = {}
        for name in (*answer["modules"], *answer["parameters"]):
            tower = str(self.bench.anatomy.tower_of(name))
            found[tower] = found.get(tower, 0) + 1
        return found

    def trained(self, answer: Answer) -> dict[str, int]:
        """The number of trained values of each tower, by the rehearsed loader."""
        found: dict[str, int] = {}
        for name, number in answer["trained"].items():
            tower = str(self.bench.anatomy.tower_of(name))
            found[tower] = found.get(tower, 0) + number
        return found

    def refused(self) -> str:
        """The refusal of axolotl's validator of the example itself; "" where it takes it."""
        answer = self.asker.settled(self.path)
        return stop(answer) if answer.get("refused") else ""

    def export_refused(self) -> str:
        """The same of its export."""
        answer = self.asker.settled(self.written(self.told.export))
        return stop(answer) if answer.get("refused") else ""


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for source in (*_sources(ROOT / "workbench", "*.py"), *_sources(ROOT / "specs", "*.yaml")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path, pattern: str) -> Iterator[Path]:
    yield from sorted(folder.rglob(pattern))


def _finding(told: dict[str, Any]) -> Finding:
    where = {key: value for key, value in told["where"].items() if key in Where.__dataclass_fields__}
    if where.get("tokens"):
        where["tokens"] = tuple(where["tokens"])
    fix = told["fix"]
    made = None
    if fix is not None:
        edits = tuple(
            Edit(
                tuple(one["path"]),
                one.get("value"),
                one.get("remove", False),
                one.get("rename", ""),
                one.get("unrepeat", False),
            )
            for one in fix["edits"]
        )
        made = Fix(fix["title"], edits, fix.get("retrains", False))
    return Finding(told["code"], told["severity"], told["message"], told["hint"], Where(**where), made)
