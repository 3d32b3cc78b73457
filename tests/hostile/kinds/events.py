"""Recorded runs whose events are cut, doubled, of other types, huge, nested, or no events at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.hostile.case import Case, Content, Fifo, Link, Sparse
from tests.hostile.strings import ATTACKS, JSON_VALUES

_MUTATED = 170
_FORMATS = ("text", "json", "html")
Path_ = tuple[str | int, ...]


@cache
def recorded() -> tuple[dict[str, Any], ...]:
    """The events of a run that was recorded, with few steps, and one of each kind of probe."""
    folder = Path(__file__).parents[2] / "screens" / "recorded"
    (file,) = folder.glob("*.jsonl")
    events = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    kept = [event for event in events if event["event"] != "step" or event in steps[:6] + steps[-6:]]
    return tuple(event for event in kept if event["event"] != "token_nll")[:60]


def places(value: Any, at: Path_ = ()) -> Iterator[Path_]:
    """The path of every value inside a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inside:
        yield (*at, step)
        yield from places(item, (*at, step))


def put(value: Any, at: Path_, new: Any) -> Any:
    """Put a value at a path, in place; `...` takes out what is there."""
    for step in at[:-1]:
        value = value[step]
    if new is ...:
        del value[at[-1]]
    else:
        value[at[-1]] = new


def _text(events: Any) -> str:
    return "\n".join(json.dumps(event) for event in events) + "\n"


def _case(chance: Random, name: str, content: Content | None, **more: Any) -> Case:
    output = chance.choice(_FORMATS)
    return Case(name, ["overfit", "--replay", "events.jsonl", "--format", output], {"events.jsonl": content}, **more)


def cases(chance: Random) -> Iterator[Case]:
    """Every kind of fault in a file of events."""
    for number in range(_MUTATED):
        events = deepcopy(list(recorded()))
        names = sorted({(event["event"], event.get("name")) for event in events}, key=str)
        kind = names[number % len(names)]
        of_kind = [event for event in events if (event["event"], event.get("name")) == kind]
        event = of_kind[-1]
        at = chance.choice(list(places(event)))
        new = chance.choice((..., *JSON_VALUES, *ATTACKS[:6]))
        for same in of_kind if chance.random() < 0.5 else [event]:
            if at in set(places(same)):
                put(same, at, deepcopy(new) if new is not ... else ...)
        yield _case(chance, f"{kind} {'.'.join(map(str, at))} = {str(new)[:20]!r} #{number}", _text(events))
    yield from _lines(chance)
    yield from _ends(chance)
    yield from _files(chance)


def _lines(chance: Random) -> Iterator[Case]:
    whole = _text(recorded())
    for number in range(12):
        cut = chance.randrange(len(whole))
        yield _case(chance, f"cut at {cut}", whole[:cut])
        lines = whole.splitlines(keepends=True)
        at = chance.randrange(len(lines))
        change = ("double", "take out", "swap", "break", "bytes")[number % 5]
        if change == "double":
            lines[at:at] = [lines[at]] * 3
        elif change == "take out":
            del lines[at]
        elif change == "swap":
            chance.shuffle(lines)
        elif change == "break":
            lines[at] = lines[at][: len(lines[at]) // 2] + "\n"
        text = "".join(lines).encode()
        if change == "bytes":
            where = chance.randrange(len(text))
            text = text[:where] + bytes(chance.randrange(256) for _ in range(5)) + text[where:]
        yield _case(chance, f"{change} {at} #{number}", text)
    deep = '{"event": "start", "version": 1, "plan": ' + "[" * 50_000 + "]" * 50_000 + "}\n"
    yield _case(chance, "nested 50,000 deep", deep)
    yield _case(chance, "an object nested 50,000 deep", '{"event":' * 50_000 + "1" + "}" * 50_000)
    for text in ("[]", "null", "1", '"event"', "{}", '{"event": null}', '{"event": ["start"]}', '{"event": {}}'):
        yield _case(
            chance, f"the first line is {text}", text + "\n" + whole, codes=frozenset((2,)), names="events.jsonl"
        )
    for version in (0, 2, "1", None, 1.5, 10**400, [], "\x1b[2J"):
        first = dict(recorded()[0], version=version)
        yield _case(chance, f"version {str(version)[:9]!r}", _text([first, *recorded()[1:]]))


def _ends(chance: Random) -> Iterator[Case]:
    """Attacks in every text of a run, and runs that ended in every way, with estimates of every type."""
    for attack in ATTACKS:
        events = deepcopy(list(recorded()))
        for event in events:
            for at in [at for at in places(event) if isinstance(at[-1], str) and at != ("event",) and at != ("name",)]:
                holder = event
                for step in at[:-1]:
                    holder = holder[step]
                if isinstance(holder[at[-1]], str):
                    holder[at[-1]] = attack
        more = {"event": attack, "time": 1}, {"event": "error", "kind": "crash", "message": attack, "tail": attack}
        yield _case(chance, f"texts {attack[:9]!r}", _text([*events, *more]))
        yield _case(
            chance, f"ends {attack[:9]!r}", _text([{**more[1], "kind": "input", "hint": attack, "field": attack}])
        )
    for kind in ("memory", "limit", "killed", "cancelled", "time", "input", "crash", "?", None, 3, []):
        for estimate in ({"total": "x"}, [], {"weights": 1e300, "total": None}, {"weights": "1" * 5000}, "x"):
            event = {"event": "error", "time": 1, "kind": kind, "message": None, "tail": 7, "estimate": estimate}
            yield _case(chance, f"error of kind {kind} with {str(estimate)[:20]}", _text([event]))


def _files(chance: Random) -> Iterator[Case]:
    refused = frozenset((2,))
    yield _case(chance, "FIFO", Fifo(), codes=refused, names="events.jsonl")
    yield _case(chance, "endless device", Link("/dev/zero"), codes=refused, names="events.jsonl")
    yield _case(chance, "endless terminal", Link("/dev/urandom"), codes=refused, names="events.jsonl")
    yield _case(chance, "16 GiB of zeros", Sparse(16 << 30), codes=refused, names="events.jsonl")
    yield _case(chance, "one line of 80 MB", '{"event": "' + "x" * 80_000_000, codes=refused)
    yield _case(chance, "folder without events", None, codes=refused, names="events.jsonl")
    yield _case(chance, "empty", "", codes=refused, names="events.jsonl")
    yield _case(chance, "blank lines", "\n\n \n", codes=refused, names="events.jsonl")
    yield _case(chance, "zeros", b"\0" * 4096, codes=refused)
    yield _case(chance, "UTF-16", _text(recorded()).encode("utf-16"), codes=refused)
    yield _case(chance, "BOM", b"\xef\xbb\xbf" + _text(recorded()).encode())
    yield _case(chance, "CR LF", _text(recorded()).replace("\n", "\r\n"))
    yield _case(chance, "link to itself", Link("events.jsonl"), codes=refused)
    yield Case(
        "a folder whose events are a FIFO", ["overfit", "--replay", "run"], {"run/events.jsonl": Fifo()}, refused
    )
