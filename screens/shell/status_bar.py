"""The first line: the screens as tabs with their state; then the recipe, its path, and who was asked."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual import events
from textual.cache import LRUCache
from textual.strip import Strip

from screens.keys.screen_registry import SCREENS
from screens.keys.user_keymap import key_of
from screens.line_cache.kept_lines import Still
from screens.line_cache.text_pane import strip_of
from screens.shell.themes import Paints, paints

if TYPE_CHECKING:
    from screens.shell.story import Mark, Story

_KEPT = 64
_USUAL = "multimodal path"
_NAME_CELLS = (16, 10)
"""Cells of the recipe's name where there is less and less room."""


@dataclass(frozen=True, slots=True)
class AskedStatus:
    """The trainer that was asked and its answer, or the table that stands for one.

    `good`: it agrees, it does not, or (None) it is not known. `short`: the same where there is less room. `pending`:
    an answer is on its way.
    """

    text: str
    good: bool | None = None
    short: str = ""
    pending: bool = False

    @classmethod
    def of(cls, name: str, said: str, good: bool | None = None) -> AskedStatus:
        """The answer of the trainer `name`, in words that follow its name."""
        return cls(f"asked: {name} {said}", good, f"asked: {name}")

    @property
    def forms(self) -> tuple[str, ...]:
        """The texts from the longest to the shortest."""
        if self.good is None:
            return tuple(form for form in (self.text, self.short, "…" if self.pending else "") if form)
        glyph = "✓" if self.good else "✗"
        return (*(f"{glyph} {form}" for form in (self.text, self.short) if form), glyph)


@dataclass(frozen=True, slots=True)
class Status:
    """The values in the line, beside the tabs. `text` is the recipe's, which the marks of the tabs are held against;
    `note` a warning about what is shown."""

    title: str
    family: str = ""
    recipe: str = ""
    edited: bool = False
    asked: AskedStatus | None = None
    path: str = ""
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Tabs:
    """The tabs drawn, and the column that each begins at."""

    text: Text
    starts: tuple[int, ...]


