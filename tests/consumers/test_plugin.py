"""axolotl's plugin: what it does to a configuration, that it is alone, and how its file gets beside a recipe."""

from __future__ import annotations

import ast
import importlib.util
import logging
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from workbench.errors import EnvironmentProblem
from workbench.findings import Fix, apply_fix
from workbench.paths import sample_dir
from workbench.recipe import plugin
from workbench.recipe.yaml.document import Document

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "workbench" / "consumers" / "axolotl" / plugin.FILE


class Attributes(dict[str, Any]):
    """As axolotl's own dictionaries: every name is an attribute, and one that is not a key is None."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The plugin's file, imported beside an axolotl of which only the base class is there."""
    for name in ("axolotl", "axolotl.integrations", "axolotl.integrations.base"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["axolotl.integrations.base"].BasePlugin = type("BasePlugin", (), {})  # type: ignore[attr-defined]
    spec = importlib.util.spec_from_file_location("vlmbench_axolotl", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def loaded(module: ModuleType, cfg: Any) -> Any:
    name = plugin.NAME.rpartition(".")[2]
    getattr(module, name)().pre_model_load(cfg)
    return cfg


def test_its_entries_are_plain_dictionaries_with_all_they_had(module: ModuleType, caplog: Any) -> None:
    entry = {"role": "assistant", "start": "<a>", "end": None, "include_start": True, "include_end": False}
    cfg = Attributes(role_boundaries=[Attributes(entry), Attributes(role="user", start="<u>")], other=Attributes())
    with caplog.at_level(logging.INFO, "axolotl"):
        loaded(module, cfg)
    assert [type(one) for one in cfg["role_boundaries"]] == [dict, dict]
    assert cfg["role_boundaries"] == [entry, {"role": "user", "start": "<u>"}]
    assert isinstance(cfg["other"], Attributes)
    (said,) = caplog.records
    assert said.name.startswith("axolotl")
    assert "2 entries" in said.getMessage()


@pytest.mark.parametrize(
    "entries",
    [None, [], [{"role": "user", "start": "<u>"}], [SimpleNamespace(role="user", start="<u>", model_dump=dict)]],
    ids=["unset", "empty", "plain", "objects"],
)
def test_where_axolotl_takes_them_as_they_are_nothing_changes(
    module: ModuleType, caplog: Any, entries: list[Any] | None
) -> None:
    cfg = Attributes(role_boundaries=entries)
    with caplog.at_level(logging.INFO, "axolotl"):
        assert loaded(module, cfg)["role_boundaries"] is entries
    assert caplog.records == []


def test_it_imports_axolotl_and_nothing_else() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SOURCE.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported == {"logging", "axolotl.integrations.base"}


def test_the_wheel_has_it_at_the_top_level() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"][SOURCE.relative_to(ROOT).as_posix()] == plugin.FILE
    assert plugin.source() == SOURCE.read_bytes()
    assert plugin.NAME.rpartition(".")[0] == SOURCE.stem


def test_it_is_found_in_a_wheel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wheel the plugin's file is at the top level, and not in the folder that it has in the source."""
    (tmp_path / "workbench").mkdir()
    (tmp_path / plugin.FILE).write_bytes(b"# of the wheel\n")
    monkeypatch.setattr(plugin, "files", lambda package: tmp_path / package)
    assert plugin.source() == b"# of the wheel\n"


def test_the_demo_has_it_beside_its_recipe() -> None:
    assert plugin.is_listed(yaml.safe_load((sample_dir() / "demo.yaml").read_text("utf-8")))
    assert plugin.file_state(sample_dir()) == "ours"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("base_model: x\n", [plugin.NAME]),
        ("plugins:\n", [plugin.NAME]),
        ("plugins: []\n", [plugin.NAME]),
        ("plugins: [a.B]\n", ["a.B", plugin.NAME]),
        ("plugins:\n  - a.B  # mine\n  - c.D\n", ["a.B", "c.D", plugin.NAME]),
        ("plugins: a.B\n", ["a.B", plugin.NAME]),
        (f"plugins: [{plugin.NAME}, a.B]\n", [plugin.NAME, "a.B"]),
    ],
)
def test_it_is_listed_once_behind_the_others(before: str, after: list[str]) -> None:
    document = Document(before)
    for _ in range(2):
        apply_fix(document, Fix("", plugin.plugin_edits(document.data)))
        assert document.data["plugins"] == after
        assert plugin.is_listed(document.data)
    assert ("# mine" in before) == ("- a.B  # mine" in document.text)


def test_its_file_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    assert plugin.write_beside({"plugins": ["a.B"]}, recipe) is None
    assert plugin.file_state(tmp_path) == "absent"
    assert plugin.write_beside({"plugins": [plugin.NAME]}, recipe) == tmp_path / plugin.FILE
    assert plugin.file_state(tmp_path) == "ours"
    (tmp_path / plugin.FILE).write_text("# mine\n")
    assert plugin.write_beside({"plugins": [plugin.NAME]}, recipe) is None
    assert plugin.file_state(tmp_path) == "another"
    assert (tmp_path / plugin.FILE).read_text() == "# mine\n"
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        plugin.write_file(tmp_path / "nowhere")
