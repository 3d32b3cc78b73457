"""Hostile input of every kind, in a process each: no traceback, no escape code, no hang, and a remedy for each error.

The cases are made from a seed, which each failure names: `VLMBENCH_HOSTILE_SEED` takes another one, and
`VLMBENCH_HOSTILE=all` all cases instead of a part of each kind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.hostile.kinds import KINDS, cases_of
from tests.hostile.warm import MOST, SEED

Answers = list[dict[str, Any]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Callable[[str], Answers]]:
    """Gives the outcomes of a kind, from a process that is warm."""
    command = [sys.executable, "-m", "tests.hostile.warm", "--seed", SEED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as warm:
        assert warm.stdin is not None
        assert warm.stdout is not None

        def answer(kind: str) -> Answers:
            warm.stdin.write(f"{kind}\n")
            warm.stdin.flush()
            found: Answers = json.loads(warm.stdout.readline())
            return found

        yield answer


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_breaks_it(kind: str, ask: Callable[[str], Answers]) -> None:
    outcomes = ask(kind)
    print(f"seed {SEED}: {len(outcomes)} cases of {kind}")
    bad = [outcome for outcome in outcomes if outcome["problems"]]
    shown = [f"{one['name']}: {one['problems']} {one['arguments']}\n{one['stderr'][-800:]}" for one in bad[:10]]
    assert not bad, f"seed {SEED}, {len(bad)} of {len(outcomes)}:\n" + "\n\n".join(shown)


def test_the_corpus_is_large_and_the_same_seed_makes_the_same() -> None:
    chosen = {kind: cases_of(kind, SEED, MOST.get(kind)) for kind in KINDS}
    assert sum(map(len, chosen.values())) >= 600
    for kind, cases in chosen.items():
        names = [case.name for case in cases_of(kind, SEED)]
        assert len(set(names)) == len(names), kind
        assert {case.name for case in cases} <= set(names)
        others = {case.name for case in cases_of(kind, "another", MOST.get(kind))}
        assert others != {case.name for case in cases} or len(names) == len(cases), kind
