"""The model screen on the demo: towers, targets edited live, a fix, the memory of a step."""

from __future__ import annotations

import shutil
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, Static, Tree

from screens.export import ExportScreen
from screens.model import ModelScreen
from tests.screens.conftest import Opened, until
from tests.screens.test_export_screen import recipe_in
from workbench.bench import prepare
from workbench.models.sizes import UNSIZED
from workbench.paths import sample_dir


async def model_screen(pilot: Pilot[None]) -> ModelScreen:
    """The model screen in front, after its first look."""
    await pilot.press("3")
    await until(pilot, lambda: isinstance(pilot.app.screen, ModelScreen))
    screen = pilot.app.screen
    assert isinstance(screen, ModelScreen)
    await until(pilot, lambda: screen.facts is not None, 60)
    return screen


def said(screen: ModelScreen, name: str) -> str:
    return str(screen.query_one(f"#{name}", Static).render())


def towers(screen: ModelScreen) -> list[str]:
    return [str(node.label) for node in screen.query_one("#towers", Tree).root.children]


async def test_targets_are_edited_live_and_mended(opened: Opened, tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path)
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        screen = await model_screen(pilot)
        assert screen.findings == ()
        assert "24 of 33 adapted" in towers(screen)[0]
        assert "Gemma4ForConditionalGeneration" in said(screen, "made")
        await until(pilot, lambda: screen.estimate is not None, 60)
        assert screen.estimate is not None
        assert "in all" in said(screen, "bytes")

        field = screen.query_one("#pattern", Input)
        await pilot.press("e")
        field.value = ""
        await pilot.press(*"[q_proj, v_proj")
        await pilot.pause(0.3)
        # A list that is not closed yet changes nothing.
        assert screen.editing.document.get(("lora_target_modules",)) != "[q_proj, v_proj"
        await pilot.press("]")
        await until(pilot, lambda: not screen.looking and bool(screen.findings), 60)
        assert screen.editing.document.get(("lora_target_modules",)) == ["q_proj", "v_proj"]
        assert [one.code for one in screen.findings] == ["A001", "A002"]
        assert "frozen again" in said(screen, "reached")
        assert any("vision" in line and "frozen again" in line for line in towers(screen))

        await pilot.press("escape", "f")
        await until(pilot, lambda: not screen.looking and not screen.findings, 60)
        assert "24 of 33 adapted" in towers(screen)[0]
        assert field.value.startswith("model.language_model.layers")
        await pilot.press("u")
        await until(pilot, lambda: not screen.looking and len(screen.findings) == 2, 60)
        assert field.value == "[q_proj, v_proj]"

        await pilot.press("e")
        field.value = "nothing_is_called_so"
        await until(
            pilot, lambda: not screen.looking and screen.facts is not None and screen.facts.refusal is not None, 60
        )
        assert [one.code for one in screen.findings] == ["A003"]
        assert "nothing_is_called_so" in said(screen, "reached")
        # The last figures stay, and it is said that they are of before.
        assert "in all" in said(screen, "bytes")
        assert screen.query_one("#memory").border_subtitle == "before the edit: the targets are refused"

        # The usual keys work in the field too, where u is a letter; what was typed a moment ago is an edit already.
        await pilot.press("end", "x", "ctrl+z")
        assert field.value == "[q_proj, v_proj]"
        await pilot.press("ctrl+y")
        assert field.value == "nothing_is_called_sox"
        # And on a screen that has edited nothing itself.
        await pilot.press("escape", "5")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExportScreen))
        await pilot.press("ctrl+z")
        assert screen.editing.document.get(("lora_target_modules",)) == ["q_proj", "v_proj"]


async def test_a_pattern_that_is_none_yet_is_told_and_mended_by_typing_on(opened: Opened, tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path)
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        screen = await model_screen(pilot)
        field = screen.query_one("#pattern", Input)
        before = field.value
        await pilot.press("e", "end", "[")
        await until(pilot, lambda: [one.code for one in screen.findings] == ["C011"], 60)
        assert field.value == f"{before}["
        assert screen.findings[0].where.line == screen.editing.document.line(("lora_target_modules",), key=True)[0]
        assert "does not compile" in said(screen, "reached")
        assert "does not compile" in said(screen, "findings-text")
        assert all("not known" in line for line in towers(screen)), towers(screen)
        assert "no estimate" in said(screen, "bytes")
        await pilot.press("backspace")
        await until(pilot, lambda: not screen.looking and screen.findings == (), 60)
        assert "24 of 33 adapted" in towers(screen)[0]


async def test_a_tower_unfolds_into_kinds_of_modules(opened: Opened, tmp_path: Path) -> None:
    async with opened((80, 24), bench=prepare(recipe_in(tmp_path))) as pilot:
        screen = await model_screen(pilot)
        tree = screen.query_one("#towers", Tree)
        language = tree.root.children[0]
        assert language.is_expanded
        kinds = [str(node.label) for node in language.children]
        assert any("layers.*.self_attn.q_proj" in kind and "× 4" in kind for kind in kinds)
        await pilot.press("space")
        assert not language.is_expanded


async def test_a_model_of_unknown_size_has_no_figures(opened: Opened, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(sample_dir() / "demo-model", folder)
    (folder / "config.json").write_text('{"model_type": "gemma4"}')
    bench = prepare(model=str(folder), data=str(sample_dir() / "text.jsonl"))
    async with opened((160, 48), bench=bench) as pilot:
        screen = await model_screen(pilot)
        assert UNSIZED in said(screen, "made")
        assert "parameters" not in said(screen, "made")
        assert all("–" in line and "iB" not in line for line in towers(screen))
        await until(pilot, lambda: "not known" in said(screen, "bytes"), 60)
        assert UNSIZED in said(screen, "bytes")


async def test_a_long_pattern_shows_its_beginning_and_that_it_is_cut(opened: Opened, tmp_path: Path) -> None:
    """While it is edited the cursor is in sight instead, which is at its end."""
    async with opened((120, 40), bench=prepare(recipe_in(tmp_path))) as pilot:
        screen = await model_screen(pilot)
        field = screen.query_one("#pattern", Input)

        def line() -> str:
            return field.render_line(0).text

        whole = field.value
        assert len(whole) > field.size.width
        assert line() == f"{whole[: field.size.width - 1]}…"
        await pilot.press("e")
        await pilot.pause()
        assert line().rstrip().endswith(whole[-8:])
        await pilot.press("escape")
        await pilot.pause()
        assert line() == f"{whole[: field.size.width - 1]}…"
