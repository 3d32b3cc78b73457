"""Every code that the bench can emit, declared once, with the page that `vlmbench explain` shows.

The pages are data, in `codes/` beside this module: a file for each letter.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from workbench.errors import InputError
from workbench.findings import Finding, Severity

Scope = Literal["row", "recipe", "model", "run"]


@dataclass(frozen=True, slots=True)
class Code:
    """A code: what it finds, how bad that usually is, what it looks at, and its page in three paragraphs."""

    code: str
    title: str
    severity: Severity
    scope: Scope
    cause: str
    example: str
    fix: str

    def to_dict(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


def codes() -> dict[str, Code]:
    """Every code by name, in the order of the names."""
    return dict(_read())


@cache
def _read() -> dict[str, Code]:
    data: dict[str, dict[str, Any]] = {}
    for page in files("workbench.checks").joinpath("codes").iterdir():
        if page.name.endswith(".toml"):
            data |= tomllib.loads(page.read_text("utf-8"))
    return {name: Code(code=name, **{key: text.strip() for key, text in data[name].items()}) for name in sorted(data)}


def explain(code: str) -> Code:
    """The page of a code, in any case.

    Raises:
        InputError: there is no such code; the hint names the nearest.
    """
    known = _read()
    found = known.get(code.strip().upper())
    if found is None:
        near = difflib.get_close_matches(code.strip().upper(), known, n=3, cutoff=0.5)
        hint = f"Did you mean {', '.join(near)}?" if near else "`vlmbench explain` without a code lists them all."
        raise InputError(f"There is no code {code!r}", hint=hint)
    return found


def chosen(findings: Iterable[Finding], select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Finding]:
    """The findings whose code begins with one of `select` (none given: all) and with none of `ignore`."""
    wanted, unwanted = (tuple(item.upper() for item in items) for items in (select, ignore))
    return [
        finding
        for finding in findings
        if (not wanted or finding.code.startswith(wanted)) and not (unwanted and finding.code.startswith(unwanted))
    ]
