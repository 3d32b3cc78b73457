"""The trainer at hand beside what the bench shows: said in every face, asked once, and a finding where they differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.consumers.fake import FakeAxolotl
from tests.export.support import demo
from tests.test_cli import run
from workbench.bench import Bench, open
from workbench.checks.agreement import disagreement
from workbench.checks.asking import answered, ask_rows, make_question, question_of
from workbench.checks.row_checks import row_findings
from workbench.checks.run import check_rows
from workbench.consumers.axolotl.client import close_all, consumer
from workbench.errors import BenchError
from workbench.export.prepare import prepare_export
from workbench.export.receipt import without_receipt
from workbench.findings import Finding
from workbench.paths import sample_dir
from workbench.recipe import plugin
from workbench.recipe.axolotl_table import table
from workbench.views.asked import asked_line, asked_payload

Make = Callable[..., Bench]
TABLE = "from the table of axolotl 0.19"


@pytest.fixture(scope="module")
def opened() -> Bench:
    return open()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeAxolotl]:
    yield FakeAxolotl(tmp_path / "environment")
    close_all()


@pytest.fixture
def make(opened: Bench, fake: FakeAxolotl, tmp_path: Path) -> Make:
    """Makes the demo in the test's folder, with eight rows and the fake trainer, which gives the same labels."""

    def build(change: Any = None, **options: Any) -> Bench:
        bench = demo(opened, tmp_path, change, rows=8, **{"axolotl_python": fake.python} | options)
        fake.tell(rows=labels(bench))
        plugin.write_file(tmp_path)
        bench.asks = True
        bench.remask()
        return bench

    return build


def labels(bench: Bench, **changed: list[int]) -> dict[str, Any]:
    """The bench's own answer for its eight rows; `r3=[0, 1]`: with the labels of these tokens of row 3 flipped."""
    told = {}
    for index in range(8):
        ids, given = (one.tolist() for one in (bench.row(index).rendering.input_ids, bench.row(index).mask.labels))
        for token in changed.get(f"r{index}", []):
            given[token] = ids[token] if given[token] == -100 else -100
        told[str(index)] = {"input_ids": ids, "labels": given}
    return told


def found(bench: Bench, rows: range = range(8)) -> list[Finding]:
    return [finding for index in rows for finding in row_findings(bench.row(index)) if finding.code == "M020"]


def test_the_same_labels_are_said_and_found_nowhere(make: Make, fake: FakeAxolotl) -> None:
    bench = make()
    asked = ask_rows(bench, range(8))
    assert asked is not None
    assert asked.problem is None
    assert (found(bench), [finding.code for finding in bench.findings]) == ([], [])
    line = asked_line(bench, found(bench))
    assert (line.text, line.outcome) == ("asked: axolotl 0.19.0 gives the same labels on 8 rows", "same")
    payload = asked_payload(bench, found(bench))
    assert (payload["by"], payload["same"], payload["rows"]) == ("axolotl 0.19.0", True, list(range(8)))
    (question,) = fake.questions
    assert (question["folder"], question["beside"], question["model"], question["data"]) == (
        str(bench.recipe_dir),
        str(bench.recipe_dir),
        "",
        "",
    )


def test_another_label_is_a_finding_on_the_first_token(make: Make, fake: FakeAxolotl) -> None:
    bench = make()
    trained = bench.row(2).mask.labels.tolist()
    token = next(index for index, label in enumerate(trained) if label != -100)
    fake.tell(rows=labels(bench, r2=[token, token + 1]))
    ask_rows(bench, range(8))
    (finding,) = found(bench)
    assert finding.severity == "error"
    assert f"token {token} " in finding.message
    assert "trained here, masked in axolotl 0.19.0" in finding.message
    assert "2 tokens differ" in finding.message
    assert (finding.where.row, finding.where.tokens, finding.where.message) == (2, (token, token + 1), 1)
    line = asked_line(bench, found(bench))
    assert (line.text, line.outcome) == ("asked: axolotl 0.19.0, which gives other labels on 1 of 8 rows", "other")
    report = check_rows(bench, (bench.row(index) for index in range(8)))
    assert [group.code for group in report.groups if group.severity == "error"] == ["M020"]


