"""A comparison of trainers as text, JSON and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from workbench.escaping import visible
from workbench.lanes.asking import Lanes
from workbench.lanes.causes import CAUSES
from workbench.lanes.comparison import ComparedRow, LaneGroup, Summary
from workbench.lanes.lane import Lane
from workbench.views.skeleton import draw

if TYPE_CHECKING:
    from workbench.answers.tools import LaneGroupAnswer, TrainersAnswer

SCHEMA: Final = "vlmbench.trainers/1"
HEAD = ("trainer", "rows", "tokens", "trained", "dropped", "failed", "nothing trained")


def summary_lines(summaries: Sequence[Summary]) -> list[list[str]]:
    """A line for each trainer: its version and its counts."""
    lines = []
    for one in summaries:
        counts = [one.rows, one.tokens, one.trained, one.dropped, one.failed, one.nothing]
        plain = one.name in (one.version, one.version.partition(" ")[0])
        name = one.version if plain else f"{one.name}: {one.version}"
        lines.append([name, *(f"{count:,}" for count in counts)])
    return lines


def cause_lines(summaries: Sequence[Summary]) -> list[list[str]]:
    """A line for each cause that occurs: rows by trainer."""
    found = [cause for cause in CAUSES if any(one.causes[cause] for one in summaries)]
    return [[cause, *(f"{one.causes[cause] or '–'}" for one in summaries)] for cause in found]


def lanes_text(lanes: Lanes) -> str:
    """The summary, the causes by trainer, and each row in which trainers differ."""
    made = lanes.comparison
    parts = [_table(HEAD, summary_lines(made.summaries))]
    parts += [f"{visible(one.name)} refuses: {visible(one.refused)}" for one in made.summaries if one.refused]
    if causes := cause_lines(made.summaries):
        parts.append("Rows by cause\n" + _table(("cause", *(one.name for one in made.summaries)), causes))
    for label, lost in lanes.lost.items():
        if lost:
            parts.append(f"{label} cannot be told: {visible('; '.join(lost))}")
    parts += [f"row {row} was not asked: {visible(why)}" for row, why in lanes.skipped.items()]
    differing = [row for row in made.rows if len(row.groups) > 1]
    parts += [_row_text(row) for row in differing]
    same = len(made.rows) - len(differing)
    if len(made.summaries) == 1:
        parts.append("One trainer was asked; a second --python NAME=PATH compares it with another.")
    else:
        parts.append(f"{same:,} of {len(made.rows):,} rows are alike under all that answered.")
    return "\n\n".join(parts) + "\n"


def _row_text(row: ComparedRow) -> str:
    lines = [f"row {row.row}"]
    for group in row.groups:
        lines.append(f"  {', '.join(group.trainers)}: {visible(_trains(group))}")
        for one in group.differences:
            shown = " → ".join(repr(text) for text in (one.text, one.other_text))
            if one.text == one.other_text:
                shown = f"{one.text!r} {'not trained' if one.trained else 'trained'}"
            lines.append(f"    {one.cause}: {visible(shown)}")
    return "\n".join(lines)


def _trains(group: LaneGroup) -> str:
    if group.lane is None:
        return group.reason
    texts = [text for text, trained in pieces_of(group.lane) if trained]
    return f"{group.lane.trained_tokens} of {group.lane.tokens} tokens: {texts!r}"


def pieces_of(lane: Lane) -> list[tuple[str, bool]]:
    """A lane's text in stretches that are trained or not."""
    made: list[tuple[str, bool]] = []
    start = 0
    for place in range(1, len(lane.text) + 1):
        if place == len(lane.text) or lane.trained[place] != lane.trained[start]:
            made.append((lane.text[start:place], bool(lane.trained[start])))
            start = place
    return made


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [[visible(cell) for cell in line] for line in (head, *lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def lanes_payload(lanes: Lanes) -> TrainersAnswer:
    """The comparison for JSON."""
    return {
        "schema": SCHEMA,
        "trainers": [
            {
                "name": one.name,
                "version": one.version,
                "refused": one.refused or None,
                "rows": one.rows,
                "tokens": one.tokens,
                "trained": one.trained,
                "dropped": one.dropped,
                "failed": one.failed,
                "nothing_trained": one.nothing,
                "causes": dict(one.causes),
                "not_translated": list(lanes.lost.get(one.name, ())),
            }
            for one in lanes.comparison.summaries
        ],
        "skipped": [{"row": row, "reason": why} for row, why in lanes.skipped.items()],
        "rows": [
            {"row": row.row, "groups": [_group_payload(group) for group in row.groups]} for row in lanes.comparison.rows
        ],
    }


def _group_payload(group: LaneGroup) -> LaneGroupAnswer:
    lane = group.lane
    return {
        "trainers": list(group.trainers),
        "reason": group.reason or None,
        "tokens": lane.tokens if lane is not None else None,
        "trained": lane.trained_tokens if lane is not None else None,
        "text": [list(piece) for piece in pieces_of(lane)] if lane is not None else None,
        "differences": [
            {
                "cause": one.cause,
                "text": one.text,
                "other_text": one.other_text,
                "trained": one.trained,
                "other_trained": one.other_trained,
            }
            for one in group.differences
        ],
    }


def lanes_html(lanes: Lanes) -> Markup:
    """The comparison as HTML: summary, causes, and the rows as lanes."""
    made = lanes.comparison
    rows = [
        {
            "row": row.row,
            "groups": [
                {
                    "names": ", ".join(group.trainers),
                    "figures": _figures(group),
                    "pieces": pieces_of(group.lane) if group.lane is not None else [],
                    "causes": list(dict.fromkeys(one.cause for one in group.differences)),
                }
                for group in row.groups
            ],
        }
        for row in made.rows
    ]
    return draw(
        "lanes.jinja",
        head=HEAD,
        summary=summary_lines(made.summaries),
        cause_head=("cause", *(one.name for one in made.summaries)),
        causes=cause_lines(made.summaries),
        refused=[(one.name, one.refused) for one in made.summaries if one.refused],
        lost=[(label, "; ".join(lines)) for label, lines in lanes.lost.items() if lines],
        meanings=[(cause, text) for cause, text in CAUSES.items() if any(one.causes[cause] for one in made.summaries)],
        rows=rows,
    )


def _figures(group: LaneGroup) -> str:
    if group.lane is None:
        return group.reason
    return f"{group.lane.trained_tokens} of {group.lane.tokens} tokens trained"
