"""Cases that only a process of its own can show: closed and full outputs, and signals."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from tests.hostile.case import ROWS, recipe

FIRST = {"vlm_workbench": " workbench", "workbench.cli": "workbench.commands.trainers"}
"""Per start, the end of the line of the last module that is imported outside of what answers an interrupt."""

LAST_IMPORT = 1500
"""Of some 3,000 modules until rows are read."""


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "VLMBENCH_STATE": str(folder / "state"), "VLMBENCH_ASK": "0", "HF_HUB_OFFLINE": "1"}


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell, where `vlmbench` is the bench."""
    script = f'vlmbench() {{ "{sys.executable}" -m workbench.cli "$@"; }}\n{line}\n'
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("line", ["vlmbench explain >&-", "vlmbench families --format json >&-"])
def test_a_closed_stdout_is_an_error_in_words(tmp_path: Path, line: str) -> None:
    ran = shell(tmp_path, line)
    assert ran.returncode == 3
    assert "stdout is closed" in ran.stderr
    assert "→" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_full_stdout_is_an_error_in_words(tmp_path: Path) -> None:
    ran = shell(tmp_path, "(trap '' XFSZ; ulimit -f 0; vlmbench explain > out.txt)")
    assert ran.returncode == 3
    assert "no room to write" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


def test_a_closed_stderr_leaves_the_exit_code(tmp_path: Path) -> None:
    assert shell(tmp_path, "vlmbench inspect nowhere.yaml 2>&-").returncode == 2


@pytest.mark.parametrize("start", ["vlm_workbench", "workbench.cli"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_at_any_import_ends_it_without_a_traceback(tmp_path: Path, start: str, number: int, code: int) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe())
    (tmp_path / "rows.jsonl").write_text(ROWS * 2000)
    chance = random.Random(f"{start} {number}")
    for command in ("check --rows all", "audit", "overfit --steps 2", "export --out full.yaml"):
        word, *options = command.split()
        ran = subprocess.Popen(
            # It tells each module that was imported, on stderr.
            [sys.executable, "-X", "importtime", "-m", start, word, "recipe.yaml", *options],
            cwd=tmp_path,
            env=environment(tmp_path) | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert ran.stderr is not None
        # Before the command line is there, nobody but Python itself can answer an interrupt.
        _read(ran.stderr, 1, FIRST[start])
        _read(ran.stderr, 1 + chance.randrange(LAST_IMPORT))
        ran.send_signal(number)
        _, errors = ran.communicate(timeout=60)
        told = [line for line in errors.splitlines() if not line.startswith("import time:")]
        assert (ran.returncode, [line for line in told if "Traceback" in line]) == (code, []), (command, told[-20:])
        if number == signal.SIGINT:
            assert told[-1:] in (["vlmbench: interrupted"], ["vlmbench: the run was cancelled"]), (command, told)


def test_an_interrupt_that_is_lost_in_the_end_of_an_object_is_raised_again(tmp_path: Path) -> None:
    script = """
import signal, time
from workbench import cli

class Ended:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)

def work(**_):
    Ended()
    time.sleep(50)

cli.cli.main = work
cli.main([])
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment(tmp_path), capture_output=True, text=True, timeout=40
    )
    assert (ran.returncode, ran.stderr) == (130, "vlmbench: interrupted\n")


def _read(told: TextIO, count: int, module: str = "") -> None:
    """Read the lines that Python writes of imports, until a number of those that end with a module's name."""
    for line in told:
        count -= line.startswith("import time:") and line.rstrip().endswith(module)
        if count <= 0:
            return
