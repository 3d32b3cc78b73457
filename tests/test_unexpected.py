"""An exception that nobody expected becomes an error of its kind, with its place."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import click
import pytest

from workbench import cli
from workbench.errors import BenchError, EnvironmentProblem, InputError, Where
from workbench.unexpected import Bug, as_error, place_of, placed


def deep(levels: int = 0) -> int:
    return deep(levels + 1)


def raised(error: BaseException) -> BaseException:
    """The exception, raised once, so that it has a traceback."""
    try:
        raise error
    except BaseException as problem:
        return problem


@pytest.mark.parametrize(
    ("error", "kind", "title"),
    [
        (MemoryError(), EnvironmentProblem, "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device", "out.yaml"), EnvironmentProblem, "no room to write"),
        (OSError(errno.EACCES, "Permission denied", "out.yaml"), EnvironmentProblem, "does not allow"),
        (OSError(errno.EMFILE, "Too many open files"), EnvironmentProblem, "Too many files"),
        (OSError(errno.EIO, "Input/output error"), EnvironmentProblem, "refused"),
        (ModuleNotFoundError("No module named 'x'"), EnvironmentProblem, "package"),
        (RecursionError("maximum recursion depth exceeded"), InputError, "nested too deeply"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), InputError, "no character"),
        (KeyError("x"), Bug, "bug of vlmbench"),
        (AssertionError(), Bug, "bug of vlmbench"),
    ],
)
def test_each_is_of_its_kind_and_has_a_remedy(error: BaseException, kind: type[BenchError], title: str) -> None:
    found = as_error(raised(error))
    assert type(found) is kind
    assert title in found.title
    assert found.hint
    if isinstance(error, OSError) and error.filename:
        assert found.where.file == "out.yaml"


def test_an_error_in_words_stays_as_it_is() -> None:
    error = InputError("title", hint="hint")
    assert as_error(error) is error


def test_the_innermost_place_is_named() -> None:
    with pytest.raises(KeyError) as caught, placed(Where(file="a")), placed(Where(file="b", row=3)):
        raise KeyError("x")
    assert place_of(caught.value) == Where(file="b", row=3)
    assert as_error(caught.value).where == Where(file="b", row=3)


def test_what_the_input_is_at_fault_for_is_an_error_at_its_place() -> None:
    with pytest.raises(InputError) as caught, placed(Where(file="rows.jsonl", line=4, row=3)):
        deep()
    assert (caught.value.where.line, caught.value.where.row) == (4, 3)


def test_a_bug_leaves_a_file_to_attach_with_its_traceback_and_nothing_that_acts() -> None:
    found = as_error(raised(KeyError("\x1b[2J")))
    assert isinstance(found, Bug)
    assert found.exit_code == 70
    assert found.report is not None
    assert str(found.report) in found.hint
    text = found.report.read_text("utf-8")
    assert "Traceback" in text
    assert "KeyError" in text
    assert "\x1b" not in text + str(found)


def test_a_bug_whose_file_cannot_be_written_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path / "file"))
    found = as_error(raised(KeyError("x")))
    assert isinstance(found, Bug)
    assert found.report is None
    assert "could not be written" in found.hint


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_line_lets_no_exception_out(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    @click.option("--format", "output")
    def broken(output: str) -> int:
        raise KeyError("what\x1b[2J")

    monkeypatch.setitem(cli.cli.commands, "broken", broken)
    with pytest.raises(SystemExit) as left:
        cli.main(["broken", "--format", "json" if as_json else "text"])
    written = capsys.readouterr()
    assert left.value.code == 70
    assert "bug of vlmbench" in written.err
    assert "Traceback" not in written.err
    assert "\x1b" not in written.err
    if as_json:
        assert json.loads(written.out)["exit_code"] == 70
    else:
        assert written.out == ""
