"""The app on the text path: what it reads is edited and followed, and the boundaries are greyed with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.boundary_form import AS_EOS, EOS, EOT, EOT_TOKENS, BoundaryForm, CycleField, TextField
from screens.shell.problem import ProblemPane
from screens.shell.status_bar import StatusBar
from screens.token_grid.copy import reproducer
from tests.screens.conftest import Opened, screen_of, until
from tests.screens.test_editing import trained
from workbench.bench import Bench, prepare

ROWS = [{"messages": [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Four boxes."}]}]
DPO = [{"prompt": "How many?", "chosen": "Four.", "rejected": "Five."}]


@pytest.fixture
def text_recipe(recipe: Path, tmp_path: Path) -> Any:
    """Makes the demo's recipe without its processor, on these rows, with more lines at its end."""

    def make(rows: list[dict[str, Any]], more: str = "") -> Bench:
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        gone = ("processor_type", "skip_prepare_dataset", "remove_unused_columns")
        kept = [line for line in recipe.read_text("utf-8").splitlines() if not line.startswith(gone)]
        text = "\n".join(f"  - path: {tmp_path / 'rows.jsonl'}" if "- path:" in line else line for line in kept)
        recipe.write_text(text + "\n" + more, "utf-8")
        return prepare(recipe)

    return make


def panel_text(pilot: Any) -> str:
    panel = screen_of(pilot).query_one(BoundariesPanel)
    from screens.shell.themes import paints

    return "\n".join(line.plain for line in panel._texts(paints(pilot.app.current_theme)))


async def test_boundaries_are_greyed_with_the_reason(opened: Opened, text_recipe: Any) -> None:
    async with opened((160, 48), bench=text_recipe(ROWS)) as pilot:
        told = panel_text(pilot)
        assert told.startswith("text path: no processor_type: markers are not read\n  ")
        assert "roles_to_train: assistant" in told
        assert "turns found: 2/2" in told


async def test_the_form_edits_what_this_path_reads_and_the_mask_follows(opened: Opened, text_recipe: Any) -> None:
    async with opened((160, 48), bench=text_recipe(ROWS)) as pilot:
        screen = screen_of(pilot)
        document, form = screen.editing.document, screen.query_one(BoundaryForm)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextField | CycleField))
        (tokens,) = [one for one in form.fields if one.path == EOT_TOKENS]
        (choice,) = [one for one in form.fields if one.path == EOT]
        assert tokens.display
        assert all(one.disabled for one in form.fields if one.path[0] == "role_boundaries")
        before = trained(pilot)
        tokens.focus()
        await pilot.press(*"<turn|>")
        assert document.get(EOT_TOKENS) == ["<turn|>"]
        assert trained(pilot) == before + 1
        choice.focus()
        await pilot.press("space")
        assert document.get(EOT) == "turn"
        for _ in range(3):
            await pilot.press("space")
        assert document.get(EOT) == "none"
        assert trained(pilot) == before
        await pilot.press("space")
        assert (document.get(EOT), choice.value) == (None, AS_EOS)
        assert trained(pilot) == before + 1


@pytest.mark.parametrize("number", [0, 1])
async def test_the_form_edits_the_dataset_that_is_shown(number: int, opened: Opened, text_recipe: Any) -> None:
    file = Path(text_recipe(ROWS).document.path or "")
    text = file.read_text("utf-8")
    entry = next(line for line in text.splitlines() if "- path:" in line)
    file.write_text(text.replace(entry, f"{entry}\n    type: chat_template\n{entry}", 1), "utf-8")
    async with opened((160, 48), bench=prepare(file, dataset=number)) as pilot:
        screen = screen_of(pilot)
        document, form = screen.editing.document, screen.query_one(BoundaryForm)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextField | CycleField))
        (choice,) = [one for one in form.fields if one.path == ("datasets", number, "train_on_eos")]
        choice.focus()
        await pilot.press("space")
        assert document.get(("datasets", number, "train_on_eos")) == "all"
        assert document.get(("datasets", 1 - number, "train_on_eos")) != "all"


async def test_on_the_multimodal_path_the_first_dataset_is_edited_and_said_to_rule(
    opened: Opened, recipe: Path
) -> None:
    text = recipe.read_text("utf-8")
    entry = next(line for line in text.splitlines() if "- path:" in line)
    recipe.write_text(text.replace(entry, f"{entry}\n    type: chat_template\n{entry}", 1), "utf-8")
    async with opened((160, 48), bench=prepare(recipe, dataset=1)) as pilot:
        screen = screen_of(pilot)
        form = screen.query_one(BoundaryForm)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextField | CycleField))
        note = str(form.query_one("#form-note", Static).render())
        assert "datasets[1] is shown, and datasets[0] rules" in note
        (choice,) = [one for one in form.fields if one.path == EOS]
        choice.focus()
        await pilot.press("space")
        assert screen.editing.document.get(EOS) == "all"
        assert screen.editing.document.get(("datasets", 1, "train_on_eos")) != "all"


async def test_every_screen_names_the_path_first_and_who_was_asked(opened: Opened, text_recipe: Any) -> None:
    async with opened((160, 48), bench=text_recipe(ROWS)) as pilot:
        for key in "12345":
            await pilot.press(key)
            await until(pilot, lambda: bool(pilot.app.screen.query(StatusBar)))
            bar = pilot.app.screen.query_one(StatusBar)
            await until(pilot, lambda bar=bar: "from the table of 0.2" in bar.render().plain)  # type: ignore[misc]
            assert "   text path · from the table of 0.2" in bar.render().plain
        await pilot.resize_terminal(60, 24)
        await until(pilot, lambda: bar.size.width == 60)
        assert bar.render().plain.rstrip().endswith(("   text", "   text path"))


async def test_the_copied_program_gives_the_labels(opened: Opened, text_recipe: Any) -> None:
    async with opened((160, 48), bench=text_recipe(ROWS)) as pilot:
        context = screen_of(pilot).context
        program = reproducer(context.view, context.bench.masking, 0, 1, model="m", recipe="r")
        exec(compile(program, "program", "exec"), {})


async def test_preference_data_is_named_and_told_as_text(opened: Opened, text_recipe: Any) -> None:
    async with opened((120, 40), bench=text_recipe(DPO, "rl: dpo\n")) as pilot:
        pane = screen_of(pilot).query_one(ProblemPane)
        assert pane.display
        shown = pane._shown
        assert (shown.code, shown.severity) == ("D011", "warning")
        assert pane._more == "prompt:\n  How many?\nchosen:\n  Four.\nrejected:\n  Five."
