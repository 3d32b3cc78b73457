"""The sentinel trace on chat templates: complete, paired brackets, and each part's text given back, on every one.

Here on the templates beside the real tokenizers, and on the short ones that the suite brings along;
`conformance/test_trace.py` runs the same on those that axolotl and trl ship.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.processors import TOKENIZERS
from tests.support.templates import STYLES
from workbench.tokens.sentinels import LocatedParts, locate

TURNS: dict[str, list[tuple[str, str]]] = {
    "plain": [("user", "What is this?"), ("assistant", "A square.")],
    "line breaks": [("user", "\n\nhello\n"), ("assistant", "\n- a\n- b\n")],
    "spaces": [("user", "  hi "), ("assistant", " yes  ")],
    "repeats": [("user", "yes"), ("assistant", "yes"), ("user", "yes"), ("assistant", "yes")],
    "system": [("system", "You are terse.\n"), ("user", "hi"), ("assistant", "ok")],
    "blank": [("user", "   "), ("assistant", "ok"), ("user", "x"), ("assistant", " ")],
    "private use": [("user", "\U000f0000 \U000f0001 \ue000 \U00020000"), ("assistant", "\U000f0000\U00020001")],
    "role names": [("user", "assistant"), ("assistant", "user\nmodel\n")],
    "emoji": [("user", "👩‍👩‍👧 是什么？"), ("assistant", "一家人 🏳️‍🌈.")],
    "code": [("user", '```py\nprint("x")\n```'), ("assistant", "\tx = 1\n\n\n# done")],
    "braces": [("user", "{{ x }} {% if %}"), ("assistant", '{"a": "b\\n"} & <b>')],
}
REWRITTEN: dict[str, list[tuple[str, str]]] = {
    "thinking": [
        ("user", "q"),
        ("assistant", "<think>\nfirst this\n</think>\n\nfour"),
        ("user", "r"),
        ("assistant", "<think>\nthen that\n</think>\n\nfive"),
    ],
    "tool": [("user", "q"), ("assistant", "calling"), ("tool", '{"a": "b\\n"}\n'), ("assistant", "done")],
}


class Speaker:
    """A chat template, in transformers' own sandbox, without a tokenizer. Counts its renderings."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.count = 0

    def __call__(self, messages: Sequence[dict[str, Any]]) -> str:
        from transformers.utils.chat_template_utils import render_jinja_template

        self.count += 1
        names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
        rendered, _ = render_jinja_template(conversations=[list(messages)], chat_template=self.template, **names)
        return str(rendered[0])


def conversation(turns: list[tuple[str, str]], listed: bool) -> list[dict[str, Any]]:
    """Turns as messages with a list of parts each, or with a text."""
    return [{"role": role, "content": [{"type": "text", "text": t}] if listed else t} for role, t in turns]


def takes_lists(speaker: Speaker) -> bool:
    """True where the template renders lists of parts; others write them as code, leave them out, or refuse."""
    try:
        prompt = speaker(conversation(TURNS["plain"], True))
        return "What is this?" in prompt and "type" not in prompt
    except Exception:
        return False


def traced(speaker: Speaker, turns: list[tuple[str, str]], listed: bool) -> tuple[str, list[LocatedParts]] | None:
    """The prompt and where its parts are; None where the template refuses the conversation."""
    messages = conversation(turns, listed)
    try:
        prompt = speaker(messages)
    except Exception:
        return None
    return prompt, locate(messages, speaker, prompt)


def faults(prompt: str, located: list[LocatedParts]) -> list[str]:
    """Errors of a trace: a part lost, rewritten, not whole, or not at the place that its pieces name."""
    found = []
    for one in located:
        core = one.part.text.strip()
        for piece in one.pieces:
            same = prompt[piece.start : piece.stop] == one.part.text[piece.first : piece.last]
            found += [f"{one.part.role}: a piece is not its text"] * (one.exact and not same)
        if core and not one.pieces:
            found.append(f"{one.part.role}: lost")
        elif core and not one.exact:
            found.append(f"{one.part.role}: rewritten")
        elif core and core not in "".join(prompt[piece.start : piece.stop] for piece in one.pieces):
            found.append(f"{one.part.role}: not whole")
    edges = sorted((piece.start, piece.stop) for one in located for piece in one.pieces)
    found += ["pieces overlap" for left, right in pairwise(edges) if left[1] > right[0]]
    return found


def outcome(template: str) -> tuple[dict[str, list[str]], int, int]:
    """For one template: the faults by conversation, how many conversations it took, the most renderings for one."""
    speaker = Speaker(template)
    listed = takes_lists(speaker)
    bad: dict[str, list[str]] = {}
    taken = most = 0
    for name, turns in {**TURNS, **REWRITTEN}.items():
        speaker.count = -1
        got = traced(speaker, turns, listed)
        if got is None:
            continue
        taken += 1
        most = max(most, speaker.count)
        if found := faults(*got):
            bad[name] = found
    return bad, taken, most