class StatusBar(Still):
    """One line. A narrow window shortens both sides: first the names, then the marks; the numbers stay."""

    def __init__(self, status: Status, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.status = status
        self._starts: tuple[int, ...] = ()
        self._fitted: LRUCache[object, tuple[_Tabs, Text]] = LRUCache(_KEPT)

    def show(self, status: Status) -> None:
        """Say something else."""
        if status != self.status:
            self.status = status
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The one line. Textual's way from a text to a strip takes longer, and this changes at every keystroke."""
        return strip_of(self.render(), self.base, self.size.width, self.app.console)

    def render(self) -> Text:
        """Both sides, with the blank between."""
        paint, width = paints(self.app.current_theme), self.size.width
        tabs, right = self._sides(paint, width)
        self._starts = tabs.starts
        blank = " " * max(0, width - tabs.text.cell_len - right.cell_len)
        line = Text.assemble(tabs.text, blank, right, end="", no_wrap=True)
        line.truncate(width)
        return line

    def _sides(self, paint: Paints, width: int) -> tuple[_Tabs, Text]:
        """The longest forms of both sides that fit together; worked out once for what they show."""
        story: Story | None = getattr(self.app, "story", None)
        if story is None or self._current() not in SCREENS:
            # While the bench is loading there are no screens to go to.
            bare = Text(" vlmbench", paint.accent + Style(bold=True), end="")
            bare.append("   ").append(_middle(self.status.title, max(0, width - 14)), paint.strong)
            return _Tabs(bare, ()), Text()
        marks = {name: story.marks(name, self.status.text) for name in SCREENS}
        # The text of the recipe changes at every keystroke, and the line mostly does not.
        key = replace(self.status, text=""), tuple(marks.values()), width, paint
        if (known := self._fitted.get(key)) is None:
            known = self._fitted[key] = self._fit(marks, paint, width)
        return known

    def _fit(self, marks: dict[str, tuple[Mark, ...]], paint: Paints, width: int) -> tuple[_Tabs, Text]:
        rights = list(_rights(self.status, paint))
        # The shorter form of the tabs comes before the shorter half of the other side, and the other way round.
        # The names of the screens stay longest: a state is a sign by then.
        plan = [(0, rights[:4]), (1, rights[2:4]), (2, rights[2:-1]), (3, rights[2:6]), (3, rights[6:]), (4, rights)]
        if self.status.asked is not None and self.status.asked.good is not None:
            # The words of an answer are worth more than those of the states.
            plan[:0] = [(0, rights[:3]), (2, rights[:3])]
        last = self._tabs(4, marks, paint)
        for level, forms in plan:
            tabs = self._tabs(level, marks, paint)
            for right in forms:
                if tabs.text.cell_len + right.cell_len + 1 <= width:
                    return tabs, right
        return last, Text()

    def _current(self) -> str:
        if tab := getattr(self.screen, "TAB", ""):
            return str(tab)
        scopes: tuple[str, ...] = getattr(self.screen, "SCOPES", ())
        return scopes[0] if scopes else ""

    def _tabs(self, level: int, marks: dict[str, tuple[Mark, ...]], paint: Paints) -> _Tabs:
        """The tabs: 0 with room between them, 1 close, 2 with states as signs, 3 with the name of the current one
        alone, 4 numbers alone."""
        current, text, starts = self._current(), Text(end="", no_wrap=True), []
        moods = {"good": paint.bar, "muted": paint.muted, **paint.severity}
        for number, name in enumerate(SCREENS, 1):
            if number > 1:
                text.append(" " if level in (0, 4) else "")
            starts.append(text.cell_len)
            begin, pad = len(text), "" if level == 4 else " "
            # One colour under the inverse: pieces of several would look like several tabs.
            here = paint.strong if name == current else None
            text.append(f"{pad}{self._key(name, number)}", here or paint.accent)
            if level < 3 or (level == 3 and name == current):
                text.append(f" {name}", paint.strong if name == current else paint.muted)
            for mark in marks[name] if level < 4 else ():
                sign = mark.text if level < 2 else mark.short
                text.append(f" {sign}" if sign else "", here or moods[mark.mood])
            text.append(pad)
            if name == current:
                text.stylize(Style(reverse=True, bold=True), begin, len(text))
        return _Tabs(text, tuple(starts))

    def _key(self, name: str, number: int) -> str:
        """The key of a screen, which the user may have changed."""
        return key_of(f"screen.{name}", getattr(self.app, "keys", {})) or str(number)

    async def on_click(self, event: events.Click) -> None:
        """Go to the screen of the tab under the mouse."""
        place = bisect_right(self._starts, event.x) - 1
        if 0 <= place < len(SCREENS) and event.x < self._end():
            await self.app.run_action(f"show_screen('{list(SCREENS)[place]}')")

    def _end(self) -> int:
        """The column after the last tab."""
        return self._sides(paints(self.app.current_theme), self.size.width)[0].text.cell_len


def _rights(status: Status, paint: Paints) -> Iterator[Text]:
    """The side of the recipe, from the longest form to the shortest."""
    name, title = PurePath(status.recipe).name or status.recipe, _last_of(status.title)
    asked = status.asked
    forms = asked.forms if asked is not None else ()
    full, short, sign = (forms[min(place, len(forms) - 1)] if forms else "" for place in (0, 1, 2))
    mood = {True: paint.accent, False: paint.severity["error"], None: paint.muted}[asked.good if asked else None]
    path = status.path
    brief = path.removesuffix(" path")

    def line(names: tuple[str, ...], path: str, asked: str) -> Text:
        text = Text(end="", no_wrap=True)
        for part in filter(None, names):
            text.append(" · " if text else "", paint.muted)
            text.append(part, paint.strong if part == names[-1] else paint.muted)
        if status.edited:
            text.append(" •" if text else "•", paint.severity["warning"])
        if path:
            text.append("   " if text else "")
            text.append(path, paint.accent if status.path == _USUAL else paint.severity["warning"])
        if asked:
            text.append(" · " if text else "", paint.muted).append(asked, mood)
        if status.note:
            text.append("   " if text else "").append(status.note, paint.severity["warning"])
        return text.append(" ")

    yield line((title, status.family, name), path, full)
    yield line((title, name), path, full)
    yield line((name,), path, full)
    yield line((name,), path, short)
    wide, narrow = _NAME_CELLS
    yield line((_middle(name, wide),), brief, short)
    # The answer's sign stays; the name of a table gives way, before that of the recipe is cut further.
    sign = sign if cell_len(sign) == 1 else ""
    yield line((_middle(name, wide),), brief, sign)
    yield line((_middle(name, narrow),), brief, sign)
    yield line((), brief, sign)
    yield line((), "", sign)


def _last_of(title: str) -> str:
    """The last part of a model's name or folder: the rest is the same for all of one maker."""
    return PurePath(title.rstrip("/")).name or title


def _middle(text: str, room: int) -> str:
    """Text shortened in its middle; nothing where there is no room."""
    if cell_len(text) <= room:
        return text
    if room < 2:
        return "…"[: max(0, room)]
    half = (room - 1) // 2
    return f"{set_cell_size(text, half)}…{_end_of(text, room - 1 - half)}"


def _end_of(text: str, room: int) -> str:
    """As many of the last characters as fit into so many cells."""
    widths = itertools.accumulate(cell_len(char) for char in reversed(text))
    return text[len(text) - sum(width <= room for width in widths) :]
