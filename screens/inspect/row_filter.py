"""Filters for the list of samples: `trained<10 is:error M001 "red square"`; every term must hold.

Words are looked for in the raw row, so that they cost no rendering; the other terms need the row's mask or findings.
"""

from __future__ import annotations

import json
import operator
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from workbench.errors import InputError
from workbench.findings import Finding

HINT = "words · trained<10 · is:error is:warning is:clean · M001"
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_TRAINED = re.compile(r"trained(<=|>=|<|>|=)(\d+(?:\.\d+)?)%?")
_CODE = re.compile(r"[A-Z]\d{3}")
_FIELD = re.compile(r"([A-Za-z_]+)(?::|[<>=])(?!//)")
_IS = ("error", "warning", "note", "clean")


@dataclass(frozen=True)
class RowFilter:
    """Terms as they were written: words, comparisons of the trained share in percent, codes, severities."""

    words: tuple[str, ...] = ()
    trained: tuple[tuple[str, float], ...] = ()
    codes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.trained or self.codes or self.states)

    @property
    def judges(self) -> bool:
        """True where a term needs more than the raw row."""
        return bool(self.trained or self.codes or self.states)

    def says(self, data: dict[str, Any] | None) -> bool:
        """True where a raw row says every word."""
        if not self.words:
            return True
        text = _text(data)
        return all(word in text for word in self.words)

    def holds(self, trained: int, total: int, findings: Iterable[Finding]) -> bool:
        """True where every other term holds for a row with so many tokens (-1: it has none) and these findings."""
        if self.codes or self.states:
            found = list(findings)
            codes, severities = {finding.code for finding in found}, {str(finding.severity) for finding in found}
            severities |= set() if severities & {"error", "warning"} else {"clean"}
            if not (codes >= set(self.codes) and severities >= set(self.states)):
                return False
        if not self.trained:
            return True
        share = 100 * trained / max(1, total)
        return total >= 0 and all(_COMPARE[sign](share, value) for sign, value in self.trained)


def parse_filter(text: str) -> RowFilter:
    """Read a filter as a person types it.

    Raises:
        InputError: a quote is not closed, or a term with a colon or comparison is none that is known.
    """
    try:
        # Not POSIX's way: a term in quotes keeps them, and is words whatever it holds.
        terms = shlex.split(text, posix=False)
    except ValueError:
        terms = text.replace('"', " ").replace("'", " ").split()
    words, trained, codes, states = [], [], [], []
    for term in terms:
        if len(term) > 1 and term[0] == term[-1] and term[0] in "\"'":
            words.append(term[1:-1].casefold())
        elif compared := _TRAINED.fullmatch(term):
            trained.append((compared[1], float(compared[2])))
        elif _CODE.fullmatch(term):
            codes.append(term)
        elif term.startswith("is:"):
            if term[3:] not in _IS:
                raise InputError("is: takes error, warning, note or clean", hint="Write is:error, for example.")
            states.append(term[3:])
        elif re.match(r"trained[<>=]", term):
            raise InputError("trained is compared with a percentage", hint="Write trained<10, for example.")
        elif field := _FIELD.match(term):
            raise InputError(
                f"there is no field {field[1]!r}: trained, is, or a code", hint="Put words with a colon into quotes."
            )
        else:
            words.append(term.casefold())
    return RowFilter(tuple(words), tuple(trained), tuple(codes), tuple(states))


def _text(data: dict[str, Any] | None) -> str:
    """Everything that a raw row says, as one text."""
    return json.dumps(data, ensure_ascii=False, default=lambda value: type(value).__name__).casefold()
