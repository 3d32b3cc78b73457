"""The user's keys: `keys.toml` in the configuration folder names an action by its id and gives it other keys.

    [keys]
    "grid.next-edge" = "w"
    "app.theme" = ["T", "ctrl+t"]

A wide window's help (`?`) shows the ids. Actions that are not named keep their keys.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from textual.binding import Binding

from screens.keys.actions import ACTIONS, Action, together
from workbench.errors import InputError, Where

_FILE = "keys.toml"
_NAME = re.compile(r"(?:(?:ctrl|shift|alt|super|hyper|meta)\+)*[a-zA-Z0-9_]+")

Keys = dict[str, tuple[str, ...]]


def keymap_file() -> Path:
    """The file that the keys are read from, in `VLMBENCH_CONFIG` or the platform's folder of configurations."""
    if given := os.environ.get("VLMBENCH_CONFIG"):
        return Path(given) / _FILE
    from platformdirs import user_config_path

    return user_config_path("vlmbench", appauthor=False) / _FILE


def read_keys(file: Path | None = None) -> Keys:
    """The user's keys by action id, as Textual names them; none where there is no file.

    Raises:
        InputError: the file is no such TOML, names an action that there is not or a key that cannot be, or gives two
            actions that can be used at the same time one key.
    """
    file = file or keymap_file()
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        hint = "Save it as UTF-8, or take it away."
        raise InputError("The key map cannot be read", f"{problem}", hint, Where(str(file))) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        hint = "Correct the line, or take the file away."
        raise InputError("The key map is not valid TOML", f"{problem}", hint, Where(str(file))) from None
    table = data.pop("keys", {})
    if data or not isinstance(table, dict):
        raise InputError(
            "The key map is one table of keys", hint='Write [keys], and below it lines as "app.theme" = "T".',
            where=Where(str(file)),
        )  # fmt: skip
    known = {action.id: action for action in ACTIONS}
    keys: Keys = {}
    for name, value in table.items():
        where = Where(str(file), _line(text, name), field=name)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f"Did you mean {', '.join(near)}?" if near else "The help shows every id in a wide window."
            raise InputError(f"There is no action {name!r}", hint=hint, where=where)
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not given or not all(isinstance(key, str) and key for key in given):
            raise InputError(
                f"{name!r} needs a key or a list of keys", hint='For example "ctrl+t", or ["T", "f2"].', where=where
            )
        keys[name] = tuple(_key(key, where) for key in given)
    _refuse_conflicts(keys, str(file), text)
    return keys


def _key(name: str, where: Where) -> str:
    if len(name) == 1:
        return _normal(name) if name.isprintable() else name
    if not _NAME.fullmatch(name):
        hint = "Keys are single characters, or names as ctrl+t, f2 and pagedown."
        raise InputError(f"{name!r} is not a key", hint=hint, where=where)
    return name


def _refuse_conflicts(keys: Mapping[str, tuple[str, ...]], file: str, text: str) -> None:
    for name in keys:
        mine = next(action for action in ACTIONS if action.id == name)
        for other in ACTIONS:
            if other.id is None or other.deed == mine.deed or not together(mine.scope, other.scope):
                continue
            theirs = keys.get(other.id) or tuple(map(_normal, other.keys))
            shared = set(map(_normal, keys[name])) & set(map(_normal, theirs))
            # What a pane has by itself goes before its screen's.
            shared -= set(map(_normal, mine.keys)) & set(map(_normal, other.keys))
            if shared:
                raise InputError(
                    f"Two actions have the key {sorted(shared)[0]!r}",
                    f"{name} ({mine.description}) and {other.id} ({other.description}) can be used at the same time.",
                    f"Give {name} another key, or {other.id} as well.",
                    Where(file, _line(text, name), field=name),
                )


def _normal(key: str) -> str:
    """The key as Textual names it: `?` is question_mark."""
    return next(iter(Binding.make_bindings([Binding(key, "")]))).key if len(key) == 1 else key


def _line(text: str, name: str) -> int | None:
    return next((number for number, line in enumerate(text.splitlines(), 1) if name in line.split("=")[0]), None)


def key_of(name: str, keys: Mapping[str, tuple[str, ...]]) -> str:
    """The key of an action by its id, as a person reads it; "" where there is no such action."""
    action = next((action for action in ACTIONS if action.id == name), None)
    return str(with_keys(action, keys).key_display) if action is not None else ""


def with_keys(action: Action, keys: Mapping[str, tuple[str, ...]]) -> Action:
    """The action with the user's keys."""
    own = keys.get(action.id or "")
    return replace(action, key=",".join(own), key_display=None) if own else action
