"""Messages to the user: the one that stands now, and the last ones, to be read again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from textual.notifications import SeverityLevel

UNTIL_DONE_SECONDS = 600.0
"""A message on what goes on stands until that is done, and told in its place."""
_KEPT = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """A message, made safe to draw. It stands for `seconds`, and until the next edit at most unless it is `lasting`."""

    text: str
    severity: SeverityLevel = "information"
    seconds: float = 5.0
    lasting: bool = False
    """True for what an edit or another screen makes no less true, as an unexpected error."""
    said: float = field(default_factory=monotonic)
    when: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def wrong(self) -> bool:
        """True for an error."""
        return self.severity == "error"

    def left(self, now: float) -> float:
        """The seconds that it still stands."""
        return self.said + self.seconds - now


class Notices:
    """All messages of an app. A newer one takes the place of an older one, but not of an error before its time."""

    def __init__(self) -> None:
        self.kept: deque[Notice] = deque(maxlen=_KEPT)
        """The last ones, the newest at the end; one that is said again and again is kept once."""
        self._standing: tuple[Notice, ...] = ()

    def say(self, notice: Notice) -> None:
        """Take a message."""
        if self.kept and (self.kept[-1].text, self.kept[-1].severity) == (notice.text, notice.severity):
            self.kept.pop()
        self.kept.append(notice)
        errors = () if notice.wrong else tuple(one for one in self._standing if one.wrong)
        self._standing = (*errors, notice)

    def shown(self, now: float) -> Notice | None:
        """The message that stands: an error first, then the newest."""
        self._standing = tuple(one for one in self._standing if one.left(now) > 0)
        return self._standing[0] if self._standing else None

    def outdate(self) -> bool:
        """Drop what is no longer true after an edit or a change of the screen; True where there was something."""
        return self._keep(tuple(one for one in self._standing if one.lasting))

    def answer(self) -> bool:
        """Drop what only told that something goes on or was done, before a dialog; True where there was something."""
        return self._keep(tuple(one for one in self._standing if one.severity != "information"))

    def dismiss(self) -> bool:
        """Drop the message that stands; one that waited behind it comes forward. True where there was one."""
        return self._keep(self._standing[1:])

    def clear(self) -> bool:
        """Drop all that stand; True where there was one."""
        return self._keep(())

    def _keep(self, standing: tuple[Notice, ...]) -> bool:
        changed = standing != self._standing
        self._standing = standing
        return changed
