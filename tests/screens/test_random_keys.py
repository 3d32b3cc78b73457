"""Random keys, pastes, clicks and sizes on every screen; `random_keys` says how to drive the app for longer."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from pathlib import Path

import pytest

from screens.keys.screen_registry import SCREENS
from tests.screens import random_keys
from tests.screens.random_keys import FIELDS, HEIGHTS, WIDTHS, apart, drive

EVENTS = 260
SEEDS = (1, 2)
HANGS_SECONDS = 600


@pytest.fixture(autouse=True)
def _a_hang_says_where() -> Iterator[None]:
    """A window that never answers again would hold the whole suite; nothing is asserted of the time."""
    faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


async def test_nothing_that_is_pressed_ends_or_breaks_the_app(tmp_path: Path) -> None:
    places: set[str] = set()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        with apart(folder):
            app = await drive(seed, EVENTS, folder)
        places |= app.places
    # It went everywhere, and typed there.
    seen = " ".join(sorted(places))
    for screen in SCREENS:
        assert f"{screen.title()}Screen" in seen
    fields = (
        "yaml",
        "TextField",
        "pattern",
        "Palette: CommandInput",
        "search",
        "filter",
        "prompt: row",
        "PathDialog",
        "ConfirmDialog",
    )
    assert [one for one in fields if one not in seen] == [], seen


def test_what_is_drawn_from_a_seed_is_what_was_asked_for() -> None:
    assert WIDTHS == (20, 200)
    assert HEIGHTS == (5, 60)
    known = {action.id for action in random_keys.ACTIONS}
    wanted = {"edit.open", "edit.form", "grid.search", "rows.filter", "rows.jump", "model.targets", "overfit.compare"}
    assert wanted <= known
    assert len(FIELDS) > 15
