"""Every way in which a recipe is not ready has a message of its own, and a recipe that is has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.support import record
from workbench.audit.progress_file import AuditProgress, ProgressFile
from workbench.audit.run import audit, question_of, recipe_plan
from workbench.bench import Bench
from workbench.blocks.checking import check_chosen
from workbench.blocks.chosen_rows import ChosenRows
from workbench.consumers.axolotl.loader import Refusal, Rehearsal
from workbench.consumers.protocol import Answer
from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.export import prepare, readiness
from workbench.export.all_rows import KnownOfAllRows, of_audit, of_check
from workbench.export.prepare import Export, ExportRefused, prepare_export
from workbench.export.receipt import Receipt, is_intact, read_receipt
from workbench.findings import Finding
from workbench.models.build import adapted_meta_model
from workbench.paths import recipe_dir
from workbench.views.audit_files import write_report
from workbench.views.export import outcome, proof_line
from workbench.views.html_reports import export_html

Make = Callable[..., Bench]


def codes(made: Export) -> list[str]:
    return [one.code for one in made.missing]


def test_the_proof_of_the_check_says_of_how_many_rows_it_speaks(make: Make) -> None:
    bench = make()
    count = len(bench.rows)

    def said(rows: int) -> str:
        return next(one.message for one in prepare_export(bench, count=rows).proofs if one.step == "check")

    assert f"no error on 3 of {count:,} rows;" in said(3)
    assert f"no error on {count:,} rows;" in said(count)


def test_what_is_known_of_all_rows_decides_over_the_rows_that_are_proven(make: Make) -> None:
    bench = make()

    def proof(known: KnownOfAllRows | None = None) -> readiness.Proof:
        return next(one for one in prepare_export(bench, count=3, all_rows=known).proofs if one.step == "check")

    clean = check_chosen(bench, ChosenRows(range(len(bench.rows))))
    assert not clean.count("error")
    told = proof(of_check(clean))
    assert told.ok
    assert told.message.startswith(f"no error on {len(bench.rows)} rows, by the check; warnings: ")
    errors = [Finding("D012", "error", "a role that nobody knows", where=Where(row=row)) for row in (4, 5)]
    told = proof(of_check(clean.plus(errors)))
    assert (told.ok, told.code) == (False, "error_findings")
    assert f"no error on 3 rows, but the check of {len(bench.rows)} found 2 errors (D012)" in told.message
    assert "a role that nobody knows" in told.message


def test_the_audit_of_the_recipe_as_it_is_decides_too(make: Make, tmp_path: Path) -> None:
    bench = make()
    file = tmp_path / "shapes.jsonl"
    text = file.read_text("utf-8")
    # Past the rows that an export is proven on, here.
    file.write_text(f'{text}{{"messages": "none"}}\n', "utf-8")
    bench.apply()
    assert of_audit(bench) is None
    plan, folder = recipe_plan(bench), recipe_dir(bench.title, bench.document.path) / "audit"
    progress = ProgressFile(folder)
    progress.step(question_of(bench, plan), AuditProgress(0, len(bench.rows), 0, 0.0))
    # It is under way.
    assert of_audit(bench) is None
    write_report(folder, bench, audit(bench, plan, out=folder, resume=True, workers=1))
    found = of_audit(bench)
    assert found is not None
    assert (found.rows, found.errors, found.codes) == (len(bench.rows), 1, ("D001",))
    proof = readiness.check_proof(bench, range(3), found)
    assert (proof.ok, proof.code) == (False, "error_findings")
    assert f"the audit of {len(bench.rows)} found 1 error (D001)" in proof.message
    # The row is taken out: what is known is of other data.
    file.write_text(text, "utf-8")
    bench.apply()
    assert of_audit(bench) is None


def test_a_proven_recipe_is_written_with_its_receipt(make: Make, tmp_path: Path) -> None:
    bench = make()
    record(bench)
    made = prepare_export(bench, tmp_path / "full.yaml")
    assert codes(made) == []
    path = made.write()
    receipt = read_receipt(path.read_text("utf-8"))
    assert receipt is not None
    assert receipt.validated == "bench"
    assert receipt.missing == ()
    assert "pass on 4 rows in 12 steps" in receipt.proofs["overfit"]
    assert receipt.proofs["consumer"].startswith("not asked")
    assert is_intact(path.read_text("utf-8"))


# What is done to a bench whose run passed, and how the export then says that it is not proven.
STALE: dict[str, tuple[tuple[str | int, ...], Any, str, str]] = {
    "an edit of the mask's knob": (("datasets", 0, "train_on_eos"), "none", "stale_mask", "train_on_eos"),
    "an edit of a marker": (("role_boundaries", 0, "end"), "\n", "stale_mask", "role_boundaries"),
    "everything is trained": (("train_on_inputs",), True, "stale_mask", "train_on_inputs"),
    "another rank": (("lora_r",), 64, "stale_recipe", "lora_r"),
    "other modules": (("lora_target_modules",), ["q_proj"], "stale_recipe", "lora_target_modules"),
    "towers thawed": (("freeze_mm_modules",), False, "stale_recipe", "freeze_mm_modules"),
}


@pytest.mark.parametrize("case", STALE)
def test_an_edit_after_the_run_makes_it_stale(case: str, make: Make) -> None:
    path, value, code, named = STALE[case]
    bench = make()
    run = record(bench)
    bench.document.set(path, value)
    bench.apply()
    proof = readiness.overfit_proof(bench, run)
    assert (proof.ok, proof.code) == (False, code)
    assert named in proof.message
    bench.document.undo()
    bench.apply()
    assert readiness.overfit_proof(bench, run).ok


def test_what_a_short_run_does_not_prove_does_not_make_it_stale(make: Make) -> None:
    bench = make()
    run = record(bench)
    for key, value in {"num_epochs": 3, "learning_rate": 0.0001, "output_dir": "./elsewhere"}.items():
        bench.document.set((key,), value)
    bench.apply()
    assert readiness.overfit_proof(bench, run).ok


def test_other_rows(make: Make, tmp_path: Path) -> None:
    bench = make()
    run = record(bench)
    file = tmp_path / "shapes.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[::-1]), "utf-8")
    bench.apply()
    proof = readiness.overfit_proof(bench, run)
    assert (proof.code, "other rows" in proof.message) == ("stale_rows", True)
    file.write_text(lines[0], "utf-8")
    bench.apply()
    proof = readiness.overfit_proof(bench, run)
    assert (proof.code, "not there now" in proof.message) == ("stale_rows", True)


def test_another_model_revision(make: Make) -> None:
    bench = make()
    told = json.loads((record(bench).folder / "events.jsonl").read_text("utf-8").splitlines()[0])["fingerprint"]
    run = record(bench, start={"fingerprint": told | {"model_files": "0123456789abcdef", "model": "a/b@c0ffee"}})
    proof = readiness.overfit_proof(bench, run)
    assert proof.code == "stale_model"
    assert "a/b@c0ffee" in proof.message


def test_the_same_model_in_another_folder_is_the_same(make: Make) -> None:
    bench = make()
    told = json.loads((record(bench).folder / "events.jsonl").read_text("utf-8").splitlines()[0])["fingerprint"]
    assert readiness.overfit_proof(bench, record(bench, start={"fingerprint": told | {"model": "/elsewhere"}})).ok


RUNS: dict[str, tuple[dict[str, Any], str]] = {
    "crashed": ({"end": "error"}, "failed_run"),
    "not learned": ({"nll": 2.0}, "failed_run"),
    "nearly learned": ({"nll": 0.2}, "doubtful_run"),
    "not at its end": ({"end": None}, "unfinished_run"),
    "nothing measured": ({"without_probes": True}, "doubtful_run"),
    "of what is not said": ({"start": {"fingerprint": None}}, "unknown_run"),
}


@pytest.mark.parametrize("kind", RUNS)
def test_runs_that_prove_nothing(kind: str, make: Make) -> None:
    options, code = RUNS[kind]
    bench = make()
    record(bench, **options)
    run = readiness.last_run(bench)
    assert run is not None
    proof = readiness.overfit_proof(bench, run)
    assert (proof.ok, proof.code) == (False, code)


def test_no_run_refuses_and_names_the_step(make: Make, tmp_path: Path) -> None:
    made = prepare_export(make(), tmp_path / "full.yaml")
    assert codes(made) == ["no_run"]
    with pytest.raises(ExportRefused) as refused:
        made.write()
    assert refused.value.exit_code == 1
    assert "no overfit run" in refused.value.cause
    assert not (tmp_path / "full.yaml").exists()


def test_error_findings(make: Make, tmp_path: Path) -> None:
    made = prepare_export(make(lambda text: text.replace("[assistant]", "[assistent]")), tmp_path / "full.yaml")
    assert {"error_findings", "nothing_trained"} <= set(codes(made))
    assert "M009" in next(one.message for one in made.missing if one.code == "error_findings")


def test_a_row_that_cannot_be_shown(make: Make, tmp_path: Path) -> None:
    bench = make()
    with (tmp_path / "shapes.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"messages": [\n')
    bench.apply()
    made = prepare_export(bench, tmp_path / "full.yaml")
    proof = next(one for one in made.missing if one.step == "rows")
    assert (proof.code, "row 8" in proof.message) == ("broken_rows", True)


def test_data_that_is_not_there_yet(opened: Bench) -> None:
    bench = Bench(model=opened.loaded.source)
    bench.load()
    made = prepare_export(bench, count=4)
    assert {"placeholder_data", "export_unreadable", "no_run"} <= set(codes(made))


def _without_rows(bench: Bench) -> None:
    """A split that takes none: a file that has none is not even opened."""
    bench.document.set(("datasets", 0, "split"), "train[0:0]")
    bench.apply()


def test_no_rows(make: Make) -> None:
    bench = make()
    _without_rows(bench)
    assert readiness.rows_proof(bench, []).code == "no_rows"


def test_what_axolotl_would_refuse(make: Make) -> None:
    bench = make()
    bench.document.set(("micro_batch_size",), "two")
    assert readiness.schema_proof(bench).code == "schema_invalid"
    bench.document.undo()
    bench.document.delete(("lora_target_modules",))
    bench.apply()
    assert readiness.schema_proof(bench).code == "no_lora_target"


def test_an_export_that_would_train_something_else(make: Make, tmp_path: Path) -> None:
    bench = make()
    other = make(lambda text: text.replace("train_on_eos: turn", "train_on_eos: none"))
    proof = readiness.round_trip_proof(bench, other, range(4))
    assert (proof.ok, proof.code) == (False, "export_differs")
    assert "row 0, from token" in proof.message
    broken = readiness.round_trip_proof(bench, InputError("It cannot be read"), range(4))
    assert broken.code == "export_unreadable"


def answer(bench: Bench, over: range, **more: Any) -> Answer:
    """axolotl's answer where it agrees on every row."""
    same = {n: (bench.row(n).rendering.input_ids.copy(), bench.row(n).mask.labels.copy()) for n in over}
    told: dict[str, Any] = {"refused": None, "unwrapped": False, "strategy": "Gemma4ProcessingStrategy", "rows": same}
    return Answer(versions={"axolotl": "0.19.0"}, **told | more)


