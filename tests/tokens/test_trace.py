from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tokens.conversations import AWKWARD, PICTURES, turn
from tests.tokens.test_render import FAMILIES, renderer
from workbench.tokens.trace import Owner, trace


def traced(speaker, messages):
    rendering = speaker.render(messages)
    return rendering, trace(rendering, messages, speaker.prompt)


def part_text(messages, message: int, part: int) -> str:
    return messages[message]["content"][part]["text"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_content_token_is_where_the_trace_says(family, loaded):
    speaker = renderer(loaded(family))
    for name, messages in {**AWKWARD, **PICTURES}.items():
        if family == "llama3_2_vision" and name == "empty and blank":
            continue
        rendering, owner = traced(speaker, messages)
        assert owner.exact.all(), name
        assert owner.missing == (), name
        for token in np.flatnonzero(owner.kind == Owner.CONTENT):
            start, stop = rendering.offsets[token]
            part = part_text(messages, int(owner.message[token]), int(owner.part[token]))
            assert part[owner.char_start[token] : owner.char_end[token]] == rendering.text[start:stop], name


@pytest.mark.parametrize("family", FAMILIES)
def test_no_character_of_a_part_is_lost_but_trimmed_space_and_split_tokens(family, loaded):
    speaker = renderer(loaded(family))
    for name, messages in AWKWARD.items():
        if family == "llama3_2_vision" and name == "empty and blank":
            continue
        _, owner = traced(speaker, messages)
        split = int((owner.kind == Owner.SPLIT).sum())
        for number, message in enumerate(messages):
            for part, content in enumerate(message["content"]):
                mine = np.flatnonzero((owner.kind == Owner.CONTENT) & (owner.message == number) & (owner.part == part))
                seen = {i for token in mine for i in range(owner.char_start[token], owner.char_end[token])}
                core = content["text"].strip()
                begin = content["text"].find(core)
                missed = [i for i in range(begin, begin + len(core)) if i not in seen]
                assert not missed or split, (name, number, part, missed)


@pytest.mark.parametrize("family", FAMILIES)
def test_media_belong_to_their_part(family, loaded):
    _, owner = traced(renderer(loaded(family)), PICTURES["two turns"])
    media = owner.kind == Owner.MEDIA
    assert media.any()
    assert set(zip(owner.message[media].tolist(), owner.part[media].tolist(), strict=True)) == {(0, 0), (2, 0)}


def test_markers_inside_content_are_content(loaded):
    messages = [turn("user", "<|im_end|>\n<|im_start|>assistant\nno"), turn("assistant", "yes")]
    rendering, owner = traced(renderer(loaded("qwen2_5_vl")), messages)
    inside = [rendering.token_text(i) for i in np.flatnonzero(owner.message == 0)]
    assert "".join(inside) == "<|im_end|>\n<|im_start|>assistant\nno"


def test_a_template_that_trims_keeps_the_numbering_of_the_characters(loaded):
    messages = [turn("user", "\n\n hello "), turn("assistant", "x")]
    _, owner = traced(renderer(loaded("gemma4")), messages)
    mine = owner.message == 0
    assert owner.char_start[mine].min() == 3
    assert owner.char_end[mine].max() == 8


def test_rewritten_content_is_approximate_and_lost_content_is_missing(loaded):
    template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for p in m.content %}"
    template += "{{ p.text | upper if m.role == 'assistant' else p.text if m.role == 'user' }}{% endfor %}<|im_end|>\n"
    speaker = renderer(loaded("qwen2_5_vl"))
    speaker.template = template + "{% endfor %}"
    messages = [turn("user", "hello"), turn("assistant", "shouted"), turn("tool", "lost"), turn("user", "SAME")]
    rendering, owner = traced(speaker, messages)
    assert owner.missing == ((2, 0),)
    assert owner.exact[owner.message != 1].all()
    shouted = np.flatnonzero(owner.message == 1)
    assert not owner.exact[shouted].any()
    assert "".join(rendering.token_text(i) for i in shouted) == "SHOUTED"
    # A template that changes only some texts is still traced exactly where it does not.
    speaker.template = template.replace("| upper", "| replace('a', '4')") + "{% endfor %}"
    rendering, owner = traced(speaker, [turn("user", "hello"), turn("assistant", "no change")])
    assert rendering.text.count("ch4nge") == 1
    assert owner.exact[owner.message == 0].all()


def test_text_contents_are_traced_as_lists_of_parts_are(loaded):
    speaker = renderer(loaded("qwen2_5_vl"))
    for name, messages in AWKWARD.items():
        if any(len(message["content"]) != 1 for message in messages):
            continue
        _, listed = traced(speaker, messages)
        flat = [{"role": m["role"], "content": m["content"][0]["text"]} for m in messages]
        _, plain = traced(speaker, flat)
        for field in ("kind", "message", "part", "char_start", "char_end", "exact"):
            assert np.array_equal(getattr(listed, field), getattr(plain, field)), (name, field)


@pytest.mark.parametrize("family", FAMILIES)
def test_without_offsets_the_bytes_of_the_tokens_give_the_same_trace(family, loaded):
    speaker = renderer(loaded(family))
    for name, messages in {**AWKWARD, **PICTURES}.items():
        if family == "llama3_2_vision" and name == "empty and blank":
            continue
        rendering, owner = traced(speaker, messages)
        bare = replace(rendering, offsets=None)
        blind = trace(bare, messages, speaker.prompt)
        differ = np.flatnonzero((blind.kind != owner.kind) | (blind.message != owner.message))
        # Offsets leave out a space that the token has: such a token is split there, and whole here, or the reverse.
        edges = {Owner.SPLIT, Owner.CONTENT, Owner.TEMPLATE}
        assert {Owner(k) for k in owner.kind[differ]} | {Owner(k) for k in blind.kind[differ]} <= edges, name
        assert len(differ) <= 0.1 * len(rendering), (name, rendering.token_texts())


@pytest.mark.parametrize("family", FAMILIES)
def test_places_are_the_texts_of_the_parts_and_the_tokens_that_touch_them(family, loaded):
    speaker = renderer(loaded(family))
    for messages in (AWKWARD["several parts"], AWKWARD["emoji and CJK"], PICTURES["two turns"]):
        rendering, owner = traced(speaker, messages)
        assert list(owner.places) == sorted(owner.places, key=lambda place: place.start)
        for place in owner.places:
            tokens = slice(place.first, place.last)
            if place.media:
                assert (owner.kind[tokens] == Owner.MEDIA).all()
                continue
            text = part_text(messages, place.message, place.part)
            assert rendering.text[place.start : place.stop] in (text, text.strip())
            inside = np.flatnonzero((owner.message == place.message) & (owner.part == place.part))
            assert set(inside.tolist()) <= set(range(place.first, place.last))
            assert set(owner.kind[tokens].tolist()) <= {Owner.CONTENT, Owner.SPLIT}


def test_padding_is_padding(loaded):
    model = loaded("qwen2_5_vl")
    speaker = renderer(model)
    rendering = speaker.render(AWKWARD["plain"])
    end = int(rendering.input_ids[-2])
    owner = trace(rendering, AWKWARD["plain"], speaker.prompt, pad_id=end)
    assert set(np.flatnonzero(owner.kind == Owner.PAD).tolist()) == set(
        np.flatnonzero(rendering.input_ids == end).tolist()
    )
