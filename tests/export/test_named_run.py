"""An export goes by the run that it is given, wherever that was written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.export.support import record
from workbench.bench import Bench
from workbench.cli import main
from workbench.errors import InputError
from workbench.export.prepare import prepare_export
from workbench.overfit.runs import Run

Make = Callable[..., Bench]


def elsewhere(run: Run, folder: Path) -> Run:
    """The run in another folder, and nothing left where it was recorded."""
    shutil.move(run.folder, folder)
    return Run(folder)


def overfit_step(bench: Bench, run: Run | None) -> tuple[bool | None, str]:
    (proof,) = (one for one in prepare_export(bench, run=run).proofs if one.step == "overfit")
    return proof.ok, proof.message


def test_a_run_that_was_written_elsewhere_proves_the_recipe(make: Make, tmp_path: Path) -> None:
    bench = make()
    named = elsewhere(record(bench), tmp_path / "other")
    assert overfit_step(bench, None) == (False, "no overfit run of this recipe is recorded")
    assert overfit_step(bench, named)[0] is True


def test_the_named_run_is_gone_by_also_where_a_newer_one_is_recorded(make: Make, tmp_path: Path) -> None:
    bench = make()
    failed = elsewhere(record(bench, nll=2.0), tmp_path / "failed")
    record(bench)
    ok, message = overfit_step(bench, failed)
    assert ok is False
    assert message.startswith(f"the overfit run in {failed.folder} failed: ")
    assert overfit_step(bench, None)[0] is True


def test_a_folder_without_a_run_is_a_mistake(make: Make, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="events cannot be read"):
        prepare_export(make(), run=Run(tmp_path / "empty"))


def code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(str(ended.value))


def test_the_option_names_it(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bench = make()
    elsewhere(record(bench), tmp_path / "other")
    export = ("export", "recipe.yaml", "--out", "full.yaml", "--rows", "4")
    assert code(*export) == 1
    assert not Path("full.yaml").exists()
    assert code(*export, "--run", "other") == 0
    text = Path("full.yaml").read_text("utf-8")
    assert "pass on 4 rows in 12 steps" in text, text[:1500]
    assert code(*export, "--force", "--run", "nowhere") == 2