# Where the trace cannot be exact, because the template itself loses or rewrites what it is given.
EXCEPTIONS: dict[tuple[str, str], dict[str, list[str]]] = {}
_THINKS = {"thinking": ["assistant: rewritten", "assistant: rewritten"]}
_ESCAPES = {"tool": ["tool: rewritten"]}
_NO_TOOLS = {"tool": ["tool: lost"]}
_LISTED_SYSTEM = {"system": ["system: rewritten"]}
_GEMMA4 = ("chat_template", "chat_template.gemma4", "chat_template.gemma4_v4")
for _folder, _files, _expected in (
    ("qwen3_5", ("chat_template", "chat_template.nothink", "chat_template.qwen3_6"), _THINKS | {"tool": []}),
    ("qwen3_5", ("chat_template.trl_training",), _THINKS),
    ("gemma4", _GEMMA4, _NO_TOOLS),
    # These write a system message that is a list of parts as Python would.
    ("gemma4", ("chat_template.gemma4_v3", "chat_template.31B-it.llamacpp"), _NO_TOOLS | _LISTED_SYSTEM),
    ("gemma4", ("chat_template.gemma4_v2", "chat_template.26B-A4B.gguf"), _LISTED_SYSTEM),
    ("llama3_2_vision", ("chat_template",), _ESCAPES),
    ("llama4", ("chat_template",), _ESCAPES),
):
    EXCEPTIONS |= {(_folder, file): {k: v for k, v in _expected.items() if v} for file in _files}

FILES: list[Path] = sorted(TOKENIZERS.glob("*/*.jinja")) if TOKENIZERS is not None else []


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_templates_of_the_real_tokenizers(file: Path) -> None:
    bad, taken, most = outcome(file.read_text("utf-8"))
    assert taken >= 8
    assert most <= 8
    assert bad == EXCEPTIONS.get((file.parent.name, file.stem), {})


@pytest.mark.parametrize("name", sorted(STYLES))
def test_short_templates(name: str) -> None:
    bad, taken, most = outcome(STYLES[name].template)
    assert taken == len(TURNS) + len(REWRITTEN)
    assert most <= 5
    assert bad == {}


def test_untouched_texts_cost_one_rendering() -> None:
    speaker = Speaker(STYLES["qwen2_5_vl"].template)
    turns = [("user" if i % 2 == 0 else "assistant", f" turn {i}\n") for i in range(40)]
    prompt = speaker(conversation(turns, True))
    speaker.count = 0
    assert faults(prompt, locate(conversation(turns, True), speaker, prompt)) == []
    assert speaker.count == 1


def test_one_rewritten_part_among_many_costs_a_few_renderings() -> None:
    cut = "m.content.split('|')[-1] if m.content.startswith('x') else m.content"
    speaker = Speaker("{% for m in messages %}[{{ m.role }}]{{ " + cut + " }}\n{% endfor %}")
    turns = [("user" if i % 2 == 0 else "assistant", f"turn {i}") for i in range(400)]
    turns[250] = ("user", "x hidden | shown")
    prompt = speaker(conversation(turns, False))
    speaker.count = 0
    located = locate(conversation(turns, False), speaker, prompt)
    assert faults(prompt, located) == ["user: rewritten"]
    assert speaker.count < 30
    (piece,) = located[250].pieces
    assert prompt[piece.start : piece.stop] == "shown"


def test_white_space_that_a_template_keeps_on_one_side_belongs_to_the_part() -> None:
    trimmed = "m.content.lstrip('\n') if m.role == 'user' else m.content.rstrip()"
    speaker = Speaker("{% for m in messages %}<{{ m.role }}>\n{{ " + trimmed + " }}\n{% endfor %}")
    messages = conversation([("user", "\n\n  a \n"), ("assistant", "\n b \n")], False)
    prompt = speaker(messages)
    first, second = locate(messages, speaker, prompt)
    assert [prompt[p.start : p.stop] for p in first.pieces] == ["  a \n"]
    assert [prompt[p.start : p.stop] for p in second.pieces] == ["\n b"]
    assert first.exact
    assert second.exact


def test_what_is_left_of_cut_thinking_is_found_where_it_stands() -> None:
    template = (
        "{% for m in messages %}<{{ m.role }}>\n"
        "{% if '</think>' in m.content and not loop.last %}{{ m.content.split('</think>')[-1].lstrip('\n') }}"
        "{% else %}{{ m.content }}{% endif %}\n{% endfor %}"
    )
    speaker = Speaker(template)
    messages = conversation(REWRITTEN["thinking"], False)
    prompt = speaker(messages)
    located = locate(messages, speaker, prompt)
    assert [prompt[p.start : p.stop] for p in located[1].pieces] == ["four"]
    assert not located[1].exact
    assert located[3].exact
    assert [prompt[p.start : p.stop] for p in located[3].pieces] == [messages[3]["content"]]


def test_escaped_text_is_traced_character_by_character() -> None:
    speaker = Speaker("{% for m in messages %}{{ m.role }}={{ m.content | tojson }};{% endfor %}")
    messages = conversation([("tool", 'say "hi"\nto 一 man')], False)
    prompt = speaker(messages)
    (one,) = locate(messages, speaker, prompt)
    assert not one.exact
    assert "".join(prompt[p.start : p.stop] for p in one.pieces) == prompt[len('tool="') : -2]
    same = {one.part.text[p.first : p.last] for p in one.pieces if p.stop - p.start == p.last - p.first}
    assert {"say ", "hi"} <= {text.replace('"', "") for text in same}
    (line,) = [p for p in one.pieces if "一" in prompt[p.start : p.stop]]
    assert prompt[line.start : line.stop] == one.part.text[line.first : line.last] == "to 一 man"
