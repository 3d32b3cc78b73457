"""`role_boundaries` in an exported file: a named template in their place, or the plugin that lets axolotl start."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.export.support import axolotl_with, record, with_boundaries
from tests.test_cli import run
from workbench.bench import Bench, open
from workbench.errors import InputError
from workbench.export.compose import compose
from workbench.export.prepare import prepare_export
from workbench.export.receipt import read_receipt
from workbench.recipe import plugin

Make = Callable[..., Bench]
ROWS = range(4)


@pytest.fixture(autouse=True)
def without_axolotl(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that has none, wherever the tests run; with it the named template may be shown to be the same."""
    for module in ("workbench.tokens.template", "workbench.consumers.axolotl.client"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None)


def plugged(text: str, *others: str) -> str:
    """The demo with boundaries, and with these plugins."""
    listed = "".join(f"  - {one}  # mine\n" for one in others)
    return with_boundaries(text) + (f"plugins:\n{listed}" if others else "")


def test_the_plugin_goes_out_with_the_boundaries(make: Make, tmp_path: Path) -> None:
    bench = make(with_boundaries)
    made = prepare_export(bench, tmp_path / "full.yaml")
    data = yaml.safe_load(made.text)
    assert data["chat_template"] == "tokenizer_default"
    assert len(data["role_boundaries"]) == 3
    assert data["plugins"] == [plugin.NAME]
    why = next(change.why for change in made.composed.changes if change.path == ("plugins",))
    assert "0.17 to 0.21" in why
    assert "".join(why.split()) in "".join(made.text.replace("\n#", "").split())
    (needs,) = [need for need in made.composed.requirements if plugin.FILE in need]
    assert all(word in needs for word in ("axolotl train", "PYTHONPATH"))
    assert needs in made.receipt.requirements
    # The recipe's own error, that axolotl cannot start it, is none of the export's.
    assert any(one.code == "A012" and one.severity == "error" for one in bench.findings)
    assert next(one for one in made.proofs if one.step == "check").ok
    path = made.write(unvalidated=True)
    assert (tmp_path / plugin.FILE).read_bytes() == plugin.source()
    assert not [one for one in open(path).findings if one.code == "A012"]


def test_other_plugins_stay_and_it_is_never_listed_twice(make: Make, tmp_path: Path) -> None:
    bench = make(lambda text: plugged(text, "axolotl.integrations.liger.LigerPlugin"))
    made = prepare_export(bench, tmp_path / "full.yaml")
    assert yaml.safe_load(made.text)["plugins"] == ["axolotl.integrations.liger.LigerPlugin", plugin.NAME]
    assert "LigerPlugin  # mine" in made.text
    path = made.write(unvalidated=True)
    again = compose(open(path), rows=ROWS, out=tmp_path / "again.yaml")
    assert again.text == made.composed.text
    assert plugin.FILE in again.files


def test_a_recipe_without_boundaries_needs_none(make: Make, tmp_path: Path) -> None:
    made = compose(make(lambda text: yaml.safe_dump(named(text))), rows=ROWS)
    assert "plugins" not in yaml.safe_load(made.text)
    assert made.files == {}


def named(text: str) -> dict[str, Any]:
    data = yaml.safe_load(with_boundaries(text))
    del data["role_boundaries"]
    return data | {"chat_template": "gemma4"}


def test_the_users_own_list_of_plugins_wins(make: Make, tmp_path: Path) -> None:
    made = prepare_export(make(with_boundaries), tmp_path / "full.yaml", overrides={("plugins",): []})
    assert yaml.safe_load(made.text)["plugins"] == []
    assert made.composed.files == {}
    assert any(plugin.NAME in need and "0.17 to 0.21" in need for need in made.composed.requirements)
    assert "A012" in next(one.message for one in made.missing if one.step == "check")


def test_another_file_of_its_name_is_not_written_over(make: Make, tmp_path: Path) -> None:
    bench = make(with_boundaries)
    (tmp_path / plugin.FILE).write_text("# mine\n", "utf-8")
    made = prepare_export(bench, tmp_path / "full.yaml")
    with pytest.raises(InputError, match=f"{plugin.FILE} exists already"):
        made.write(unvalidated=True)
    assert (tmp_path / plugin.FILE).read_text("utf-8") == "# mine\n"
    assert not (tmp_path / "full.yaml").exists()
    assert "-# mine" in made.diff()
    made.write(unvalidated=True, force=True)
    assert (tmp_path / plugin.FILE).read_bytes() == plugin.source()
    # One that is ours already, whatever its line endings, stands in nobody's way.
    crlf = plugin.source().replace(b"\n", b"\r\n")
    (tmp_path / plugin.FILE).write_bytes(crlf)
    made.write(tmp_path / "more.yaml", unvalidated=True)
    assert (tmp_path / plugin.FILE).read_bytes() == crlf


def test_the_command_writes_both_and_names_what_stdout_cannot_hold(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record(make(with_boundaries))
    shown = run("export", "recipe.yaml")
    assert f"needs       {plugin.FILE}" in shown.stderr
    receipt = read_receipt(shown.stdout)
    assert receipt is not None
    assert any(plugin.FILE in need for need in receipt.requirements)
    assert not Path(plugin.FILE).exists()
    told = json.loads(run("export", "recipe.yaml", "--format", "json").stdout)
    assert told["files"] == {plugin.FILE: plugin.source().decode()}
    written = run("export", "recipe.yaml", "--out", "full.yaml")
    assert f"wrote full.yaml, with {plugin.FILE} beside it" in written.stderr
    assert Path(plugin.FILE).read_bytes() == plugin.source()


def test_the_named_strategy_is_written_where_it_gives_the_same(make: Make, tmp_path: Path, opened: Bench) -> None:
    python = axolotl_with(tmp_path, opened.loaded.tokenizer_template or "")
    made = compose(make(with_boundaries, axolotl_python=python), rows=ROWS)
    data = yaml.safe_load(made.text)
    assert data["chat_template"] == "gemma4"
    assert "role_boundaries" not in data
    assert "same ids and labels on 4 rows" in made.text
    assert not any("role_boundaries" in need for need in made.requirements)


@pytest.mark.parametrize("others", [(), ("axolotl.integrations.liger.LigerPlugin",)])
def test_the_plugin_goes_with_the_boundaries_that_it_was_for(
    others: tuple[str, ...], make: Make, tmp_path: Path, opened: Bench
) -> None:
    python = axolotl_with(tmp_path, opened.loaded.tokenizer_template or "")
    bench = make(lambda text: plugged(text, plugin.NAME, *others), axolotl_python=python)
    made = compose(bench, rows=ROWS)
    data = yaml.safe_load(made.text)
    assert "role_boundaries" not in data
    assert data.get("plugins", []) == list(others)
    assert made.files == {}
    assert [change.removed for change in made.changes if change.path[0] == "plugins"] == [True]
    # A list that was given stays.
    kept = compose(bench, rows=ROWS, overrides={("plugins",): [plugin.NAME]})
    assert yaml.safe_load(kept.text)["plugins"] == [plugin.NAME]


def test_another_template_of_that_name_is_not_taken(make: Make, tmp_path: Path, opened: Bench) -> None:
    own = opened.loaded.tokenizer_template or ""
    python = axolotl_with(tmp_path, own.replace("<|turn>", "<|turn> "))
    made = compose(make(with_boundaries, axolotl_python=python), rows=ROWS)
    assert yaml.safe_load(made.text)["chat_template"] == "tokenizer_default"
    assert any("of row 0 on" in change.why for change in made.changes if change.path == ("plugins",))
