"""Filters and orders for the list of samples: `trained<10 is:error M001 "red square" sort:-tokens`; every term holds.

Words are looked for in the raw row, so that they cost no rendering; the other terms need the row's mask or findings.
"""

from __future__ import annotations

import difflib
import json
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from workbench.errors import InputError
from workbench.findings import SEVERITIES, Finding, worst

HINT = "words · trained<10 · tokens>2000 · pictures=2 · role:tool · is:error · M001 · sort:-tokens"
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    ":": operator.eq,
}
_NUMBERS = dict.fromkeys(("trained", "share"), "a percentage") | dict.fromkeys(
    ("tokens", "pictures", "media", "loss"), "a number"
)
_TEXTS = {"role": "a message's role", "source": "a part of a file's name"}
_FIELDS = (*_NUMBERS, *_TEXTS, "code", "is", "sort")
_ORDERS = ("share", "tokens", "pictures", "media", "loss", "code", "row")
_COMPARED = re.compile(r"([A-Za-z_]+)(<=|>=|<|>|=|:)(\d+(?:[.,]\d+)*%?)")
_CODE = re.compile(r"[A-Z]\d{3}")
_FIELD = re.compile(r"([A-Za-z_]+)(?::|[<>=])(?!//)")
STATES = ("error", "warning", "note", "clean")
_SIGNS = " ".join(_COMPARE).removesuffix(" :")


class FilterTerm(NamedTuple):
    """A term that a filter can have: an example, what it asks for, and the fields that are written so."""

    example: str
    about: str
    fields: tuple[str, ...] = ()


FILTER_TERMS = (
    FilterTerm('"red square"', "Rows that say this; a word needs no quotes."),
    FilterTerm("trained<10", f"Per cent of the row's tokens that are trained, by {_SIGNS}; share is the same.",
               ("trained", "share")),
    FilterTerm("tokens>2,000", "Tokens in the row.", ("tokens",)),
    FilterTerm("pictures=2", "Pictures in the row.", ("pictures",)),
    FilterTerm("media>=64", "Tokens of pictures, sound and film in the row.", ("media",)),
    FilterTerm("loss>1.5", "Nats a token, as a run measured it.", ("loss",)),
    FilterTerm("role:tool", "Rows with a message of this role.", ("role",)),
    FilterTerm("source:heldout", "Rows of a file whose name has this part.", ("source",)),
    FilterTerm("code:M002", "Rows with this finding; M002 alone is the same.", ("code",)),
    FilterTerm("is:error", f"Rows with a finding of this severity, or with none: {', '.join(STATES)}.", ("is",)),
    FilterTerm("sort:-tokens", f"The most first, or without - the least: {', '.join(_ORDERS)}.", ("sort",)),
)  # fmt: skip
"""Every term, with an example; all terms of a filter hold together."""
_TERM = re.compile(r"""\"[^\"]*\"|'[^']*'|[^ \t\r\n\"'][^ \t\r\n]*""")
_UNCLOSED = re.compile(r"""[^\s"']+""")
_SORT = re.compile(r"(?<!\S)sort:\S*\s*")

Measures = Mapping[str, float]
"""The measures of a row, by field; a field that the row has no value for is not in it."""


class Order(NamedTuple):
    """An order of rows: by a field, the least first, or with `descending` the most."""

    field: str
    descending: bool = False

    @property
    def term(self) -> str:
        """The order as it is typed."""
        return f"sort:{'-' if self.descending else ''}{self.field}"

    @property
    def title(self) -> str:
        """The order in a word and an arrow."""
        if self.field == "code":
            return "best first" if self.descending else "worst first"
        return f"{self.field} {'↓' if self.descending else '↑'}"


ORDERS = (
    None,
    Order("code"),
    Order("share"),
    Order("share", True),
    Order("tokens", True),
    Order("tokens"),
    Order("pictures", True),
    Order("loss", True),
)
"""The orders that a key goes through, from that of the data on."""


@dataclass(frozen=True)
class RowFilter:
    """Terms as they were written: words, comparisons of numbers, codes, severities, roles, sources, an order."""

    words: tuple[str, ...] = ()
    compared: tuple[tuple[str, str, float], ...] = ()
    codes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    order: Order | None = None
    roles: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.chooses or self.order is not None

    @property
    def chooses(self) -> bool:
        """True where a term leaves rows out; an order alone does not."""
        return bool(self.words or self.compared or self.codes or self.states or self.roles or self.sources)

    @property
    def judges(self) -> bool:
        """True where a term needs more than the raw row."""
        return bool(self.compared or self.codes or self.states or self.order)

    @property
    def needs_findings(self) -> bool:
        """True where a term needs what the checks find in a row, and not only its size."""
        return bool(self.codes or self.states or (self.order is not None and self.order.field == "code"))

    @property
    def needs_loss(self) -> bool:
        """True where only rows with a measured loss can be listed."""
        return any(field == "loss" for field, _, _ in self.compared)

    def says(self, data: dict[str, Any] | None) -> bool:
        """True where a raw row says every word."""
        if not self.words:
            return True
        text = _text(data)
        return all(word in text for word in self.words)

    def is_from(self, source: str) -> bool:
        """True where a row is from the file that is wanted: each text is a part of its name."""
        name = source.casefold() if self.sources else ""
        return all(wanted in name for wanted in self.sources)

    def has_roles(self, roles: Collection[str]) -> bool:
        """True where every role that is wanted is among those of a row's messages."""
        return set(self.roles) <= {role.casefold() for role in roles}

    def holds(self, measures: Measures, findings: Iterable[Finding]) -> bool:
        """True where every other term holds for a row with these measures and findings."""
        if self.codes or self.states:
            found = list(findings)
            codes, severities = {finding.code for finding in found}, {str(finding.severity) for finding in found}
            severities |= set() if severities & {"error", "warning"} else {"clean"}
            if not (codes >= set(self.codes) and severities >= set(self.states)):
                return False
        return all(field in measures and _COMPARE[sign](measures[field], value) for field, sign, value in self.compared)

    def key(self, index: int, measures: Measures, findings: Iterable[Finding]) -> Any:
        """The value that a row is sorted by; None for one that comes last, because it has none."""
        if self.order is None or self.order.field == "row":
            return index
        if self.order.field == "code":
            found = worst(findings)
            return (SEVERITIES.index(found.severity), found.code) if found is not None else None
        return measures.get(self.order.field)


