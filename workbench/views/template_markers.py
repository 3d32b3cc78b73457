"""The markers that the chat template wrote in a row, read between its messages: they are offered where one is typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.recipe.completion import Markers

if TYPE_CHECKING:
    from workbench.tokens.render import Rendering
    from workbench.tokens.trace import Trace

_LONGEST = 200
_MESSAGES = 400
"""Messages of a row that are looked at: they repeat."""


def template_markers(rendering: Rendering, trace: Trace, roles: Sequence[str]) -> Markers:
    """The starts and ends by role. A start that stands before two roles tells neither, and is left out."""
    starts: dict[str, Counter[str]] = {}
    ends: dict[str, Counter[str]] = {}
    last: tuple[str, int] | None = None
    for role, begin, stop in _messages(trace, roles):
        opening, ended = _split(rendering, trace, last, begin)
        if last is not None:
            ends.setdefault(last[0], Counter()).update(ended)
        starts.setdefault(role, Counter()).update(opening)
        last = role, stop
    if last is not None:
        ends.setdefault(last[0], Counter()).update(_split(rendering, trace, last, len(rendering.text))[1])
    shared = Counter(start for found in starts.values() for start in found)
    unique = {role: {start: n for start, n in found.items() if shared[start] == 1} for role, found in starts.items()}
    return Markers(_likeliest(unique, longer=True), _likeliest(ends, longer=False))


def _likeliest(by_role: Mapping[str, Mapping[str, int]], *, longer: bool) -> dict[str, tuple[str, ...]]:
    """The markers of each role: those seen most often first, of two as often the longer or the shorter."""
    sign = -1 if longer else 1
    return {
        role: tuple(sorted(found, key=lambda text: (-found[text], sign * len(text)))) for role, found in by_role.items()
    }


def _messages(trace: Trace, roles: Sequence[str]) -> list[tuple[str, int, int]]:
    """(role, first character, end) of each message in the text, in its order."""
    spans: dict[int, tuple[int, int]] = {}
    for place in trace.places:
        if 0 <= place.message < len(roles):
            begin, stop = spans.get(place.message, (place.start, place.stop))
            spans[place.message] = min(begin, place.start), max(stop, place.stop)
    order = sorted(spans.items(), key=lambda item: item[1])[:_MESSAGES]
    return [(roles[message], begin, stop) for message, (begin, stop) in order]


def _split(rendering: Rendering, trace: Trace, last: tuple[str, int] | None, until: int) -> tuple[list[str], list[str]]:
    """(starts, ends) of the text between two messages: each start goes from a control token on to the text."""
    text, begin = rendering.text, last[1] if last is not None else 0
    control = _control(rendering, trace, begin, until)
    ends: list[str] = []
    if last is not None and control:
        stop = control[0][1]
        blank = len(text[stop:until]) - len(text[stop:until].lstrip())
        ends = list(dict.fromkeys((text[control[0][0] : stop], text[control[0][0] : stop + blank])))
        # Where nothing else is written, what ends one turn begins the next.
        control = control[1:] or (control if not text[stop:until].strip() else [])
    starts = [text[start:until] for start, _ in control]
    if not starts:
        line = text[begin:until].rstrip().rfind("\n") + 1
        starts = [text[begin + line : until].lstrip(" ")]
    if last is None and len(starts) > 1 and control[0][0] == 0:
        # The token that begins every row.
        starts = starts[1:]
    return [start for start in starts if start.strip() and len(start) <= _LONGEST], ends


def _control(rendering: Rendering, trace: Trace, begin: int, until: int) -> list[tuple[int, int]]:
    """The characters of the control tokens between two places of the text."""
    offsets, special = trace.offsets, rendering.vocabulary.special_ids
    if not len(offsets):
        return []
    found = []
    for token in range(int(offsets[:, 0].searchsorted(begin)), len(offsets)):
        start, stop = int(offsets[token, 0]), int(offsets[token, 1])
        if start >= until:
            break
        if start < stop <= until and int(rendering.input_ids[token]) in special:
            found.append((start, stop))
    return found
