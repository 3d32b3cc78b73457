"""JSON Schemas: published as they are made, and what the bench really answers has no key that they do not name."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.export.support import record
from tests.test_cli import run
from workbench.answers.schemas import ANSWERS, file_name, identifier, schema, text
from workbench.bench import Bench
from workbench.bench import open as open_bench
from workbench.consumers.protocol import Question
from workbench.overfit.events import every, read
from workbench.paths import sample_dir

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schemas"
MODEL = str(sample_dir() / "demo-model")


def wrong(name: str, answer: Any) -> list[str]:
    """The faults of an answer under the closed schema."""
    found = Draft202012Validator(schema(name, closed=True)).iter_errors(answer)
    return [f"{one.json_path}: {one.message[:200]}" for one in found]


def answer(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json").stdout)


def test_the_published_schemas_are_those_of_the_types() -> None:
    assert sorted(path.name for path in FOLDER.glob("*")) == sorted(map(file_name, ANSWERS))
    for name in ANSWERS:
        assert (FOLDER / file_name(name)).read_text("utf-8") == text(name), "run `make docs`"
        Draft202012Validator.check_schema(schema(name))


def test_every_version_that_the_code_names_has_its_schema() -> None:
    import re

    root = FOLDER.parents[1] / "workbench"
    named = {
        found
        for path in root.rglob("*.py")
        for found in re.findall(r"SCHEMA(?:: Final)? = \"(vlmbench\.[a-z-]+/\d+)\"", path.read_text("utf-8"))
    }
    assert named == {identifier(name) for name in ANSWERS}


def test_what_commands_print_is_what_the_schemas_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken.yaml"
    demo = (sample_dir() / "demo.yaml").read_text("utf-8").replace("<|turn>model", "<|turn>assistant")
    broken.write_text(demo.replace("demo-model", MODEL).replace("shapes-heldout", f"{sample_dir()}/shapes"), "utf-8")
    text_path = tmp_path / "text.yaml"
    text_path.write_text(
        f"base_model: {MODEL}\nchat_template: tokenizer_default\nsequence_len: 64\ndatasets:\n"
        f"  - path: {sample_dir()}/text.jsonl\n    type: chat_template\n",
        "utf-8",
    )
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "What?", "answer": "This."}\n{"question": "What?"}\n', "utf-8")
    asked = [
        ("inspect", ("inspect", "--rows", "2")),
        ("inspect", ("inspect", str(text_path), "--rows", "2")),
        ("inspect", ("inspect", "--model", MODEL, "--data", str(rows))),
        ("check", ("check", str(broken), "--rows", "2")),
        ("check", ("check", str(broken), "--rows", "2", "--fix")),
        ("infer", ("infer", "--rows", "2")),
        ("export", ("export",)),
        ("export", ("export", "--out", "full.yaml")),
        ("convert", ("convert", str(rows), "--out", "converted.jsonl")),
        ("convert", ("convert", str(rows), "--out", "proven.jsonl", "--model", MODEL)),
        ("families", ("families",)),
        ("explain", ("explain",)),
        ("error", ("inspect", "nowhere.yaml")),
    ]
    for name, arguments in asked:
        found = answer(*arguments)
        assert found["schema"] == identifier(name), arguments
        assert wrong(name, found) == [], arguments


def test_an_audit_and_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path / "state"))
    found = answer("audit", "--out", str(tmp_path / "audit"), "--workers", "1")
    assert wrong("audit", found) == []
    progress = json.loads((tmp_path / "audit" / "progress.json").read_text("utf-8"))
    assert wrong("audit-progress", progress) == []


def test_runs_of_every_kind() -> None:
    from workbench.overfit.verdict import judge
    from workbench.views.overfit import overfit_payload

    recorded = FOLDER.parents[1] / "tests" / "overfit" / "recorded"
    files = sorted(recorded.glob("*.jsonl"))
    assert len(files) > 10
    for file in files:
        events = list(read(file))
        found = json.loads(json.dumps(overfit_payload(events, judge(events), str(file))))
        assert wrong("overfit", found) == [], file.name
        assert bool(found["steps"]) == bool(list(every(events, "step")))


def test_what_a_trainer_is_asked_and_answers(tmp_path: Path) -> None:
    question = Question("base_model: x\n", tmp_path, (0, 1)).to_dict()
    assert wrong("consumer-question", json.loads(json.dumps(question))) == []
    told = {"schema": "vlmbench.consumer/2", "consumer": "axolotl", "versions": {}, "refused": None, "rows": []}
    told |= {"resolved": {}, "keys": [], "label_shift": 0}
    assert wrong("consumer", told) == []
    assert wrong("rehearsal", {"schema": "vlmbench.rehearsal/1", "versions": {}, "refused": None}) == []


def test_a_schema_refuses_what_is_no_answer(tmp_path: Path) -> None:
    bench = open_bench()
    from workbench.views.inspect_json import inspect_payload

    good = json.loads(json.dumps(inspect_payload(bench, [bench.row(0)])))
    assert wrong("inspect", good) == []
    for change in (
        lambda one: one.pop("rows"),
        lambda one: one["rows"][0].pop("labels"),
        lambda one: one["rows"][0].update(labels="none"),
        lambda one: one["rows"][0]["tokens"][0].update(extra=1),
        lambda one: one.update(schema="vlmbench.inspect/2"),
        lambda one: one["boundaries"][0].update(matches=None),
    ):
        bad = copy.deepcopy(good)
        change(bad)
        assert wrong("inspect", bad) != []
    # The published one lets keys of later releases pass.
    later = good | {"extra": 1}
    assert wrong("inspect", later) != []
    assert list(Draft202012Validator(schema("inspect")).iter_errors(later)) == []


def test_a_recorded_export_is_proven_and_fits(tmp_path: Path) -> None:
    from tests.export.support import demo
    from workbench.export.prepare import prepare_export

    bench: Bench = demo(open_bench(), tmp_path, rows=4)
    record(bench)
    made = prepare_export(bench, count=4)
    assert wrong("export", json.loads(json.dumps(made.to_dict()))) == []
    assert made.proven_by == "bench"
