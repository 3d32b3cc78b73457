"""Sentences name the user's keys: no default key is written in one, nor stands on a screen once all are others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from screens.app import WorkbenchApp
from screens.inspect.screen import InspectScreen
from screens.keys.action import key_text
from screens.keys.actions import ACTIONS
from screens.keys.screen_registry import SCREENS
from screens.keys.spoken import _NAMED, sentence
from screens.shell.help import HelpScreen
from screens.shell.job_line import JobProgress
from screens.shell.notice_list import MessagesScreen
from tests.screens.conftest import message_of, screen_of, settled, until
from tests.screens.test_every_action import LEAVING, base_of
from workbench.bench import prepare

FOLDER = Path(__file__).resolve().parents[2] / "screens"
OTHER = {str(action.id): (f"alt+k{number}",) for number, action in enumerate(ACTIONS)}
"""A key of its own for every action, none of which is one by default."""
FIXED = (
    "esc closes", "esc cancels", "enter confirms", "enter copies", "enter applies the filter", "tab takes",
    "o goes to the line", "or esc brings the other panes back", "once more, or esc, brings", "shift+tab goes back",
    "where enter shows it in full screen", "ctrl+c ends it", "enter deletes",
    # No key: a field of a filter, and what may stand after it.
    ": takes ",
)  # fmt: skip
"""Keys of fields, dialogs and lists, and those that Textual has for every screen: the key map does not change them."""
_WORDS = {"a", "end", "home", "space", "up", "down", "left", "right"}


def _spelled() -> list[str]:
    """Every default key as it may be written in a sentence. A digit would be a number, and goes by `screen.NAME`."""
    keys = {"escape", "esc", "enter", "tab"} | {key for action in ACTIONS for key in action.keys}
    spelled = {text for key in keys for text in (key, key_text(key))} - _WORDS
    return sorted((text for text in spelled if not text.isdecimal()), key=len, reverse=True)


_ONE = "|".join(map(re.escape, _spelled()))
_IN_A_SENTENCE = re.compile(
    rf"(?<![^\s(·:])(?:{_ONE}|space)(?:,? (?:or|and) \S+)?,? (?!(?:is|as|was|has|parameters)\b)[a-z]+s\b"
)
_BEFORE_NOUNS = re.compile(rf"(?:·|before|by) (?:{_ONE})(?= |$)(?! of)")


def literals() -> Iterator[tuple[str, str]]:
    """Every text in the screens, with its file; an f-string as it is written, without what documents the code."""
    for file in sorted(FOLDER.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        about = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in about:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                yield file.relative_to(FOLDER).as_posix(), node.value
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
                yield file.relative_to(FOLDER).as_posix(), "".join(map(str, parts))


def keys_in(text: str) -> list[str]:
    """The default keys that a text names in sentences, without those that nobody can change."""
    for phrase in FIXED:
        text = text.replace(phrase, "")
    return [match[0] for pattern in (_IN_A_SENTENCE, _BEFORE_NOUNS) for match in pattern.finditer(text)]


@pytest.mark.parametrize(
    "text",
    [
        "u undoes it", "fixed (u undoes it, ctrl+s saves)", "the run; c cancels it", "12 of 30 rows · esc stops",
        "F10 or q brings them back", "f12 shows what to report", "no audit: r reads every row", "/ searches",
        "64 × 64 · i full screen", "nothing is written before ctrl+s", "] jumps",
    ],
)  # fmt: skip
def test_a_key_in_a_sentence_is_found(text: str) -> None:
    assert keys_in(text)


@pytest.mark.parametrize("text", ["A red square is seen", "Draw every space as a dot", "esc closes", "a process", ""])
def test_what_is_no_key_is_not_found(text: str) -> None:
    assert keys_in(text) == []


def test_no_text_of_a_screen_names_a_key_that_a_user_may_have_changed() -> None:
    found = {(file, text): keys for file, text in literals() if (keys := keys_in(text))}
    # What a job line says where it is not told better: in a dialog, whose escape is its own.
    assert found.pop(("shell/job_line.py", "esc stops")) == ["esc stops"]
    assert found == {}


def test_every_action_that_a_text_names_is_one() -> None:
    named = {name for _, text in literals() for name in _NAMED.findall(text)}
    known = {str(action.id) for action in ACTIONS}
    short = {name.partition(".")[2] for name in known}
    assert {name for name in named if "." in name} <= known
    assert {name for name in named if "." not in name} <= short
    assert len(named) > 20


@pytest.mark.parametrize(
    ("text", "keys", "scopes", "typing", "said"),
    [
        ("{edit.undo} undoes it", {}, (), False, "u undoes it"),
        ("{edit.undo} undoes it", {"edit.undo": ("left_square_bracket",)}, (), False, "[ undoes it"),
        # Where text is typed, a letter would be written.
        ("{edit.undo} undoes it", {}, ("inspect", "app"), True, "ctrl+z undoes it"),
        ("{undo} undoes it", {"checks.undo": ("f5",)}, ("checks", "app"), False, "F5 undoes it"),
        ("{undo} undoes it", {"checks.undo": ("f5",)}, ("inspect", "grid", "app"), False, "u undoes it"),
        # That screen has no such key of its own.
        ("{save} saves them", {}, ("export", "app"), False, "ctrl+s of the inspect screen (1) saves them"),
        ("{app.faults} shows it", {"app.faults": ("T",)}, ("export", "app"), True, "T shows it"),
        ("{grid.explain} explains", {}, ("inspect", "grid", "app"), False, "enter explains"),
        ("a {part} of [data]", {}, ("inspect", "app"), False, "a {part} of [data]"),
    ],
)
def test_an_action_in_a_sentence_is_said_by_its_key(
    text: str, keys: dict[str, tuple[str, ...]], scopes: tuple[str, ...], typing: bool, said: str
) -> None:
    assert sentence(text, keys, scopes, typing=typing) == said


def test_an_action_without_a_key_is_found_in_the_palette() -> None:
    said = sentence("{edit.undo} undoes it", {"edit.undo": ("",), "app.palette": ("f5",)})
    assert said == "“Undo” of the actions (F5) undoes it"


def shown(app: Any) -> str:
    """The text of the screen in front."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


