"""Output of an export, step by step."""

from __future__ import annotations

from pathlib import Path

from tests.views.support import EVIL, SAFE, exported
from workbench.bench import Bench
from workbench.export.prepare import prepare_export
from workbench.export.readiness import STEPS, Proof
from workbench.views.export import MARKS, outcome, proof_line, proofs_text, written_text


def test_each_step_has_its_mark_and_what_to_do_where_it_is_not_proven() -> None:
    told = proofs_text(
        exported(
            Proof("schema", True, "ok", "every value", "not said"),
            Proof("overfit", False, "no_run", "there is no run", "Run it."),
            Proof("check", False, "findings", "1 error"),
            Proof("consumer", None, "no_axolotl", "axolotl was not asked", "Give --axolotl-python."),
            needs=("an axolotl", "a GPU"),
        )
    )
    assert told.split("\n") == [
        "✓ schema      every value",
        "✗ overfit     there is no run",
        "              → Run it.",
        "✗ check       1 error",
        "– consumer    axolotl was not asked",
        "              → Give --axolotl-python.",
        "! needs       an axolotl",
        "! needs       a GPU",
    ]
    assert len(set(MARKS.values())) == 3


def test_columns_hold_the_longest_step() -> None:
    told = proofs_text(exported(*(Proof(step, True, "ok", "message") for step in STEPS)))
    assert {line.index("message") for line in told.split("\n")} == {14}


def test_nothing_from_the_data_acts_on_the_terminal() -> None:
    told = proofs_text(exported(Proof("rows", False, "rows", EVIL, EVIL), needs=(EVIL,)))
    assert told.count(SAFE) == 3
    assert "\x1b" not in told


def test_of_the_demo(copied: Bench) -> None:
    export = prepare_export(copied, count=2)
    told = proofs_text(export).split("\n")
    assert [line[2:14].strip() for line in told if line[0] in "✓✗–"] == [one.step for one in export.proofs]
    assert [line[0] for line in told if line[0] in "✓✗–"] == [MARKS[one.ok] for one in export.proofs]
    # No run was made of it, and no axolotl is at hand.
    assert "✗ overfit" in "\n".join(told)
    assert [line.removeprefix("! needs       ") for line in told if line[0] == "!"] == list(
        export.composed.requirements
    )


def test_the_state_of_an_export_in_one_line() -> None:
    missing = exported(
        Proof("overfit", False, "no_run", "m"), Proof("check", False, "c", "m"), Proof("rows", True, "ok", "")
    )
    here, there = exported(by="bench"), exported(by="axolotl 0.19.0")
    assert [(outcome(one), proof_line(one)) for one in (missing, here, there)] == [
        ("fail", "not proven, 2 missing"),
        ("doubtful", "proven here; axolotl not asked"),
        ("pass", "proven by axolotl 0.19.0"),
    ]
    assert proof_line(exported(by=EVIL)) == f"proven by {SAFE}"


def test_what_was_written_names_the_files_beside_it() -> None:
    assert written_text(exported(), Path("full.yaml")) == "wrote full.yaml"
    beside = exported(files=("one.py", EVIL))
    assert (
        written_text(beside, Path(EVIL.replace("/", "")))
        == f"wrote {SAFE.replace('/', '')}, with one.py, {SAFE} beside it"
    )
