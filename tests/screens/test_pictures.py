"""Pictures docked beside the tokens, beside their chips, and over the whole window, with the boxes of the answers."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from textual.pilot import Pilot

from screens.inspect.picture import PictureDock, Preview
from screens.pictures.full_screen import PictureScreen
from screens.pictures.half_blocks import half_blocks
from screens.pictures.picture_view import HalfBlocks, PictureView
from screens.pictures.prepared import draw, picture_at, prepare
from screens.shell import screen_state
from tests.screens.conftest import Opened, grid_of, screen_of, settled, to_row, until
from tests.screens.small_bench import SmallBench, conversation, picture, text
from workbench.views.boxes import Box, PictureBoxes
from workbench.views.row_view import read_row

RED = {"type": "image", "image": Image.new("RGB", (40, 20), "#cc3333")}
ROWS: list[dict[str, Any] | str] = [
    conversation(
        [picture(), text("Where is it?")],
        '{"bbox_2d": [0, 0, 500, 1000], "label": "the [bold]half"} {"bbox_2d": [2000, 0, 2100, 9]}',
        [RED, text("And here?")],
        "Nowhere.",
    ),
    conversation("No picture.", "None."),
]


class Grounded(SmallBench):
    """A bench whose family counts in thousandths."""

    def load(self, progress: Any = None) -> Any:
        super().load(progress)
        self.family = SimpleNamespace(name="small", title="Small", grounding=SimpleNamespace(unit="thousandths"))
        return self


def drawn_in(view: PictureView) -> str:
    """The text of a picture's cells."""
    return "\n".join(strip.text for strip in view.query_one(HalfBlocks).strips)


def colours_in(view: PictureView) -> set[str]:
    styles = [segment.style for strip in view.query_one(HalfBlocks).strips for segment in strip]
    return {style.color.name for style in styles if style is not None and style.color is not None}


def below(dock: PictureDock | PictureScreen) -> str:
    return str(dock.query_one(".names" if isinstance(dock, PictureDock) else "#picture-names").render())


async def there(pilot: Pilot[None], title: str) -> PictureDock:
    dock = screen_of(pilot).query_one(PictureDock)
    await until(pilot, lambda: str(dock.border_title).startswith(title) and settled(pilot))
    return dock


async def test_a_wide_window_docks_the_picture_of_the_message_under_the_cursor(opened: Opened) -> None:
    async with opened((160, 48), bench=Grounded(ROWS)) as pilot:
        grid, screen = grid_of(pilot), screen_of(pilot)
        where = grid.region
        dock = await there(pilot, "picture 0 · message 0")
        view = dock.query_one(PictureView)
        assert dock.region.x >= grid.region.right
        assert "#3366cc" in colours_in(view)
        assert "#ffd60a" in colours_in(view)
        assert "0 the [bold]half" in drawn_in(view)
        assert "1 of 2 lies outside the picture" in below(dock)
        assert "16×16" in str(dock.border_subtitle)
        # An answer shows the picture that it is about; the next question has its own.
        await pilot.press("}", "}")
        assert grid.at.cursor == grid.view.turns[1].start  # type: ignore[union-attr]
        await there(pilot, "picture 0 · message 0")
        await pilot.press("}")
        await there(pilot, "picture 1 · message 2")
        assert "#cc3333" in colours_in(view)
        assert "#3366cc" not in colours_in(view)
        assert not screen.query_one(Preview).display
        # It never moves the tokens; a row without pictures has no dock, and p shows none.
        await to_row(pilot, "J")
        assert not dock.display
        assert grid.region == where
        await to_row(pilot, "K")
        assert dock.display
        assert grid.region == where
        await pilot.press("p")
        await pilot.pause()
        assert not dock.display
        assert grid.region == where
        await pilot.press("p", "z")
        await pilot.pause()
        assert not dock.region.area
        await pilot.press("z")
        # Narrower, the picture of the chip floats beside it as before.
        await pilot.resize_terminal(120, 40)
        await pilot.press("g", "down", "down", "home")
        await until(pilot, lambda: screen.query_one(Preview).display)
        assert not dock.display
        await pilot.press("p")
        assert not screen.query_one(Preview).display
    assert screen_state.recall(screen.bench)["pictures"] is False
    async with opened((160, 48), bench=Grounded(ROWS)) as pilot:
        assert not screen_of(pilot).query_one(PictureDock).display


@pytest.mark.parametrize("bad", ["The line is not JSON", {"messages": "none"}])
async def test_nothing_of_another_row_stays_beside_one_that_cannot_be_shown(opened: Opened, bad: Any) -> None:
    """A row that cannot be read, and one that cannot be rendered: neither has tokens, and so no picture of its own."""
    async with opened((160, 48), bench=Grounded([ROWS[0], bad, *ROWS[1:]])) as pilot:
        app, screen, grid = pilot.app, screen_of(pilot), grid_of(pilot)
        dock = await there(pilot, "picture 0 · message 0")
        await to_row(pilot, "J")
        assert screen.panes.problem.display, "the row was shown"
        assert not dock.display
        assert str(screen.panes.inspector.render()) == ""
        # No key brings it back, over the whole window or beside the tokens.
        for key in ("i", "p", "p", "}", "]", "minus", "end", "down"):
            await pilot.press(key)
            await pilot.pause()
            assert app.screen is screen
            assert not dock.display
            assert not screen.query_one(Preview).display
            assert str(screen.panes.inspector.render()) == ""
        grid.search("picture")
        assert not len(grid.drawing.matches)
        await to_row(pilot, "K")
        await until(pilot, lambda: dock.display)
        await pilot.resize_terminal(120, 40)
        await pilot.press("g", "down", "down", "home")
        await until(pilot, lambda: screen.query_one(Preview).display)
        await to_row(pilot, "J")
        assert not screen.query_one(Preview).display


