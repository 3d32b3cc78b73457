"""Every code with its page, and every check with the function that runs it.

The pages, which `vlmbench explain` shows, are data, in `codes/` beside this module. A check is a function under
`@check("M004")`: it alone yields findings of these codes. A code that several functions find has a `findings.Emitter`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, cast

from workbench.errors import InputError
from workbench.findings import HOMES, Finding, Severity, emits

if TYPE_CHECKING:
    from workbench.answers import CodeAnswer

_DIGITS = str.maketrans("OIL", "011")
Scope = Literal["row", "recipe", "model", "run"]


Stage = Literal["unrendered row", "row", "asked row", "rows", "text", "recipe", "model"]
CheckFunction = Callable[..., Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """A function that looks for problems at one stage, and the codes that only it emits."""

    function: CheckFunction
    stage: Stage
    codes: tuple[str, ...]
    when: Callable[[Any], bool] | None = None

    def findings(self, subject: Any) -> Iterator[Finding]:
        """The findings in a subject of its stage; none where `when` says that the check does not apply."""
        if self.when is None or self.when(subject):
            yield from self.function(subject)


_CHECKS: dict[str, list[Check]] = {}


def check(
    *codes: str, stage: Stage = "row", when: Callable[[Any], bool] | None = None
) -> Callable[[CheckFunction], CheckFunction]:
    """Declare a function as a check, and as the one place that emits `codes`.

    The function gets one argument, by `stage`: an "unrendered row" or "asked row" its `Row`, a "row" its `RowFacts`,
    "rows" the `RowsSeen` of all that were checked, the recipe's "text" its `TextFacts`, the "recipe" its `RecipeFacts`,
    the "model" its `ModelFacts`. The check applies where `when` is true of it. Codes that an `Emitter` makes are not
    named.
    """

    def declare(function: CheckFunction) -> CheckFunction:
        _CHECKS.setdefault(function.__module__, []).append(Check(function, stage, codes, when))
        return emits(*codes)(function)

    return declare


def checks(stage: Stage, *modules: ModuleType, only: Collection[CheckFunction] = ()) -> tuple[Check, ...]:
    """The checks of a stage that these modules declare, in the order of the modules and of their lines.

    `only`: of these functions alone.
    """
    declared = (check for module in modules for check in _CHECKS.get(module.__name__, ()) if check.stage == stage)
    return tuple(check for check in declared if not only or check.function in only)


def run(checks: Iterable[Check], subject: Any) -> Iterator[Finding]:
    """The findings of these checks in a subject, one check after the other."""
    for check in checks:
        yield from check.findings(subject)


@dataclass(frozen=True, slots=True)
class Code:
    """A code: its problem, the usual severity, what it looks at, and its page in three paragraphs."""

    code: str
    title: str
    severity: Severity
    scope: Scope
    cause: str
    example: str
    fix: str

    @property
    def home(self) -> str | None:
        """The function or emitter that makes its findings, `module.name`; None until that module is imported."""
        return HOMES.get(self.code)

    def to_dict(self) -> CodeAnswer:
        """The page for JSON."""
        return cast("CodeAnswer", {name: getattr(self, name) for name in self.__slots__})


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
        near = nearest(code.strip().upper())
        hint = f"Did you mean {', '.join(near)}?" if near else "`vlmbench explain` without a code lists them all."
        raise InputError(f"There is no code {code!r}", hint=hint)
    return found


def nearest(word: str) -> list[str]:
    """Up to three codes that `word` may have been meant for: first those with the most characters in their places."""
    word = word[:1] + word[1:].translate(_DIGITS)
    near = difflib.get_close_matches(word, _read(), n=len(_read()), cutoff=0.5)
    return sorted(near, key=lambda code: sum(a != b for a, b in zip(code, word, strict=False)))[:3]


def patterns(select: str | Iterable[str]) -> tuple[str, ...]:
    """Codes or beginnings of codes, each for itself or, as on the command line, with commas between them."""
    words = [select] if isinstance(select, str) else select
    return tuple(pattern.strip() for word in words for pattern in word.split(",") if pattern.strip())


def refuse_unknown(select: Iterable[str]) -> None:
    """Stop at what is neither a code nor the beginning of one, in any case.

    Raises:
        InputError: no code begins like one of them; the hint names the nearest.
    """
    known = _read()
    for pattern in select:
        word = pattern.upper()
        if any(code.startswith(word) for code in known):
            continue
        letters = sorted({code[0] for code in known})
        near = nearest(word)
        hint = f"Did you mean {', '.join(near)}? " if near else ""
        hint += f"A beginning will do ({', '.join(letters)}); `vlmbench explain` lists the codes."
        raise InputError(f"There is no code {pattern!r}", "No code begins like this.", hint)


def is_chosen(code: str, select: Collection[str] = (), ignore: Collection[str] = ()) -> bool:
    """True where a code begins with one of `select` (none given: any) and with none of `ignore`."""
    wanted, unwanted = (tuple(item.upper() for item in items) for items in (select, ignore))
    return (not wanted or code.startswith(wanted)) and not (unwanted and code.startswith(unwanted))


def reads_rows(select: Collection[str] = (), ignore: Collection[str] = ()) -> bool:
    """True where one of the selected codes looks at rows."""
    return any(code.scope == "row" and is_chosen(name, select, ignore) for name, code in _read().items())


def chosen(findings: Iterable[Finding], select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Finding]:
    """The findings whose code begins with one of `select` (none given: all) and with none of `ignore`."""
    return [finding for finding in findings if is_chosen(finding.code, select, ignore)]
