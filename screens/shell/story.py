"""The state of every screen in a word or two, which the tabs of the first line show beside its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.checks.report import Report

Mood = Literal["good", "warning", "error", "muted"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign beside a tab's name. `short` takes its place in a narrow window; empty: it is left out there."""

    text: str
    mood: Mood
    short: str = ""


PASS, RUNNING = Mark("✓", "good", "✓"), Mark("▸", "muted", "▸")
PASS_OF_SAMPLE = Mark("✓ of a sample", "muted", "~")


@dataclass(frozen=True, slots=True)
class _TabState:
    recipe: str
    marks: tuple[Mark, ...]


class Story:
    """The marks of each screen, with the text of the recipe that they are about. `edition` counts the changes."""

    def __init__(self) -> None:
        self.edition = 0
        self.changed: Callable[[], None] = lambda: None
        """Called after every change."""
        self.report: Report | None = None
        """The last report of a check of all rows."""
        self._report_recipe = ""
        self._states: dict[str, _TabState] = {}
        self._partial: dict[str, _TabState] = {}

    def say(self, screen: str, recipe: str, *marks: Mark, partial: bool = False) -> bool:
        """Set a screen's marks; true where they are others.

        `partial` ones are known of some rows alone, and are shown where nothing is known of all rows of that recipe.
        """
        states = self._partial if partial else self._states
        state = _TabState(recipe, marks)
        if state == states.get(screen):
            return False
        states[screen] = state
        self.edition += 1
        self.changed()
        return True

    def marks(self, screen: str, recipe: str) -> tuple[Mark, ...]:
        """A screen's marks; in grey and brackets where they are about the recipe as it was before an edit."""
        known, some = self._states.get(screen), self._partial.get(screen)
        if known is not None and known.recipe == recipe:
            return known.marks
        if some is not None and some.recipe == recipe and some.marks:
            return some.marks
        if known is None or not known.marks:
            return ()
        text, short = (" ".join(getattr(mark, name) for mark in known.marks) for name in ("text", "short"))
        return (Mark(f"({text})", "muted", f"({short.split()[0]})" if short.strip() else ""),)

    def keep_report(self, recipe: str, report: Report) -> None:
        """Keep the report of a check of all rows."""
        self._report_recipe, self.report = recipe, report

    def report_of(self, recipe: str) -> Report | None:
        """The report of all rows of a recipe, where they were checked as it is now."""
        return self.report if self._report_recipe == recipe else None


def counts(severities: Iterable[str], *, partial: bool = False) -> tuple[Mark, ...]:
    """Marks for so many errors and warnings; `partial` ones may be more."""
    every = list(severities)
    more = "+" if partial else ""
    found: list[Mark] = []
    shown: tuple[Literal["error", "warning"], ...] = ("error", "warning")
    for severity in shown:
        if count := every.count(severity):
            sign = f"{SEVERITY_GLYPH[severity]}{count:,}{more}"
            found.append(Mark(sign, severity, "" if found else sign))
    return tuple(found)
