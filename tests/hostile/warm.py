"""A process that has imported everything and loaded the demo once, and gives each case a copy of itself.

`python -m tests.hostile.warm [--seed SEED] KIND …` runs all cases of these kinds and prints what is wrong; without a
kind it reads the names of kinds from stdin, a line each, and answers each with a line of JSON: `test_corpus.py` asks.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.hostile.case import HANG_SECONDS, Case, Outcome

SEED = os.environ.get("VLMBENCH_HOSTILE_SEED", "1")
_PART = {
    "events": 150,
    "recipes": 120,
    "rows": 40,
    "pictures": 30,
    "command line": 90,
    "names": 70,
    "templates": 20,
    "boundaries": 60,
    "disk": 40,
}
MOST: Mapping[str, int] = {} if os.environ.get("VLMBENCH_HOSTILE") == "all" else _PART
"""Cases of each kind that the suite takes, the fewer the longer one takes; none: all, for whoever changes a reader."""
_AT_ONCE = 2
_CHILD_BYTES = 3 << 30


def prepare_environment() -> None:
    """Make what every case finds: no trainer is asked, nothing of the person who runs it is read, one thread."""
    os.environ.update(
        VLMBENCH_ASK="0",
        OMP_NUM_THREADS="1",
        TOKENIZERS_PARALLELISM="false",
        RAYON_NUM_THREADS="1",
        HF_HUB_OFFLINE="1",
        COLUMNS="100",
    )
    os.environ.pop("VLMBENCH_AXOLOTL_PYTHON", None)


def warm_up() -> None:
    """Import what the commands import, by running each of them once."""
    from tests.hostile.case import ROWS, recipe
    from workbench.cli import main

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ["VLMBENCH_STATE"] = f"{folder}/state"
        Path("rows.jsonl").write_text(ROWS)
        Path("recipe.yaml").write_text(recipe())
        recorded = str(Path(__file__).parents[1] / "screens/recorded")
        for words in (
            "inspect recipe.yaml --rows 1 --format html",
            "inspect --rows 1 --format json",
            "check recipe.yaml --rows 1 --format html",
            "check recipe.yaml --rows 1",
            "export recipe.yaml --rows 1",
            "families gemma4",
            "explain M001",
            f"overfit --format html --replay {next(Path(recorded).iterdir())}",
        ):
            drop = io.StringIO()
            with contextlib.redirect_stdout(drop), contextlib.redirect_stderr(drop), contextlib.suppress(SystemExit):
                main(words.split())


class Runner:
    """Runs cases, each in a folder and a process of its own, a few at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._running: dict[int, tuple[Case, Path, float]] = {}
        self._count = 0

    def run(self, cases: list[Case]) -> Iterator[Outcome]:
        """The outcomes, in the order in which they come.

        What hangs is run once more, alone: a machine that stood still for a while is no hang of ours.
        """
        late: list[Case] = []
        for found in self._all(cases, _AT_ONCE):
            if found.code is None:
                late += [case for case in cases if case.name == found.name]
            else:
                yield found
        yield from self._all(late, 1)

    def _all(self, cases: list[Case], at_once: int) -> Iterator[Outcome]:
        waiting = list(reversed(cases))
        while waiting or self._running:
            while waiting and len(self._running) < at_once:
                self._start(waiting.pop())
            yield from self._ended()

    def _start(self, case: Case) -> None:
        self._count += 1
        home = self._folder / str(self._count)
        (home / "here").mkdir(parents=True)
        case.lay_out(home / "here")
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _become(case, home)
        self._running[child] = (case, home, time.monotonic())

    def _ended(self) -> Iterator[Outcome]:
        # Not reaped yet, so that its times are still there to be read.
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            waited = _waited(ended.si_pid)
            child, status, usage = os.wait4(ended.si_pid, 0)
            yield self._outcome(child, os.waitstatus_to_exitcode(status), usage.ru_maxrss, waited)
            return
        for late, (_, _, began) in list(self._running.items()):
            if time.monotonic() - began - _waited(late) > HANG_SECONDS:
                waited = _waited(late)
                os.killpg(late, signal.SIGKILL)
                os.wait4(late, 0)
                yield self._outcome(late, None, 0, waited)
        time.sleep(0.003)

    def _outcome(self, child: int, code: int | None, peak: int, waited: float) -> Outcome:
        case, home, began = self._running.pop(child)
        found = Outcome(
            case.name,
            [argument.encode("utf-8", "backslashreplace").decode() for argument in case.arguments],
            case.output,
            code,
            (home / "stdout").read_bytes(),
            (home / "stderr").read_bytes(),
            time.monotonic() - began - waited,
            max(0, peak - self._base) << 10,
            case.codes,
            case.names,
            case.file_bytes is not None,
            case.most_bytes,
        )
        shutil.rmtree(home, ignore_errors=True)
        return found


