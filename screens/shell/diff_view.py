"""A unified diff, shown before something is written: in one column, in a wide window with both texts side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import events

from screens.guard.widgets import Static
from screens.shell.themes import Paints, paints
from workbench.escaping import visible

SIDES_FROM = 140
"""Columns of the window from which on the texts stand side by side."""
BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-one-column"), (SIDES_FROM, "-sides")]
"""The same for the style sheet, which has such a dialog take the width."""
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_LONGEST = 2000
"""Characters of a line in which the changed words are looked for."""
_ALIKE = 0.4
"""The share of two lines that is the same, from which on the rest of them is marked."""
_WORD = re.compile(r"\w+|\s+|.")


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff: its sign, its text, and its number in the text that has it, where that is known."""

    sign: str
    text: str
    number: int | None = None


Pair = tuple[DiffLine | None, DiffLine | None]
"""A line of either text; a heading stands alone on the left, with the sign `@`."""


def pairs(body: str) -> Iterator[Pair]:
    """The lines of a unified diff, those that took the place of others beside them."""
    removed: list[DiffLine] = []
    added: list[DiffLine] = []
    old = new = None
    for line in body.splitlines():
        sign, text = line[:1], line[1:]
        if sign == "-":
            removed.append(DiffLine(sign, text, old))
        elif sign == "+":
            added.append(DiffLine(sign, text, new))
        if sign in ("-", "+"):
            old, new = _after(old, sign == "-"), _after(new, sign == "+")
            continue
        yield from zip_longest(removed, added)
        removed, added = [], []
        if (hunk := _HUNK.match(line)) is not None:
            old, new = int(hunk[1]), int(hunk[2])
            yield DiffLine("@", f"line {old}"), None
        elif sign in ("", " "):
            yield DiffLine(" ", text, old), DiffLine(" ", text, new)
            old, new = _after(old, True), _after(new, True)
        else:
            yield DiffLine("@", line.removeprefix("@ ")), None
    yield from zip_longest(removed, added)


def _after(number: int | None, counted: bool) -> int | None:
    return number if number is None or not counted else number + 1


def _parted(body: str) -> tuple[tuple[str, str], str]:
    """The names of both texts, empty where the diff has none, and the rest."""
    head = re.match(r"--- (.*)\n\+\+\+ (.*)\n", body)
    return ((head[1], head[2]), body[head.end() :]) if head is not None else (("", ""), body)


def side_by_side(body: str, paint: Paints) -> Table:
    """Both texts of a unified diff, with the words marked that differ between two lines."""
    names, rest = _parted(body)
    found = list(pairs(rest))
    if not any(one is not None and one.number is not None for pair in found for one in pair):
        return _blocks(found, paint)
    numbers = [one.number for pair in found for one in pair if one is not None and one.number is not None]
    width = len(str(max(numbers))) if numbers else 0
    table = Table.grid(expand=True)
    for _ in names:
        table.add_column(width=width + 3, no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
    if any(names):
        heads = [Text(visible(name), paint.muted + Style(underline=True)) for name in names]
        table.add_row("", heads[0], "", heads[1])
    for place, (mine, theirs) in enumerate(found):
        if mine is not None and mine.sign == "@":
            # The first lines have numbers that say where they are.
            if place:
                table.add_row("", Text(visible(mine.text), paint.severity["note"]), "", "")
            continue
        texts = _marked(mine, theirs, paint)
        cells = [_gutter(one, width, paint) for one in (mine, theirs)]
        table.add_row(cells[0], texts[0], cells[1], texts[1])
    return table


def _blocks(found: Sequence[Pair], paint: Paints) -> Table:
    """Two texts that have no lines in common, such as a row and its messages: each as it is."""
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    sides = Text(end=""), Text(end="")
    for place, side in enumerate(sides):
        for line in (pair[place] for pair in found):
            if line is not None:
                text = f"{line.sign if line.sign != '@' else ' '} {_safe(line.text)}"
                side.append("\n" if side else "").append(text, _style(line.sign, paint))
        table.add_column(ratio=1, overflow="fold")
    table.add_row(*sides)
    return table


def _gutter(line: DiffLine | None, width: int, paint: Paints) -> Text:
    text = Text(end="")
    if line is not None:
        text.append(f"{line.number:>{width}}" if line.number is not None else " " * width, paint.muted)
        text.append(f" {line.sign} ", _style(line.sign, paint))
    return text


def _style(sign: str, paint: Paints) -> Style:
    return {"+": paint.accent, "-": paint.severity["error"], "@": paint.severity["note"]}.get(sign, paint.muted)


def _marked(mine: DiffLine | None, theirs: DiffLine | None, paint: Paints) -> tuple[Text, Text]:
    """The texts of both lines; the words in which they differ are bold and underlined, where most are the same."""
    lines = (mine, theirs)
    if mine is None or theirs is None or mine.sign == " " or len(mine.text) + len(theirs.text) > _LONGEST:
        one, other = (Text(_safe(line.text), _style(line.sign, paint)) if line else Text() for line in lines)
        return one, other
    words = (_WORD.findall(mine.text), _WORD.findall(theirs.text))
    match = SequenceMatcher(None, words[0], words[1], autojunk=False)
    texts = Text(), Text()
    marked = Style(bold=True, underline=True) if match.ratio() >= _ALIKE else Style()
    for what, *edges in match.get_opcodes():
        for text, line, found, (start, end) in zip(texts, (mine, theirs), words, (edges[:2], edges[2:]), strict=True):
            style = _style(line.sign, paint)
            text.append(_safe("".join(found[start:end])), style + marked if what != "equal" else style)
    return texts


def _safe(text: str) -> str:
    return visible(text.expandtabs(4))


def one_column(body: str, paint: Paints) -> Table:
    """A unified diff as it is, each line in the colour of its sign; a long one goes on under itself."""
    table = Table.grid(expand=True)
    table.add_column(width=1)
    table.add_column(ratio=1, overflow="fold")
    for line in body.splitlines():
        sign = line[:1]
        style = _style(sign, paint)
        # Two of the first lines begin with more of the same sign: they name the texts.
        table.add_row(Text(visible(sign), style), Text(_safe(line[1:]), style))
    return table


class DiffView(Static):
    """Shows a unified diff, as the window has room for it."""

    def __init__(self, body: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._body = body
        self._wide: bool | None = None

    def say(self, body: str) -> None:
        """Show another diff."""
        self._body, self._wide = body, None
        self._draw()

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """The window may have become wide enough, or no longer be."""
        self._draw()

    def _draw(self) -> None:
        wide = self.app.size.width >= SIDES_FROM
        if wide is not self._wide:
            self._wide = wide
            self.update((side_by_side if wide else one_column)(self._body, paints(self.app.current_theme)))
