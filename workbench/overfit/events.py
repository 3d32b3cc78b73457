"""The events of an overfit run, one JSON object a line. Screens, commands and the verdict read these and nothing else.

Every line has `event` and `time` (seconds since the run began). The first is `start` with `version`; a file of another
version is refused, an event of an unknown name is kept and passed over.

| event | holds |
| --- | --- |
| `start` | `version`, `plan` (see `plan.Plan`), `fingerprint`, `not_honoured` (what of the recipe the run leaves out) |
| `loaded` | `seconds`, `parameters`, `trainable`, `adapters` (by tower), `vocabulary`, `device`, `dtype`, `notes`,
`replaced` (what of the recipe this machine lacks, and what takes its place), `memory_of` ("training": a step's
`memory` leaves out what Python and its libraries have), `frozen_by` (the key that freezes all that is adapted),
`new_tokens` (embeddings that were added at random: `from`, `to`, `trained`, `rows`, `token`) |
| `baseline` | `nll` (per token), `tokens`, `rows` (`row`, `tokens`, `nll`), `direct`, `plain`, `logged_factor`,
`loss_by_tokens`, `micro_batches` (of a step), `not_finite` (`weights` and by row `inputs` that hold NaN or infinity) |
| `token_nll` | `when` (before, after), `row`, `input_ids`, `nll` (null where not measured) |
| `step` | `step`, `loss`, `grad_norm`, `learning_rate`, `tokens`, `seconds`, `memory` (bytes), `rows` |
| `probe` | `name` and its own fields: `final`, `decode`, `stop`, `gradients`, `frozen`, `swap`, `reload`,
and before the first step `template` (the answers' loss in the `recipe`'s chat template and in the model's `own`) |
| `done` | `reason`, `steps`, `seconds` |
| `error` | `kind` (memory, kernel, crash, killed, cancelled, time, limit, input), `message`, `tail`, `hint`, `field`,
`row`, `estimate` (of a step), `memory_kills` (whether the system counts one for want of memory; null: unknown) |

`schema.py` has the form of each; a line of another form is refused, with its place, before anything judges it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import monotonic
from typing import IO, Any

from workbench.errors import InputError, Where
from workbench.files import read_limited
from workbench.overfit.schema import faults

VERSION = 1
MOST_BYTES = 64 << 20
"""A run on some rows of a hundred thousand tokens writes ten MiB."""
Event = dict[str, Any]


class Writer:
    """Appends events to a file, each flushed as it is written, so that a kill loses none before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._began = monotonic()
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def write(self, event: str, **fields: Any) -> None:
        """One event. NaN and infinity are written as the texts "nan", "inf" and "-inf": JSON has none."""
        line = {"event": event, "time": round(monotonic() - self._began, 4), **_finite(fields)}
        self._file.write(json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def number(value: Any) -> float:
    """A number of an event, whichever way it is written; NaN where there is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def read(path: Path) -> list[Event]:
    """The events of a file; a last line that was not written to its end is left out.

    Raises:
        InputError: it cannot be read, is not a file of events, or is one of another version.
    """
    text = read_limited(path, MOST_BYTES, "The events cannot be read").decode("utf-8", "replace")
    return list(parse(text.removeprefix("\ufeff").split("\n"), str(path)))


def parse(lines: Iterable[str], name: str = "", *, begun: bool = False) -> Iterator[Event]:
    """Events from lines, each of the form that `schema` has for it; `begun`: these go on where others ended."""
    first = not begun
    pending: tuple[int, str] | None = None
    for number_of_line, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if pending is not None:
            raise _no_event(pending[1], Where(name, pending[0]))
        where = Where(name, number_of_line)
        try:
            event = json.loads(line, parse_constant=_refuse)
        except RecursionError:
            raise _no_event("It is nested too deeply.", where) from None
        except ValueError as problem:
            # Only the last line may be broken off.
            pending = (number_of_line, f"{line[:60]!r} is no JSON: {problem}.")
            continue
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise _no_event(f"{line[:60]!r} has no `event`.", where)
        # A run that could not begin has nothing but its error.
        if first and event["event"] != "error":
            _require_start(event, where)
        first = False
        wrong = list(faults(event))
        if wrong:
            kind = " ".join(filter(None, (event["event"], str(event.get("name") or ""))))[:60]
            raise _no_event("; ".join(wrong[:5]) + ".", where, f"This {kind} event is not as the bench writes it")
        yield event
    if first:
        cause = pending[1] if pending is not None else "The file is empty."
        raise InputError("There are no events", cause, _ANOTHER, Where(name))


_ANOTHER = "Give the folder of a run, or its events.jsonl; or run again."


def _no_event(cause: str, where: Where, title: str = "This is no event") -> InputError:
    return InputError(title, cause, "Take the line out if you know what it held, or run again.", where)


def _require_start(event: Event, where: Where) -> None:
    """Raises InputError where a file does not begin as a run of this version does."""
    version = event.get("version")
    if event["event"] != "start" or type(version) is not int or version != VERSION:
        shown = f"{event['event']!r}"[:60], f"{json.dumps(version)}"[:60]
        cause = f"The first event is {shown[0]} of version {shown[1]}; version {VERSION} is read."
        raise InputError("These are no events of this bench", cause, "Run again.", where)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def last(events: Iterable[Event], kind: str, **fields: Any) -> Event | None:
    """The last event of a kind whose fields have these values."""
    found = None
    for event in events:
        if event["event"] == kind and all(event.get(key) == value for key, value in fields.items()):
            found = event
    return found


def every(events: Iterable[Event], name: str) -> list[Event]:
    """All events of a name, in order."""
    return [event for event in events if event["event"] == name]
