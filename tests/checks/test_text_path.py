"""The text path in inspect, check and infer: its own findings, and none of the collator's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checks.support import HEAD, QWEN, SETS, Make, bad, bench_of, needs_real, of, row
from workbench.checks.row_checks import check_row
from workbench.checks.run import check_rows
from workbench.consumers.protocol import Answer, Asked
from workbench.errors import InputError
from workbench.findings import apply_fix
from workbench.tokens.mask import Reason
from workbench.views.checks import check_payload
from workbench.views.html_reports import rows_html
from workbench.views.inspect_json import inspect_payload, row_payload
from workbench.views.path import mask_facts, preference_texts

TEXT = "base_model: here\nsequence_len: 2048\n" + SETS
TWO = row("How many?", "Four.", "Sure?", "Yes.")
# A template whose turns end with a token that is not the tokenizer's EOS.
OTHER_END = (
    TEXT + '    chat_template: jinja\n    chat_template_jinja: "{% for message in messages %}<|im_start|>'
    '{{ message.role }}\\n{{ message.content }}<|vision_end|>\\n{% endfor %}"\n'
)


def test_a_recipe_without_processor_type_says_so_and_has_no_finding(make: Make) -> None:
    bench = make([TWO], TEXT)
    report = check_rows(bench, bench.head(None))
    assert bench.path.title == "text path: no processor_type"
    assert check_payload(bench, report)["path"] == bench.path.title
    assert inspect_payload(bench, [])["path"]["kind"] == "text"
    assert not {code for code in bad(report.findings) if code[0] in "MDT"}
    shown = bench.row(0)
    text = "".join(shown.rendering.token_text(i) for i in shown.mask.keep.nonzero()[0])
    assert text == "Four.<|im_end|>Yes.<|im_end|>"


def test_the_multimodal_path_is_named_too(make: Make) -> None:
    assert make([TWO]).path.title == "multimodal path: processor_type: AutoProcessor"


def test_boundaries_are_not_read_and_the_collators_findings_are_silent(make: Make) -> None:
    wrong = QWEN.replace("assistant\\n", "nobody\\n")
    assert of(check_row(make([TWO], HEAD + wrong + SETS).row(0)), "M002")
    bench = make([TWO], "base_model: here\nsequence_len: 2048\n" + wrong + SETS)
    report = check_rows(bench, bench.head(None))
    found = [one for one in report.findings if one.code == "M013"]
    assert [one.where.field for one in found] == ["role_boundaries"]
    assert bad(check_row(bench.row(0))) == []
    assert not of(report.findings, "M010")


def test_an_end_that_is_not_the_eos_token_is_named_with_a_fix(make: Make) -> None:
    bench = make([TWO], OTHER_END)
    report = check_rows(bench, bench.head(None))
    (found,) = of(report.findings, "M016")
    assert "“<|vision_end|>”" in found.message
    assert "2 turns" in found.message
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    assert bench.document.get(("eot_tokens",)) == ["<|vision_end|>"]
    bench.remask()
    assert of(check_row(bench.row(0)), "M016") == []
    assert bench.row(0).mask.trained == 6


def test_an_end_token_that_the_template_does_not_write_is_left_out(make: Make) -> None:
    bench = make([TWO], OTHER_END + "eot_tokens: ['<|im_end|>']\n")
    assert of(check_row(bench.row(0)), "M016")
    (ignored,) = [one for one in check_rows(bench, []).findings if one.code == "M013"]
    assert "'<|im_end|>', which the template does not write" in ignored.message


def test_no_end_at_all_is_told_with_the_key_that_says_so(make: Make) -> None:
    bench = make([TWO], TEXT + "    train_on_eos: none\n")
    (found,) = of(check_row(bench.row(0)), "M016")
    assert found.fix is not None
    assert found.fix.edits[0].path == ("datasets", 0, "train_on_eos")
    assert of(check_row(make([TWO], TEXT + "    train_on_eos: last\n").row(0)), "M016") == []


def test_a_turn_whose_text_is_dropped_is_not_found(make: Make) -> None:
    template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\\n"
        "{{ '' if loop.index == 2 else message.content }}<|im_end|>\\n{% endfor %}"
    )
    bench = make([TWO], TEXT + f'    chat_template: jinja\n    chat_template_jinja: "{template}"\n')
    (found,) = of(check_row(bench.row(0)), "M017")
    assert (found.severity, found.where.message) == ("error", 1)
    assert "does not reach the rendering" in found.message


def test_a_template_that_refuses_the_dummy_stops_axolotl(make: Make) -> None:
    template = (
        "{% for message in messages %}{% if 'dummy' in message.content %}{{ raise_exception('odd') }}{% endif %}"
        "<|im_start|>{{ message.role }}\\n{{ message.content }}<|im_end|>\\n{% endfor %}"
    )
    bench = make([TWO], TEXT + f'    chat_template: jinja\n    chat_template_jinja: "{template}"\n')
    (found,) = of(check_row(bench.row(0)), "M017")
    assert "axolotl raises" in found.message
    assert "odd" in found.message
    assert bench.row(0).mask.trained == 0


@pytest.mark.parametrize(
    ("more", "code", "severity", "word", "reason"),
    [
        ("sequence_len: 12\n", "D006", "warning", "dropped", Reason.DROPPED),
        ("sequence_len: 12\nexcess_length_strategy: truncate\n", "D006", "warning", "it is cut", Reason.CUT),
        ("sequence_len: 12\nexcess_length_strategy: raise\n", "D006", "error", "stops", Reason.DROPPED),
        ("sequence_len: 2048\nmin_sample_len: 500\n", "D010", "warning", "min_sample_len is 500", Reason.DROPPED),
    ],
)
def test_rows_that_are_dropped_or_cut(
    make: Make, more: str, code: str, severity: str, word: str, reason: Reason
) -> None:
    bench = make([TWO], "base_model: here\n" + more + SETS)
    (found,) = of(check_row(bench.row(0)), code)
    assert found.severity == severity
    assert word in found.message
    assert bench.row(0).mask.reason[-1] == reason


def test_packing_drops_rows_that_train_nothing(make: Make) -> None:
    bench = make([row("alone")], TEXT + "sample_packing: true\n")
    assert [one.code for one in check_row(bench.row(0)) if one.severity != "note"] == ["D010"]
    assert row_payload(bench.row(0))["fate"] == "dropped"
    assert "M001" in bad(check_row(make([row("alone")], TEXT).row(0)))


def test_the_usual_length_is_told_where_the_recipe_names_none(make: Make) -> None:
    bench = make([row("why " * 600, "so")], "base_model: here\n" + SETS)
    (found,) = of(check_row(bench.row(0)), "D006")
    assert "sequence_len is 512 where the recipe names none" in found.message


def test_rows_that_nothing_tokenizes(make: Make) -> None:
    bench = make([TWO], TEXT + "skip_prepare_dataset: true\n")
    (found,) = of(check_rows(bench, []).findings, "C013")
    assert found.fix is not None
    assert of(check_rows(make([TWO], TEXT), []).findings, "C013") == []


def test_pictures_name_the_missing_processor(make: Make) -> None:
    bench = make([{**TWO, "images": ["a.png"]}], TEXT)
    found = of(check_rows(bench, bench.head(None)).findings, "C001")
    assert [one.severity for one in found] == ["error"]


def test_thinking_is_lost_and_is_no_picture(make: Make) -> None:
    thought = {"type": "thinking", "thinking": "I look at it first.", "closed": True}
    talk = {
        "messages": [*TWO["messages"][:1], {"role": "assistant", "content": [thought, {"type": "text", "text": "4"}]}]
    }
    bench = make([talk], TEXT)
    found = check_rows(bench, bench.head(None)).findings
    assert of(found, "C001") == []
    (lost,) = [one for one in found if "'thinking'" in one.message]
    assert (lost.severity, lost.where.message) == ("warning", 1)
    picture = {"messages": [{"role": "user", "content": [{"type": "image", "path": "a.png"}]}, *TWO["messages"][1:2]]}
    bench = make([picture], TEXT)
    assert [one.severity for one in of(check_rows(bench, bench.head(None)).findings, "C001")] == ["error"]


def test_other_strategies_are_not_shown(make: Make) -> None:
    bench = make([{"instruction": "a", "output": "b"}], TEXT.replace("type: chat_template", "type: alpaca"))
    (found,) = check_row(bench.row(0))
    assert (found.code, found.severity) == ("D011", "warning")
    assert "asked of axolotl, not shown by the bench" in found.message
    assert row_payload(bench.row(0))["labels"] == []


def test_rows_of_other_strategies_are_shown_as_the_trainer_answers(make: Make) -> None:
    bench = make([{"instruction": "a", "output": "b"}] * 3, TEXT.replace("type: chat_template", "type: alpaca"))
    ids = np.array(bench.loaded.tokenizer.encode("ask: b<|im_end|>"))
    labels = np.where(np.arange(len(ids)) >= len(ids) - 2, ids, -100)
    rows = {0: (ids, labels), 1: "ValueError: no output"}
    answer = Answer({"axolotl": "0.19.0"}, None, False, "alpaca", rows, {2: "too long"})
    assert bench.row(0).error is not None
    bench.take_answer(Asked(bench.document.text, (0, 1, 2), answer))
    payload = row_payload(bench.row(0))
    assert (payload["input_ids"], payload["labels"]) == (ids.tolist(), labels.tolist())
    assert {token["reason"] for token in payload["tokens"]} == {"asked", "asked_not"}
    assert payload["findings"] == []
    assert "labels asked of axolotl 0.19.0" in mask_facts(bench)
    problems = [bench.row(index).error for index in (1, 2)]
    assert [problem.message for problem in problems if problem is not None] == [
        "axolotl 0.19.0 raises at this row (ValueError: no output)",
        "axolotl 0.19.0 drops this row (too long)",
    ]
    # An answer about another text is of no use.
    bench.take_answer(Asked("base_model: other", (0,), answer))
    assert bench.row(0).error is not None


def test_preference_data_is_named_and_told_as_text(make: Make) -> None:
    answers = {"chosen": {"role": "assistant", "content": "Four."}, "rejected": [{"role": "assistant", "content": "5"}]}
    bench = make(
        [{"messages": [{"role": "user", "content": "How many?"}], **answers}], HEAD + "rl: dpo\n" + QWEN + SETS
    )
    assert bench.path.title == "preference data: rl: dpo"
    report = check_rows(bench, bench.head(None))
    assert not {code for code in bad(report.findings) if code[0] in "MT"}
    assert preference_texts(bench.row(0)) == [
        ("messages", "user: How many?"), ("chosen", "assistant: Four."), ("rejected", "assistant: 5"),
    ]  # fmt: skip
    assert row_payload(bench.row(0))["preference"][1] == {"column": "chosen", "text": "assistant: Four."}


def test_end_tokens_that_axolotl_refuses(make: Make) -> None:
    with pytest.raises(InputError, match="refuses the end token"):
        make([TWO], OTHER_END.replace("<|vision_end|>", "two words") + "eot_tokens: ['two words']\n")
    both = TEXT + "    train_on_eos: all\n    train_on_eot: turn\neot_tokens: ['<|im_end|>', '<|vision_end|>']\n"
    with pytest.raises(InputError, match="train_on_eos and train_on_eot that differ"):
        make([TWO], both)


def test_the_dataset_that_is_shown_decides(loaded: Any, tmp_path: Path) -> None:
    second = "  - path: rows.jsonl\n    type: chat_template\n    roles_to_train: [user]\n    train_on_eos: none\n"
    bench = bench_of(loaded("qwen2_5_vl"), tmp_path, TEXT + second, [TWO], dataset=1)
    shown = bench.row(0)
    text = "".join(shown.rendering.token_text(i) for i in shown.mask.keep.nonzero()[0])
    assert text == "How many?Sure?"
    (found,) = of(check_row(shown), "M016")
    assert found.fix is not None
    assert found.fix.edits[0].path == ("datasets", 1, "train_on_eos")


def test_a_batch_has_the_labels_of_its_rows(make: Make) -> None:
    bench = make([TWO, row("a", "b")], TEXT)
    ids, labels = bench.collate([0, 1])
    for index in (0, 1):
        kept = labels[index] != -100
        assert labels[index][kept].tolist() == bench.row(index).mask.labels[bench.row(index).mask.keep].tolist()
        assert (labels[index][kept] == ids[index][kept]).all()


def test_a_list_of_rows_begins_with_their_words(make: Make) -> None:
    assert "How many?" in rows_html([make([TWO], TEXT).row(0)], 0, 1)


@pytest.mark.parametrize(("key", "value"), [("train", False), ("training", False), ("weight", 0)])
def test_a_message_flag_that_no_key_of_the_recipe_names(make: Make, key: str, value: Any) -> None:
    turns = [dict(turn) for turn in TWO["messages"]]
    turns[1][key] = value
    bench = make([{"messages": turns}], TEXT)
    report = check_rows(bench, bench.head(None))
    (found,) = of(report.findings, "M013")
    assert found.message.startswith(f"{key} on the message has no effect: 2 tokens")
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.apply()
    shown = bench.row(0)
    assert "".join(shown.rendering.token_text(i) for i in shown.mask.keep.nonzero()[0]) == "Yes.<|im_end|>"
    assert of(check_row(shown), "M013") == []


def test_tools_reach_the_template(make: Make) -> None:
    template = "{{ tools | tojson if tools else '' }}{% for message in messages %}{{ message.content }}"
    template += "{{ eos_token }}{% endfor %}"
    text = TEXT + "    chat_template: jinja\n    chat_template_jinja: " + json.dumps(template) + "\n"
    bench = make([{**TWO, "tools": '[{"name": "count"}]'}, TWO], text)
    assert bench.row(0).rendering.prompt.startswith('[{"name": "count"}]')
    assert bench.row(1).rendering.prompt.startswith("How many?")
    ids, labels = bench.collate([0, 1])
    assert (ids[0][labels[0] != -100] == bench.row(0).mask.labels[bench.row(0).mask.keep]).all()


@needs_real
def test_gemma_4_ends_turns_with_a_token_that_is_not_trained(make: Make) -> None:
    bench = make([TWO], TEXT, family="gemma4")
    report = check_rows(bench, bench.head(None))
    (found,) = of(report.findings, "M016")
    assert "“<turn|>” (106)" in found.message
    assert found.fix is not None
    before = bench.row(0).mask.trained
    apply_fix(bench.document, found.fix)
    bench.remask()
    assert bench.row(0).mask.trained == before + 2


@needs_real
def test_qwen_3_5_trains_answer_and_end_and_never_the_think_block(make: Make) -> None:
    shown = make([TWO], TEXT, family="qwen3_5").row(0)
    text = "".join(shown.rendering.token_text(i) for i in shown.mask.keep.nonzero()[0])
    assert "<think>" in shown.rendering.text
    assert text == "Four.<|im_end|>Yes.<|im_end|>"
