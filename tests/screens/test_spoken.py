"""Advice in the app names keys: a command would leave the app, and go by the recipe as it was saved."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import workbench
from screens.keys.actions import ACTIONS
from screens.keys.spoken import _COMMAND, _KEYS, _PHRASES, in_keys

WITHOUT_A_KEY = {
    "audit CONFIG --out DIR",
    "check --axolotl-python PATH",
    "check --baseline FILE --write-baseline",
    "explain",
    "explain CODE",
    "families",
    "families NAME",
    "inspect --dataset K",
    "inspect --plain",
    "inspect --plain --axolotl-python PATH",
    "report",
}
"""Commands in the workbench's texts that no key of the app does."""


def literals(file: Path) -> list[str]:
    """The texts in a module, without what documents it."""
    source = file.read_text("utf-8")
    if "`vlmbench " not in source:
        return []
    tree = ast.parse(source)
    about = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in about)
    return [node.value for node in found if isinstance(node.value, str)]


@pytest.mark.parametrize(
    ("text", "here", "said"),
    [
        ("`vlmbench check` shows them, with fixes.", "export", "The checks screen (key 2) shows them, with fixes."),
        ("Add role_boundaries; `vlmbench infer` finds them.", "inspect", "Add role_boundaries; key I finds them."),
        ("`vlmbench infer` finds it.", "model", "Key I of the inspect screen (1) finds it."),
        (
            "See the rows with `vlmbench inspect`, and M001 of `vlmbench check`.",
            "checks",
            "See the rows with the inspect screen (key 1), and M001 of this screen.",
        ),
        ("Take more steps (--steps 1,200).", "overfit", "Take more steps (key +)."),
        ("Compare with another trainer: vlmbench trainers.", "inspect", "Compare with another trainer: the trainers"),
        ("`vlmbench convert 'my data.jsonl' --out rows.jsonl --tool-text` does.", "inspect", "Key c does."),
        ("Give --axolotl-python PATH, the Python of the run.", "export", "Give with key a the Python of the run."),
        ("`vlmbench explain A012` says more.", "export", "A012 on the checks screen (key 2) says more."),
        # No key does these.
        ("`vlmbench check --select C` runs alone.", "checks", "`vlmbench check --select C` runs alone."),
        ("added by vlmbench export for the run", "export", "added by vlmbench export for the run"),
        ("nothing to say -- of it", "export", "nothing to say -- of it"),
    ],
)
def test_commands_are_said_as_keys(text: str, here: str, said: str) -> None:
    assert in_keys(text, {}, here).startswith(said)


def test_the_keys_are_the_users_own() -> None:
    own = {"screen.checks": ("f5",), "overfit.more": ("\\",)}
    assert in_keys("Look at `vlmbench check`.", own, "model") == "Look at the checks screen (key F5)."
    assert in_keys("More steps (--steps 20).", own, "overfit") == "More steps (key \\)."


def test_every_command_that_is_advised_has_its_key_or_is_known_to_have_none() -> None:
    root = Path(workbench.__file__).parent
    pages = [tomllib.loads(file.read_text("utf-8")) for file in (root / "checks" / "codes").glob("*.toml")]
    texts = [text for page in pages for code in page.values() for text in map(str, code.values())]
    for file in root.rglob("*.py"):
        if "commands" not in file.parts and file.name != "cli.py":
            texts += literals(file)
    named = {words for text in texts for words in re.findall(r"`vlmbench ([^`]+)`", text)}
    left = {words for words in named if in_keys(f"`vlmbench {words}`", {}) == f"`vlmbench {words}`"}
    assert left == WITHOUT_A_KEY
    assert len(named - left) > 8


def test_every_key_that_is_named_is_one() -> None:
    known = {action.id for action in ACTIONS}
    assert {*_KEYS.values(), *(action for _, action, _ in _PHRASES)} <= known
    assert _COMMAND.search("`vlmbench check`")
