"""A012: an axolotl that stops at `role_boundaries`, the plugin as its fix, and the file that it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.export.support import with_boundaries
from tests.test_cli import run
from workbench.bench import Bench
from workbench.consumers.axolotl import startup
from workbench.editing.session import Editing
from workbench.findings import Finding
from workbench.notebook.session import Session
from workbench.recipe import plugin

Make = Callable[..., Bench]


def found(bench: Bench) -> list[Finding]:
    return [one for one in bench.findings if one.code == "A012"]


@pytest.fixture
def axolotl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], Path]:
    """Puts an axolotl of some version at hand, or none; gives the folder of its packages."""
    site = tmp_path / "site"

    def at_hand(version: str | None) -> Path:
        startup.axolotl_version.cache_clear()
        package = None if version is None else site / "axolotl"
        if version is not None:
            (site / "axolotl").mkdir(parents=True)
            (site / f"axolotl-{version}.dist-info").mkdir()
            (site / "axolotl_contribs_mit-0.0.6.dist-info").mkdir()
        monkeypatch.setattr("workbench.tokens.template.axolotl_package", lambda python: package)
        return site

    return at_hand


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        *((None, "error"), ("0.17.0", "error"), ("0.19.0", "error"), ("0.21.3.dev0", "error")),
        *(("0.16.1", "warning"), ("0.22.0", "warning"), ("1.0.0", "warning")),
    ],
)
def test_boundaries_are_an_error_where_the_axolotl_at_hand_stops(
    version: str | None,
    severity: str,
    make: Make,
    axolotl: Callable[..., Path],
) -> None:
    axolotl(version)
    (one,) = found(make(with_boundaries))
    assert one.severity == severity
    assert "0.17 to 0.21" in one.message
    assert ("was not tried" in one.message) == (severity == "warning")
    assert one.where.field == "role_boundaries"
    assert one.fix is not None


def test_without_boundaries_or_off_the_multimodal_path_there_is_none(make: Make) -> None:
    assert found(make(lambda text: with_boundaries(text).replace("role_boundaries:", "role_boundaries: []\nx:"))) == []
    assert found(make(lambda text: with_boundaries(text).replace("processor_type: AutoProcessor\n", ""))) == []


def test_the_fix_in_the_command_writes_the_file_beside(
    make: Make, axolotl: Callable[..., Path], tmp_path: Path
) -> None:
    axolotl(None)
    make(with_boundaries)
    file = str(tmp_path / "recipe.yaml")
    assert run("check", file, "--rows", "1", "--select", "A012").returncode == 1
    assert not (tmp_path / plugin.FILE).exists()
    done = run("check", file, "--rows", "1", "--select", "A012", "--fix", "--yes")
    assert done.returncode == 0
    assert f"wrote {tmp_path / plugin.FILE}" in done.stderr
    assert (tmp_path / plugin.FILE).read_bytes() == plugin.source()
    again = run("check", file, "--rows", "1", "--select", "A012,C")
    assert again.returncode == 0
    assert "A012" not in again.stdout
    assert plugin.NAME not in again.stdout


def test_the_fix_in_an_editor_writes_the_file_when_the_recipe_is_saved(
    make: Make,
    axolotl: Callable[..., Path],
    tmp_path: Path,
) -> None:
    axolotl(None)
    bench = make(with_boundaries)
    editing = Editing(bench)
    (one,) = found(bench)
    assert one.fix is not None
    editing.apply(one.fix)
    assert found(bench) == []
    assert not (tmp_path / plugin.FILE).exists()
    editing.save()
    assert editing.plugin_file == tmp_path / plugin.FILE
    assert found(bench) == []
    editing.save()
    assert editing.plugin_file is None


def test_the_fix_in_a_notebook(make: Make, axolotl: Callable[..., Path], tmp_path: Path) -> None:
    axolotl(None)
    session = Session(make(with_boundaries))
    (one,) = found(session.bench)
    session.edit(lambda editing: editing.apply(one.fix))  # type: ignore[arg-type]
    (tmp_path / "elsewhere").mkdir()
    session.save(tmp_path / "elsewhere" / "mine.yaml")
    assert (tmp_path / "elsewhere" / plugin.FILE).read_bytes() == plugin.source()
    assert not (tmp_path / plugin.FILE).exists()


def test_a_file_that_axolotl_would_not_find_or_that_is_another(
    make: Make,
    axolotl: Callable[..., Path],
    tmp_path: Path,
) -> None:
    site = axolotl("0.19.0")
    bench = make(lambda text: f"{with_boundaries(text)}plugins: [{plugin.NAME}]\n")
    (one,) = found(bench)
    assert (one.severity, one.where.field) == ("note", "plugins")
    (tmp_path / plugin.FILE).write_text("# mine\n")
    bench.remask()
    (one,) = found(bench)
    assert (one.severity, one.fix) == ("warning", None)
    Editing(bench).save()
    assert (tmp_path / plugin.FILE).read_text() == "# mine\n"
    # Where the wheel lies beside axolotl, no file is needed.
    (site / plugin.FILE).write_bytes(plugin.source())
    bench.remask()
    assert found(bench) == []