def _become(case: Case, home: Path) -> None:
    """Run the case in this process, which is a copy made for it, and end it."""
    code = 99
    try:
        os.setsid()
        os.chdir(home / "here")
        kept = {"VLMBENCH_STATE": str(home / "state"), "VLMBENCH_CACHE": str(home / "cache")}
        os.environ.update(kept | dict(case.environment))
        for name, number in (("stdout", 1), ("stderr", 2)):
            os.dup2(os.open(home / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_AS, (_own_bytes() + _CHILD_BYTES,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if case.file_bytes is not None:
            # The outputs have been opened, and their limit is this one as well.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (case.file_bytes,) * 2)
        from workbench.cli import main

        # Where it hangs is what one wants to know.
        faulthandler.dump_traceback_later(HANG_SECONDS - 0.5)
        try:
            main(list(case.arguments))
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 98
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        import traceback

        code = 1
        with contextlib.suppress(Exception):
            traceback.print_exc()
            sys.stderr.flush()
    finally:
        os._exit(code)


def _waited(process: int) -> float:
    """The seconds for which a process was ready and had no core: other work on the machine is no hang of ours."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _own_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _line(found: Outcome) -> dict[str, Any]:
    return {
        "name": found.name,
        "arguments": found.arguments,
        "code": found.code,
        "seconds": round(found.seconds, 3),
        "problems": found.problems(),
        "stderr": found.stderr.decode("utf-8", "replace")[-3000:],
        "stdout": b64encode(found.stdout[-600:]).decode(),
    }


def main() -> None:
    """Run the kinds that are named on the command line, or on stdin."""
    from tests.hostile import servers
    from tests.hostile.kinds import KINDS, cases_of

    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--only", default="", help="Cases whose name holds this.")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("kinds", nargs="*")
    given = parser.parse_args()
    prepare_environment()
    answers = os.fdopen(os.dup(1), "w")
    servers.start()
    warm_up()
    with tempfile.TemporaryDirectory(prefix="vlmbench-hostile-") as folder:
        runner = Runner(Path(folder))
        for kind in given.kinds or map(str.strip, sys.stdin):
            most = None if given.kinds else MOST.get(kind)
            chosen = [case for case in cases_of(kind, given.seed, most) if given.only in case.name]
            lines = [_line(found) for found in runner.run(chosen)]
            if not given.kinds:
                answers.write(json.dumps(lines) + "\n")
                answers.flush()
                continue
            _print(kind, lines, given.verbose, answers)
    assert set(given.kinds) <= set(KINDS)


def _print(kind: str, lines: list[dict[str, Any]], verbose: bool, stream: Any) -> None:
    for line in lines:
        if line["problems"] or verbose:
            print(f"✗ {line['name']}: {line['problems']}\n    {line['arguments']}", file=stream)
            print("\n".join(f"    {text!r}" for text in line["stderr"].splitlines()[-14:]), file=stream)
    slowest = max(lines, key=lambda line: line["seconds"])
    bad = sum(bool(line["problems"]) for line in lines)
    total = sum(line["seconds"] for line in lines)
    print(
        f"{kind}: {len(lines)} cases, {bad} bad, {total:.0f} s together, slowest {slowest['seconds']:.1f} s "
        f"({slowest['name']})",
        file=stream,
        flush=True,
    )


if __name__ == "__main__":
    main()