def parse_filter(text: str) -> RowFilter:
    """Read a filter as a person types it.

    Raises:
        InputError: a quote is not closed, or a term with a colon or comparison is none that is known.
    """
    words, compared, codes, states = [], [], [], []
    roles: list[str] = []
    sources: list[str] = []
    order: Order | None = None
    for term in (match[0] for match in terms_of(text)):
        field = _FIELD.match(term)
        name, value = (field[1], term[field.end() :]) if field else ("", "")
        if len(term) > 1 and term[0] == term[-1] and term[0] in "\"'":
            words.append(term[1:-1].casefold())
        elif code_of(term):
            codes.append(code_of(term))
        elif term.startswith("is:"):
            if term[3:] not in STATES:
                raise InputError("is: takes error, warning, note or clean", hint="Write is:error, for example.")
            states.append(term[3:])
        elif term.startswith("sort:"):
            order = _order(term[5:])
        elif name in _NUMBERS:
            compared.append(_compared(term, name))
        elif name in _TEXTS and term[len(name)] == ":" and value:
            (roles if name == "role" else sources).append(value.casefold())
        elif name in _TEXTS:
            raise InputError(f"{name}: takes {_TEXTS[name]}", hint=f"Write {name}:tool, for example.")
        elif name == "code":
            raise InputError("code: takes a code such as M002", hint="Write code:M002, or M002 alone.")
        elif field:
            raise _unknown(name)
        else:
            words.append(term.casefold())
    return RowFilter(
        tuple(words), tuple(compared), tuple(codes), tuple(states), order, tuple(roles), tuple(sources)
    )  # fmt: skip


def terms_of(text: str) -> list[re.Match[str]]:
    """The terms of a filter, with their places. A term in quotes keeps them; a quote that is not closed is none."""
    return list((_TERM if is_closed(text) else _UNCLOSED).finditer(text))


def is_closed(text: str) -> bool:
    """True where every quote that begins a term of a filter ends it too."""
    return not _TERM.sub("", text).strip(" \t\r\n")


def code_of(term: str) -> str:
    """The code that a term asks for, as `M002` or `code:M002`; "" for another term."""
    code = term.removeprefix("code:")
    return code if _CODE.fullmatch(code) else ""


def comparison_of(term: str) -> tuple[str, str, str] | None:
    """The field, the sign and the number of a term, as they are written; None for another term."""
    found = _COMPARED.fullmatch(term)
    try:
        if found is None or found[1] not in _NUMBERS:
            return None
        _compared(term, found[1])
    except InputError:
        return None
    return found[1], found[2], found[3]


def sorted_by(text: str, order: Order | None) -> str:
    """A filter's text with another order, or with none."""
    rest = _SORT.sub("", text).strip()
    return rest if order is None else f"{rest} {order.term}".strip()


def _compared(term: str, field: str) -> tuple[str, str, float]:
    found = _COMPARED.fullmatch(term)
    try:
        assert found is not None
        # 2,000 is two thousand.
        return "share" if field == "trained" else field, found[2], float(found[3].rstrip("%").replace(",", ""))
    except (AssertionError, ValueError):
        example = f"Write {field}<10, for example."
        raise InputError(f"{field} is compared with {_NUMBERS[field]}", hint=example) from None


def _order(written: str) -> Order:
    field = "share" if (name := written.removeprefix("-")) == "trained" else name
    if field not in _ORDERS:
        raise InputError(f"sort: takes {', '.join(_ORDERS)}{_nearest(name, _ORDERS)}", hint="Write sort:-tokens.")
    return Order(field, written.startswith("-"))


def _unknown(name: str) -> InputError:
    return InputError(
        f"there is no field {name!r}{_nearest(name, _FIELDS) or ': ' + ', '.join(_FIELDS)}",
        hint="Put words with a colon into quotes.",
    )


def _nearest(name: str, names: Iterable[str]) -> str:
    """The name that was meant, most likely."""
    close = difflib.get_close_matches(name.casefold(), list(names), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _text(data: dict[str, Any] | None) -> str:
    """Everything that a raw row says, as one text."""
    return json.dumps(data, ensure_ascii=False, default=lambda value: type(value).__name__).casefold()