def test_what_the_consumer_says(make: Make) -> None:
    bench = make()
    rows = range(3)
    assert readiness.consumer_proof(bench, None).ok is None
    assert readiness.consumer_proof(bench, answer(bench, rows)).ok

    silent = readiness.consumer_proof(bench, EnvironmentProblem("no axolotl there"))
    assert (silent.ok, silent.code) == (False, "consumer_silent")

    refused = {"stage": "validate", "type": "ValidationError", "message": "1 error"}
    proof = readiness.consumer_proof(bench, answer(bench, rows, refused=refused, rows={}))
    assert (proof.code, "axolotl 0.19.0 refuses the file" in proof.message) == ("consumer_refuses", True)

    boundaries = {"stage": "collator", "type": "TypeError", "message": "'NoneType' object is not callable"}
    proof = readiness.consumer_proof(bench, answer(bench, rows, refused=boundaries, unwrapped=True))
    assert (proof.ok, proof.code) == (False, "consumer_cannot_start")


NOT_LOADED = Rehearsal({"axolotl": "0.19.0"}, Refusal("adapters", "ValueError", "no such module"))


def agreeing(bench: Bench) -> Rehearsal:
    """The answer of axolotl's loader where it is as the bench shows."""
    model = adapted_meta_model(bench.anatomy.config, bench.recipe)
    counted = {name: one.numel() for name, one in model.named_parameters() if one.requires_grad}
    modules = tuple(model.base_model.targeted_module_names)
    return Rehearsal({"axolotl": "0.19.0"}, None, "AutoModel", bench.anatomy.class_name, modules, (), counted)


