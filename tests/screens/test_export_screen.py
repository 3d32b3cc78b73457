"""The export screen, and the way from nothing to an export by screens alone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from screens.export import ExportScreen
from screens.overfit import OverfitScreen
from screens.shell.dialogs import ConfirmDialog, InputDialog
from tests.screens.conftest import Opened, message_of, until
from tests.support.nothing_to_export import recipe_in, undated
from tests.test_cli import run
from workbench.bench import prepare
from workbench.export.prepare import prepare_export
from workbench.export.receipt import read_receipt


async def export_screen(pilot: Pilot[None]) -> ExportScreen:
    """The export screen in front, after its first look."""
    await pilot.press("5")
    await until(pilot, lambda: isinstance(pilot.app.screen, ExportScreen))
    export = pilot.app.screen
    assert isinstance(export, ExportScreen)
    await until(pilot, lambda: export.made is not None, 60)
    return export


def steps_of(export: ExportScreen) -> str:
    return str(export.query_one("#steps", Static).render())


async def test_from_nothing_to_an_export_by_screens_alone(opened: Opened, tmp_path: Path) -> None:
    recipe, target = recipe_in(tmp_path), tmp_path / "full.yaml"
    async with opened((160, 48), bench=prepare(recipe)) as pilot:
        export = await export_screen(pilot)
        assert export.made is not None
        assert [one.code for one in export.made.missing] == ["no_run"]
        told = str(export.query_one("#steps", Static).render())
        assert "1 missing" in told
        # The three states, and the keys that supply what each lacks.
        assert "● unproven  " in told
        assert "○ proven here  lacks overfit 4 then r" in told
        assert "○ proven by axolotl  lacks overfit 4 then r, consumer a" in told
        # Enter goes to the missing step.
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, OverfitScreen))
        overfit = pilot.app.screen
        assert isinstance(overfit, OverfitScreen)
        await pilot.press("r")
        await until(pilot, lambda: overfit.running, 60)
        await until(pilot, lambda: not overfit.running, 180)
        await pilot.press("5")
        await until(pilot, lambda: not export.looking and export.made is not None, 60)
        assert export.made.missing == ()
        steps = str(export.query_one("#steps", Static).render())
        assert steps.startswith("Proven here; axolotl not asked: w writes it\n")
        assert "● proven here  rows without an error" in steps
        # An axolotl that is named is asked; what is wrong with it is said.
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, InputDialog))
        pilot.app.screen.query_one(Input).value = str(tmp_path / "no-python")
        await pilot.press("enter")
        await until(pilot, lambda: not export.looking, 60)
        assert export.problem is not None
        assert "no-python cannot be run" in export.problem.title
        assert "a names another Python" in str(export.query_one("#steps", Static).render())
        export.python = None
        await pilot.press("r")
        await until(pilot, lambda: not export.looking and export.made is not None, 60)
        assert export.made.missing == ()
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, InputDialog))
        pilot.app.screen.query_one(Input).value = str(target)
        await pilot.press("enter")
        await until(pilot, target.exists, 60)
    written = target.read_text("utf-8")
    receipt = read_receipt(written)
    assert receipt is not None
    assert receipt.validated == "bench"
    # The command writes the same.
    target.unlink()
    ran = run("export", str(recipe), "--out", str(target))
    assert ran.returncode == 0, ran.stderr
    assert undated(target.read_text("utf-8")) == undated(written)


async def test_the_window_does_not_wait_for_a_file_to_be_composed(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An axolotl that is asked answers in its own time, and the bench belongs to one thread."""
    recipe, threads = recipe_in(tmp_path), []

    def prepared(*arguments: Any, **more: Any) -> Any:
        threads.append(threading.current_thread())
        return prepare_export(*arguments, **more)

    monkeypatch.setattr("workbench.export.prepare.prepare_export", prepared)
    async with opened((120, 40), bench=prepare(recipe)) as pilot:
        export = await export_screen(pilot)
        export._write(tmp_path / "full.yaml", unvalidated=True)
        await until(pilot, (tmp_path / "full.yaml").exists, 60)
        assert len(threads) >= 2
        assert threading.main_thread() not in threads
        # A place that cannot be written to is told.
        export._write(tmp_path / "nowhere" / "full.yaml", unvalidated=True)
        await until(pilot, lambda: "no folder" in message_of(pilot), 60)


async def test_what_is_not_proven_is_written_only_as_such(opened: Opened, tmp_path: Path) -> None:
    recipe, target = recipe_in(tmp_path), tmp_path / "full.yaml"
    async with opened((80, 24), bench=prepare(recipe)) as pilot:
        await export_screen(pilot)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("escape", "w", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, InputDialog))
        pilot.app.screen.query_one(Input).value = str(target)
        await pilot.press("enter")
        await until(pilot, target.exists, 60)
        assert read_receipt(target.read_text("utf-8")).validated is False  # type: ignore[union-attr]
        # It stays in sight, with what it says of itself, and no border goes on about it.
        export: Any = pilot.app.base  # type: ignore[attr-defined]
        await until(pilot, lambda: steps_of(export).startswith("✓ wrote"))
        told = " ".join(steps_of(export).split())
        assert "full.yaml" in told.replace(" ", "")
        assert "; its receipt says validated: false" in told
        assert not export.looking
        borders = [export.query_one(f"#{name}").border_subtitle for name in ("proofs", "file")]
        assert borders == ["", ""]
        # A file that is there is not written over unasked.
        before = target.read_text("utf-8") + "# mine\n"
        target.write_text(before, "utf-8")
        await pilot.press("w", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, InputDialog))
        pilot.app.screen.query_one(Input).value = str(target)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog), 60)
        await pilot.press("escape")
        await pilot.pause()
        # A dialog that closes has nothing proved again; an edit takes the line away.
        assert not export.looking
        export.editing.set(("lora_r",), 3)
        export.follow()
        await until(pilot, lambda: not export.looking, 60)
        assert "wrote" not in steps_of(export)
        assert target.read_text("utf-8") == before
