"""Rows of a table as turns: the user's columns, the assistant's, and the turns of a history before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.convert.parts import read_content
from workbench.convert.shapes import Shape
from workbench.convert.talk import Changes, Refused, TalkTurn
from workbench.data.row_notes import type_name


def cell(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column; `a.b` is the key b of the object in column a, where no column has the whole name."""
    if column in row or "." not in column:
        return row.get(column)
    head, _, rest = column.partition(".")
    inner = row.get(head)
    return cell(inner, rest) if isinstance(inner, Mapping) else None


def read_table(row: Mapping[str, Any], shape: Shape, prompt: str, changes: Changes) -> list[TalkTurn]:
    """The turns of a row of a table. Raises Refused where question or answer is missing or no text."""
    turns = list(_history(row, shape, changes))
    asked = [text for column in shape.user if (text := _text(row, column, changes))]
    if not asked and not prompt:
        raise Refused("the question is empty", f"in {', '.join(f'`{column}`' for column in shape.user)}")
    if len(asked) > 1:
        changes.made[f"{' and '.join(shape.user)} are one text, a line break between them"] += 1
    turns.append(TalkTurn("user", read_content("\n".join(asked) or prompt, changes).parts))
    answer = _text(row, shape.assistant, changes)
    if not answer.strip():
        raise Refused("the answer is empty", f"in `{shape.assistant}`")
    turns.append(TalkTurn("assistant", read_content(answer, changes).parts))
    changes.made[f"{', '.join((*shape.user, shape.assistant))} are messages"] += 1
    return turns


def _text(row: Mapping[str, Any], column: str, changes: Changes) -> str:
    """The text of a cell: a number is written out, of a list of accepted answers the first is taken."""
    value = cell(row, column)
    if isinstance(value, list) and value:
        if len(value) > 1:
            changes.lost[f"more than the first text of the list in {column}"] += 1
        value = value[0]
    if value is None or value == []:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Refused("a cell that is no text", f"`{column}` is {type_name(value)}", f"Try {column}.KEY for its key.")
    if not isinstance(value, str):
        changes.made[f"numbers in {column} are texts"] += 1
    return str(value)


def _history(row: Mapping[str, Any], shape: Shape, changes: Changes) -> list[TalkTurn]:
    pairs = row.get(shape.history) if shape.history else None
    turns: list[TalkTurn] = []
    for pair in pairs or ():
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise Refused("a history that is no list of question and answer", f"`{shape.history}`")
        for role, text in zip(("user", "assistant"), pair, strict=True):
            turns.append(TalkTurn(role, read_content(text, changes).parts))
        changes.made["a pair of the history is two messages"] += 1
    return turns
