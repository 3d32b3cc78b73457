"""A baseline: the findings that were there when somebody began to check, so that only new ones are told.

A finding is known again by its recipe and its cause (code, words without numbers and excerpts, key), not by its line:
lines move. Of a cause that many rows have, as many findings are known as there were.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench import files
from workbench.checks.report import Report, cause
from workbench.errors import InputError, Where
from workbench.findings import Finding

if TYPE_CHECKING:
    from workbench.recipe.yaml.document import Document

SCHEMA: Final = "vlmbench.baseline/1"
_MOST_BYTES = 64 << 20
_Key = tuple[str, ...]
LookedAt = tuple["Document", Callable[[str], bool]]
"""A recipe that was checked, and a function that is true of the codes that were looked for."""


@dataclass
class KnownFindings:
    """The findings of a file, and how many of them were met again. `path` is where it lies or will lie."""

    path: Path
    known: Counter[_Key] = field(default_factory=Counter)
    met: Counter[_Key] = field(default_factory=Counter)
    found: Counter[_Key] = field(default_factory=Counter)

    @classmethod
    def read(cls, path: Path) -> KnownFindings:
        """The baseline that a file holds.

        Raises:
            InputError: there is no such file, or it is no baseline.
        """
        return cls(path, _read(path))

    def new_of(self, report: Report, document: Document) -> Report:
        """A report with the findings alone that are not in the baseline; which those are is remembered."""
        recipe, seen, known = self._recipe(document), Counter[_Key](), []
        for finding in report.findings:
            key = (recipe, *cause(finding))
            seen[key] += 1
            if seen[key] <= self.known[key]:
                known.append(finding)
        self.met.update({key: min(count, self.known[key]) for key, count in seen.items()})
        return replace(report.without(known), known=len(known))

    def take(self, document: Document, findings: Iterable[Finding]) -> None:
        """Take findings for a baseline that is to be written."""
        recipe = self._recipe(document)
        self.found.update((recipe, *cause(finding)) for finding in findings)

    def gone(self, looked_at: Iterable[LookedAt]) -> int:
        """The number of known findings that the check would have met again and did not."""
        checked = self._by_recipe(looked_at)
        return sum(count - self.met[key] for key, count in self.known.items() if _is_looked_for(key, checked))

    def write(self, looked_at: Iterable[LookedAt]) -> int:
        """Write the findings that were taken, and those that were known and not looked for now; gives their number.

        Raises:
            InputError: something else than a baseline lies there. EnvironmentProblem: it cannot be written.
        """
        from workbench.recipe.yaml.document import write_atomically

        checked = self._by_recipe(looked_at)
        before = _read(self.path) if self.path.exists() else Counter[_Key]()
        kept = Counter({key: count for key, count in before.items() if not _is_looked_for(key, checked)})
        kept.update(self.found)
        text = json.dumps({"schema": SCHEMA, "findings": _listed(kept)}, indent=1, ensure_ascii=True)
        write_atomically(self.path, f"{text}\n".encode())
        return kept.total()

    def _by_recipe(self, looked_at: Iterable[LookedAt]) -> dict[str, Callable[[str], bool]]:
        return {self._recipe(document): looked_for for document, looked_for in looked_at}

    def _recipe(self, document: Document) -> str:
        """The recipe's path from the baseline's folder, so that the two can be moved and committed together."""
        if document.path is None:
            return document.name
        folder = self.path.absolute().parent
        try:
            return Path(os.path.relpath(document.path.absolute(), folder)).as_posix()
        except ValueError:
            # Another drive, under Windows.
            return document.path.absolute().as_posix()


def _is_looked_for(key: _Key, checked: Mapping[str, Callable[[str], bool]]) -> bool:
    recipe, code = key[:2]
    return recipe in checked and checked[recipe](code)


def _listed(counts: Counter[_Key]) -> list[dict[str, Any]]:
    names = ("recipe", "code", "severity", "cause", "field")
    return [dict(zip(names, key, strict=True)) | {"count": count} for key, count in sorted(counts.items())]


def _read(path: Path) -> Counter[_Key]:
    where = Where(str(path))
    hint = "`vlmbench check --baseline FILE --write-baseline` writes one."
    raw = files.read_limited(path, _MOST_BYTES, "The baseline cannot be read", hint=hint)
    try:
        content = json.loads(raw.decode("utf-8"))
        if content["schema"] != SCHEMA:
            raise ValueError(content["schema"])
        return Counter({_key(one): _count(one) for one in content["findings"]})
    except (ValueError, KeyError, TypeError, RecursionError):
        hint = "Name another file, or write this one anew: --write-baseline."
        raise InputError("This is no baseline", f"A baseline is JSON of {SCHEMA}.", hint, where) from None


def _key(one: dict[str, Any]) -> _Key:
    key = (one["recipe"], one["code"], one["severity"], one["cause"], one["field"])
    if not all(isinstance(word, str) for word in key):
        raise TypeError
    return key


def _count(one: dict[str, Any]) -> int:
    if type(one["count"]) is not int or one["count"] < 0:
        raise TypeError
    return int(one["count"])
