"""The dialog that asks for a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from screens.shell.path_dialog import PathDialog, PathList
from tests.screens.conftest import Opened, until
from workbench.path_choices import is_recipe


async def test_a_path_is_found_by_its_letters_and_folders_are_gone_through(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes/deep").mkdir(parents=True)
    (tmp_path / "recipes/deep/qwen-lora.yaml").touch()
    (tmp_path / "recipes/other.yaml").touch()
    answers: list[str | None] = []
    async with opened() as pilot:
        monkeypatch.chdir(tmp_path)

        async def ask(value: str = "") -> tuple[PathList, Input]:
            dialog = PathDialog("a path", value=value, fits=is_recipe)
            await pilot.app.push_screen(dialog, answers.append)
            paths = dialog.query_one(PathList)
            await until(pilot, lambda: paths.option_count == 3)
            return paths, dialog.query_one(Input)

        # What is proposed is given as it is; the files beside it are shown all the same.
        await ask("full.yaml")
        await pilot.press("enter")
        assert answers == ["full.yaml"]

        # By its letters, with up and down.
        paths, _ = await ask()
        await pilot.press(*"qlo")
        await until(pilot, lambda: paths.option_count == 1)
        await pilot.press("down", "enter")
        assert answers[-1] == "recipes/deep/qwen-lora.yaml"

        # Through the folders: tab takes one, enter goes into one that was chosen and does not give it.
        paths, field = await ask()
        await pilot.press("tab")
        assert field.value == "recipes/"
        await until(pilot, lambda: paths.option_count == 3)
        await pilot.press("up", "up", "enter")
        assert field.value == "recipes/deep/"
        await until(pilot, lambda: paths.option_count == 1)
        assert await pilot.click(paths, offset=(2, 0))
        assert field.value == "recipes/deep/qwen-lora.yaml"
        await pilot.press("enter")
        assert answers[-1] == "recipes/deep/qwen-lora.yaml"

        await ask()
        await pilot.press("down", "escape")
        assert answers[-1] is None
        assert len(answers) == 4
