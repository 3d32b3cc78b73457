"""Texts of the trainers screen: its line, the rows, the summary, and the lanes of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from screens.shell.themes import Paints
from workbench.escaping import visible
from workbench.lanes.alignment import Column, alike, columns
from workbench.lanes.causes import CAUSES
from workbench.recipe.trainer_file import TITLES
from workbench.views.lanes import HEAD, cause_lines, summary_lines
from workbench.views.palette import Look

if TYPE_CHECKING:
    from rich.style import Style

    from workbench.errors import BenchError
    from workbench.lanes.asking import Lanes
    from workbench.lanes.comparison import ComparedRow, LaneGroup

_LABEL = 14
_LEAST = 20
_NAME = 8
_GAP = "·"
_MOST_COLUMNS = 6000
"""Characters of a row that are drawn as lanes; the differences are listed of all."""


def trainers_line(
    lanes: Lanes | None,
    asking: str,
    paint: Paints,
    *,
    problem: BenchError | None,
    rows: int,
    say: Callable[[str], str],
) -> Text:
    """One line on the comparison: who is asked, or what came of it; `say` knows the keys."""
    text = Text(" ", no_wrap=True, overflow="ellipsis")
    if problem is not None:
        return text.append(f"✗ {visible(problem.title)}", paint.severity["error"])
    if asking:
        text.append("asking ", paint.accent).append(visible(asking), paint.strong)
        text.append(f" about {rows} rows, without weights · ", paint.muted)
        return text.append(say("{trainers.stop} asks no further one"), paint.muted)
    if lanes is None:
        text.append("nobody was asked yet: ", paint.muted)
        return text.append(say(f"{{trainers.start}} asks about the first {rows} rows"), paint.muted)
    made = lanes.comparison
    differ = sum(len(row.groups) > 1 for row in made.rows)
    text.append(f"{differ} of {len(made.rows)} rows", paint.strong if differ else paint.accent)
    return text.append(f" are trained differently by {len(made.summaries)} trainers", paint.muted)


def row_line(row: ComparedRow, paint: Paints) -> Text:
    """A row with the causes of its differences."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"row {row.row} ", paint.strong)
    if len(row.groups) < 2:
        return text.append("alike", paint.muted)
    causes = dict.fromkeys(one.cause for group in row.groups for one in group.differences)
    return text.append(f"{len(row.groups)} ways  ", paint.severity["warning"]).append(", ".join(causes), paint.muted)


def summary_page(
    lanes: Lanes | None,
    at_hand: Sequence[str],
    problems: Mapping[str, BenchError],
    missing: Sequence[str],
    paint: Paints,
    width: int,
) -> Text:
    """The figures of each trainer over all rows, the causes, and who is not at hand."""
    text = Text()
    if lanes is None:
        words = "Each trainer is asked in its own Python for its own labels of the same rows, without weights.\n"
        text.append(words, paint.muted)
    else:
        made = lanes.comparison
        _table(text, HEAD, summary_lines(made.summaries), paint, width)
        for one in made.summaries:
            if one.refused:
                text.append(f"\n{visible(one.name)} refuses: {visible(one.refused)}\n", paint.severity["error"])
        if lines := cause_lines(made.summaries):
            text.append("\nrows by cause\n", paint.strong)
            _table(text, ("cause", *(one.name for one in made.summaries)), lines, paint, width)
            text.append("\n")
            for cause in (line[0] for line in lines):
                text.append(f"{cause}: ", paint.accent).append(f"{CAUSES[cause]}\n", paint.muted)
        for label, lost in lanes.lost.items():
            if lost:
                text.append(f"\n{visible(label)} cannot be told: ", paint.strong)
                text.append(f"{visible('; '.join(lost))}\n", paint.muted)
        for row, why in lanes.skipped.items():
            text.append(f"\nrow {row} was not asked: {visible(why)}\n", paint.muted)
    for label, problem in problems.items():
        text.append(f"\n✗ {visible(label)}: {visible(problem.title)}", paint.severity["error"])
        text.append(f"  {visible(problem.cause)} {visible(problem.hint)}\n", paint.muted)
    if at_hand:
        text.append("\nat hand: ", paint.strong).append(visible(", ".join(at_hand)) + "\n")
    if missing:
        text.append("\nnot at hand\n", paint.strong)
        for name in missing:
            text.append(f"{TITLES[name]}: ", paint.accent)
            text.append(f"the package {name} in its own environment, and\n", paint.muted)
            text.append(f'  {name} = "…/bin/python"\n')
        text.append("in [trainers] of .vlmbench.toml, or [tool.vlmbench.trainers] of pyproject.toml. ", paint.muted)
        text.append("Nothing is installed from here.\n", paint.muted)
    return text