@pytest.mark.parametrize("base", list(SCREENS))
async def test_with_all_keys_changed_no_screen_and_no_message_names_an_old_one(recipe: Path, base: str) -> None:
    app = WorkbenchApp(prepare(recipe), 0, dict(OTHER))
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: settled(pilot), 120)
        await app.show(base)
        said: set[str] = set()

        async def look() -> None:
            await pilot.pause()
            said.add(message_of(pilot))
            # A dialog's keys are its own.
            if not app.screen.is_modal:
                said.update(shown(app).splitlines())

        await look()
        if isinstance(app.base, InspectScreen):
            app.base.context.show_job("filter", JobProgress("filter", 1, 2))
            await look()
            assert any(f"{OTHER['rows.stop'][0]} stops" in line for line in said)
            app.base.context.show_job("filter", None)
        for action in ACTIONS:
            if base_of(action) != base or action.id in LEAVING or action.scope in ("editor", "loading"):
                continue
            await app.show(base)
            if action.scope == "form":
                screen_of(pilot).edits.switch_form()
            await app.perform(action)
            await look()
            for _ in range(6):
                if app.screen.is_modal:
                    await pilot.press("escape")
                    await pilot.pause()
            app.clear_notifications()
        assert {line: keys for line in said if (keys := keys_in(line))} == {}
        assert any("alt+k" in line for line in said)
        said = {one.text for one in app.telling.notices.kept}
        assert {text: keys for text in said if (keys := keys_in(text))} == {}
    assert not app.faults, app.faults[0].trace


async def test_help_and_palette_say_the_users_keys_too(recipe: Path) -> None:
    app = WorkbenchApp(prepare(recipe), 0, dict(OTHER))
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: settled(pilot), 120)
        tooltips = [app.known(action).tooltip for action in ACTIONS]
        assert {text: keys for text in tooltips if (keys := keys_in(text))} == {}
        assert [text for text in tooltips if "{" in text] == []
        assert any(OTHER["audit.start"][0] in text for text in tooltips)
        await app.run_action("help")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await app.run_action("messages")
        await until(pilot, lambda: isinstance(app.screen, MessagesScreen))
