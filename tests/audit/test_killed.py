"""An audit that is killed goes on where it was, and one that is interrupted tells what is known.

`python -m tests.audit.test_killed [TIMES [SEED [ROWS]]]` kills it so many times, at random moments, and compares the
reports.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.audit.test_audit import told
from tests.blocks.rows import rows
from workbench.audit import plan as plans
from workbench.audit.largest import Largest
from workbench.audit.run import audit, row_plan
from workbench.bench import Bench, open
from workbench.blocks.path import BlockPath
from workbench.paths import sample_dir

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes of its own")
COUNT = 160
TOLD = "told.json"


def opened(folder: Path, count: int) -> Bench:
    """A bench over rows of which some are faulty."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(count, seed=8, faulty=0.2)), "utf-8")
    return open(model=str(sample_dir() / "demo-model"), data=str(path))


def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "BLOCK", 20)
    monkeypatch.setattr("workbench.audit.beside.check_recipe", lambda bench: [])
    monkeypatch.setattr("workbench.audit.tally.estimated", lambda bench, place, tokens: Largest(place, tokens))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """In blocks of few rows; what builds the model is tested elsewhere."""
    _small_and_quick(monkeypatch)
    return opened(tmp_path, COUNT)


class Audit:
    """An audit in a process that can be killed; what it says of the rows is in a file once it is done."""

    def __init__(self, bench: Bench, out: Path) -> None:
        self.out = out
        self.process = multiprocessing.get_context("fork").Process(target=self._run, args=(bench,))
        self.process.start()

    def _run(self, bench: Bench) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        report = audit(bench, row_plan(bench), workers=2, out=self.out, resume=True)
        (self.out / TOLD).write_text(json.dumps(told(report)), "utf-8")

    @property
    def blocks(self) -> int:
        """Blocks whose results are kept."""
        return len(list((self.out / "blocks").glob("*.parquet")))

    def signalled(self, number: int, when: Callable[[], bool]) -> int | None:
        """Send it a signal at a moment; its exit code, None where it does not end."""
        while self.process.is_alive() and not when():
            time.sleep(0.001)
        if self.process.is_alive():
            workers = psutil.Process(self.process.pid).children(recursive=True)
            os.kill(self.process.pid or 0, number)
            # Those who judge for it end with it.
            _, left = psutil.wait_procs(workers, timeout=60)
            assert not left
        self.process.join(60)
        return self.process.exitcode

    @property
    def told(self) -> Any:
        """All that it said of the rows."""
        return json.loads((self.out / TOLD).read_text("utf-8"))


def killed(bench: Bench, out: Path, times: int, draw: random.Random) -> tuple[int, list[int]]:
    """Kill an audit so many times, each at a random moment, and let it go on to its end.

    Gives how often it was killed before its end, and the blocks that were kept at each kill.
    """
    ends, kept = 0, []
    blocks = len(row_plan(bench).blocks())
    for number in range(times):
        running = Audit(bench, out)
        until, delay = draw.randint(number * blocks // (times + 1), blocks - 1), draw.random() * 0.05

        def due(running: Audit = running, until: int = until, delay: float = delay) -> bool:
            if running.blocks < until:
                return False
            time.sleep(delay)
            return True

        ends += running.signalled(signal.SIGKILL, due) == -signal.SIGKILL
        kept.append(running.blocks)
    last = Audit(bench, out)
    assert last.signalled(signal.SIGKILL, lambda: False) == 0
    return ends, kept


def test_an_audit_that_is_killed_goes_on_to_the_same_report(bench: Bench, tmp_path: Path) -> None:
    whole = json.loads(json.dumps(told(audit(bench, row_plan(bench), workers=2))))
    out = tmp_path / "kept"
    ends, kept = killed(bench, out, 2, random.Random(5))
    assert ends >= 1
    assert kept == sorted(kept)
    assert json.loads((out / TOLD).read_text("utf-8")) == whole


def test_an_interruption_inside_a_block_tells_what_is_known(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = BlockPath.judge

    def slow(self: BlockPath, some: Any) -> Any:
        if any(row.index >= 60 for row in some):
            time.sleep(60)
        return judge(self, some)

    monkeypatch.setattr(BlockPath, "judge", slow)
    running = Audit(bench, tmp_path / "kept")
    assert running.signalled(signal.SIGINT, lambda: running.blocks == 3 and not time.sleep(0.3)) == 0
    assert running.told["interrupted"]
    assert running.told["rows"] == 60
    assert running.told["causes"]


def main(times: int, seed: int, count: int) -> None:
    """Print how often it was killed, and whether the reports are the same."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        _small_and_quick(patch)
        folder = Path(name)
        bench = opened(folder, count)
        whole = json.loads(json.dumps(told(audit(bench, row_plan(bench), workers=2))))
        ends, kept = killed(bench, folder / "kept", times, random.Random(seed))
        again = json.loads((folder / "kept" / TOLD).read_text("utf-8"))
    said = "the same" if again == whole else "ANOTHER"
    print(f"killed {ends} of {times} times, blocks kept {kept}; the report is {said}")
    for key in whole:
        if again[key] != whole[key]:
            print(f"{key}: {str(whole[key])[:1000]}\n  after resuming {str(again[key])[:1000]}")


if __name__ == "__main__":
    main(*(list(map(int, sys.argv[1:])) + [10, 0, 2000][len(sys.argv) - 1 :]))
