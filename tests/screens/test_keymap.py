"""Keys of one's own: read, refused with a reason, and in force everywhere that keys are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding

from screens.app import WorkbenchApp
from screens.keys.actions import ACTIONS, bindings, together
from screens.keys.user_keymap import keymap_file, read_keys, with_keys
from screens.shell.footer import KeyHints
from screens.shell.help import HelpScreen
from tests.screens.conftest import grid_of, screen_of, settled, until
from tests.screens.small_bench import ROWS, SmallBench
from workbench.errors import InputError


@pytest.fixture
def keys_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VLMBENCH_CONFIG", str(tmp_path))
    return keymap_file()


def test_without_a_file_nothing_is_another(keys_file: Path) -> None:
    assert read_keys() == {}


def test_keys_are_read_under_textual_s_names(keys_file: Path) -> None:
    keys_file.write_text('[keys]\n"grid.next-edge" = "w"\n"app.theme" = ["ctrl+t", ";"]\n')
    assert read_keys() == {"grid.next-edge": ("w",), "app.theme": ("ctrl+t", "semicolon")}


def test_two_actions_may_change_places(keys_file: Path) -> None:
    keys_file.write_text('[keys]\n"grid.next-edge" = "["\n"grid.previous-edge" = "]"\n')
    assert read_keys()["grid.next-edge"] == ("left_square_bracket",)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ('[keys]\n"grid.next-egde" = "w"', "There is no action 'grid.next-egde'", 2),
        ('[keys]\n\n"grid.next-edge" = "q"', "Two actions have the key 'q'", 3),
        ('[keys]\n"samples.first" = "J"', "Two actions have the key 'J'", 2),
        ('[keys]\n"app.theme" = "ctrl+"', "'ctrl+' is not a key", 2),
        ('[keys]\n"app.theme" = 3', "needs a key or a list of keys", 2),
        ("[keys", "not valid TOML", None),
        ('[key]\n"app.theme" = "x"', "one table of keys", None),
    ],
)
def test_what_is_wrong_is_said_with_its_line(keys_file: Path, text: str, said: str, line: int | None) -> None:
    keys_file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_keys()
    assert said in caught.value.title
    assert caught.value.where.file == str(keys_file)
    assert caught.value.where.line == line


def test_the_nearest_action_is_named(keys_file: Path) -> None:
    keys_file.write_text('[keys]\n"grid.next-egde" = "w"')
    with pytest.raises(InputError) as caught:
        read_keys()
    assert "grid.next-edge" in caught.value.hint


async def test_the_other_key_acts_and_is_shown() -> None:
    app = WorkbenchApp(SmallBench(ROWS), 0, {"grid.next-edge": ("w",), "samples.first": ("z",)})
    async with app.run_test(size=(120, 60)) as pilot:
        await until(pilot, lambda: settled(pilot))
        await pilot.press("]")
        assert grid_of(pilot).at.cursor == 0
        await pilot.press("w")
        assert grid_of(pilot).at.cursor > 0
        assert " w edge" in screen_of(pilot).query_one(KeyHints).render().plain
        await pilot.press("?")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        await pilot.press(*"edge")
        await pilot.pause()
        svg = app.export_screenshot().replace("&#160;", " ")
        assert "grid.next-edge" in svg


def test_a_key_of_the_user_is_shown_as_the_character_that_it_types() -> None:
    (edge,) = (action for action in ACTIONS if action.id == "grid.next-edge")
    mine = with_keys(edge, {"grid.next-edge": ("left_square_bracket", "ctrl+left")})
    assert (mine.key_display, mine.keys_text) == ("[", "[  ctrl+left")
    assert (mine.action, mine.hint, mine.scope) == (edge.action, edge.hint, edge.scope)
    assert with_keys(edge, {"app.theme": ("w",)}) is edge


def test_textual_takes_the_actions_as_its_own_bindings() -> None:
    """Footer, key panel and key maps of Textual read these fields."""
    made = {binding.id: binding for binding in Binding.make_bindings(bindings("inspect"))}
    assert set(made) == {action.id for action in ACTIONS if action.scope == "inspect"}
    edge, back = made["grid.next-edge"], made["grid.previous-edge"]
    assert (edge.key, edge.description, edge.key_display) == ("right_square_bracket", "Next mask edge", "]")
    assert edge.tooltip.startswith("Go to the next token")
    assert edge.group is back.group is not None
    assert edge.show
    assert not back.show


def test_panes_of_one_screen_do_not_meet_but_all_meet_the_app() -> None:
    assert not together("grid", "samples")
    assert together("grid", "inspect")
    assert together("app", "grid")
    assert together("samples", "app")
    assert not together("checks", "inspect")
    ids = [action.id for action in ACTIONS]
    assert len(set(ids)) == len(ids)


def test_the_ids_of_actions_are_those_that_people_have_in_their_files() -> None:
    """An id that is another one stops the app of everybody who named it: only add to these."""
    ids = """
        app.faults app.help app.palette app.quit app.theme
        checks.again checks.fix checks.fix-all checks.next-place checks.panes checks.previous-place checks.redo
        checks.save checks.undo checks.visit
        edit.compare edit.family edit.fix edit.form edit.infer edit.leave edit.open edit.redo edit.save edit.undo
        export.again export.panes export.step export.write
        form.add form.change form.down form.leave form.redo form.remove form.undo form.up
        grid.copy grid.copy-ids grid.copy-program grid.down grid.end grid.first grid.home grid.last grid.left grid.lens
        grid.next-edge grid.next-finding grid.next-match grid.next-turn grid.page-down grid.page-up grid.picture
        grid.previous-edge grid.previous-finding grid.previous-match grid.previous-turn grid.right grid.search
        grid.select-down grid.select-end grid.select-home grid.select-left grid.select-none grid.select-right
        grid.select-turn grid.select-up grid.spaces grid.unfold grid.up
        load.retry
        model.fix model.leave model.panes model.redo model.save model.targets model.undo model.unfold
        overfit.cancel overfit.compare overfit.fewer overfit.more overfit.newer overfit.older overfit.start
        panes.boundaries panes.narrower panes.next panes.samples panes.token panes.wider panes.zoom
        rows.convert rows.filter rows.jump rows.next rows.previous
        samples.down samples.first samples.last samples.open samples.page-down samples.page-up samples.up
        screen.checks screen.export screen.inspect screen.model screen.overfit
    """
    assert set(ids.split()) <= {action.id for action in ACTIONS}
