"""Output of the command line beside its data."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from workbench.console import progress_bar, quiet_libraries, report, say, write_json
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
