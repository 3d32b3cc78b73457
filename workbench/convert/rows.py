"""One row as messages: a pure function of the row, its file's shape and what a person asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.convert.media_values import is_empty, is_picture_array
from workbench.convert.parts import read_content, text_of
from workbench.convert.placeholders import fill
from workbench.convert.shapes import Columns, Shape
from workbench.convert.tables import cell, read_table
from workbench.convert.talk import KINDS, Changes, MediaKind, Refused, Talk, TalkTurn, Text
from workbench.convert.tool_text import declared, refuse_tools, write_tools
from workbench.convert.turns import read_turns

if TYPE_CHECKING:
    from workbench.bench import Bench


@dataclass(frozen=True, slots=True)
class Wanted:
    """The choices of a person, and what the recipe's path honours.

    `system`: for rows that have no system text. `prompt`: the user's text where no column holds it. `tool_text`: write
    calls, results, declarations of tools and reasoning as texts. `train_key`: the key under which the path reads
    whether a message is trained; "" on the multimodal path, which masks by role alone. `keeps_tools`: the path hands
    calls, reasoning and declarations of tools to the template, as the text path does.
    """

    columns: Columns = field(default_factory=Columns)
    system: str = ""
    prompt: str = ""
    tool_text: bool = False
    train_key: str = ""
    keeps_tools: bool = False


def read_row(row: Mapping[str, Any], shape: Shape, wanted: Wanted, changes: Changes) -> Talk:
    """The row's turns, every medium in its place. Counts in `changes` what is written otherwise than it was.

    Raises:
        Refused: it cannot be done without losing something, or what stands there cannot be read.
    """
    if column := shape.missed(row):
        raise Refused("a column that the first rows do not fill", f"`{column}`", "Convert such rows on their own.")
    if shape.turns:
        turns = [turn for column in shape.turns for turn in _of_column(row, column, changes)]
        if not turns:
            raise Refused("no messages", f"in {', '.join(f'`{column}`' for column in shape.turns)}")
    else:
        turns = read_table(row, shape, wanted.prompt, changes)
    talk = Talk(turns, tools=row.get(shape.tools) if shape.tools else None)
    _add_system(talk, row, shape, wanted, changes)
    for kind in KINDS:
        talk.media[kind] = [value for column in shape.media.get(kind, ()) for value in _values(row, column, kind)]
    fill(talk, changes)
    if wanted.tool_text:
        write_tools(talk, changes)
    elif not wanted.keeps_tools:
        refuse_tools(talk)
    _refuse_empty(talk, changes)
    _note_flags(talk, wanted, changes)
    return talk


def _of_column(row: Mapping[str, Any], column: str, changes: Changes) -> list[TalkTurn]:
    value = cell(row, column)
    if value is None:
        return []
    found = read_turns(value, changes)
    if column != "messages":
        changes.made[f"{column} is messages now"] += 1
    return found


def _add_system(talk: Talk, row: Mapping[str, Any], shape: Shape, wanted: Wanted, changes: Changes) -> None:
    has = bool(talk.turns) and talk.turns[0].role == "system"
    value = row.get(shape.system) if shape.system else None
    text = value if isinstance(value, str) else text_of(value)
    if text.strip():
        if has:
            raise Refused("a system text in the messages and in a column too", f"`{shape.system}`")
        talk.turns.insert(0, TalkTurn("system", read_content(text, changes).parts))
        changes.made[f"{shape.system} is a system message"] += 1
    elif wanted.system and not has:
        talk.turns.insert(0, TalkTurn("system", [Text(wanted.system)]))
        changes.made["a system message of --system is added"] += 1


def _values(row: Mapping[str, Any], column: str, kind: MediaKind) -> list[Any]:
    """The media of a cell: the items of a list, but for an array of numbers, which is one picture."""
    value = cell(row, column)
    if is_empty(value):
        return []
    if isinstance(value, (list, tuple)) and not is_picture_array(value):
        return [item for item in value if not is_empty(item)]
    return [value]


def _refuse_empty(talk: Talk, changes: Changes) -> None:
    kept = [turn for turn in talk.turns if not (turn.empty and turn.role == "system")]
    if len(kept) < len(talk.turns):
        changes.made["an empty system message is left out"] += len(talk.turns) - len(kept)
        talk.turns = kept
    for number, turn in enumerate(talk.turns):
        if turn.empty:
            raise Refused("an empty message", f"message {number} ({turn.role})", "Write its text, or take it out.")
    if not any(turn.role == "assistant" for turn in talk.turns):
        raise Refused("no answer of an assistant, so nothing to train")


def _note_flags(talk: Talk, wanted: Wanted, changes: Changes) -> None:
    """Flags of messages: kept where the path reads them, else counted where they would have changed what is trained."""
    for turn in talk.turns:
        if turn.train is None:
            continue
        if wanted.train_key:
            changes.made[f"a message's own word on training is its key {wanted.train_key}"] += 1
        elif turn.train is False and turn.role == "assistant":
            changes.lost[
                "an answer that asks not to be trained (weight: 0, loss or train: false): the multimodal path trains it"
            ] += 1
        elif turn.train is True and turn.role != "assistant":
            changes.lost[
                f"a {turn.role} message that asks to be trained (loss or train: true): the multimodal path masks by "
                "role"
            ] += 1


def written_row(talk: Talk, wanted: Wanted) -> dict[str, Any]:
    """The row as it is written; media have become references by now."""
    row: dict[str, Any] = {"messages": [_message(turn, wanted) for turn in talk.turns]}
    if wanted.keeps_tools and (tools := declared(talk.tools)):
        row["tools"] = json.dumps(tools, ensure_ascii=False)
    return row


def _message(turn: TalkTurn, wanted: Wanted) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, Text):
            parts.append({"type": "text", "text": part.text})
        else:
            key = "url" if _is_url(part.value) else "path" if isinstance(part.value, str) else part.kind
            parts.append({"type": part.kind, key: part.value})
    message: dict[str, Any] = {"role": turn.role, "content": parts}
    if turn.calls:
        # As texts: `datasets` would give all objects of a column the keys of all.
        functions = [{"name": call.name, "arguments": _as_text(call.arguments)} for call in turn.calls]
        message["tool_calls"] = [{"type": "function", "function": function} for function in functions]
    if turn.reasoning:
        message["reasoning_content"] = turn.reasoning
    if wanted.train_key and turn.train is not None:
        message[wanted.train_key] = turn.train
    return message


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def honoured(bench: Bench | None) -> tuple[str, bool]:
    """The key under which the recipe's path reads a message's own word on training, and whether it keeps tools."""
    if bench is None or bench.path.kind != "text":
        return "", False
    return bench.turn_keys.training or "", True