def test_what_the_loader_says(make: Make) -> None:
    bench = make()
    proof = readiness.loader_proof(bench, agreeing(bench))
    assert (proof.ok, proof.step) == (True, "loader")
    assert f"axolotl 0.19.0 loads {bench.anatomy.class_name} as shown: adapters on " in proof.message

    for said, code, words in (
        (EnvironmentProblem("no axolotl there"), "loader_silent", "no axolotl there"),
        (NOT_LOADED, "loader_refuses", "it stops while it puts the adapters on the model: ValueError: no such module"),
        (replace(agreeing(bench), model_class="Other"), "loader_differs", "loads Other"),
    ):
        proof = readiness.loader_proof(bench, said)
        assert (proof.ok, proof.code) == (False, code)
        assert words in proof.message

    lacks = replace(NOT_LOADED, refused=Refusal("model", "ImportError", "no deepspeed", environment=True))
    proof = readiness.loader_proof(bench, lacks)
    assert (proof.ok, proof.code) == (False, "loader_silent")
    assert "nothing is said against the recipe" in proof.hint


def test_a_disagreement_shows_the_first_token_that_differs_in_both(make: Make) -> None:
    bench = make()
    row = bench.row(1)
    ids, labels = row.rendering.input_ids, row.mask.labels
    at = int(np.flatnonzero(labels != -100)[2])
    token = bench.loaded.tokenizer.convert_ids_to_tokens(int(ids[at]))

    masked = labels.copy()
    masked[at] = -100
    said = readiness.consumer_proof(bench, answer(bench, range(1), rows={1: (ids, masked)}))
    assert said.code == "consumer_disagrees"
    assert said.message == f"row 1, token {at} {int(ids[at])} {token!r}: trained here, masked in axolotl 0.19.0"

    other = ids.copy()
    other[5] += 1
    said = readiness.consumer_proof(bench, answer(bench, range(1), rows={1: (other, labels)}))
    assert f"row 1, token 5: {int(ids[5])} " in said.message
    assert f"here, {int(ids[5]) + 1} " in said.message

    said = readiness.consumer_proof(bench, answer(bench, range(1), rows={1: (ids[:-1], labels[:-1])}))
    assert f"{len(ids)} tokens here, {len(ids) - 1} in axolotl 0.19.0" in said.message

    said = readiness.consumer_proof(bench, answer(bench, range(1), rows={1: "IndexError: list index"}))
    assert "raises IndexError" in said.message