@pytest.mark.parametrize(
    ("told", "severity", "said"),
    [
        ({"error": "IndexError: list index out of range"}, "error", "axolotl 0.19.0 raises IndexError"),
        ({"dropped": "600 tokens"}, "warning", "axolotl 0.19.0 does not train on this row: 600 tokens"),
        ({"input_ids": [1], "labels": [1]}, "error", "token 0: "),
    ],
)
def test_a_row_that_the_trainer_has_otherwise(
    told: dict[str, Any], severity: str, said: str, make: Make, fake: FakeAxolotl
) -> None:
    bench = make()
    fake.tell(rows=labels(bench) | {"4": told})
    ask_rows(bench, range(8))
    (finding,) = found(bench)
    assert (finding.severity, finding.where.row) == (severity, 4)
    assert said in finding.message


def test_a_row_that_is_left_out_is_no_proof_unless_it_is_not_trained_here(make: Make, fake: FakeAxolotl) -> None:
    bench = make()
    fake.tell(rows=labels(bench) | {"4": {"dropped": "600 tokens"}})
    asked = ask_rows(bench, range(8))
    assert asked is not None
    assert asked.answer is not None
    assert disagreement(bench, asked.answer) == ("row 4: the bench trains it, axolotl 0.19.0 leaves it out: 600 tokens")
    bench.document.set(("datasets", 0, "roles_to_train"), ["tool"])
    bench.remask()
    everything = {row: (bench.row(row).rendering.input_ids, bench.row(row).mask.labels) for row in range(8) if row != 4}
    assert disagreement(bench, replace(asked.answer, rows=everything)) is None


def test_a_refusal_is_a_finding_of_the_recipe(make: Make, fake: FakeAxolotl) -> None:
    bench = make()
    refused = {"stage": "validate", "type": "ValueError", "message": "deepspeed and fsdp\ncannot"}
    fake.tell(answer={"refused": refused, "rows": []})
    ask_rows(bench, range(8))
    (finding,) = [finding for finding in bench.findings if finding.code == "A012"]
    assert finding.message == "axolotl 0.19.0 refuses the recipe: ValueError: deepspeed and fsdp cannot"
    assert asked_line(bench, ()).text == "asked: axolotl 0.19.0, which does not take the recipe"
    # Asked again, it takes it: the finding goes.
    fake.tell(rows=labels(bench))
    bench.document.set(("num_epochs",), 3)
    bench.remask()
    assert bench.asked is None
    assert bench.findings == []
    assert asked_line(bench, ()).text == TABLE
    ask_rows(bench, range(8))
    assert asked_line(bench, found(bench)).outcome == "same"


def test_an_answer_about_another_text_says_nothing(make: Make, fake: FakeAxolotl) -> None:
    bench = make()
    fake.tell(rows=labels(bench, r0=[0]))
    ask_rows(bench, range(8))
    assert len(found(bench)) == 1
    bench.document.set(("num_epochs",), 3)
    assert found(bench) == []


def test_a_trainer_that_dies_is_no_fault_of_the_labels(make: Make) -> None:
    bench = make(lambda text: text + "# please segfault\n")
    ask_rows(bench, range(8))
    (finding,) = bench.findings
    assert (finding.code, finding.severity) == ("A012", "warning")
    assert "SIGSEGV" in finding.message
    assert asked_line(bench, ()).text == "asked: axolotl 0.19.0, which gave no answer"


def test_why_nobody_is_asked_is_said(make: Make, fake: FakeAxolotl, tmp_path: Path) -> None:
    bench = make(lambda text: text + "trust_remote_code: true\n")
    ask_rows(bench, range(8))
    line = asked_line(bench, ())
    assert line.text == f"not asked: the trainer would run the model's own Python code; {TABLE}"
    bench = make()
    bench.document.set(("rl",), "dpo")
    ask_rows(bench, range(8))
    assert "preference data" in asked_line(bench, ()).text
    bench = make(axolotl_python=str(tmp_path / "nowhere"))
    ask_rows(bench, range(8))
    payload = asked_payload(bench, ())
    assert (payload["by"], payload["table"]) == (None, table().name)
    assert "cannot be run" in payload["problem"]["title"]
    bench = make(axolotl_python="none")
    assert ask_rows(bench, range(8)) is None
    bench = make()
    bench.asks = False
    assert ask_rows(bench, range(8)) is None
    assert fake.starts == 0


