"""Turns of a block are where axolotl's search finds them in each row alone, or the row is left to itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.bench import Bench, open
from workbench.blocks.template_words import template_words
from workbench.blocks.turns import can_be_located, locate_turns, turn_characters, turn_tokens
from workbench.paths import sample_dir
from workbench.tokens.render import Renderer
from workbench.tokens.turns import DUMMIES, TurnFinder, differing

LOOP = "{% for m in messages %}"
TURN = "<{{ m.role }}>{{ m.content }}</>{% endfor %}"
# Keeps the first word of an answer only where a user turn after it holds a tag: one text decides about another.
BY_ANOTHER = (
    "{% set ns = namespace(asked=0) %}" + LOOP + "{% if m.role == 'user' and not m.content.startswith('<tool>') %}"
    "{% set ns.asked = loop.index0 %}{% endif %}{% endfor %}" + LOOP + "<{{ m.role }}>"
    "{% if '</think>' in m.content and loop.index0 < ns.asked %}{{ m.content.split('</think>')[-1] }}"
    "{% else %}{{ m.content }}{% endif %}</>{% endfor %}"
)
TEMPLATES = {
    "plain": LOOP + TURN,
    "nothing between": LOOP + "{{ m.content }}{% endfor %}",
    "by its words": LOOP + "{% if 'red' in m.content %}<red>{% endif %}" + TURN,
    "by its first words": LOOP + "{% if m.content.startswith('[[') %}<red>{% endif %}" + TURN,
    "by a variable": "{% set w = 'red' %}" + LOOP + "{% if w in m.content %}<red>{% endif %}" + TURN,
    "by another text": BY_ANOTHER,
    "by its length": LOOP + "{% if m.content | length > 4 %}<red>{% endif %}" + TURN,
    "by another's length": LOOP
    + "{% if messages[0].content | length < 3 and loop.index == 3 %}<red>{% endif %}"
    + TURN,
    "by being alike": LOOP + "{% if m.content == messages[1].content %}<red>{% endif %}" + TURN,
    "by no text": LOOP + "{% if m.content %}" + "<{{ m.role }}>{{ m.content }}</>{% endif %}{% endfor %}",
    "rewritten": LOOP + "<{{ m.role }}>{{ m.content | replace('red', 'blue') }}</>{% endfor %}",
    "trimmed": LOOP + "<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}",
    "the last first": "{% for m in messages | reverse %}" + TURN,
    "twice": LOOP + "<{{ m.role }}>{{ m.content }}{{ m.content }}</>{% endfor %}",
    "refused": LOOP + "{{ raise_exception('red') if 'red' in m.content }}{{ m.content }}</>{% endfor %}",
}
# The other words are longer than most texts here, and written otherwise for it.
NEVER, SELDOM = {"by its first words", "twice"}, {"by its length"}


@pytest.fixture(scope="module")
def bench() -> Bench:
    return open(model=str(sample_dir() / "demo-model"))


def talk(*texts: str) -> list[dict[str, Any]]:
    """Turns of user and assistant with these texts."""
    return [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(texts)]


TALKS = [
    *(talk("a cat", "yes"), talk("a red cat", "no"), talk("yes", "yes"), talk(" spaces ", "red\n"), talk("", "b")),
    *(talk("b", ""), talk("", ""), talk("a", "b", "c"), talk("<user>a</>", "<assistant>"), talk("a", "b", "red")),
    *(
        talk("[[d", "z]]"),
        talk("zz", "[[dummy_message]]"),
        talk("zzdummymessagezz", "]"),
        talk(" ", "\n"),
        talk("]", "<"),
    ),
    *(talk("a", "<think>b</think>c", "d", "e"), talk("a", "<think>b</think>c", "<tool>d</tool>", "e")),
    *(talk("a", "b", "<tool>c</tool>", "d"), talk("a", "b", "d", "e"), talk("中文 é", "🙂👍🏽"), talk("é", "\u0301")),
]


def alone(renderer: Renderer, turns: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """The tokens of each turn as axolotl finds them."""
    rendering = renderer.render(turns)
    finder = TurnFinder(
        turns,
        rendering.prompt,
        rendering.offsets,
        render=renderer.prompt,
        encode=lambda some, last: renderer.turn_ids(some, tools=None, last=last),
        pieces=renderer.pieces,
    )
    found = finder.find(len(rendering))
    assert not any(found.raised)
    return list(zip(found.start.tolist(), found.stop.tolist(), strict=True))


@pytest.mark.parametrize("name", TEMPLATES)
def test_turns_are_where_they_are_found_alone(bench: Bench, name: str) -> None:
    mine = bench.renderer
    renderer = Renderer(mine.tokenizer, None, TEMPLATES[name])
    words = template_words(TEMPLATES[name])
    assert words is not None
    found = locate_turns(renderer, TALKS, words)
    for turns, located in zip(TALKS, found, strict=True):
        if located is not None:
            (encoding,) = renderer.encodings([located.text], add_special_tokens=False)
            assert turn_tokens(located, encoding.offsets) == alone(renderer, turns), turns
            said = [turns[number]["content"] for number in located.message]
            assert [located.text[a:b] for a, b in zip(located.start, located.stop, strict=True)] == said
    count = sum(one is not None for one in found)
    least = 0 if name in NEVER | SELDOM else len(TALKS) // 2
    assert count >= least
    assert not (name in NEVER and count)


@settings(max_examples=150, deadline=None)
@given(*[st.lists(st.sampled_from("[]dz_m"), max_size=5).map("".join)] * 3)
def test_characters_are_those_that_differ(before: str, text: str, after: str) -> None:
    prompt = before + text + after
    spans = [differing(prompt, before + words + after) for words in DUMMIES]
    wanted = min(first for first, _ in spans), max(last for _, last in spans)
    assert turn_characters(prompt, len(before), len(before) + len(text)) == wanted


def test_flags_of_parts_thinking_and_calls_are_left_to_the_row() -> None:
    plain = talk("a", "b")
    assert can_be_located(plain)
    assert can_be_located([plain[0], {**plain[1], "training": False}])
    for more in (
        {"training_detail": []},
        {"reasoning_content": "c"},
        {"tool_calls": []},
        {"content": None},
        {"role": 3},
    ):
        assert not can_be_located([plain[0], {**plain[1], **more}])
    assert not can_be_located([])


@pytest.mark.parametrize(
    ("template", "held", "equal"),
    [
        (LOOP + TURN, (), set()),
        (TEMPLATES["by its words"], ("red",), set()),
        (TEMPLATES["by a variable"], ("red",), set()),
        (BY_ANOTHER, ("</think>", "<tool>"), {"user"}),
        (LOOP + "{% if m.content in ['a', 'b'] or m.content == 'c' %}x{% endif %}{% endfor %}", (), {"a", "b", "c"}),
        (
            LOOP + "{% for w in ['a', 'b'] %}{% if w in m.content %}x{% endif %}{% endfor %}{% endfor %}",
            ("a", "b"),
            set(),
        ),
        ("{% macro f(w) %}{% if w in messages[0].content %}x{% endif %}{% endmacro %}{{ f('a') }}", ("a",), set()),
        (LOOP + "{% for p in m.content %}{{ 'image' in p }}{% endfor %}{% endfor %}", (), set()),
        (LOOP + "{{ 'tool_calls' in m }}{{ m['content'].strip('a') }}{{ '<x>' + m.content }}{% endfor %}", (), set()),
    ],
)
def test_words_that_a_template_looks_for(template: str, held: tuple[str, ...], equal: set[str]) -> None:
    words = template_words(template)
    assert words is not None
    assert words.held == held
    assert words.equal == equal


@pytest.mark.parametrize(
    ("test", "lengths", "whole"),
    [
        ("m.content | length > 3", (3,), False),
        ("m.content | length > n", (), True),
        ("m['content'] | trim | length == 2", (2,), False),
        ("m.content[0] == 'a'", (), True),
        ("m.content[:2] | lower == 'a'", (), True),
        ("m.content[0]['type'] == 'text'", (), False),
        ("m.content == messages[0].content", (), True),
        ("m.content | int | string == m.content", (), False),
        ("messages | length > 3 and m.tools | length > 2", (), False),
    ],
)
def test_lengths_and_other_looks_at_a_text(test: str, lengths: tuple[int, ...], whole: bool) -> None:
    words = template_words(LOOP + "{% if " + test + " %}x{% endif %}{% endfor %}")
    assert words is not None
    assert (words.lengths, words.whole) == (lengths, whole)
    assert (words.marks("abc") == words.marks("xbc")) != whole


def test_no_words_of_a_template_that_cannot_be_read() -> None:
    assert template_words("{% for %}") is None


def test_marks_tell_texts_apart_that_a_template_may() -> None:
    words = template_words(BY_ANOTHER)
    assert words is not None
    texts = ("a", "", " ", " a", "a ", "user", "<tool>a", "a<tool>", "a<tool>b", "a</think>b", "<tool>a</think>b")
    assert len({words.marks(text) for text in texts}) == len(texts)
    assert words.marks("a") == words.marks("tool, user and think")


def test_offsets_are_asked_as_axolotl_asks_them() -> None:
    from workbench.blocks.prompts import LocatedPrompt

    # Two tokens share a character; one before the turn has no characters.
    offsets = [(0, 2), (2, 2), (2, 4), (2, 4), (4, 7)]
    talk = LocatedPrompt("abcdefg", "abcdefg", (), (), (), turns=((2, 3), (4, 7), (4, 4)))
    assert turn_tokens(talk, offsets) == [(2, 4), (4, 5), (-1, -1)]
    assert turn_tokens(talk, offsets[:4]) is None
    assert np.shape(turn_tokens(talk, offsets)) == (3, 2)
