"""Keys in sentences, which are the user's own; and advice that names a command of `vlmbench`, said as a key.

The workbench gives the advice, for every face, and knows no keys. A command would go by the recipe as it was saved, and
would have a person leave the app; the key goes by the recipe as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from screens.keys.action import Action, key_text
from screens.keys.actions import ACTIONS, PANES_OF
from screens.keys.screen_registry import SCREENS
from screens.keys.user_keymap import key_of, with_keys
from workbench.escaping import visible

_KEYS: dict[tuple[str, frozenset[str]], str] = {
    ("inspect", frozenset()): "screen.inspect",
    ("check", frozenset()): "screen.checks",
    ("check", frozenset(("--rows",))): "screen.checks",
    ("check", frozenset(("--fix",))): "checks.fix-all",
    ("overfit", frozenset()): "overfit.start",
    ("export", frozenset()): "screen.export",
    ("export", frozenset(("--force",))): "export.write",
    ("export", frozenset(("--axolotl-python",))): "export.axolotl",
    ("audit", frozenset()): "screen.audit",
    ("trainers", frozenset()): "screen.trainers",
    ("infer", frozenset()): "edit.infer",
    ("convert", frozenset(("--out",))): "rows.convert",
    ("convert", frozenset(("--out", "--tool-text"))): "rows.convert",
}
"""The action that does what a command with these options does. Of other options there is none: the command stays."""
_NAMES = "|".join(dict.fromkeys(name for name, _ in _KEYS))
_COMMAND = re.compile(rf"`vlmbench ({_NAMES})((?: [^`]*)?)`|\bvlmbench ({_NAMES})(?=[.;,]|$)")
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")
_EXPLAIN = re.compile(r"`vlmbench explain ([A-Z]\d{3})`")
_PHRASES = (
    (re.compile(r"(?<=\()--steps [\d,]+(?=\))"), "overfit.more", "{}"),
    (re.compile(r"Give --axolotl-python PATH, (?=the Python)"), "export.axolotl", "Give with {} "),
)
"""Advice to give an option, the action that does it, and the words in its place."""
_NAMED = re.compile(r"\{((?:[a-z]+\.)?[a-z-]+)\}")


def sentence(
    text: str, keys: Mapping[str, tuple[str, ...]], scopes: Sequence[str] = (), *, typing: bool = False
) -> str:
    """A sentence with the keys of the actions that it names: `{edit.undo}`, or `{undo}` for the one of this screen.

    `scopes` are those in front, the screen's first; without any, no other screen is told of. `typing`: where text is
    typed, a key that writes a letter is not the one to name.
    """

    def key(match: re.Match[str]) -> str:
        action = _named(match[1], scopes)
        if action is None:
            return match[0]
        own = with_keys(action, keys)
        usable = own.typed_keys if typing else own.keys
        said = key_text(usable[0]) if usable else str(own.key_display)
        if not said:
            return f"“{action.description}” of the actions ({key_of('app.palette', keys)})"
        home = PANES_OF.get(action.scope, action.scope)
        if home not in SCREENS or not scopes or home in scopes:
            return said
        return f"{said} of the {home} screen ({key_of(f'screen.{home}', keys)})"

    return _NAMED.sub(key, text)


def own_action(action: Action, keys: Mapping[str, tuple[str, ...]]) -> Action:
    """An action with the user's keys, in its help too."""
    own = with_keys(action, keys)
    return replace(own, tooltip=sentence(own.tooltip, keys)) if "{" in own.tooltip else own


def _named(name: str, scopes: Sequence[str]) -> Action | None:
    """An action by its id, or by the end of its id: then one of the screen in front, or else of the inspect screen."""
    if "." in name:
        return next((action for action in ACTIONS if action.id == name), None)
    ends = [action for action in ACTIONS if (action.id or "").partition(".")[2] == name]
    here = [action for action in ends if action.scope in scopes[:1]]
    return next(iter(here or [action for action in ends if action.scope == "inspect"]), None)


def keyed(node: Any, text: str) -> str:
    """A sentence in the keys of the app that a widget or screen belongs to, as `sentence`."""
    app = node.app
    focused = app.focused if app.screen_stack else None
    typing = focused is not None and focused.check_consume_key("a", "a")
    # Where no bench was loaded there is no other screen to go to.
    scopes = getattr(app, "scopes", ()) if app.screen_stack else ()
    return sentence(text, getattr(app, "keys", {}), scopes if scopes and scopes[0] in SCREENS else (), typing=typing)


def in_keys(text: str, keys: Mapping[str, tuple[str, ...]], here: str = "") -> str:
    """Advice in the keys of the app; `here` is the screen in front."""
    if "vlmbench " not in text and "--" not in text:
        return text

    def said(match: re.Match[str]) -> str:
        name, options = match[1] or match[3], frozenset(_OPTION.findall(match[2] or ""))
        action = _KEYS.get((name, options))
        if action is None:
            return match[0]
        words = _words(action, keys, here)
        before = text[: match.start()].rstrip()
        return words if before and before[-1] not in ".!?" else words[0].upper() + words[1:]

    text = _COMMAND.sub(said, text)
    text = _EXPLAIN.sub(rf"\1 on {_words('screen.checks', keys, here)}", text)
    for pattern, action, words in _PHRASES:
        if pattern.search(text):
            text = pattern.sub(words.format(_words(action, keys, here)).replace("\\", r"\\"), text)
    return text


def _words(id: str, keys: Mapping[str, tuple[str, ...]], here: str) -> str:
    """An action by its key, and its screen where that is another one; a screen by its name."""
    kind, _, name = id.partition(".")
    if kind == "screen":
        return "this screen" if name == here else f"the {name} screen (key {key_of(id, keys)})"
    scope = next(action.scope for action in ACTIONS if action.id == id)
    home, key = PANES_OF.get(scope, scope), key_of(id, keys)
    return f"key {key}" if home == here else f"key {key} of the {home} screen ({key_of(f'screen.{home}', keys)})"


def advice(node: Any, text: str) -> str:
    """Advice in the keys of the app that a widget or screen belongs to, made safe to draw."""
    app = node.app
    here = (*getattr(getattr(app, "base", None), "SCOPES", ()), "")[0]
    # Where no bench was loaded there is no other screen to go to.
    return visible(in_keys(text, getattr(app, "keys", {}), here) if here in SCREENS else text)