def test_paths_from_elsewhere_are_given_whole(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Bench
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    bench = make(data="../shapes.jsonl", model=str(sample_dir() / "demo-model"))
    question = make_question(bench, range(99))
    assert (question.data, question.model) == (
        str(tmp_path / "elsewhere" / ".." / "shapes.jsonl"),
        str(sample_dir() / "demo-model"),
    )
    assert question.rows == tuple(range(8))
    assert question.model_folders[0] == opened.loaded.path
    # A picture that was changed makes another row of it.
    before = question.digests
    picture = next((tmp_path / "pictures").rglob("*.png"))
    picture.write_bytes(picture.read_bytes() + b"\0")
    after = make_question(bench, range(99)).digests
    assert 0 < sum(before[row] != after[row] for row in range(8)) < 8


def test_a_question_is_asked_of_the_process_once_whichever_verb_asks(make: Make, fake: FakeAxolotl) -> None:
    """`inspect`, `check`, and the export of what was checked."""
    bench = make()
    bench.document.set(("num_epochs",), 1)
    made = prepare_export(bench, bench.recipe_dir / "full.yaml")
    full = bench.recipe_dir / "full.yaml"
    full.write_text(made.text, "utf-8")
    asked = len(fake.questions)
    close_all()
    # What was exported is checked, with its receipt, and exported again: nothing is asked twice.
    again = open(full, axolotl_python=fake.python)
    again.asks = True
    ask_rows(again, [0])
    ask_rows(again, range(8))
    assert asked_line(again, found(again)).outcome == "same"
    once_more = prepare_export(again, bench.recipe_dir / "more.yaml")
    assert without_receipt(once_more.text) == without_receipt(made.text)
    assert next(proof for proof in once_more.proofs if proof.step == "consumer").ok
    assert (asked, len(fake.questions), fake.starts, fake.rehearsals) == (1, 1, 1, 1)
    assert consumer(fake.python).starts == 0


def test_in_another_thread_nothing_of_the_bench_is_needed(make: Make, fake: FakeAxolotl) -> None:
    bench = make()
    question = question_of(bench, [1, 2])
    assert not isinstance(question, BenchError)
    assert question is not None
    asked = answered(fake.python, question)
    assert asked.answer is not None
    assert sorted(asked.answer.rows) == [1, 2]


@pytest.mark.parametrize("verb", ["inspect", "check"])
def test_every_face_says_who_was_asked(
    verb: str, make: Make, fake: FakeAxolotl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    fake.tell(rows=labels(bench, r1=[3]))
    monkeypatch.setenv("VLMBENCH_ASK", "1")
    (tmp_path / ".vlmbench.toml").write_text('axolotl-python = "environment/python"\n', "utf-8")
    recipe = str(tmp_path / "recipe.yaml")
    said = "axolotl 0.19.0, which gives other labels on 1 of 8 rows"
    for form in ("text", "json", "html"):
        ran = run(verb, recipe, "--rows", "8", "--format", form)
        assert ran.returncode == 1, ran.stderr
        if form == "json":
            payload = json.loads(ran.stdout)["asked"]
            assert (payload["by"], payload["same"], payload["versions"]) == (
                "axolotl 0.19.0",
                False,
                {"axolotl": "0.19.0"},
            )
        else:
            assert said in ran.stdout
            assert "M020" in ran.stdout
        close_all()
    assert fake.starts == 1
    monkeypatch.setenv("VLMBENCH_ASK", "0")
    assert TABLE in run(verb, recipe, "--rows", "8").stdout
    assert json.loads(run(verb, recipe, "--rows", "8", "--format", "json").stdout)["asked"]["by"] is None
    refused = run(verb, recipe, "--axolotl-python", "nowhere", "--rows", "1")
    assert refused.returncode == 0, refused.stderr
