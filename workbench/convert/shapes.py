"""The shape of a file's rows, told from what their columns hold; where that leaves a choice, an option decides it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.convert.media_values import is_empty, kind_of, named_kind
from workbench.convert.talk import KINDS, MediaKind
from workbench.convert.turns import is_item, is_pair, looks_like_turns, parsed_list
from workbench.errors import InputError, Where

SAMPLED_ROWS = 100
_USER = ("instruction", "prompt", "query", "question", "problem", "user")
_INPUT = "input"
_ASSISTANT = ("output", "completion", "response", "answer", "answers", "assistant", "solution")
_SYSTEM = ("system", "system_prompt")
_PREFERENCE = ("chosen", "rejected")
_JOINED_TURNS = (("prompt", "completion"), ("input", "output"))


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a person names; what is empty is found from the rows. `media`: by kind."""

    messages: str = ""
    user: tuple[str, ...] = ()
    assistant: str = ""
    media: Mapping[MediaKind, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a file's rows. `turns`: the columns that hold messages; none: a table of `user` and `assistant`."""

    name: str
    turns: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    assistant: str = ""
    system: str = ""
    history: str = ""
    tools: str = ""
    media: Mapping[MediaKind, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def missed(self, row: Mapping[str, Any]) -> str:
        """A column with messages, media, a system text or tools that the first rows did not show; "" for none."""
        used = {*self.turns, *self.user, self.assistant, self.system, self.history, self.tools, *self.left_out}
        used.update(column for columns in self.media.values() for column in columns)
        for column, value in row.items():
            if column in used or is_empty(value):
                continue
            told = column in (*_SYSTEM, "tools", "history") or kind_of(value, column) or looks_like_turns(value)
            if told and not any(name.startswith(f"{column}.") for name in used):
                return column
        return ""

    def to_dict(self) -> dict[str, Any]:
        """The shape in JSON; only what there is."""
        found = {
            "name": self.name,
            "messages": list(self.turns),
            "user": list(self.user),
            "assistant": self.assistant,
            "system": self.system,
            "history": self.history,
            "tools": self.tools,
            "media": {kind: list(columns) for kind, columns in self.media.items()},
            "left_out": list(self.left_out),
        }
        return {key: value for key, value in found.items() if value}


def recognise(rows: Sequence[Mapping[str, Any]], named: Columns, *, source: str, prompt: str = "") -> Shape:
    """The shape of rows of one file. `prompt` is the user's text where no column holds one.

    Raises:
        InputError: no shape fits, or several do; the message says what was seen and which option decides.
    """
    cells: dict[str, list[Any]] = {}
    for row in rows:
        for column, value in row.items():
            cells.setdefault(column, [])
            if not is_empty(value):
                cells[column].append(value)
    _Named(cells, source).check(named)
    media = _media_columns(cells, named, source)
    turns = _turn_columns(cells, named, source)
    if set(_PREFERENCE) <= cells.keys() and not (named.messages or named.assistant):
        cause = f"the rows have {' and '.join(_PREFERENCE)}: pairs of answers to be compared"
        hint = "They are not conversations. --messages COL takes the conversation of one column."
        raise InputError("Preference data is not converted", cause, hint, Where(file=source))
    # Where they are empty so far, later rows may fill them.
    system = next((name for name in _SYSTEM if name in cells and name not in turns), "")
    tools = "tools" if "tools" in cells and "tools" not in turns else ""
    if turns:
        if turns[0] == _INPUT and cells.get("instructions"):
            system = system or "instructions"
        name = _turns_name(cells, turns, media, bool(system or tools))
        used = {*turns, system, tools, *(column for columns in media.values() for column in columns)}
        return Shape(name, turns, system=system, tools=tools, media=media, left_out=_rest(cells, used))
    user, assistant = _table_columns(cells, named, media, source, prompt)
    history = "history" if "history" in cells else ""
    used = {*user, assistant, system, tools, history, *(column for columns in media.values() for column in columns)}
    used = {column.partition(".")[0] for column in used}
    return Shape(
        _table_name(user, assistant, media),
        (),
        user,
        assistant,
        system,
        history,
        tools,
        media,
        _rest(cells, used),
    )


class _Named:
    """The check that columns which a person names are there."""

    def __init__(self, cells: Mapping[str, list[Any]], source: str) -> None:
        self._cells, self._source = cells, source

    def check(self, named: Columns) -> None:
        options = [("--messages", named.messages), ("--assistant", named.assistant)]
        options += [("--user", column) for column in named.user]
        options += [(f"--{kind}", column) for kind in KINDS for column in named.media.get(kind, ())]
        for option, column in options:
            if column and column.partition(".")[0] not in self._cells and column not in self._cells:
                cause = f"the columns are {names(self._cells)}"
                hint = "Give one of these."
                raise InputError(f"{option}: there is no column {column!r}", cause, hint, Where(file=self._source))


def names(columns: Any) -> str:
    """Columns for a message."""
    listed = list(columns)
    more = f" and {len(listed) - 12} more" if len(listed) > 12 else ""
    return ", ".join(f"`{column}`" for column in listed[:12]) + more if listed else "none"


def _media_columns(cells: Mapping[str, list[Any]], named: Columns, source: str) -> dict[MediaKind, tuple[str, ...]]:
    found: dict[MediaKind, list[str]] = {}
    taken = {*named.user, named.assistant, named.messages}
    for column, values in cells.items():
        if column not in taken and (kind := _column_kind(column, values)) is not None:
            found.setdefault(kind, []).append(column)
    media: dict[MediaKind, tuple[str, ...]] = {}
    for kind in KINDS:
        if named.media.get(kind):
            media[kind] = tuple(named.media[kind])
            continue
        columns = _likeliest(kind, found.get(kind, []), cells)
        if len({re.sub(r"\d+$", "", column) for column in columns}) > 1:
            hint = f"Name the one that belongs to the messages: --{kind} {columns[0]}; several times for several."
            cause = f"{names(columns)} each hold {'pictures' if kind == 'image' else kind}"
            raise InputError(f"Several columns of the kind {kind}", cause, hint, Where(file=source))
        if columns:
            numbered = sorted(columns, key=lambda column: int((re.findall(r"\d+$", column) or ["0"])[0]))
            media[kind] = tuple(numbered)
    return media


def _likeliest(kind: MediaKind, columns: list[str], cells: Mapping[str, list[Any]]) -> list[str]:
    """The columns of a kind that are filled, called after it, and hold more than paths, as far as that tells one."""
    likeliest: tuple[Callable[[str], bool], ...] = (
        lambda column: bool(cells[column]),
        lambda column: named_kind(column) == kind,
        lambda column: not all(isinstance(value, str) for value in cells[column]),
    )
    for likely in likeliest:
        columns = [column for column in columns if likely(column)] or columns
    return columns


def _column_kind(column: str, values: Sequence[Any]) -> MediaKind | None:
    """The kind of medium that a column holds; cells of another form are refused with their rows.

    A column that holds more than texts is one where any cell is; one of texts that look like paths, where all are, or
    half of them where it is called after a medium. An empty column is one by its name: later rows may fill it.
    """
    if not values:
        return named_kind(column)
    kinds = [kind_of(value, column) for value in values]
    some = set(kinds) - {None}
    texts = all(isinstance(item, str) for value in values for item in (value if isinstance(value, list) else [value]))
    enough = 1 if not texts else len(kinds) / 2 if named_kind(column) else len(kinds)
    return some.pop() if len(some) == 1 and len(kinds) - kinds.count(None) >= enough else None


def _turn_columns(cells: Mapping[str, list[Any]], named: Columns, source: str) -> tuple[str, ...]:
    if named.messages:
        return (named.messages,)
    if named.user or named.assistant:
        return ()
    found = [column for column, values in cells.items() if values and all(map(looks_like_turns, values[:20]))]
    found = [column for column in found if column not in ("tools", *_PREFERENCE)] or found
    for first, second in _JOINED_TURNS:
        # OpenAI's Responses may have one text as their input.
        if second in found and (first in found or cells.get(first)) and len(found) <= 2:
            return (first, second)
    if len(found) > 1:
        cause = f"{names(found)} each hold messages"
        raise InputError("Several columns of messages", cause, f"Name one: --messages {found[0]}.", Where(file=source))
    return tuple(column for column in found if column not in _PREFERENCE)


def _table_columns(
    cells: Mapping[str, list[Any]],
    named: Columns,
    media: Mapping[MediaKind, tuple[str, ...]],
    source: str,
    prompt: str,
) -> tuple[tuple[str, ...], str]:
    of_media = {column for columns in media.values() for column in columns}
    texts = [column for column, values in cells.items() if column not in of_media and _speaks(values)]
    users = [column for column in _USER if column in texts]
    answers = [column for column in _ASSISTANT if column in texts and column != named.assistant]
    if _INPUT in texts and (users == ["instruction"] or not users):
        users.append(_INPUT)
    user = named.user or (tuple(users) if len(users) == 1 or users[:1] == ["instruction"] else ())
    assistant = named.assistant or (answers[0] if len(answers) == 1 else "")
    if named.assistant and not named.user:
        user = tuple(column for column in user if column != named.assistant)
    if (user and assistant) or (assistant and prompt and not users):
        return user, assistant
    seen = f"the columns are {names(cells)}" if cells else "every row is empty"
    missing = []
    if not user:
        choice = f"{names(users)} could be the question" if users else "none is known as the question"
        missing.append((choice, "--user COL" if users else "--user COL (or --prompt TEXT)"))
    if not assistant:
        choice = f"{names(answers)} could be the answer" if answers else "none is known as the answer"
        missing.append((choice, "--assistant COL"))
    cause = "; ".join([seen, "none holds messages", *(choice for choice, _ in missing)])
    hint = f"Say which they are: {' '.join(option for _, option in missing)}."
    raise InputError("The shape of the rows is not known", cause, hint, Where(file=source))


def _speaks(values: Sequence[Any]) -> bool:
    """True for a column of texts or numbers, or of lists of them."""
    flat = [item for value in values[:20] for item in (value if isinstance(value, list) else [value])]
    return bool(flat) and all(isinstance(item, (str, int, float)) for item in flat)


def _rest(cells: Mapping[str, list[Any]], used: set[str]) -> tuple[str, ...]:
    return tuple(column for column, values in cells.items() if column not in used and values)


def _table_name(user: tuple[str, ...], assistant: str, media: Mapping[MediaKind, tuple[str, ...]]) -> str:
    if user[:1] == ("instruction",):
        return "alpaca (instruction, input, output)"
    kinds = f"{', '.join(media)}, " if media else ""
    return f"table ({kinds}{', '.join((*user, assistant))})"


def _turns_name(
    cells: Mapping[str, list[Any]],
    turns: tuple[str, ...],
    media: Mapping[MediaKind, tuple[str, ...]],
    beside: bool,
) -> str:
    """The name of the format, for a person; nothing is decided by it."""
    messages = list(_messages(cells, turns))
    if any(map(is_pair, messages)):
        return "the cauldron (pairs of user and assistant)"
    roles = {str(message.get("role") or message.get("from")) for message in messages}
    contents = [message.get("content", message.get("value")) for message in messages]
    parts = [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]
    kinds = {part.get("type") for part in parts}
    marked = any(isinstance(content, str) and "<image>" in content for content in contents)
    if any("from" in message and "value" in message for message in messages):
        called = bool(roles & {"function_call", "observation"})
        of_factory = called or beside or "images" in media.get("image", ()) or len(media) > 1
        return "LLaMA-Factory sharegpt" if of_factory else "LLaVA (from and value)" if marked else "ShareGPT"
    if any(map(is_item, messages)) or kinds & {"input_text", "output_text", "input_image"}:
        return "OpenAI Responses"
    if kinds & {"tool_use", "tool_result", "thinking"} or any("source" in part for part in parts):
        return "Anthropic messages"
    if roles & {"tool_call", "tool_response"} or (marked and media):
        return "ms-swift"
    if any("type" not in part for part in parts) or any(str(part.get("image"))[:7] == "file://" for part in parts):
        return "Qwen (parts by key)"
    told = {key for message in messages for key in message} & {"weight", "tool_calls", "refusal"}
    if told or kinds & {"image_url", "input_audio"}:
        return "OpenAI chat"
    if "image" in kinds and media:
        return "messages with a column of pictures"
    return "messages"


def _messages(cells: Mapping[str, list[Any]], turns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for column in turns:
        for value in cells.get(column, [])[:20]:
            listed = parsed_list(value)
            if isinstance(listed, list):
                yield from (message for message in listed if isinstance(message, dict))
