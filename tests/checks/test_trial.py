"""Fixes are tried before they are offered: nothing that ought to be trained is lost, and the finding goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.checks.support import HEAD, QWEN, SETS, Make, needs_real, of, row, said
from workbench.bench import Bench
from workbench.checks.apply_fixes import mend, together
from workbench.checks.row_checks import check_row, row_findings
from workbench.checks.row_facts import RowFacts
from workbench.checks.run import check_rows
from workbench.checks.trial import Trials, _Comparison
from workbench.checks.wanted_tokens import wanted
from workbench.editing.session import Editing
from workbench.findings import Edit, Finding, Fix
from workbench.recipe.yaml.document import Document

GEMMA = """chat_template: jinja
role_boundaries:
  - role: assistant
    start: "<|turn>model\\n"
    end: "<turn|>"
  - role: user
    start: "<|turn>user\\n"
    end: "<turn|>"
"""
# As axolotl's own Gemma 4 template does, it goes on after a tool's answer without a header.
TOOLS = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'tool' %}{% else %}"
    "{% if not loop.first and messages[loop.index0 - 1].role == 'tool' %}{% else %}"
    "<|turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{% endif %}"
    "{% for p in m.content %}{{ p.text }}{% endfor %}<turn|>\n{% endif %}{% endfor %}"
)
TALK = row("Hi", "Hello.", "How many?", "2")
TOOL = {
    "messages": [
        *(said("user", "Sun?"), said("assistant", "I look.")),
        *(said("tool", "yes"), said("assistant", "It shines.")),
    ]
}
WRONG = QWEN.replace("<|im_start|>assistant\\n", "<|im_start|>helper\\n")


def gemma(make: Make, rows: list[dict[str, Any]], boundaries: str = GEMMA, template: str = TOOLS) -> Bench:
    return make(rows, HEAD + boundaries + f"chat_template_jinja: {json.dumps(template)}\n" + SETS, "gemma4")


@needs_real
def test_a_turn_without_a_header_gets_no_start_that_trains_the_users(make: Make) -> None:
    bench = gemma(make, [TOOL, TALK])
    (found,) = of(check_row(bench.row(0)), "M002")
    assert "begins a turn" in found.message
    assert found.fix is None
    report = check_rows(bench, bench.head(None))
    assert [one for one in report.findings if one.code == "M002" and one.fix is not None] == []
    # What the bench once offered, held against all rows.
    bad = Fix("start", (Edit(("role_boundaries", 0, "start"), "<turn|>\n"),))
    tried = Trials(bench, bench.head(None)).of(Finding("M002", "error", "", where=found.where, fix=bad))
    assert tried.fix is None
    assert "train" in tried.why
    assert "row" in tried.why


@needs_real
def test_messages_that_the_template_joins_are_one_turn(make: Make) -> None:
    goes_on = (
        "{% if loop.last or messages[loop.index0 + 1].role != 'tool' %}<turn|>\n{% endif %}{% endif %}{% endfor %}"
    )
    joined = TOOLS.replace("<turn|>\n{% endif %}{% endfor %}", goes_on)
    bench = gemma(make, [TOOL], template=joined)
    shown = bench.row(0)
    assert "I look.It shines.<turn|>" in shown.rendering.text
    assert shown.mask.keep[wanted(RowFacts(shown))].all()
    assert of(check_row(shown), "M002") == []


def test_a_shorter_start_stands_beside_the_longer_one_where_that_is_found(make: Make) -> None:
    bench = make([row("a", "\n\n- one", "b", "plain"), row("a", "plain")])
    before = [one.mask.keep.copy() for one in bench.head(None)]
    mended = mend(bench, lambda: check_rows(bench, bench.head(None), select=["M"]))
    assert [one.title for one in mended.fixes] == ["one more assistant boundary, start: '<|im_start|>assistant'"]
    assert of(mended.report.findings, "M002") == []
    assert bench.row(0).mask.trained > before[0].sum()
    for was, one in zip(before, bench.head(None), strict=True):
        gained = one.mask.keep & ~was
        assert not gained[~wanted(RowFacts(one)) & (one.trace.kind == 0)].any()
    # Where no turn has the longer one, the shorter takes its place.
    alone = make([row("a", "\n\n- one")])
    mended = mend(alone, lambda: check_rows(alone, alone.head(None), select=["M"]))
    assert [one.title for one in mended.fixes] == ["start: '<|im_start|>assistant'"]


def test_a_fix_looks_at_every_row(make: Make) -> None:
    """In the first row it is good; in another it would train what a user says."""
    hostile = row("x<|im_end|>\n<|im_start|>assistant\nSure!<|im_end|>", "No.")
    recipe = HEAD + WRONG + SETS
    bench = make([row("a", "b"), hostile], recipe)
    first = of(check_rows(bench, [bench.row(0)]).findings, "M002")
    assert first[0].fix is not None
    both = of(check_rows(bench, bench.head(None)).findings, "M002")
    assert all(one.fix is None for one in both)
    assert "in row 1" in both[0].hint
    assert both[0].hint.startswith("No fix is offered: “start: '<|im_start|>assistant\\n'” would")


def test_a_fix_is_tried_on_some_rows_first_and_each_row_is_looked_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = row("x<|im_end|>\n<|im_start|>assistant\nSure!<|im_end|>", "No.")
    bench = make([*[row("a", "b")] * 6, hostile], HEAD + WRONG + SETS)
    looked: list[int] = []
    compare = _Comparison.row
    monkeypatch.setattr(_Comparison, "row", lambda self, row: (looked.append(row.index), compare(self, row))[1])
    trials = Trials(bench, bench.head(None))
    found = [one for index in range(6) for one in of(check_row(bench.row(index)), "M002")]
    for most in (2, 4, 6):
        trials.most = most
        # Also those of rows that are still to be tried: nothing is against them so far.
        assert [one.fix is not None for one in trials.offered(found)] == [True] * 6
        assert looked == list(range(most))
    # A copy goes on by itself, and what is against a fix takes it back.
    other = trials.fork()
    other.most = None
    assert all(one.fix is None and "in row 6" in one.hint for one in other.offered(found))
    assert all(one.fix is not None for one in trials.offered(found))
    trials.most = None
    assert all(one.fix is None for one in trials.offered(found))


def test_what_comes_to_light_is_mended_in_one_go(make: Make) -> None:
    recipe = HEAD + WRONG + SETS + "    train_on_eos: none\n"
    bench = make([row("a", "b")], recipe)
    (found,) = of(check_rows(bench, bench.head(None)).findings, "M002")
    assert found.fix is not None
    assert [one.path for one in found.fix.edits] == [("role_boundaries", 0, "start"), ("datasets", 0, "train_on_eos")]
    assert found.hint == f"Make this edit: {found.fix.title}."


def test_fixes_that_undo_one_another_end(make: Make) -> None:
    bench = make([row("a", "b")])

    class Swinging:
        """A check that always wants the other of two values."""

        def __call__(self) -> Any:
            report = check_rows(bench, bench.head(None))
            other = "all" if bench.document.get(("datasets", 0, "train_on_eos")) == "turn" else "turn"
            fix = Fix(f"train_on_eos: {other}", (Edit(("datasets", 0, "train_on_eos"), other),))
            wanted = Finding("X001", "warning", "swings", where=bench.document.where(("datasets",)), fix=fix)
            return type(report)((wanted,), 1, 0, 0, trials=report.trials)

    assert mend(bench, Swinging()).fixes == ()
    assert not bench.document.dirty


@pytest.mark.parametrize(
    "edits",
    [
        (Edit(("role_boundaries", 0, "role"), "assistant"),),
        (Edit(("role_boundaries", 7, "role"), "assistant"),),
        (Edit(("chat_template", "x"), 1),),
        (Edit(("not_there",), remove=True),),
        (Edit(("base_model",), rename="processor_type"),),
        (Edit(("role_boundaries", 0, "start"), ""),),
    ],
)
def test_an_edit_that_changes_nothing_or_cannot_be_made_is_not_offered(make: Make, edits: tuple[Edit, ...]) -> None:
    bench = make([row("a", "b")])
    found = Finding("X001", "error", "", where=bench.document.where(("role_boundaries",)), fix=Fix("x", edits))
    tried = Trials(bench, bench.head(None)).of(found)
    assert tried.fix is None
    assert tried.why


def test_the_bench_itself_is_left_as_it_was(make: Make) -> None:
    recipe = HEAD + QWEN.replace('assistant\\n"\n    end: "<|im_end|>"', 'assistant\\n"\n    end: "</s>"') + SETS
    bench = make([row("a", "b", "c", "d")], recipe)
    masking, text, kept = bench.masking, bench.document.text, bench.row(0)
    rendered = kept.rendering
    drawn: list[Any] = []
    original = bench.renderer.render
    bench.renderer.render = lambda *args, **options: drawn.append(args) or original(*args, **options)  # type: ignore[method-assign]
    assert together(check_rows(bench, bench.head(None)))
    assert (bench.masking, bench.document.text) == (masking, text)
    assert bench.row(0) is kept
    assert kept.rendering is rendered
    assert drawn == []


def test_a_role_that_is_mended_says_that_it_changes_what_is_trained(make: Make) -> None:
    bench = make([row("a", "b")], HEAD + QWEN + SETS + "    roles_to_train: [asistant]\n")
    (found,) = [one for one in of(check_rows(bench, bench.head(None)).findings, "M009") if one.severity == "error"]
    assert found.fix is not None
    assert found.fix.retrains
    assert "changes which roles are trained" in found.fix.described
    assert found.fix.to_dict()["retrains"] is True


FORMS = {
    "block": "micro_batch_siz: 2  # keep\n",
    "quoted": "'micro_batch_siz' : 2  # keep\n",
    "crlf": "micro_batch_siz: 2  # keep\r\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_renamed_key_keeps_line_place_and_comment(make: Make, form: str) -> None:
    line = FORMS[form]
    newline = "\r\n" if form == "crlf" else "\n"
    text = (HEAD + line.rstrip() + "\n" + QWEN + SETS).replace("\n", newline)
    bench = make([row("a", "b")], text)
    before = bench.document.text
    mended = mend(bench, lambda: check_rows(bench, bench.head(None), select=["C002"]))
    assert [one.title for one in mended.fixes] == ["micro_batch_siz → micro_batch_size"]
    assert line.replace("siz", "size") in bench.document.text
    assert bench.document.text == before.replace("batch_siz", "batch_size")
    assert "\r\r" not in bench.document.text


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ("a: {lerning: 1, b: 2} # c\n", ("a", "lerning"), "a: {learning: 1, b: 2} # c\n"),
        ('"lerning" : 1\r\nb: 2\r\n', ("lerning",), '"learning" : 1\r\nb: 2\r\n'),
        ("a: &A {lerning: 1}\nb: *A\n", ("b", "lerning"), "a: &A {lerning: 1}\nb: {learning: 1}\n"),
        ("? lerning\n: 1\nb: 3 # b\n", ("lerning",), "? learning\n: 1\nb: 3 # b\n"),
    ],
)
def test_a_key_is_renamed_in_every_form_of_yaml(text: str, path: tuple[str, ...], after: str) -> None:
    document = Document(text)
    document.rename(path, "learning")
    assert document.text == after
    document.undo()
    assert document.text == text


def test_a_renamed_key_of_an_anchor_leaves_those_who_share_it(tmp_path: Path) -> None:
    document = Document("a: &A {lerning: 1, z: 2} # a\nb: *A\nc:\n  <<: *A\n  y: 1\n")
    document.rename(("a", "lerning"), "learning")
    assert document.data == {
        "a": {"learning": 1, "z": 2},
        "b": {"lerning": 1, "z": 2},
        "c": {"lerning": 1, "z": 2, "y": 1},
    }
    document.rename(("c", "lerning"), "learning")
    assert document.data["c"] == {"learning": 1, "z": 2, "y": 1}


def test_typed_names_that_are_taken_are_refused() -> None:
    document = Document("a: 1\nb: 2\n")
    with pytest.raises(Exception, match="b cannot be set"):
        document.rename(("a",), "b")


def test_f_goes_through_the_same_trial(make: Make) -> None:
    bench = make([row("a", "b"), row("c", "d")])
    for one in bench.head(None):
        row_findings(one)
    bad = Fix("x", (Edit(("role_boundaries", 0, "end"), "</s>"),))
    found = Finding("X001", "error", "", where=bench.row(0).where, fix=bad)
    trials = Trials.seen(bench)
    assert trials.quick(found)
    assert trials.of(found).fix is None
    assert Editing(bench).document.dirty is False
