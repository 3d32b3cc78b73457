"""The command line, run in this process."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from workbench.cli import main


@dataclass
class Ran:
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Ran:
    """Run `vlmbench` in this process, into a pipe as it were."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert isinstance(left.value.code, int)
    return Ran(left.value.code, out.getvalue(), err.getvalue())
