"""Output of the command line beside its data."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from workbench.console import (
    console,
    counted_bar,
    progress_bar,
    quiet_libraries,
    report,
    say,
    waiting,
    write_json,
)
from workbench.errors import BenchError, EnvironmentProblem, InputError, Where

EVIL = "a\x1b[31mb\u202e"


def test_an_error_is_told_with_place_cause_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    problem = InputError("It is wrong", "Because\nof this.", "Do that.", Where("r.yaml", 3, 5))
    assert report(problem) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "vlmbench: r.yaml:3:5: It is wrong\n  Because\n  of this.\n  → Do that.\n"
    assert report(EnvironmentProblem("No model")) == 3
    assert capsys.readouterr().err == "vlmbench: No model\n"


def test_an_error_is_json_too_where_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    problem = InputError("It is wrong", "cause", "hint", Where("r.yaml", 3))
    assert report(problem, as_json=True) == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "schema": "vlmbench.error/1",
        "error": {"title": "It is wrong", "cause": "cause", "hint": "hint", "where": {"file": "r.yaml", "line": 3}},
        "exit_code": 2,
    }
    assert err.startswith("vlmbench: r.yaml:3: It is wrong")


def test_nothing_from_the_data_acts_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report(BenchError(EVIL, EVIL, EVIL, Where(EVIL)))
    err = capsys.readouterr().err
    assert err.count("a␛[31mb") == 4
    assert "\x1b" not in err
    assert "\u202e" not in err


def test_json_is_one_line_of_ascii() -> None:
    stream = io.StringIO()
    write_json({"é": [1, "世"], "b": None}, stream)
    assert stream.getvalue() == '{"\\u00e9":[1,"\\u4e16"],"b":null}\n'


def test_a_line_of_an_outcome_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    line = "pass: " + "long " * 60
    say(line, "pass")
    out, err = capsys.readouterr()
    assert (out, err) == ("", line + "\n")


def test_a_pipe_gets_no_bar_and_a_terminal_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar() as show:
        assert show is None
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress_bar() as show:
        assert show is not None
        show(SimpleNamespace(stage="Reading [bold]rows", done=1024, total=4096))  # type: ignore[arg-type]
    assert "Reading [bold]rows" in terminal.getvalue()
    assert "4.1" in terminal.getvalue()


def test_libraries_are_quiet_unless_someone_wants_to_hear_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("HF_HUB_DISABLE_PROGRESS_BARS", "TRANSFORMERS_VERBOSITY", "TOKENIZERS_PARALLELISM")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "info")
    quiet_libraries()
    assert [os.environ[name] for name in names] == ["1", "info", "false"]


def test_start_up_lines_of_other_packages_stay_off_the_terminal() -> None:
    """As torchao and bitsandbytes write them, where PEFT imports them; an error of theirs is still told."""
    code = (
        "import logging, sys\nfrom workbench.console import quiet_libraries\n"
        "logging.getLogger('torchao').setLevel(int(sys.argv[1]))\nquiet_libraries()\n"
        "logging.getLogger('torchao.utils').warning('skipping')\n"
        "logging.getLogger('bitsandbytes.cextension').warning('no kernel')\n"
        "logging.getLogger('torch.utils._pytree').warning('deprecated')\n"
        "logging.getLogger('bitsandbytes.cextension').error('broken')\n"
    )

    def told(level: int) -> str:
        command = [sys.executable, "-c", code, str(level)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr

    assert told(0) == "broken\n"
    assert told(20) == "skipping\nbroken\n"


def test_a_pipe_gets_whole_lines_without_blanks_at_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.padding import Padding
    from rich.table import Table

    table = Table(box=None)
    table.add_row("a", "b" * 300)
    table.add_row("aaa", "b")

    def printed() -> list[str]:
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        console().print(table)
        console().print(Padding("word " * 60, (0, 0, 0, 7), expand=False))
        return stream.getvalue().splitlines()

    monkeypatch.delenv("COLUMNS", raising=False)
    assert [line.split() for line in printed()] == [[], ["a", "b" * 300], ["aaa", "b"], ["word"] * 60]
    assert all(line == line.rstrip() for line in printed())
    # A width that somebody asks for is kept.
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, printed())) <= 40


def test_a_line_tells_what_takes_long_in_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("workbench.console._PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    for stream, shown in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        with waiting("asking \x1b[31maxolotl"):
            deadline = time.monotonic() + 10
            while shown and "asking" not in stream.getvalue() and time.monotonic() < deadline:
                time.sleep(0.01)
        with counted_bar("recipes", 2) as progress:
            progress(1)
        assert ("asking ␛[31maxolotl" in stream.getvalue()) is shown
        assert ("1 of 2 recipes" in stream.getvalue()) is shown
        assert shown or stream.getvalue() == ""


def test_a_reader_that_leaves_is_no_error() -> None:
    code = (
        "from workbench.console import ignoring_closed_pipe\n"
        "with ignoring_closed_pipe():\n    for _ in range(100000):\n        print('x' * 100)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait() == 0
