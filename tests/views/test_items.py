from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.conversations import AWKWARD, PICTURES
from tests.tokens.test_render import renderer
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.mask import scan
from workbench.tokens.trace import trace
from workbench.views.items import chip, cut, glyphs, items, pill, turns, visible, wrap
from workbench.views.palette import CONTINUED, Look


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb\tc\r", "a⏎b⇥c␍"),
        ("\x1b[31m", "␛[31m"),
        ("\u202eabc\u2066", "⟨U+202E⟩abc⟨U+2066⟩"),
        ("\u200b\ufeff\x7f", "⟨U+200B⟩⟨U+FEFF⟩␡"),
        ("👩‍👩‍👧 ❤️", "👩‍👩‍👧 ❤️"),
        ("\ud800", "⟨U+D800⟩"),
    ],
)
def test_hidden_characters_are_named(text, shown):
    assert visible(text) == shown


@given(st.text())
def test_nothing_visible_controls_a_terminal(text):
    shown = visible(text)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0x202A <= ord(char) <= 0x202E for char in shown)


def test_control_tokens_are_pills():
    assert pill("<|turn>") == "⟨|turn⟩"
    assert pill("[INST]") == "[INST]"
    assert pill("<") == "<"


def test_a_chip_counts_its_soft_tokens():
    assert chip("image", 280) == " ▣ image × 280 "
    assert chip("audio", 0) == " ♪ audio "


@pytest.fixture(scope="module")
def drawn(loaded):
    model = loaded("qwen2_5_vl")
    speaker = renderer(model)

    def draw(messages, **options):
        rendering = speaker.render(messages)
        start = tuple(model.tokenizer.encode("<|im_start|>assistant\n", add_special_tokens=False))
        end = tuple(model.tokenizer.encode("<|im_end|>", add_special_tokens=False))
        mask = scan(rendering.input_ids, [RoleBoundary("assistant", start, end)])
        return (
            rendering,
            mask,
            trace(rendering, messages, speaker.prompt),
            items(rendering, mask, glyphs(rendering), **options),
        )

    return draw


def test_items_cover_every_token_once(drawn):
    for messages in {**AWKWARD, **PICTURES}.values():
        rendering, mask, _, shown = drawn(messages)
        assert shown.start[0] == 0
        assert shown.stop[-1] == len(rendering)
        assert (shown.start[1:] == shown.stop[:-1]).all()
        looks = np.repeat(shown.look >= Look.TRAINED, shown.stop - shown.start)
        assert (looks == mask.keep).all()


def test_the_text_of_the_items_is_the_text_of_the_rendering(drawn):
    rendering, _, _, shown = drawn(AWKWARD["emoji and CJK"])
    drawn_text = "".join(shown.texts[int(index)] for index in shown.text).replace(CONTINUED, "")
    assert "一家人" in drawn_text
    assert drawn_text.count("👩") == 2
    assert rendering.text.count("⏎") == 0


def test_a_picture_is_one_item_until_it_is_unfolded(drawn):
    _, _, _, folded = drawn(PICTURES["picture first"])
    rendering, _, _, unfolded = drawn(PICTURES["picture first"], unfolded={0})
    assert len(unfolded) == len(rendering)
    chips = [folded.texts[int(i)] for i, run in zip(folded.text, folded.run, strict=True) if run >= 0]
    assert chips == [chip("image", int(rendering.media.soft[0]))]


@pytest.mark.parametrize("unfolded", [(), (0,)])
def test_an_item_holds_what_one_of_its_tokens_is_marked_with(drawn, unfolded):
    rendering, _, _, shown = drawn(PICTURES["picture first"], unfolded=unfolded)
    run = rendering.media
    for token in (int(run.start[0]), int(run.stop[0]) - 1, len(rendering) - 1):
        marked = np.arange(len(rendering)) == token
        assert np.flatnonzero(shown.holding(marked)).tolist() == [shown.item_of(token)]


@pytest.mark.parametrize("width", [1, 8, 40, 400])
def test_lines_hold_what_fits_and_lose_nothing(drawn, width):
    _, _mask, _owner, shown = drawn(AWKWARD["code"])
    starts = [3, 9]
    lines = wrap(shown, width, starts).tolist()
    assert lines == sorted(set(lines))
    assert lines[0] == 0
    assert {shown.item_of(token) for token in starts} <= set(lines)
    for first, last in zip(lines, [*lines[1:], len(shown)], strict=True):
        assert last - first == 1 or int(shown.width[first:last].sum()) <= width
        assert not shown.breaks[first : last - 1].any()


def test_turns_begin_at_their_header_with_and_without_spans(drawn):
    messages = PICTURES["two turns"]
    rendering, mask, owner, _ = drawn(messages)
    roles = [message["role"] for message in messages]
    nothing = scan(rendering.input_ids, [])
    for spans in (mask, nothing):
        found = turns(rendering, spans, owner, roles)
        assert [turn.role for turn in found] == roles
        opened = [rendering.token_text(turn.start) for turn in found[1:]]
        assert opened == ["<|im_start|>"] * 3


def test_control_tokens_have_a_look_of_their_own(drawn):
    rendering, _mask, _, shown = drawn(AWKWARD["code"])
    special = rendering.vocabulary.special_ids
    for token, look in zip(rendering.input_ids.tolist(), shown.look.tolist(), strict=True):
        assert look % Look.TRAINED == (Look.CONTROL if token in special else Look.PLAIN)
    media = drawn(PICTURES["picture first"])[-1]
    assert {int(look) for look, run in zip(media.look, media.run, strict=True) if run >= 0} == {Look.MEDIA}


def test_an_item_wider_than_a_line_takes_one_line(drawn):
    _, _, _, shown = drawn(PICTURES["picture first"])
    (picture,) = (int(at) for at in (shown.run >= 0).nonzero()[0])
    width = int(shown.width[picture]) - 5
    lines = wrap(shown, width).tolist()
    assert picture in lines
    # What comes after it begins the next line, which is filled as any other.
    after = [*lines, len(shown)][lines.index(picture) + 1 :]
    assert after[0] == picture + 1
    for first, last in pairwise(after):
        assert last - first == 1 or int(shown.width[first:last].sum()) <= width
    assert any(last - first > 1 for first, last in pairwise(after))


@pytest.mark.parametrize("window", [(0, 4), (3, 9), (6, 7), (5, 5), (7, 3), (0, 10_000)])
def test_a_window_is_what_covers_its_tokens(drawn, window):
    _, _, _, shown = drawn(PICTURES["picture first"])
    inside = [
        start
        for start, stop in zip(shown.start.tolist(), shown.stop.tolist(), strict=True)
        if start < window[1] and stop > window[0] and window[0] < window[1]
    ]
    assert cut(shown, window).start.tolist() == inside


def test_variation_selectors_within_a_text_are_left_alone():
    assert visible("❤\ufe0e ❤\ufe0f") == "❤\ufe0e ❤\ufe0f"
