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

_DIGITS = str.maketrans("OIL", "011")
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
        near = _nearest(code.strip().upper())
        hint = f"Did you mean {', '.join(near)}?" if near else "`vlmbench explain` without a code lists them all."
        raise InputError(f"There is no code {code!r}", hint=hint)
    return found


def _nearest(word: str) -> list[str]:
    """Up to three codes that `word` may have been meant for: first those with the most characters in their places."""
    word = word[:1] + word[1:].translate(_DIGITS)
    near = difflib.get_close_matches(word, _read(), n=len(_read()), cutoff=0.5)
    return sorted(near, key=lambda code: sum(one != other for one, other in zip(code, word, strict=False)))[:3]


def patterns(given: str | Iterable[str]) -> tuple[str, ...]:
    """Codes or beginnings of codes, each for itself or, as on the command line, with commas between them."""
    words = [given] if isinstance(given, str) else given
    return tuple(one.strip() for word in words for one in word.split(",") if one.strip())


def refuse_unknown(given: Iterable[str]) -> None:
    """Stop at what is neither a code nor the beginning of one, in any case.

    Raises:
        InputError: no code begins like one of them; the hint names the nearest.
    """
    known = _read()
    for pattern in given:
        word = pattern.upper()
        if any(code.startswith(word) for code in known):
            continue
        letters = sorted({code[0] for code in known})
        near = _nearest(word)
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        hint += f"A beginning will do ({', '.join(letters)}); `vlmbench explain` lists the codes."
        raise InputError(f"There is no code {pattern!r}", "No code begins like this.", hint)


def reads_rows(select: Collection[str] = (), ignore: Collection[str] = ()) -> bool:
    """Whether among the selected codes is one that looks at rows."""
    wanted, unwanted = (tuple(item.upper() for item in items) for items in (select, ignore))
    return any(
        code.scope == "row" and (not wanted or name.startswith(wanted)) and not (unwanted and name.startswith(unwanted))
        for name, code in _read().items()
    )


def chosen(findings: Iterable[Finding], select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Finding]:
    """The findings whose code begins with one of `select` (none given: all) and with none of `ignore`."""
    wanted, unwanted = (tuple(item.upper() for item in items) for items in (select, ignore))
    return [
        finding
        for finding in findings
        if (not wanted or finding.code.startswith(wanted)) and not (unwanted and finding.code.startswith(unwanted))
    ]