def _table(text: Text, head: Sequence[str], lines: Sequence[Sequence[str]], paint: Paints, width: int) -> None:
    """Write a table that fits: where it does not, heads of two words stand on two lines, the gaps become narrow, and
    then the first column is cut.

    A line that is wrapped by its pane would put the last figures under the first column.
    """
    heads = [[visible(cell) for cell in head]]
    rows = [[visible(cell) for cell in line] for line in lines]

    def widths() -> list[int]:
        return [max(cell_len(row[place]) for row in (*heads, *rows)) for place in range(len(head))]

    if sum(widths()) + 2 * (len(head) - 1) > width:
        parted = [(first, rest) if rest else ("", first) for first, _, rest in (one.partition(" ") for one in heads[0])]
        heads = [list(line) for line in zip(*parted, strict=True)]
    columns_of, gap = widths(), "  "
    if sum(columns_of) + 2 * (len(head) - 1) > width:
        gap = " "
    columns_of[0] = min(columns_of[0], max(_NAME, width - sum(columns_of[1:]) - len(gap) * (len(head) - 1)))
    for number, row in enumerate((*heads, *rows)):
        for place, (cell, cells) in enumerate(zip(row, columns_of, strict=True)):
            shown = cell if cell_len(cell) <= cells else f"{set_cell_size(cell, cells - 1)}…"
            space = " " * (cells - cell_len(shown))
            text.append(
                shown + space if not place else f"{gap}{space}{shown}", paint.muted if number < len(heads) else None
            )
        text.append("\n")


def row_page(row: ComparedRow, width: int, paint: Paints) -> Text:
    """The lanes of a row, aligned by their text, and its differences by cause."""
    text = Text()
    for group in row.groups:
        text.append(", ".join(map(visible, group.trainers)), paint.strong)
        if group.lane is None:
            text.append(f"  {visible(group.reason)}\n", paint.severity["error"])
        else:
            text.append(f"  {group.lane.trained_tokens} of {group.lane.tokens} tokens trained\n", paint.muted)
    text.append("\n")
    drawn = [group for group in row.groups if group.lane is not None]
    _lanes(text, drawn, max(_LEAST, width - _LABEL - 3), paint)
    _differences(text, row, paint)
    return text


def _lanes(text: Text, groups: Sequence[LaneGroup], width: int, paint: Paints) -> None:
    made = columns([group.lane for group in groups if group.lane is not None])
    labels = [_short(group) for group in groups]
    for line in _lines(made[:_MOST_COLUMNS], width):
        same = len(groups) > 1 and all(alike(column) for column in line)
        for number in range(1 if same else len(groups)):
            label = "all" if same else labels[number]
            text.append(label.ljust(_LABEL), paint.muted)
            marked = any(column[number].trained for column in line)
            text.append("▎ " if marked else "  ", paint.bar)
            for column in line:
                _cell(text, column, number, paint)
            text.append("\n")
        if not same and len(groups) > 1:
            text.append("\n")
    if len(made) > _MOST_COLUMNS:
        text.append(f"… {len(made) - _MOST_COLUMNS:,} characters more\n", paint.muted)


def _short(group: LaneGroup) -> str:
    label = visible(group.trainers[0])
    more = f" +{len(group.trainers) - 1}" if len(group.trainers) > 1 else ""
    most = _LABEL - 1 - len(more)
    return (label if len(label) <= most else label[: most - 1] + "…") + more


def _lines(made: Sequence[Column], width: int) -> list[list[Column]]:
    """The columns in lines: a line ends where it is full, or after a line break that all lanes have."""
    lines: list[list[Column]] = [[]]
    used = 0
    for column in made:
        cells = _width(column)
        if used + cells > width and lines[-1]:
            lines.append([])
            used = 0
        lines[-1].append(column)
        used += cells
        if all(cell.char == "\n" for cell in column):
            lines.append([])
            used = 0
    return [line for line in lines if line]


def _glyph(char: str) -> str:
    return "⏎" if char == "\n" else visible(char) if char else _GAP


def _width(column: Column) -> int:
    return max(cell_len(_glyph(cell.char)) for cell in column)


def _cell(text: Text, column: Column, number: int, paint: Paints) -> None:
    cell = column[number]
    glyph = _glyph(cell.char)
    style: Style | None = paint.look[Look.TRAINED] if cell.trained else paint.muted if not cell.char else None
    text.append(glyph, style)
    if space := _width(column) - cell_len(glyph):
        text.append(" " * space)


def _differences(text: Text, row: ComparedRow, paint: Paints) -> None:
    for group in row.groups:
        if not group.differences:
            continue
        text.append(f"{', '.join(map(visible, group.trainers))} differ", paint.strong)
        text.append(f" from {visible(row.groups[0].trainers[0])}\n", paint.muted)
        for one in group.differences:
            text.append(f"  {one.cause}", paint.severity["warning"])
            if one.text == one.other_text:
                text.append(f"  {visible(repr(one.text))} {'not trained' if one.trained else 'trained'}\n")
            else:
                text.append(f"  {visible(repr(one.text))} → {visible(repr(one.other_text))}\n")
