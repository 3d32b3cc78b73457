"""The trainer's answer in the app: after the row, in the status bar, and as a finding where it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from screens.shell.status_bar import StatusBar
from tests.consumers.fake import FakeAxolotl
from tests.consumers.test_asking import labels
from tests.export.support import demo
from tests.screens.conftest import Opened, grid_of, screen_of, to_row, until
from workbench.bench import Bench, open
from workbench.consumers.axolotl.client import close_all
from workbench.recipe import plugin


class Ready(Bench):
    """A bench that is loaded already."""

    def load(self, progress: Any = None) -> Bench:
        return self


@pytest.fixture(scope="module")
def loaded_demo() -> Bench:
    return open()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeAxolotl]:
    yield FakeAxolotl(tmp_path / "environment")
    close_all()


@pytest.fixture
def bench(loaded_demo: Bench, fake: FakeAxolotl, tmp_path: Path) -> Bench:
    plugin.write_file(tmp_path)
    made = demo(loaded_demo, tmp_path, rows=8, axolotl_python=fake.python)
    made.__class__ = Ready
    made.asks = True
    fake.tell(rows=labels(made))
    return made


def bar(pilot: Any) -> str:
    return screen_of(pilot).query_one(StatusBar).render().plain


def codes(pilot: Any) -> list[str]:
    return [finding.code for finding in screen_of(pilot).context.findings]


async def test_the_row_is_there_before_the_answer(
    bench: Bench, fake: FakeAxolotl, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from workbench.checks import asking

    held, whole = threading.Event(), asking.answered

    def later(*given: Any) -> Any:
        held.wait(20)
        return whole(*given)

    monkeypatch.setattr(asking, "answered", later)
    async with opened((170, 34), bench=bench) as pilot:
        await until(pilot, lambda: "asking axolotl 0.19.0…" in bar(pilot))
        assert " trained" in str(grid_of(pilot).border_title)
        held.set()
        await until(pilot, lambda: "✓ asked: axolotl 0.19.0 gives the same labels" in bar(pilot))
        assert codes(pilot) == []
        await to_row(pilot, "J")
        await until(pilot, lambda: "✓ asked: axolotl" in bar(pilot))
        await to_row(pilot, "K")
        await until(pilot, lambda: "✓ asked: axolotl" in bar(pilot))
    # What was asked is asked no more.
    assert [question["rows"] for question in fake.questions] == [[0], [1]]
    assert fake.starts == 1


async def test_a_difference_is_red_with_its_finding_and_an_edit_asks_again(
    bench: Bench, fake: FakeAxolotl, opened: Opened
) -> None:
    fake.tell(rows=labels(bench, r0=[3, 4, 5]))
    async with opened((170, 34), bench=bench) as pilot:
        await until(pilot, lambda: "✗ asked: axolotl 0.19.0 differs at 3 tokens" in bar(pilot))
        await until(pilot, lambda: codes(pilot) == ["M020"])
        (finding,) = screen_of(pilot).context.findings
        assert finding.where.tokens == (3, 4)
        assert " ✗1+ " in bar(pilot)
        fake.tell(rows=labels(bench))
        screen = screen_of(pilot)
        screen.editing.set(("num_epochs",), 7)
        screen.follow()
        assert "from the table of 0.19" in bar(pilot)
        await until(pilot, lambda: "✓ asked: axolotl 0.19.0 gives the same labels" in bar(pilot))
        assert codes(pilot) == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {"answer": {"refused": {"stage": "validate", "type": "V", "message": "no"}, "rows": []}},
            "✗ asked: axolotl 0.19.0 does not take the recipe",
        ),
        ({"schema": "vlmbench.consumer/1"}, "axolotl was not asked"),
    ],
)
async def test_what_the_trainer_does_not_answer_is_said(
    told: dict[str, Any], said: str, bench: Bench, fake: FakeAxolotl, opened: Opened
) -> None:
    fake.tell(**told)
    async with opened((170, 34), bench=bench) as pilot:
        await until(pilot, lambda: said in bar(pilot))
        assert " trained" in str(grid_of(pilot).border_title)


async def test_a_narrow_window_keeps_the_sign(bench: Bench, opened: Opened) -> None:
    async with opened((70, 24), bench=bench) as pilot:
        await until(pilot, lambda: "✓" in bar(pilot))
        assert "gives the same" not in bar(pilot)
        assert len(bar(pilot)) == 70


async def test_nobody_is_asked_where_that_is_turned_off(
    bench: Bench, fake: FakeAxolotl, opened: Callable[..., Any]
) -> None:
    bench.asks = False
    async with opened((170, 34), bench=bench) as pilot:
        await to_row(pilot, "J")
        assert "from the table of 0.19" in bar(pilot)
    assert fake.starts == 0


async def test_the_checks_screen_asks_about_the_rows_that_were_checked(
    bench: Bench, fake: FakeAxolotl, opened: Opened
) -> None:
    fake.tell(rows=labels(bench, r1=[3], r6=[4]))
    async with opened((170, 34), bench=bench) as pilot:
        await until(pilot, lambda: "✓ asked: axolotl" in bar(pilot))
        screen = await pilot.app.show("checks")
        status = screen.query_one(StatusBar)
        await until(pilot, lambda: "✗ asked: axolotl 0.19.0 differs on 2 of 8 rows" in status.render().plain)
        assert [(group.code, group.rows) for group in screen.groups if group.code == "M020"] == [("M020", 2)]
        # What is asked again is known by now.
        screen.action_check_again()
        await until(pilot, lambda: screen.done and "✗ asked: axolotl" in status.render().plain)
    assert [question["rows"] for question in fake.questions] == [[0], list(range(1, 8))]
