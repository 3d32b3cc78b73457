"""Hints that are chosen by what was found: each kind that once led astray, with the case in which it holds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import HEAD, QWEN, SETS, Make, bad, needs_real, of, row, row_of, said
from tests.data.shapes import SHAPES, write_pictures
from workbench.checks.row_checks import check_row, row_findings
from workbench.checks.run import check_rows
from workbench.data.conversation import RowError, normalize
from workbench.data.media import MediaError, StoredPicture, load_picture
from workbench.tokens.refusals import refusal

PICTURES = {"messages": [said("user", {"type": "image", "path": "p.png"}, "What?"), said("assistant", "Blue.")]}


@pytest.mark.parametrize(
    ("quoted", "cause", "words"),
    [
        ("KeyError: 'type'", "type", "type"),
        ("ValueError: absolute aspect ratio must be smaller than 200, got 500.0", "", "Pad or crop"),
        ("ImportError: load_video requires the PyAV library", "", "Install"),
        ("RuntimeError: decode_image, Unsupported image file", "media", "cannot be decoded"),
        ("Error: Incorrect padding", "media", "cannot be decoded"),
        ("ValueError: Found 1 <image> tokens in the text but no images were passed.", "count", "placeholder"),
        ("StopIteration: ", "count", "placeholder"),
        ("TemplateError: Conversation roles must alternate user/assistant", "order", "Join messages"),
        ("TemplateError: Tool message must have a call_id", "call", "role user"),
        ("TemplateError: Only text chunks are supported in assistant message contents.", "part", "{type: text"),
        ("RuntimeError: something else", "", "quotes"),
    ],
)
def test_a_refusals_hint_is_about_what_was_raised(quoted: str, cause: str, words: str) -> None:
    found = refusal(quoted)
    assert found.cause == cause
    assert words in found.hint
    assert ("placeholder" in found.hint) == (cause == "count")


def hint_of(raw: dict[str, Any]) -> str:
    with pytest.raises(RowError) as caught:
        normalize(raw)
    return caught.value.hint


def test_d001_names_field_messages_where_a_column_holds_messages_alone() -> None:
    assert "field_messages: chat" in hint_of({"chat": SHAPES["clean, text"]["messages"]})
    assert "field_messages" not in hint_of({"question": "What?", "answer": "That.", "image": ["p.png"]})
    assert "--user question --assistant answer --image image" in hint_of(
        {"question": "What?", "answer": "That.", "image": ["p.png"]}
    )


def test_d002_says_what_the_message_has_instead_of_a_content() -> None:
    call = hint_of(SHAPES["openai tool calls without content"])
    assert "tool_calls" in call
    assert "--tool-text" in call
    assert "Rename `value`" in hint_of(SHAPES["answer in value"])
    assert "empty text is allowed" not in hint_of({"messages": [{"role": "user"}]})


def test_d008_names_the_part_that_it_is() -> None:
    (found,) = normalize(SHAPES["picture of no type"], load_media=False).findings
    assert '"type": "image"' in found.hint
    assert '"type": "text"' not in found.hint
    (found,) = normalize({"messages": [said("user", {"text": "x"})]}).findings
    assert '"type": "text"' in found.hint


def test_d004_names_the_kind_of_media(make: Make) -> None:
    bench = make([row("<video>\nWhat?", "ok"), row("<audio>\nWhat?", "ok"), row("<image>\nWhat?", "ok")])
    for number, kind in enumerate(("video", "audio", "image")):
        (found,) = of(check_row(bench.row(number)), "D004")
        assert f"{{type: {kind}, path: …}}" in found.hint


@needs_real
def test_d006_names_a_key_that_acts_on_these_pictures(make: Make) -> None:
    limited = HEAD + "sequence_len: 8\n" + QWEN + SETS
    column = {"messages": [said("user", {"type": "image"}, "What?"), said("assistant", "Blue.")], "images": ["p.png"]}
    bench = make([PICTURES], limited)
    write_pictures(bench.recipe_dir)
    hints = [of(check_row(row_of(bench, raw)), "D006")[0].hint for raw in (PICTURES, column, row("a " * 20, "b"))]
    assert "processor_kwargs: {max_pixels" in hints[0]
    assert "image_size" not in hints[0]
    assert "image_size" in hints[1]
    assert "picture" not in hints[2]


@needs_real
def test_m007_does_not_name_the_template_that_stands_there(make: Make) -> None:
    named = HEAD + "chat_template: qwen2_vl\n" + SETS + "    roles_to_train: [user, assistant]\n"
    for recipe, says in ((named, False), (named.replace("qwen2_vl", "tokenizer_default") + QWEN[32:], True)):
        bench = make([PICTURES], recipe)
        write_pictures(bench.recipe_dir)
        for found in of(check_row(bench.row(0)), "M007"):
            assert ("chat_template: qwen2_vl" in found.hint) == says


@needs_real
def test_t004_speaks_of_thinking_where_the_difference_is_about_it(make: Make) -> None:
    chat = """{% for m in messages %}<|im_start|>{{ m.role }}
{% for p in m.content %}{{ p.text }}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
BEGIN{% endif %}"""
    hints = {}
    for begin in ("<think>\n\n</think>", "Certainly: "):
        text = "".join(f"  {line}\n" for line in chat.replace("BEGIN", begin).split("\n"))
        bench = make([row("a", "b")], f"{HEAD}chat_template: jinja\nchat_template_jinja: |-\n{text}{QWEN[32:]}{SETS}")
        (found,) = of(check_row(bench.row(0)), "T004")
        hints[begin] = found.hint
    assert "thinking" in hints["<think>\n\n</think>"]
    assert "thinking" not in hints["Certainly: "]


@needs_real
@pytest.mark.parametrize("family", ["gemma4", "pixtral", "qwen2_5_vl"])
def test_answers_that_are_joined_are_no_unmatched_marker(family: str, make: Make) -> None:
    """Consecutive answers that the template writes as one turn are trained as a whole: T002 at most, and no M002."""
    from tests.checks.support import boundaries_of

    bench = make([SHAPES["consecutive answers"]], HEAD + boundaries_of(family) + SETS, family)
    found = check_row(bench.row(0))
    assert not of(found, "M002")
    assert not of(found, "T004")
    for one in of(found, "T002"):
        assert "Join messages 1 and 2" in one.hint


def test_m009_says_nothing_of_a_role_whose_boundary_finds_the_templates_own_turn(make: Make) -> None:
    bench = make([row("a", "b")])
    assert any(bench.row(0).mask.spans.role(number) == "system" for number in range(len(bench.row(0).mask.spans)))
    report = check_rows(bench, [bench.row(0)])
    assert not [one for one in of(report.findings, "M009") if "system" in one.message]
    unused = QWEN + '  - role: tool\n    start: "<|im_start|>tool"\n    end: "<|im_end|>"\n'
    bench = make([row("a", "b")], HEAD + unused + SETS)
    assert [one for one in of(check_rows(bench, [bench.row(0)]).findings, "M009") if "role tool" in one.message]


def test_no_internal_word_reaches_a_message() -> None:
    cell = StoredPicture(b"no picture", None)
    with pytest.raises(RowError) as caught:
        normalize({"messages": SHAPES["clean, text"]["messages"], "image": cell})
    assert "StoredPicture" not in str(caught.value.cause)
    with pytest.raises(MediaError) as broken:
        load_picture(cell)
    assert "StoredPicture" not in str(broken.value.cause)


@needs_real
def test_what_is_refused_here_and_taken_by_the_asked_trainer_is_one_finding(make: Make) -> None:
    import numpy as np

    from workbench.consumers.protocol import Answer, Asked
    from workbench.views.asked import asked_line

    bench = make([SHAPES["placeholder without picture"], row("a", "b")])
    shown, other = bench.row(0), bench.row(1)
    if shown.error is None:
        pytest.skip("this transformers goes on without the picture")
    labels = np.array([-100, 5, 6, -100])
    clean = (other.rendering.input_ids, other.mask.labels)
    versions = {"axolotl": "0.19.0", "transformers": "5.16.1"}
    bench.take_answer(Asked(bench.document.text, (0, 1), Answer(versions, rows={0: (np.arange(4), labels), 1: clean})))
    (found,) = row_findings(bench.row(0))
    assert (found.code, found.severity) == ("D003", "error")
    assert "ValueError of transformers 5." in found.message
    told = "the asked axolotl 0.19.0 with transformers 5.16.1 goes on and trains 2 tokens of it, without the picture"
    assert found.message.endswith(told)
    assert row_findings(bench.row(1)) == []
    assert asked_line(bench, row_findings(bench.row(0))).outcome == "other"
    assert asked_line(bench, row_findings(bench.row(1))).outcome == "same"


@needs_real
def test_a_role_on_the_text_path_is_mapped_by_the_fix(make: Make) -> None:
    from workbench.findings import apply_fix

    text = "base_model: here\nchat_template: tokenizer_default\n" + SETS
    raw = {"messages": [said("customer", "What is it?"), said("bot", "A square.")]}
    bench = make([raw, row("a", "b")], text)
    (found,) = of(check_row(bench.row(0)), "D012")
    assert "roles:" in found.hint
    assert found.fix is not None
    apply_fix(bench.document, found.fix)
    bench.apply()
    assert [message["role"] for message in bench.row(0).conversation.messages] == ["user", "assistant"]
    assert [message["role"] for message in bench.row(1).conversation.messages] == ["user", "assistant"]
    assert not of(check_row(bench.row(0)), "D012")
    assert bench.row(0).mask.trained > 0
    assert "D012" not in bad(check_row(bench.row(1)))
