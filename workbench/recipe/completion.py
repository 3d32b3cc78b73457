"""Completions of a recipe's text at a place: axolotl's keys by section, the words that they take, and markers.

While a line is typed the text mostly does not parse, so that the lines themselves say where the place is: their
indentation, their dashes, and the key before the colon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.recipe.schema import Schema, options_of, sections_of
from workbench.recipe.yaml.write import as_inline

_KEY_LINE = re.compile(r"(?P<indent> *)(?P<dashes>(?:- +)*)(?P<key>[\w.-]+) *:(?P<value>(?: .*)?)$")
_TYPED_KEY = re.compile(r"(?P<indent> *)(?P<dashes>(?:- +)*)(?P<typed>[\w.-]*)$")
_TYPED_VALUE = re.compile(r"(?P<indent> *)(?P<dashes>(?:- +)*)(?P<key>[\w.-]+) *: +(?P<typed>.*)$")
_REST_OF_VALUE = re.compile(r"""["']?\s*$""")
_BOUNDARIES = "role_boundaries"
_MARKERS = ("start", "end")
_MOST = 40
"""Completions that are given: a person types on rather than looks through more, and each costs time to draw."""
_LINES = 2_000
"""Lines that are looked through for the section of a place."""


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers that the template writes, by the role whose turns they begin or end, the likeliest first."""

    start: Mapping[str, Sequence[str]] = field(default_factory=dict)
    end: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completion:
    """Something that may stand at a place: `shown` to a person with a word on it, `text` in the recipe."""

    shown: str
    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Completions:
    """The completions of what is `typed` between two columns of a line; `value` is true behind a colon.

    `count` is how many there are, of which the likeliest are in `found`.
    """

    start: int
    stop: int
    typed: str
    value: bool
    found: tuple[Completion, ...]
    count: int


@dataclass(frozen=True, slots=True)
class _Place:
    """The keys that a line is in, the names that stand beside it, and the role of its boundary."""

    path: tuple[str, ...]
    beside: frozenset[str]
    role: str


def completions(lines: Sequence[str], line: int, column: int, schema: Schema, markers: Markers) -> Completions | None:
    """The completions at a place of a text, line and column counted from 0; None where nothing is known to stand."""
    before, after = lines[line][:column], lines[line][column:]
    if (at := _TYPED_KEY.match(before)) and not re.match(r"[\w.-]", after):
        place, start = _place(lines, line, at), at.start("typed")
        found = _keys(place, schema, bare=not after.lstrip().startswith(":"))
        return _matching(found, start, column, at["typed"], value=False)
    if (at := _TYPED_VALUE.match(before)) and _REST_OF_VALUE.match(after):
        place = _place(lines, line, at)
        found = _values(place, at["key"], schema, markers)
        stop = len(lines[line].rstrip())
        return _matching(found, at.start("typed"), max(stop, column), at["typed"], value=True)
    return None


def _matching(found: Iterator[Completion], start: int, stop: int, typed: str, *, value: bool) -> Completions | None:
    """Those that begin with what is typed, then those that hold it."""
    wanted = typed.strip("\"'").casefold()
    if wanted and value:
        # What is typed of a marker is YAML, its line ends written as two characters.
        wanted = wanted.replace("\\n", "\n")
    held = [one for one in found if wanted in one.shown.casefold() or wanted in one.text.casefold()]
    held.sort(key=lambda one: not one.shown.casefold().startswith(wanted))
    if not held or (len(held) == 1 and typed == held[0].text.strip(": ")):
        return None
    return Completions(start, stop, typed, value, tuple(held[:_MOST]), len(held))


def _place(lines: Sequence[str], line: int, at: re.Match[str]) -> _Place:
    """The place of a line, found by going up from it."""
    path: list[str] = []
    beside: set[str] = set()
    role = ""
    column, bound = _columns(at)
    own = bound == column
    for above in reversed(lines[max(0, line - _LINES) : line]):
        found = _KEY_LINE.match(above)
        if found is None:
            continue
        place, under = _columns(found)
        if place < bound:
            path.insert(0, found["key"])
            column, bound, own = place, under, False
        elif place == column == bound:
            if own:
                beside.add(found["key"])
                role = _role(found) or role
            bound, own = under, own and under == place
    below, more = _below(lines, line, _columns(at)[0])
    return _Place(tuple(path), frozenset(beside | below), role or more)


def _columns(found: re.Match[str]) -> tuple[int, int]:
    """The column of a line's key, and the one that the key above must stand before: a list's dashes may be below it."""
    indent = len(found["indent"])
    column = indent + len(found["dashes"])
    return column, indent + 1 if found["dashes"] else column


def _role(found: re.Match[str]) -> str:
    """The role that a line gives its boundary."""
    return found["value"].strip(" \"'") if found["key"] == "role" else ""


def _below(lines: Sequence[str], line: int, column: int) -> tuple[set[str], str]:
    """The names that follow beside a line, and the role among them."""
    beside: set[str] = set()
    role = ""
    for below in lines[line + 1 : line + 1 + _LINES]:
        found = _KEY_LINE.match(below)
        if found is None:
            continue
        place, _ = _columns(found)
        if place < column or (found["dashes"] and len(found["indent"]) < column):
            break
        if place == column:
            beside.add(found["key"])
            role = _role(found) or role
    return beside, role


def _members(path: Sequence[str], schema: Schema) -> list[Mapping[str, Mapping[str, Any]]]:
    """The keys that may stand under a path: one mapping for each class that may be there."""
    plugged = {name: entry for keys in schema.plugins.values() for name, entry in keys.items()}
    members: list[Mapping[str, Mapping[str, Any]]] = [{**plugged, **schema.keys}]
    for key in path:
        forms = [keys[key]["type"] for keys in members if key in keys]
        names = dict.fromkeys(name for form in forms for name in sections_of(form))
        members = [schema.sections.get(name, {}) for name in names]
    return members


def _keys(place: _Place, schema: Schema, *, bare: bool) -> Iterator[Completion]:
    """The keys of a place that do not stand there yet; `bare` without the colon that follows."""
    entries = {key: entry for keys in reversed(_members(place.path, schema)) for key, entry in keys.items()}
    for key in sorted(entries):
        if key in place.beside:
            continue
        form = entries[key]["type"]
        block = all(isinstance(one, dict) and not {"words"} & {*one} for one in options_of(form) if one != "null")
        colon = "" if not bare else ":" if block else ": "
        yield Completion(key, f"{key}{colon}", _about(entries[key]))


def _about(entry: Mapping[str, Any]) -> str:
    """The type of a key and its default, in a few words."""
    words = []
    for one in options_of(entry["type"]):
        if isinstance(one, str):
            words += [one] if one not in ("null", "any") else []
        elif "words" in one:
            words += [str(word) for word in one["words"][:3]] + ["…"] * (len(one["words"]) > 3)
        else:
            words.append("list" if "list" in one else "section")
    text = " | ".join(dict.fromkeys(words))
    default = entry.get("default")
    return f"{text}, default {as_inline(default)}" if isinstance(default, str | int | float | bool) else text


def _values(place: _Place, key: str, schema: Schema, markers: Markers) -> Iterator[Completion]:
    """The values that a key takes, where they are a few that are known."""
    if place.path[-1:] == (_BOUNDARIES,) and key in _MARKERS:
        yield from _written(place.role, markers.start if key == "start" else markers.end)
        return
    if place.path[-1:] == (_BOUNDARIES,) and key == "role":
        yield from (Completion(role, role, "in this row") for role in markers.start)
        return
    forms = [keys[key] for keys in _members(place.path, schema) if key in keys]
    words: dict[str, str] = {}
    for entry in forms:
        default = entry.get("default")
        for one in options_of(entry["type"]):
            known = (True, False) if one == "bool" else one.get("words", ()) if isinstance(one, dict) else ()
            for word in known:
                words.setdefault(as_inline(word), "default" if word == default and type(word) is type(default) else "")
    for name in schema.names.get(key, ()) if not place.path else ():
        words.setdefault(name, "")
    yield from (Completion(word, word, about) for word, about in words.items())


def _written(role: str, by_role: Mapping[str, Sequence[str]]) -> Iterator[Completion]:
    """The markers of a role, then those of the others that it has not."""
    written: dict[str, str] = {}
    for other in sorted(by_role, key=lambda name: name != role):
        for marker in by_role[other]:
            written.setdefault(as_inline(marker, style='"'), f"written for {other}")
    yield from (Completion(text, text, about) for text, about in written.items())
