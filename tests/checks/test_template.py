"""T codes: each on a real tokenizer, with a clean twin."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.support import HEAD, QWEN, SETS, Make, of, row, said
from workbench.checks.row_checks import check_row
from workbench.checks.row_facts import RowFacts
from workbench.checks.run import check_recipe, check_rows
from workbench.checks.template import third_opinion
from workbench.checks.whole_text import moved_messages
from workbench.views.row_view import read_row

CHAT = """{% for m in messages %}<|im_start|>{{ m.role }}
{% for p in m.content %}{{ p.text }}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
BOUNDARIES = QWEN.split("\n", 1)[1]


def jinja(text: str) -> str:
    """A recipe with this template text."""
    lines = "".join(f"  {line}\n" for line in text.split("\n"))
    return f"{HEAD}chat_template: jinja\nchat_template_jinja: |-\n{lines}{BOUNDARIES}{SETS}"


PLAIN = row("What is 2 + 2?", "It is 4.", "And 3 + 3?", "Six.")


def test_a_plain_template_has_no_finding(make: Make) -> None:
    bench = make([PLAIN], jinja(CHAT))
    assert check_row(bench.row(0)) == []
    assert not of(check_recipe(bench), "T005")


def test_t001_a_dropped_message(make: Make) -> None:
    dropping = CHAT.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")
    rows = [{"messages": [said("system", "Be brief."), *PLAIN["messages"]]}, PLAIN]
    bench = make(rows, jinja(dropping))
    (found,) = of(check_row(bench.row(0)), "T001")
    assert (found.severity, found.where.row, found.where.message) == ("error", 0, 0)
    assert "system" in found.message
    assert check_row(bench.row(1)) == []


def test_t001_counts_the_characters_of_dropped_thinking(make: Make) -> None:
    thinking = CHAT.replace("{{ p.text }}", "{{ p.text.split('</think>')[-1] }}")
    thought = "<think>\nhm, long\n</think>\n\nAnswer."
    bench = make([row("a", thought), row("a", "Answer."), row("a", thought, "b", "c")], jinja(thinking))
    # Of the answer that is trained last it is lost for good; of an earlier one it is left out at inference, too.
    for number, severity in ((0, "error"), (2, "warning")):
        (found,) = of(check_row(bench.row(number)), "T001")
        assert (found.severity, found.where.message) == (severity, 1)
        assert "thinking" in found.message
        assert "drops or rewrites 22 of 29 characters" in found.message
    assert check_row(bench.row(1)) == []


def test_t001_is_an_error_where_all_of_an_answer_is_lost(make: Make) -> None:
    dropping = CHAT.replace("{{ p.text }}", "{{ p.text if m.role == 'user' or loop.index0 else '' }}")
    bench = make([row("a", ["lost to the template", "kept"])], jinja(dropping))
    (found,) = of(check_row(bench.row(0)), "T001")
    assert (found.severity, found.where.message) == ("error", 1)


def test_t002_and_its_place(make: Make) -> None:
    last = CHAT.replace(
        "{{ m.role }}\n", "{{ m.role }}\n{% if loop.last and m.role == 'assistant' %}<think></think>{% endif %}"
    )
    bench = make([PLAIN, row("a", "b")], jinja(last))
    (found,) = of(check_row(bench.row(0)), "T002")
    assert (found.severity, found.where.message) == ("warning", 1)
    assert found.where.tokens is not None
    assert "<think>" in found.message
    assert not of(check_row(bench.row(1)), "T002")


def test_t003_two_beginnings(make: Make) -> None:
    start = "<bos><bos>"
    own = CHAT.replace("<|im_start|>", "<start_of_turn>").replace("<|im_end|>", "<end_of_turn>")
    own = own.replace("{{ m.role }}", "{{ 'model' if m.role == 'assistant' else m.role }}")
    marks = BOUNDARIES.replace("<|im_start|>assistant", "<start_of_turn>model").replace(
        "<|im_start|>", "<start_of_turn>"
    )
    marks = marks.replace("<|im_end|>", "<end_of_turn>")
    for prefix, count in ((start, 1), ("<bos>", 0)):
        recipe = jinja(prefix + own).replace(BOUNDARIES, marks)
        bench = make([row("a", "b")], recipe, "gemma3")
        found = of(check_row(bench.row(0)), "T003")
        assert len(found) == count
        assert all(one.where.tokens == (0, 2) for one in found)


def test_t004_a_generation_prompt_that_training_never_shows(make: Make) -> None:
    other = CHAT.replace(
        "<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n\n</think>\n\n{% endif %}"
    )
    bench = make([row("a", "b")], jinja(other))
    (found,) = of(check_row(bench.row(0)), "T004")
    assert (found.where.row, found.where.message) == (0, 1)
    assert "<think>" in found.message


def test_t005_a_template_that_asks_for_the_day(make: Make) -> None:
    dated = "<|im_start|>system\n{{ strftime_now('%d %b %Y') }}<|im_end|>\n" + CHAT
    (found,) = of(check_recipe(make([PLAIN], jinja(dated))), "T005")
    assert found.where.line == 4
    assert "04 Mar 2021" in found.message
    assert "12 Nov 2033" in found.message
    fixed = (
        "{% set today = strftime_now('%Y') if false else '2024' %}<|im_start|>system\n{{ today }}<|im_end|>\n" + CHAT
    )
    assert not of(check_recipe(make([PLAIN], jinja(fixed))), "T005")


