"""The form over the boundaries: every edit of a field is one of the same YAML text, in the same history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from screens.guard.widgets import Static
from screens.inspect.boundary_form import (
    BoundaryFields,
    BoundaryForm,
    CycleField,
    TextField,
    as_typed,
    from_typed,
    names_as_typed,
    names_from_typed,
)
from screens.inspect.recipe_editor import RecipeEditor
from tests.screens.conftest import Opened, screen_of, until
from tests.screens.test_editing import trained
from workbench.bench import prepare


@pytest.mark.parametrize("text", ["<|turn>model\n", "\t a\\n \\ ", "\u202e\x1b[31m\U000e0001", "你好", ""])
def test_every_marker_can_be_written_on_one_line(text: str) -> None:
    assert from_typed(as_typed(text)) == text
    assert as_typed(text).isprintable()


def test_what_is_half_typed_is_taken_as_it_stands() -> None:
    assert [from_typed(one) for one in ("a\\", "a\\q", "\\x4", "\\x41", "\\U99999999")] == [
        "a\\", "a\\q", "\\x4", "A", "\\U99999999",
    ]  # fmt: skip
    assert [names_from_typed(names_as_typed(one)) for one in (None, [], ["a", "b"])] == [None, [], ["a", "b"]]


def field(pilot: Any, *path: Any) -> Any:
    (found,) = [one for one in screen_of(pilot).query_one(BoundaryForm).fields if one.path == path]
    return found


async def test_a_card_says_what_its_boundary_finds(opened: Opened, recipe: Path) -> None:
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        screen = screen_of(pilot)
        document, form = screen.editing.document, screen.query_one(BoundaryForm)
        before = document.text
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextField))
        # The card says what its boundary finds, and which start would find it; one key takes that.
        card = form.query_one(BoundaryFields)
        await until(pilot, lambda: card.better == "<|turn>model\n")
        assert "✗ 0 of 2  F2 takes <|turn>model\\n" in str(card.query_one(".matched", Static).render())
        await pilot.press("f2")
        assert (trained(pilot), document.text) == (15, before.replace("modle", "model"))
        assert "✓ 2 of 2" in str(card.query_one(".matched", Static).render())
        await pilot.press("ctrl+z")
        assert document.text == before
        # Each marker has a line of its own, as wide as the form.
        start, end = (field(pilot, "role_boundaries", 0, name) for name in ("start", "end"))
        assert start.region.y + 1 == end.region.y
        assert start.size.width > form.size.width - 12


async def test_fields_edit_the_text_and_the_text_the_fields(opened: Opened, recipe: Path) -> None:
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        screen = screen_of(pilot)
        document, form = screen.editing.document, screen.query_one(BoundaryForm)
        before = document.text
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextField))
        assert pilot.app.focused is field(pilot, "role_boundaries", 0, "role")
        assert screen.query_one(RecipeEditor).display is False
        # Mend the marker; the mask follows, the comments stay, and it is one step to undo.
        await pilot.press("tab", "end", *["backspace"] * 7, *"model\\n")
        assert trained(pilot) == 15
        assert document.text == before.replace("<|turn>modle\\n", "<|turn>model\\n")
        await pilot.press("ctrl+z")
        assert (trained(pilot), document.text) == (0, before)
        assert field(pilot, "role_boundaries", 0, "start").value == "<|turn>modle\\n"
        await pilot.press("ctrl+y")
        # A flag is written, and back at its default it is written too, since it stands there now.
        await pilot.press("tab", "tab", "space")
        assert document.get(("role_boundaries", 0, "include_start")) is True
        assert trained(pilot) == 21
        await pilot.press("space")
        assert (document.get(("role_boundaries", 0, "include_start")), trained(pilot)) == (False, 15)
        # Another row, in its place and gone again.
        await pilot.press("ctrl+n")
        await until(pilot, lambda: pilot.app.focused is not None and form.path == ("role_boundaries", 3, "start"))
        assert "encodes to no token" in str(screen.editing.problem)
        await pilot.press(*"<|turn>tool")
        assert screen.editing.problem is None
        assert document.get(("role_boundaries", 3)) == {"role": "tool", "start": "<|turn>tool"}
        await pilot.press("f8")
        await until(pilot, lambda: len(form.query("BoundaryFields")) == 3)
        assert len(document.get(("role_boundaries",))) == 3
        # The knobs, and what is typed as text is seen in the form.
        pick = field(pilot, "datasets", 0, "train_on_eos")
        assert isinstance(pick, CycleField)
        pick.focus()
        await pilot.press("space", "up", "end", *", user")
        assert document.get(("datasets", 0, "train_on_eos")) == "all"
        assert document.get(("datasets", 0, "roles_to_train")) == ["assistant", "user"]
        assert trained(pilot) > 21
        field(pilot, "role_boundaries", 1, "end").focus()
        await until(pilot, lambda: form.path == ("role_boundaries", 1, "end"))
        await pilot.press("f4")
        editor = screen.query_one(RecipeEditor)
        assert editor.display
        assert editor.area.document.get_line(editor.area.cursor_location[0]).strip().startswith("end:")
        screen.editing.type(document.text.replace("<|turn>user", "<|turn>usr"))
        screen.follow()
        await pilot.press("f4")
        await until(pilot, lambda: form.path == ("role_boundaries", 1, "role"))
        assert field(pilot, "role_boundaries", 1, "start").value == "<|turn>usr\\n"
        # A text that is no YAML cannot be edited here.
        screen.editing.type("a: [")
        screen.follow()
        assert form.disabled
        await pilot.press("u")
        assert not form.disabled
        await pilot.press("f4", "escape")
        assert not form.display