async def test_a_picture_that_comes_late_leaves_none_of_another_row_in_its_place(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    import screens.pictures.prepared as prepared

    go, load, asked = threading.Event(), prepared.load_picture, []
    go.set()

    def slowly(source: Any) -> Any:
        asked.append(source)
        go.wait(20)
        return load(source)

    monkeypatch.setattr(prepared, "load_picture", slowly)
    other = conversation([RED, text("Where is it?")], "Here.")
    async with opened((160, 48), bench=Grounded([ROWS[0], other])) as pilot:
        dock = await there(pilot, "picture 0 · message 0")
        go.clear()
        await pilot.press("J")
        await until(pilot, lambda: len(asked) == 2)
        assert dock.query_one(PictureView).shown is None
        assert (dock.border_subtitle, below(dock)) == ("", "")
        go.set()
        await until(pilot, lambda: settled(pilot))
        assert "#cc3333" in colours_in(dock.query_one(PictureView))


async def test_enter_opens_the_picture_over_the_whole_window(opened: Opened) -> None:
    async with opened((100, 30), bench=Grounded(ROWS)) as pilot:
        app, grid = pilot.app, grid_of(pilot)
        await pilot.press("g", "down", "down", "home")
        assert grid.at.run == 0
        await pilot.press("enter")
        screen = app.screen
        assert isinstance(screen, PictureScreen)
        view = screen.query_one(PictureView)
        await until(pilot, lambda: view.shown is not None)
        assert view.region.height >= 20
        assert "0 the [bold]half" in drawn_in(view)
        assert "1 of 2 lies outside" in below(screen)
        frame = screen.query_one("#picture-frame")
        assert str(frame.border_title) == "picture 0 of 2 · message 0 · 16×16"
        await pilot.press("right")
        await until(pilot, lambda: "picture 1 of 2 · message 2 · 40×20" in str(frame.border_title))
        assert below(screen) == ""
        await until(pilot, lambda: view.region.width > 58)
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: 50 < view.region.width <= 58)
        await pilot.press("right")
        await until(pilot, lambda: "picture 0" in str(frame.border_title))
        await pilot.press("escape")
        assert app.screen is screen_of(pilot)
        # From anywhere in a message, with a key of its own; a row without pictures says so.
        await pilot.press("G", "i")
        assert isinstance(app.screen, PictureScreen)
        await until(pilot, lambda: "picture 1" in str(app.screen.query_one("#picture-frame").border_title))
        await pilot.press("i")
        await to_row(pilot, "J")
        await pilot.press("i")
        assert app.screen is screen_of(pilot)


async def test_no_key_waits_for_a_picture(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor goes on while a picture is read, and the one that comes too late is not shown."""
    import screens.pictures.prepared as prepared

    go, begun = threading.Event(), threading.Event()
    load = prepared.load_picture

    def slowly(source: Any) -> Any:
        begun.set()
        assert threading.current_thread() is not threading.main_thread()
        go.wait(20)
        return load(source)

    monkeypatch.setattr(prepared, "load_picture", slowly)
    async with opened((120, 40), bench=Grounded(ROWS)) as pilot:
        preview = screen_of(pilot).query_one(Preview)
        await pilot.press("g", "down", "down", "home")
        await until(pilot, begun.is_set)
        await pilot.press("}", "right", "right")
        assert grid_of(pilot).at.run < 0
        go.set()
        await until(pilot, lambda: settled(pilot))
        assert not preview.display
        await pilot.press("g", "down", "down", "home")
        await until(pilot, lambda: preview.display)


def test_labels_keep_the_width_of_their_lines() -> None:
    boxes = PictureBoxes((Box((0.9, 1.5), (0.5, 0.9), 1, "球和一个很长的名字"), Box((0.0,), (0.0,), 1, "a\nb\x1b")))
    strips = half_blocks(Image.new("RGB", (100, 100)), boxes, (20, 10))
    assert [strip.cell_length for strip in strips] == [20] * 10
    assert all(sum(segment.cell_length for segment in strip) == 20 for strip in strips)
    assert "球" in strips[5].text
    assert strips[0].text.startswith("1 a⏎b␛")
    assert not any("\x1b" in strip.text for strip in strips)


def test_every_token_has_the_picture_that_it_is_about() -> None:
    view: Any = read_row(Grounded(ROWS).load(), 0)
    first, second = (int(start) for start in view.rendering.media.start)
    begins = [turn.start for turn in view.turns]
    about = [picture_at(view, token) for token in range(len(view.rendering))]
    assert about[: begins[2]] == [0] * begins[2]
    assert about[begins[2] :] == [1] * (len(about) - begins[2])
    assert about[first] == 0
    assert about[second] == 1
    plain: Any = read_row(Grounded(ROWS).load(), 1)
    assert picture_at(plain, 0) is None


def test_a_picture_that_is_gone_says_why() -> None:
    view: Any = read_row(Grounded(ROWS).load(), 0)
    lost = prepare(replace(view, pictures={0: "gone.png"}), 0, {})
    assert lost.picture is None
    assert "gone.png" in lost.problem
    assert draw(lost, (20, 10)).strips == ()
