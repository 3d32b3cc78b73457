"""What the screens look like, at the sizes and in the colours that matter."""

from __future__ import annotations

import pytest

from tests.screens.conftest import Opened, to_row

SIZES = {"80x24": (80, 24), "160x48": (160, 48)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_inspect(opened: Opened, looks_as_kept, size: str, theme: str) -> None:
    async with opened(SIZES[size], theme=f"vlmbench-{theme}") as pilot:
        await pilot.press("]", "right")
        looks_as_kept(pilot, f"inspect-{size}-{theme}")


@pytest.mark.parametrize(("name", "keys"), [("hostile", "J"), ("error", "JJ"), ("wide", "JJJ")])
async def test_rows(opened: Opened, looks_as_kept, name: str, keys: str) -> None:
    async with opened((120, 30)) as pilot:
        for key in keys:
            await to_row(pilot, key)
        looks_as_kept(pilot, f"row-{name}")


async def test_the_terminals_own_colours(opened: Opened, looks_as_kept) -> None:
    async with opened((120, 30), theme="vlmbench-terminal") as pilot:
        looks_as_kept(pilot, "terminal-colours")


async def test_help(opened: Opened, looks_as_kept) -> None:
    async with opened((80, 24)) as pilot:
        await pilot.press("?")
        await pilot.pause()
        looks_as_kept(pilot, "help-80x24")
