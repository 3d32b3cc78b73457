"""The app on the embedded demo, with the real processor."""

from __future__ import annotations

from screens.app import WorkbenchApp
from screens.shell.status_bar import StatusBar
from screens.token_grid.inspector import TokenInspector
from tests.screens.conftest import grid_of, screen_of, settled, until
from workbench.bench import prepare


async def test_the_demo_opens_and_says_what_the_bench_says() -> None:
    bench = prepare()
    app = WorkbenchApp(bench)
    async with app.run_test(size=(120, 34)) as pilot:
        await until(pilot, lambda: settled(pilot), seconds=180)
        row = bench.row(0)
        bar = screen_of(pilot).query_one(StatusBar).render().plain
        assert f"{row.mask.trained} of {len(row.rendering)} trained" in str(grid_of(pilot).border_title)
        assert "demo.yaml   multimodal path · " in bar
        await pilot.press("]")
        assert grid_of(pilot).at.cursor == int(row.mask.keep.argmax())
        assert "▎trained  content · assistant span 1" in screen_of(pilot).query_one(TokenInspector).render().plain
        roles = [turn.role for turn in grid_of(pilot).view.turns]
        assert roles == [message["role"] for message in row.conversation.messages]