def test_a_date_that_no_row_is_written_with_is_a_note(make: Make) -> None:
    dated = "{% if messages[0].role == 'system' %}{{ strftime_now('%d %b %Y') }}{% endif %}" + CHAT
    (found,) = of(check_recipe(make([PLAIN], jinja(dated))), "T005")
    assert found.severity == "note"
    assert "not in the first 1 row" in found.message
    system = {"messages": [said("system", "Be brief."), *PLAIN["messages"]]}
    (found,) = of(check_recipe(make([PLAIN, system], jinja(dated))), "T005")
    assert found.severity == "warning"


def test_t006_is_told_with_the_row(make: Make) -> None:
    strict = "{% if messages[0].role != 'user' %}{{ raise_exception('users first') }}{% endif %}" + CHAT
    bench = make([{"messages": [said("assistant", "b")]}, PLAIN], jinja(strict))
    (found,) = check_row(bench.row(0))
    assert (found.code, found.where.row) == ("T006", 0)
    assert "users first" in found.message
    assert check_row(bench.row(1)) == []


def test_t007_the_first_difference(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from workbench.tokens import template

    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr(template, "bundled_templates", lambda python=None: folder)
    recipe = HEAD + QWEN.replace("tokenizer_default", "qwen2_vl") + SETS
    own = make([PLAIN]).template.text
    for text, count in (("Hello\n" + CHAT, 1), (str(own) + "{# the same #}", 0)):
        (folder / "qwen2_vl.jinja").write_text(text, "utf-8")
        bench = make([PLAIN], recipe)
        found = of(check_row(bench.row(0)), "T007")
        assert len(found) == count
        for one in found:
            assert (one.where.line, one.where.row) == (4, 0)
            assert "axolotl's qwen2_vl is not the model's own template" in one.message
            assert "Hello" in one.message


def test_t008_and_the_agreement(make: Make) -> None:
    marked = CHAT.replace(
        "{{ p.text }}",
        "{% if m.role == 'assistant' %}{% generation %}{{ p.text }}{% endgeneration %}"
        "{% else %}{{ p.text }}{% endif %}",
    )
    bench = make([PLAIN], jinja(marked))
    facts = RowFacts(bench.row(0))
    told = third_opinion(facts)
    assert told is not None
    assert told[0] == told[1] > 0
    assert not of(check_row(bench.row(0)), "T008")
    assert check_rows(bench, bench.head(None)).agreement == told

    wrong = make([PLAIN], jinja(marked.replace("m.role == 'assistant'", "m.role == 'user'")))
    (found,) = of(check_row(wrong.row(0)), "T008")
    assert found.severity == "note"
    assert third_opinion(RowFacts(make([PLAIN], jinja(CHAT)).row(0))) is None


def test_where_many_rows_are_read_the_first_of_a_form_are_rendered_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.blocks.path import PROBED, BlockPath
    from workbench.row import Row

    calls = 0
    beginning = Row.beginning

    def counting(row: Row, count: int, **options: Any) -> str | None:
        nonlocal calls
        calls += 1
        return beginning(row, count, **options)

    monkeypatch.setattr(Row, "beginning", counting)
    bench = make([PLAIN] * 9, jinja(CHAT))
    assert [result.findings for result in BlockPath(bench).judge(list(bench.head(None)))] == [()] * 9
    assert calls == 2 * PROBED


def test_another_mask_renders_no_beginning_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make([PLAIN], jinja(CHAT))
    row = bench.row(0)
    first = check_row(row)
    rendered: list[int] = []
    prompt = bench.renderer.prompt

    def counting(messages: Any, **more: Any) -> str:
        rendered.append(len(messages))
        return prompt(messages, **more)

    monkeypatch.setattr(bench.renderer, "prompt", counting)
    bench.document.set(("datasets", 0, "train_on_eos"), "none")
    bench.remask()
    assert check_row(row) != first
    assert rendered == []


@given(st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=9))
def test_moved_messages_are_those_that_a_later_one_overtakes(begins: list[int | None]) -> None:
    first = np.array([13 if at is None else at for at in begins], dtype=np.int64)
    last = np.array([-1 if at is None else at for at in begins], dtype=np.int64)
    facts = SimpleNamespace(first=first, last=last, ids=np.zeros(13))
    wanted = []
    for message, begin in enumerate(begins):
        later = [other for other in range(message + 1, len(begins)) if begins[other] is not None]
        overtaking = [other for other in later if begin is not None and first[other] < begin]
        wanted += [(message, max(overtaking))] if overtaking else []
    assert moved_messages(facts) == wanted  # type: ignore[arg-type]


def test_a_row_that_the_template_refuses_is_shown_with_the_finding_that_says_why(make: Make) -> None:
    """List, checks and the row itself name one code: that of the finding which quotes the refusal."""
    refusing = CHAT.replace(
        "<|im_start|>{{ m.role }}",
        "{% if m.role not in ['user', 'assistant'] %}{{ raise_exception('Unknown role ' + m.role) }}{% endif %}"
        "<|im_start|>{{ m.role }}",
    )
    bench = make([{"messages": [said("narrator", "Once."), *PLAIN["messages"]]}], jinja(refusing))
    row, shown = bench.row(0), read_row(bench, 0)
    assert row.error is not None
    assert (row.error.code, shown.code) == ("T006", "D012")  # type: ignore[union-attr]
    assert shown in check_row(row)
