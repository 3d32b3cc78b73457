"""A forked child that does one thing and hands back its result: patches of axolotl and torch's state stay in it."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch

T = TypeVar("T")
_TAIL = 6000


class ChildError(Exception):
    """The child's work failed, or it ended; the text holds its traceback and the end of its output."""


@dataclass(frozen=True)
class Child(Generic[T]):
    """A child that was started; `result` waits for it."""

    process: int
    answer: Path
    output: Path

    def result(self) -> T:
        """The value that the function returned.

        Raises:
            ChildError: it raised, or the child ended without an answer.
        """
        _, status = os.waitpid(self.process, 0)
        said = self.output.read_text("utf-8", "replace")[-_TAIL:]
        if not self.answer.is_file():
            raise ChildError(f"the child ended with {os.waitstatus_to_exitcode(status)}\n{said}")
        ok, value = pickle.loads(self.answer.read_bytes())
        if not ok:
            raise ChildError(f"{value}\n{said}")
        result: T = value
        return result


def start(function: Callable[[], T], scratch: Path, name: str, *, directory: Path | None = None) -> Child[T]:
    """Call the function in a copy of this process, in a working directory; its output goes to a file in `scratch`."""
    answer, output = scratch / f"{name}.pickle", scratch / f"{name}.log"
    child = os.fork()
    if child:
        return Child(child, answer, output)
    status = 1
    # Trainers collect garbage; going through all that the parent holds would take seconds, and copy it.
    gc.freeze()
    try:
        # Here torch finds that its pool of threads did not survive the fork, and makes another. Left to the threads of
        # a backward pass, it is made by one while another looks for it, and torch ends the process.
        torch.set_num_threads(torch.get_num_threads())
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # Those of the parent may lead elsewhere than to the descriptors: pytest's do.
        sys.stdout = sys.stderr = os.fdopen(log, "w", buffering=1, encoding="utf-8", errors="replace")
        if directory is not None:
            os.chdir(directory)
        try:
            told = (True, function())
        except BaseException:
            told = (False, traceback.format_exc())
        # Whole or not at all: an answer that is there is one that was written to its end.
        answer.with_suffix(".part").write_bytes(pickle.dumps(told))
        answer.with_suffix(".part").rename(answer)
        status = 0
    finally:
        # Nothing of the parent's is run at the child's end.
        os._exit(status)
