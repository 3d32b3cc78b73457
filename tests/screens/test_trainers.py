"""The trainers screen: who is at hand, lanes aligned by text, causes, and what is missing."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from textual.pilot import Pilot

from screens.inspect.screen import InspectScreen
from screens.shell.themes import THEMES, paints
from screens.trainers import TrainersScreen
from screens.trainers_text import _table
from tests.screens.conftest import Opened, settled, until
from workbench.bench import prepare
from workbench.consumers.trainers.client import RowsAnswer, RowsQuestion
from workbench.consumers.trainers.scripts.serving import pieces
from workbench.errors import EnvironmentProblem
from workbench.lanes.asking import Named

AT_HAND = [Named("trl", "/trl/python", "trl"), Named("llamafactory", "/lf/python", "llamafactory")]


def page(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#lanes-text").render())


def line(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#trainers-line").render())


async def to_trainers(pilot: Pilot[None]) -> TrainersScreen:
    await pilot.press("7")
    await until(pilot, lambda: isinstance(pilot.app.screen, TrainersScreen) and pilot.app.screen.read)
    screen = pilot.app.screen
    assert isinstance(screen, TrainersScreen)
    return screen


def answering(bench: Any) -> Any:
    """Trainers that answer with the bench's ids: TRL trains all of them, the other what the bench trains."""

    def ask(name: str, python: str, question: RowsQuestion, label: str = "") -> RowsAnswer:
        rows = {}
        for number in question.content:
            row = bench.row(number)
            ids = [int(one) for one in row.rendering.input_ids]
            labels = ids if name == "trl" else [int(one) for one in row.mask.labels]
            rows[number] = (ids, labels)
        texts, added = pieces(bench.loaded.tokenizer, {one for ids, _ in rows.values() for one in ids})
        known = {int(key): value for key, value in texts.items()}
        return RowsAnswer(label, name, {name: "1.0"}, rows=rows, pieces=known, added=frozenset(added))

    return ask


async def test_trainers_are_asked_one_after_the_other(
    opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.lanes.asking.at_hand", lambda bench: (AT_HAND, ["axolotl", "ms-swift"]))
    async with opened((140, 44), bench=prepare(recipe)) as pilot:
        bench = pilot.app.bench  # type: ignore[attr-defined]
        answer, go = answering(bench), threading.Event()

        def ask(name: str, python: str, question: RowsQuestion, label: str = "") -> RowsAnswer:
            assert go.wait(20)
            found = answer(name, python, question, label)
            return replace(found, versions={name: "[bold]\x1b[31m2"}) if name == "trl" else found

        monkeypatch.setattr("workbench.lanes.asking.ask_trainer", ask)
        screen = await to_trainers(pilot)
        # Before anybody is asked: who is at hand, and what is missing, by the name of its package.
        assert "nobody was asked yet: r asks" in line(pilot)
        assert "at hand: trl, llamafactory" in page(pilot)
        assert "ms-swift: the package ms-swift" in page(pilot)
        await pilot.press("r")
        await until(pilot, lambda: screen.asking == "trl")
        assert "asking trl" in line(pilot)
        go.set()
        await until(pilot, lambda: not screen.asking)
        assert len(screen.rows) > 5
        assert "rows by cause" in page(pilot)
        assert "prompt trained" in page(pilot)
        assert "\x1b" not in page(pilot)
        # One row: a lane each where they differ, in the same columns.
        await pilot.press("down")
        assert screen.row is not None
        drawn = page(pilot).partition("tokens trained\n\n")[2].splitlines()
        lanes = [text for text in drawn if text[:14].strip() in ("trl", "llamafactory")]
        first, second = lanes[:2]
        assert first[16:40] == second[16:40]
        assert "▎" in first
        assert "llamafactory differ from trl" in page(pilot) or "trl differ from llamafactory" in page(pilot)
        row = screen.row.row
        await pilot.press("enter")
        await until(pilot, lambda: settled(pilot))
        assert isinstance(pilot.app.screen, InspectScreen)
        assert pilot.app.screen.context.row == row


async def test_a_trainer_that_cannot_be_asked_leaves_the_others(
    opened: Opened, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.lanes.asking.at_hand", lambda bench: (AT_HAND, []))
    async with opened((100, 40), bench=prepare(recipe)) as pilot:
        answer = answering(pilot.app.bench)  # type: ignore[attr-defined]

        def ask(name: str, python: str, question: RowsQuestion, label: str = "") -> RowsAnswer:
            if name == "trl":
                raise EnvironmentProblem("trl needs the package pillow", "", "Install it into that environment.")
            return answer(name, python, question, label)

        monkeypatch.setattr("workbench.lanes.asking.ask_trainer", ask)
        screen = await to_trainers(pilot)
        await pilot.press("r")
        await until(pilot, lambda: screen.lanes is not None and not screen.asking)
        assert "trl: trl needs the package pillow" in page(pilot)
        assert [one.name for one in screen.lanes.comparison.summaries] == ["llamafactory"]  # type: ignore[union-attr]
        await pilot.press("escape")
        assert screen.lanes is not None


def test_a_table_fits_its_pane_and_keeps_its_figures() -> None:
    head, lines = ("trainer", "rows", "nothing trained"), [["axolotl 0.19.0", "4", "12"], ["trl 0.29", "1,000", "0"]]
    for width in range(22, 60):
        text = Text()
        _table(text, head, lines, paints(THEMES[0]), width)
        drawn = text.plain.splitlines()
        assert all(len(line) <= width for line in drawn), width
        assert [line.split()[-2:] for line in drawn[-2:]] == [["4", "12"], ["1,000", "0"]]
        assert len(drawn) == (3 if width >= 38 else 4)