def disagreeing(bench: Bench) -> Answer:
    ids, labels = bench.row(0).rendering.input_ids, bench.row(0).mask.labels
    return answer(bench, range(2), rows={0: (ids, np.full_like(labels, -100))})


def _set(path: tuple[str | int, ...], value: Any) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        bench.document.set(path, value)
        bench.apply()

    return change


def _another_model(bench: Bench) -> None:
    (bench.recipe_dir / "tokenizer.json").write_text("{}", "utf-8")
    bench.loaded = replace(bench.loaded, path=bench.recipe_dir)


def _lines(change: Callable[[list[str]], list[str]]) -> Callable[[Bench], None]:
    def rewrite(bench: Bench) -> None:
        assert bench.rows.base_dir is not None
        file = bench.rows.base_dir / "shapes.jsonl"
        file.write_text("".join(change(file.read_text("utf-8").splitlines(keepends=True))), "utf-8")
        bench.apply()

    return rewrite


# What is done to a recipe that was proven, or how its run went, and the code with which the export is refused.
WAYS: dict[str, tuple[str, dict[str, Any] | None, Callable[[Bench], Any]]] = {
    "no run": ("no_run", None, lambda bench: None),
    "findings": ("error_findings", {}, _set(("datasets", 0, "roles_to_train"), ["assistent"])),
    "a failed run": ("failed_run", {"nll": 2.0}, lambda bench: None),
    "a doubtful run": ("doubtful_run", {"nll": 0.2}, lambda bench: None),
    "a run that did not end": ("unfinished_run", {"end": None}, lambda bench: None),
    "an edit of the mask": ("stale_mask", {}, _set(("role_boundaries", 0, "end"), "\n")),
    "an edit of the adapter": ("stale_recipe", {}, _set(("lora_r",), 64)),
    "other rows": ("stale_rows", {}, _lines(lambda lines: lines[::-1])),
    "another model": ("stale_model", {}, _another_model),
    "a row that is broken": ("broken_rows", {}, _lines(lambda lines: ["{\n", *lines])),
    "no rows": ("no_rows", {}, _without_rows),
    "axolotl says something else": ("consumer_disagrees", {}, disagreeing),
    "axolotl cannot be asked": ("consumer_silent", {}, lambda bench: EnvironmentProblem("no axolotl there")),
}


