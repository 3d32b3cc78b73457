"""A filter's text as the picker holds it: each term that the picker has a place for, and all others as they stand.

Nothing but the term that is picked changes: a text that goes in comes out letter by letter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from screens.inspect.row_filter import STATES, Order, code_of, comparison_of, is_closed, parse_filter, terms_of
from workbench.errors import InputError

SHARE = "trained"
NUMBERS = (SHARE, "tokens", "pictures", "media", "loss")
"""The fields that are compared with a number."""
CODE, STATE, ROLE, SOURCE, SORT = "code", "is", "role", "source", "sort"
_TEXTS = (STATE, ROLE, SOURCE, SORT)
_BLANKS = " \t\r\n"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A term with the blanks before it, and the place that holds it; "" for one that no place holds."""

    before: str
    term: str
    place: str = ""


class PickedFilter:
    """The terms of a filter by their places: one for each field, and any number of codes."""

    def __init__(self, text: str = "") -> None:
        self._pieces = _pieces(text)

    @property
    def text(self) -> str:
        """The filter as it is typed."""
        return "".join(piece.before + piece.term for piece in self._pieces)

    def term(self, place: str) -> str:
        """The term of a field; "" where it has none."""
        return next((piece.term for piece in self._pieces if piece.place == place), "")

    def comparison(self, field: str) -> tuple[str, str]:
        """The sign and the number of a field, as they were written."""
        found = comparison_of(self.term(field))
        return ("=" if found[1] == ":" else found[1], found[2]) if found is not None else ("", "")

    def value(self, field: str) -> str:
        """The value of a field that is written behind a colon."""
        return self.term(field).partition(":")[2]

    @property
    def order(self) -> Order | None:
        """The order of the rows; None for that of the data."""
        return parse_filter(self.term(SORT)).order

    @property
    def codes(self) -> list[str]:
        """The codes that every row is to have."""
        return [code_of(piece.term) for piece in self._pieces if piece.place == CODE]

    @property
    def rest(self) -> str:
        """The terms that no place holds."""
        return "".join(piece.before + piece.term for piece in self._pieces if not piece.place).strip(_BLANKS)

    def set(self, place: str, term: str) -> None:
        """Write another term in the place of that of a field, or with "" take it away."""
        if term == self.term(place):
            return
        at = [number for number, piece in enumerate(self._pieces) if piece.place == place]
        if at:
            self._put(at[0], term)
        elif term:
            self._add(term, place)

    def set_rest(self, text: str) -> None:
        """Write other terms in the place of those that no place holds, behind all others."""
        if text.strip(_BLANKS) == self.rest:
            return
        for number in reversed([number for number, piece in enumerate(self._pieces) if not piece.place]):
            self._put(number, "")
        if text.strip(_BLANKS):
            self._add(text.strip(_BLANKS), "")

    def set_code(self, code: str, wanted: bool) -> None:
        """Ask for a code, or no longer."""
        at = [
            number
            for number, piece in enumerate(self._pieces)
            if piece.place == CODE and code_of(piece.term) == code
        ]  # fmt: skip
        if wanted and not at:
            self._add(code, CODE)
        elif not wanted:
            for number in reversed(at):
                self._put(number, "")

    def _put(self, number: int, term: str) -> None:
        if term:
            self._pieces[number] = replace(self._pieces[number], term=term)
            return
        gone = self._pieces.pop(number)
        following = self._pieces[number] if number < len(self._pieces) else None
        if following is not None and (number == 0 or not following.before):
            # The terms beside it stay two, and the text begins as it did.
            self._pieces[number] = replace(following, before=gone.before)

    def _add(self, term: str, place: str) -> None:
        end = self._pieces[-1] if self._pieces else None
        if end is not None and not end.term and not end.place:
            # The blanks behind the last term.
            self._pieces.pop()
        self._pieces.append(_Piece(" " if self._pieces else "", term, place))


def _pieces(text: str) -> list[_Piece]:
    if not is_closed(text):
        # A quote is open: what stands behind it belongs together.
        return [_Piece("", text)]
    terms = terms_of(text)
    sorts = [number for number, match in enumerate(terms) if _place(match[0]) == SORT]
    found, end, taken = [], 0, set()
    for number, match in enumerate(terms):
        place = _place(match[0])
        # The last of several orders is the one that counts; of other fields the first has the place.
        other = (place in taken and place != CODE) or (place == SORT and number != sorts[-1])
        if place and not other:
            taken.add(place)
        found.append(_Piece(text[end : match.start()], match[0], "" if other else place))
        end = match.end()
    return [*found, _Piece(text[end:], "")] if text[end:] else found


def _place(term: str) -> str:
    """The place that can hold a term."""
    if term[0] in "\"'":
        return ""
    if code_of(term):
        return CODE
    if (compared := comparison_of(term)) is not None:
        return SHARE if compared[0] == "share" else compared[0]
    name, colon, value = term.partition(":")
    if not colon or name not in _TEXTS or (name == STATE and value not in STATES):
        return ""
    try:
        parse_filter(term)
    except InputError:
        return ""
    return name
