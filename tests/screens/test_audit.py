"""The audit screen reads the files of an audit: one that is under way, one that has ended, one that it starts."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.audit import AuditScreen
from screens.inspect.screen import InspectScreen
from tests.screens.conftest import Opened, settled, until
from workbench.audit.follow import REPORT, FollowedAudit
from workbench.audit.largest import Largest
from workbench.audit.progress_file import AuditProgress, ProgressFile, followed
from workbench.audit.question import write_question
from workbench.audit.run import audit, question_of, recipe_plan
from workbench.bench import Bench, prepare
from workbench.models.memory import MemoryEstimate
from workbench.views.audit_files import write_report


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.audit.plan.BLOCK", 4)
    monkeypatch.setattr("workbench.audit.beside.check_recipe", lambda bench: [])
    memory = MemoryEstimate(480, 12, 12, 24, 900, 310, 2, 64, 64, 3, 10)
    monkeypatch.setattr("workbench.audit.tally.estimated", lambda bench, place, size: Largest(place, size, memory))


def screen_of(pilot: Pilot[None]) -> AuditScreen:
    screen = pilot.app.base  # type: ignore[attr-defined]
    assert isinstance(screen, AuditScreen)
    return screen


async def to_audit(pilot: Pilot[None]) -> AuditScreen:
    await pilot.press("6")
    await until(pilot, lambda: isinstance(pilot.app.screen, AuditScreen) and pilot.app.screen.read)
    return screen_of(pilot)


def line(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#audit-line").render())


def page(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#audit-text").render())


def begun(bench: Bench) -> Path:
    """The folder of an audit of this bench, with its question and nothing else."""
    folder = FollowedAudit(bench).folder
    folder.mkdir(parents=True)
    write_question(folder, bench)
    return folder


async def test_without_an_audit_it_says_how_to_begin_one(opened: Opened) -> None:
    async with opened() as pilot:
        screen = await to_audit(pilot)
        assert "r reads every row" in line(pilot)
        assert "what each trains" in page(pilot)
        assert not screen.running
        await pilot.press("enter", "n", "escape")
        assert screen_of(pilot) is screen


async def test_an_audit_that_is_under_way_is_followed(opened: Opened, recipe: Path) -> None:
    """Blocks come one by one, as another process writes them; each is read once."""
    async with opened((140, 44), bench=prepare(recipe)) as pilot:
        bench: Any = pilot.app.bench  # type: ignore[attr-defined]
        folder = begun(bench)
        plan = recipe_plan(bench)
        whole = audit(bench, plan, workers=1, out=folder)
        blocks = sorted((folder / "blocks").glob("*.parquet"))
        aside = [block.read_bytes() for block in blocks]
        for block in blocks[1:]:
            block.unlink()
        writer = ProgressFile(folder)
        question, total = question_of(bench, plan), len(plan)
        writer.step(question, AuditProgress(4, total, 0, 2.0))
        screen = await to_audit(pilot)
        await until(pilot, lambda: screen.report is not None)
        assert screen.running
        assert f"4 of {total} rows · 2/s · 0:{(total - 4) // 2:02d} left" in line(pilot)
        assert "esc stops" in line(pilot)
        assert screen.report is not None
        assert screen.report.rows == 4
        for block, content in zip(blocks[1:], aside[1:], strict=True):
            block.write_bytes(content)
        writer.step(question, AuditProgress(total, total, 0, 8.0))
        writer.end("whole")
        write_report(folder, bench, whole)
        await until(pilot, lambda: not screen.running)
        assert screen.report.rows == total
        assert screen.report.to_dict() == whole.to_dict()
        assert f"{total} rows" in line(pilot)
        # What all rows are like, then the first cause with its examples.
        assert "trained tokens" in page(pilot)
        assert "needs the most memory" in page(pilot)
        await pilot.press("down")
        assert screen.cause is not None
        assert screen.cause.code == whole.causes[0].code
        row = whole.causes[0].examples[0].where.row
        assert f"▸ row {row}" in page(pilot)
        assert "vlmbench inspect" not in page(pilot)
        if len(whole.causes[0].examples) > 1:
            await pilot.press("n")
            row = whole.causes[0].examples[1].where.row
            assert f"▸ row {row}" in page(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: settled(pilot))
        assert isinstance(pilot.app.screen, InspectScreen)
        assert pilot.app.screen.context.row == row


async def test_an_edit_makes_the_audit_one_of_another_recipe(opened: Opened, recipe: Path) -> None:
    async with opened((140, 44), bench=prepare(recipe)) as pilot:
        app: Any = pilot.app
        folder = begun(app.bench)
        audit(app.bench, recipe_plan(app.bench), workers=1, out=folder)
        screen = await to_audit(pilot)
        await until(pilot, lambda: screen.report is not None)
        app.editing.document.set(("train_on_inputs",), True)
        await pilot.press("1", "6")
        await until(pilot, lambda: screen.report is None)
        assert "no audit of this recipe as it is" in line(pilot)


async def test_an_audit_whose_process_is_gone_has_ended(opened: Opened, recipe: Path) -> None:
    async with opened(bench=prepare(recipe)) as pilot:
        app: Any = pilot.app
        folder = begun(app.bench)
        ProgressFile(folder).step("q", AuditProgress(0, 40, 0, 1.0))
        gone = os.fork()
        if not gone:
            os._exit(0)
        os.waitpid(gone, 0)
        path = folder / "progress.json"
        path.write_text(path.read_text("utf-8").replace(f'"process": {os.getpid()}', f'"process": {gone}'), "utf-8")
        screen = await to_audit(pilot)
        assert not screen.running
        assert "ended early: the process ended unexpectedly" in line(pilot)


def test_the_process_is_started_stopped_and_ends_with_its_owner(recipe: Path) -> None:
    """The real process, once: started, interrupted while it works, its results gone on from, and its end."""
    bench = prepare(recipe).load()
    followed_audit = FollowedAudit(bench)
    # The report of one before it would be taken for its own, should it end early.
    report = followed_audit.folder / REPORT
    report.parent.mkdir(parents=True)
    report.write_text("{}", "utf-8")
    followed_audit.start()
    assert not report.exists()
    child = followed_audit._child
    assert child is not None
    try:
        deadline = time.monotonic() + 60
        while (found := followed(followed_audit.folder)) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found is not None
        assert found.step.total == len(bench.rows)
        followed_audit.stop()
        assert child.wait(30) in (0, 130)
        for _ in followed_audit.read():
            pass
        assert followed_audit.progress is not None
        assert followed_audit.progress.ended in ("interrupted", "whole")
        followed_audit.start()
        child = followed_audit._child
        assert child is not None
        # The pipe closes with the app, however that ends.
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(30) != 0
    finally:
        followed_audit.end()


async def test_a_process_that_cannot_begin_says_why(
    opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.audit.follow.MODULE", "workbench.no_such_module")
    async with opened(bench=prepare(recipe)) as pilot:
        screen = await to_audit(pilot)
        await pilot.press("r")
        assert "loading the model" in line(pilot)
        await until(pilot, lambda: not screen.running and screen.progress is not None)
        assert "exit code 1 before it read a row" in line(pilot)
