"""The process that audits for the app, started with a folder (`workbench.child_process`): its question is in it.

Results, progress and report are written into the folder, where the app reads them. It ends when the app ends, and at
SIGINT with what is known so far.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from workbench.audit.progress_file import ProgressFile
from workbench.audit.question import read_question
from workbench.errors import BenchError


def main(folder: Path) -> int:
    """Audit what the folder asks; every end but a kill is in its progress."""
    _exit_with_parent()
    file = ProgressFile(folder)
    try:
        _audit(folder)
    except BenchError as problem:
        file.end("failed", " ".join(part for part in (problem.line, problem.cause, problem.hint) if part))
        return problem.exit_code
    except KeyboardInterrupt:
        file.end("interrupted")
        return 130
    except Exception as problem:
        file.end("failed", f"{type(problem).__name__}: {problem}"[:500])
        raise
    return 0


def _audit(folder: Path) -> None:
    from workbench.audit.run import audit
    from workbench.audit.sources import recipe_plan
    from workbench.views.audit_files import write_report

    bench = read_question(folder).load()
    write_report(folder, bench, audit(bench, recipe_plan(bench), out=folder, resume=True))


def _exit_with_parent() -> None:
    """End when standard input ends: it is a pipe, and its other end goes with the app."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        # With the processes that judge for it, which are of its group.
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(143)

    threading.Thread(target=wait, name="vlmbench-parent", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
