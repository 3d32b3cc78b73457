"""The turns that a model wrote after a run beside those that were wanted, up to where they part. For every face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from workbench.overfit.events import Event, last

_BEFORE = 40
"""Characters that are shown of what both have before the first difference."""


@dataclass(frozen=True, slots=True)
class WrittenTurn:
    """A trained turn of a row. `same` are the first characters that both have; `exact` and `stopped` are measured."""

    row: int
    message: int | None
    wanted: str
    got: str
    same: int
    exact: bool
    stopped: bool

    @property
    def place(self) -> str:
        """The row and message, in words."""
        return f"row {self.row}" if self.message is None else f"row {self.row}, message {self.message}"

    def parts(self, text: str) -> tuple[str, str]:
        """One of the two texts: the end of what both have, and what follows."""
        begun = text[: self.same]
        shown = begun if len(begun) <= _BEFORE else f"…{begun[-_BEFORE:]}"
        return shown, text[self.same :]

    @property
    def outcome(self) -> str:
        """The outcome in words."""
        if self.exact:
            return "as wanted" if self.stopped else "as wanted, but it does not stop"
        if self.got.startswith(self.wanted):
            return "it goes on after the wanted text"
        if self.wanted.startswith(self.got):
            return (
                f"it stops after {self.same:,} of {len(self.wanted):,} characters" if self.got else "it writes nothing"
            )
        return f"another text from character {self.same:,}"


def written_turns(events: Sequence[Event]) -> list[WrittenTurn]:
    """The turns of a run that was asked for them; none where it was not. Those that are not exact come first."""
    decode = last(events, "probe", name="decode")
    found = [_turn(turn) for turn in (decode or {}).get("turns") or ()]
    return sorted(found, key=lambda turn: turn.exact and turn.stopped)


def _turn(turn: Event) -> WrittenTurn:
    wanted, got = str(turn["wanted"]), str(turn["got"])
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(wanted, got, strict=False)))
    message = turn.get("message")
    return WrittenTurn(int(turn["row"]), message, wanted, got, same, bool(turn["exact"]), bool(turn["stopped"]))