def test_each_way_to_be_unready_refuses_with_its_own_message(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[str, str] = {}
    for way, (code, how, done) in WAYS.items():
        bench = make(rows=5)
        run = record(bench, **how) if how is not None else None
        answered = done(bench)
        monkeypatch.setattr(prepare, "_asked_consumer", lambda *_, told=answered: told)
        made = prepare_export(bench, tmp_path / "full.yaml", count=2, run=run)
        with pytest.raises(ExportRefused) as refused:
            made.write()
        assert code in [one.code for one in made.missing], way
        said[way] = next(one.message for one in made.missing if one.code == code)
        assert said[way] in refused.value.cause, way
    assert len(set(said.values())) == len(WAYS) >= 10
    assert not (tmp_path / "full.yaml").exists()


def test_who_proved_it_is_said_everywhere(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing missing is proof by the bench alone; only where axolotl was asked and agrees is it validated."""
    monkeypatch.setattr("workbench.export.prepare.consumer_python", lambda given: None)
    bench = make()
    unproven = prepare_export(bench, tmp_path / "full.yaml")
    record(bench)
    here = prepare_export(bench, tmp_path / "full.yaml")
    monkeypatch.setattr("workbench.export.prepare.consumer_python", lambda given: "python")
    monkeypatch.setattr("workbench.export.prepare.ask", lambda *given, **more: answer(bench, range(8)))
    monkeypatch.setattr("workbench.export.prepare._asked_loader", agreeing)
    trainer = prepare_export(bench, tmp_path / "full.yaml")
    trained = {"refused": {"stage": "rows", "type": "KeyError", "message": "'content'"}}
    monkeypatch.setattr("workbench.export.prepare.ask", lambda *given, **more: answer(bench, range(8), **trained))
    refused = prepare_export(bench, tmp_path / "full.yaml")
    monkeypatch.setattr("workbench.export.prepare.ask", lambda *given, **more: answer(bench, range(8)))
    monkeypatch.setattr("workbench.export.prepare._asked_loader", lambda _: NOT_LOADED)
    stopped = prepare_export(bench, tmp_path / "full.yaml")
    told = [
        (unproven, None, False, "fail", "not proven, 1 missing", "NOT VALIDATED"),
        (here, "bench", False, "doubtful", "proven here; axolotl not asked", "Proven here; axolotl was not asked."),
        (trainer, "axolotl 0.19.0", True, "pass", "proven by axolotl 0.19.0", "Proven by axolotl 0.19.0, "),
        (stopped, None, False, "fail", "not proven, 1 missing", "NOT VALIDATED"),
        (refused, None, False, "fail", "not proven, 1 missing", "NOT VALIDATED"),
    ]
    for made, by, validated, kind, line, head in told:
        assert (made.proven_by, made.validated, outcome(made), proof_line(made)) == (by, validated, kind, line)
        payload = made.to_dict()
        assert (payload["validated"], payload["proven_by"]) == (validated, by)
        assert payload["receipt"]["validated"] == (by or False)
        assert made.text.splitlines()[1].startswith(f"# {head}")
        assert f"\n# validated: {by or 'false'}\n" in made.text
        receipt = read_receipt(made.text)
        assert receipt is not None
        assert receipt.validated == (by or False)
        assert f'class="outcome {kind}">{line}<' in export_html(made, None, "")


@pytest.mark.parametrize(
    ("said", "consumer", "version", "means"),
    [
        ("true", "not asked: no axolotl is at hand", None, "bench"),
        ("true", "axolotl 0.19.0 accepts the file", "0.19.0", "axolotl 0.19.0"),
        ("false", "axolotl 0.19.0 accepts the file", "0.19.0", False),
        ("bench", "not asked: no axolotl is at hand", None, "bench"),
        ("axolotl 0.21.0", "axolotl 0.21.0 accepts the file", "0.21.0", "axolotl 0.21.0"),
    ],
)
def test_receipts_of_before_say_who_proved_them(
    said: str, consumer: str, version: str | None, means: str | bool
) -> None:
    versions = {"vlmbench": "0.1.0"} | ({"axolotl": version} if version else {})
    text = Receipt("bench", "2026-01-02", {}, {}, {"consumer": consumer}, versions=versions).write("base_model: x\n")
    old = text.replace("# validated: bench", f"# validated: {said}")
    receipt = read_receipt(old)
    assert receipt is not None
    assert receipt.validated == means
    assert is_intact(old)
