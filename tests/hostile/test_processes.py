"""Cases that only a process of its own can show: closed and full outputs, and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hostile.case import ROWS, recipe


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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_while_it_loads_ends_it_without_a_traceback(tmp_path: Path, number: int, code: int) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe())
    (tmp_path / "rows.jsonl").write_text(ROWS * 2000)
    ran = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "check", "recipe.yaml", "--rows", "all"],
        cwd=tmp_path,
        env=environment(tmp_path) | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # In the middle of its imports, most likely.
    time.sleep(1.5)
    ran.send_signal(number)
    _, errors = ran.communicate(timeout=60)
    assert ran.returncode == code
    assert "Traceback" not in errors
