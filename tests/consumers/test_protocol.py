"""A trainer's process: started once for many questions, and what becomes of those that end it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.consumers.fake import FakeAxolotl
from workbench.consumers.axolotl import client, worker
from workbench.consumers.axolotl.client import AxolotlConsumer
from workbench.consumers.protocol import Answer, Question
from workbench.errors import EnvironmentProblem


@pytest.fixture
def fake(tmp_path: Path) -> FakeAxolotl:
    return FakeAxolotl(tmp_path / "environment")


@pytest.fixture
def asked(fake: FakeAxolotl) -> Iterator[AxolotlConsumer]:
    consumer = AxolotlConsumer(fake.python, seconds=30)
    yield consumer
    consumer.close()


def about(recipe: str, folder: Path, *rows: int, **more: object) -> Question:
    return Question(recipe, folder, rows, **more)  # type: ignore[arg-type]


def ids(answer: Answer) -> dict[int, list[int]]:
    return {row: labels[0].tolist() for row, labels in answer.rows.items() if not isinstance(labels, str)}


def test_many_questions_are_one_process(fake: FakeAxolotl, asked: AxolotlConsumer, tmp_path: Path) -> None:
    answers = asked.ask([about(f"a: {number}", tmp_path, number, number + 1) for number in range(5)])
    assert [ids(answer) for answer in answers] == [
        {number: [number, 1, 2], number + 1: [number + 1, 1, 2]} for number in range(5)
    ]
    assert (fake.starts, asked.starts, len(fake.questions)) == (1, 1, 5)
    first = fake.questions[0]
    assert (first["schema"], first["folder"], first["rows"], first["what"]) == (
        "vlmbench.consumer/2",
        str(tmp_path),
        [0, 1],
        "labels",
    )
    assert (answers[0].name, answers[0].strategy, answers[0].keys) == ("axolotl 0.19.0", "Fake", ("base_model",))
    assert all(isinstance(labels, tuple) and labels[1].dtype == np.int64 for labels in answers[0].rows.values())


@pytest.mark.parametrize(
    ("recipe", "kind", "said"),
    [
        ("please segfault: 1", "Killed", "SIGSEGV; its last line: Fatal: in C"),
        ("please exit: 1", "Exit", "exit code 7"),
        ("please half: 1", "Exit", "exit code 0"),
        ("please hang: 1", "Timeout", "no answer within 1 seconds"),
    ],
)
def test_what_ends_the_process_is_an_answer_and_the_next_question_starts_another(
    recipe: str, kind: str, said: str, fake: FakeAxolotl, asked: AxolotlConsumer, tmp_path: Path
) -> None:
    assert ids(asked.ask_one(about("a: 1", tmp_path, 3))) == {3: [3, 1, 2]}
    if kind == "Timeout":
        asked.seconds = 1
    ended, after = asked.ask([about(recipe, tmp_path, 0), about("a: 2", tmp_path, 0)])
    assert ended.died
    assert ended.refused is not None
    assert (ended.refused["stage"], ended.refused["type"]) == ("process", kind)
    assert said in ended.refused["message"]
    assert (ended.rows, ended.name) == ({}, "axolotl 0.19.0")
    assert (after.died, ids(after), fake.starts) == (False, {0: [0, 1, 2]}, 2)


def test_noise_on_stdout_is_passed_over(fake: FakeAxolotl, asked: AxolotlConsumer, tmp_path: Path) -> None:
    fake.tell(before="Welcome to this environment!")
    assert ids(asked.ask_one(about("please noise: 1", tmp_path, 2))) == {2: [2, 1, 2]}
    assert fake.starts == 1


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("another version", "of another version"),
        ("fewer rows", "answered for 1 of 2 rows"),
        ("not complete", "is not complete"),
    ],
)
def test_an_answer_that_is_none_is_refused(recipe: str, said: str, asked: AxolotlConsumer, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=said):
        asked.ask_one(about(recipe, tmp_path, 0, 1))
    assert ids(asked.ask_one(about("a: 1", tmp_path, 0))) == {0: [0, 1, 2]}


def test_an_interpreter_that_cannot_answer_is_named(fake: FakeAxolotl, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="cannot be run"):
        AxolotlConsumer(str(tmp_path / "nowhere")).ask_one(about("a: 1", tmp_path, 0))
    # The real script in a Python that has no axolotl.
    with pytest.raises(EnvironmentProblem, match="has no axolotl"):
        AxolotlConsumer(sys.executable).ask_one(about("a: 1", tmp_path, 0))
    fake.tell(schema="vlmbench.consumer/1")
    with pytest.raises(EnvironmentProblem, match="another version"):
        AxolotlConsumer(fake.python).ask_one(about("a: 1", tmp_path, 0))


def test_a_question_that_is_cancelled_before_its_turn_is_not_asked(
    fake: FakeAxolotl, asked: AxolotlConsumer, tmp_path: Path
) -> None:
    with pytest.raises(EnvironmentProblem, match="not asked any more"):
        asked.ask_one(about("a: 1", tmp_path, 0), lambda: True)
    assert (fake.starts, fake.questions) == (0, [])


def test_somebody_elses_plugin_leaves_nothing_for_the_next_question(
    fake: FakeAxolotl, asked: AxolotlConsumer, tmp_path: Path
) -> None:
    recipes = ("plugins: [vlmbench_axolotl.RoleBoundaries]", "plugins: [theirs.Plugin]", "a: 1", "a: 2")
    asked.ask([about(recipe, tmp_path, 0) for recipe in recipes])
    assert fake.starts == 2
    assert [sorted(question["files"]) for question in fake.questions] == [["vlmbench_axolotl.py"], [], [], []]


def test_the_scripts_own_stdout_is_for_answers_alone(tmp_path: Path) -> None:
    """The real script, with an `axolotl` that prints where it is imported: nothing of it disturbs an answer."""
    site = tmp_path / "site"
    for name in ("utils", "cli"):
        (site / "axolotl" / name).mkdir(parents=True)
    noisy = (
        "import os, sys\nprint('hello')\nsys.stdout.flush()\nos.write(1, b'from C\\n')\nassert not sys.stdin.read()\n"
    )
    (site / "axolotl" / "__init__.py").write_text(noisy + "import plugin_beside\n", "utf-8")
    info = site / "axolotl-0.19.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: axolotl\nVersion: 0.19.0\n", "utf-8")
    beside = tmp_path / "recipes"
    beside.mkdir()
    (beside / "plugin_beside.py").write_text("raise ValueError('the plugin beside the recipe')\n", "utf-8")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    asked = AxolotlConsumer(str(python))
    answers = asked.ask([about("a: 1", tmp_path, 0, beside=beside), about("a: 1", tmp_path, 0)])
    asked.close()
    assert [answer.refused for answer in answers] == [
        {"stage": "validate", "type": "ValueError", "message": "the plugin beside the recipe"},
        {"stage": "validate", "type": "ModuleNotFoundError", "message": "No module named 'plugin_beside'"},
    ]
    assert asked.starts == 1


def test_what_is_tried_in_a_fork_changes_nothing_here() -> None:
    changed: list[int] = []

    def change() -> list[int]:
        changed.append(1)
        return changed

    assert worker.in_a_fork(change, 60) == [1]
    assert changed == []

    def wrong() -> None:
        raise KeyError("Original QKV code not found")

    with pytest.raises(worker.ForkError, match="QKV") as raised:
        worker.in_a_fork(wrong, 60)
    assert raised.value.kind == "KeyError"
    with pytest.raises(worker.ForkError, match="ended with status 9"):
        worker.in_a_fork(lambda: os._exit(9), 60)
    with pytest.raises(worker.ForkError, match="SIGALRM"):
        worker.in_a_fork(lambda: time.sleep(600), 1)


def test_one_consumer_an_interpreter(fake: FakeAxolotl) -> None:
    assert client.consumer(fake.python) is client.consumer(fake.python)
    client.close_all()
    assert client.consumer(fake.python).starts == 0
    client.close_all()
