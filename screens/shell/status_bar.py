"""The bar at the top: path, model, family and recipe; who was asked; the row, its trained tokens, the findings."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from screens.line_cache.kept_lines import Still
from screens.line_cache.text_pane import strip_of
from screens.shell.themes import Paints, paints

_LEAST_LEFT = 34
_LEAST_TITLE = 12
"""Cells of the model's name that have to fit before family and recipe are shown too."""
_NAMED = 60
"""Cells on the left side from which on the tool's name is shown before the path."""
_USUAL = "multimodal path"


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
    """The values in the bar. `trained` is None while the row is being read; `before` is the count before the edit."""

    title: str
    family: str = ""
    recipe: str = ""
    edited: bool = False
    row: int | None = None
    trained: int | None = None
    before: int | None = None
    total: int = 0
    errors: int = 0
    warnings: int = 0
    asked: AskedStatus | None = None
    path: str = ""


class StatusBar(Still):
    """One line. On a narrow window the left side is shortened, the right side stays."""

    def __init__(self, status: Status, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.status = status

    def show(self, status: Status) -> None:
        """Say something else."""
        if status != self.status:
            self.status = status
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The one line. Textual's way from a text to a strip takes longer, and this changes at every keystroke."""
        left, right = self._sides()
        width, base, console = self.size.width, self.base, self.app.console
        tail = strip_of(right, base, right.cell_len, console)
        return Strip.join([strip_of(left, base, max(1, width - right.cell_len), console), tail]).crop(0, width)

    def render(self) -> Text:
        """Both sides, with the blank between."""
        left, right = self._sides()
        return Text.assemble(left, " " * max(1, self.size.width - left.cell_len - right.cell_len), right, end="")

    def _sides(self) -> tuple[Text, Text]:
        paint = paints(self.app.current_theme)
        right = self._right(paint)
        return self._left(paint, max(0, self.size.width - right.cell_len - 2)), right

    def _left(self, paint: Paints, room: int) -> Text:
        status = self.status
        # The path comes first; the tool's own name is what a narrow window can do without.
        text = Text("", no_wrap=True)
        if not status.path or room >= _NAMED:
            text.append(" vlmbench", paint.accent + Style(bold=True))
        if status.path:
            style = paint.accent if status.path == _USUAL else paint.severity["warning"]
            text.append("   " if text else " ").append(status.path, style)
        others = [part for part in (status.family, status.recipe) if part]
        tail = sum(cell_len(part) + 3 for part in others) + 2 * status.edited
        title = status.title
        for part in others.copy():
            if room - text.cell_len - 3 - tail >= min(_LEAST_TITLE, cell_len(title)):
                break
            others.remove(part)
            tail -= cell_len(part) + 3
        text.append("   ")
        text.append(_middle(title, max(0, room - text.cell_len - tail)), paint.strong)
        for part in others:
            text.append(" · ", paint.muted).append(part)
        if status.edited:
            text.append(" •", paint.severity["warning"])
        text.truncate(max(0, room))
        return text

    def _right(self, paint: Paints) -> Text:
        status, text = self.status, Text(no_wrap=True)
        if status.row is not None:
            text.append("row ", paint.muted).append(f"{status.row:,}", paint.strong)
        if status.trained is not None:
            text.append("   ")
            if status.before not in (None, status.trained):
                text.append(f"{status.before:,} → ", paint.muted)
            text.append(f"{status.trained:,}", paint.accent if status.trained else paint.severity["warning"])
            text.append(f" of {status.total:,} trained", paint.muted)
        for count, name, severity in ((status.errors, "error", "error"), (status.warnings, "warning", "warning")):
            if count:
                text.append("   ").append(f"{count:,} {name}{'s' if count > 1 else ''}", paint.severity[severity])
        text.append(" ")
        return self._asked(paint, self.size.width - text.cell_len - _LEAST_LEFT).append_text(text)

    def _asked(self, paint: Paints, room: int) -> Text:
        """The trainer's answer, as far as there is room: its sign at least."""
        asked = self.status.asked
        if asked is None or not asked.forms:
            return Text(no_wrap=True)
        style = {True: paint.accent, False: paint.severity["error"], None: paint.muted}[asked.good]
        fitting = [form for form in asked.forms if cell_len(form) + 3 <= room]
        # A sign stays in any case; the name of a table gives way.
        last = asked.forms[-1] if cell_len(asked.forms[-1]) == 1 else ""
        shown = fitting[0] if fitting else last
        return Text(f"{shown}   " if shown else "", style, no_wrap=True)


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
