from __future__ import annotations

import numpy as np
import pytest

from tests.tokens.conversations import AWKWARD, PICTURES, picture, turn
from workbench.errors import InputError, Where
from workbench.families.library import display_media, identify
from workbench.tokens.render import Renderer, media_runs

FAMILIES = ["gemma3", "gemma4", "qwen2_5_vl", "qwen3_5", "llama3_2_vision", "llama4", "pixtral"]


def renderer(loaded) -> Renderer:
    family = identify(loaded.model_type, loaded.processor_classes, loaded.config, loaded.tokenizer)
    kinds = {one.id: one.kind for one in display_media(family, loaded.tokenizer)} if family else {}
    template = loaded.tokenizer_template or loaded.processor_template
    return Renderer(loaded.tokenizer, loaded.processor, template, kinds)


def collated(loaded, template, messages) -> list[int]:
    """The collator's own call, on one row."""
    batch = loaded.processor.apply_chat_template(
        [messages],
        add_generation_prompt=False,
        tokenize=True,
        return_tensors="pt",
        return_dict=True,
        chat_template=template,
        processor_kwargs={"padding": True},
    )
    return batch["input_ids"][0].tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_ids_are_the_collators_and_offsets_give_the_text_back(family, loaded):
    model = loaded(family)
    speaker = renderer(model)
    for name, messages in {**AWKWARD, **PICTURES}.items():
        if family == "llama3_2_vision" and name == "empty and blank":
            continue
        rendering = speaker.render(messages)
        assert rendering.input_ids.tolist() == collated(model, speaker.template, messages), name
        assert rendering.offsets is not None, name
        starts, stops = rendering.offsets[:, 0], rendering.offsets[:, 1]
        assert (starts <= stops).all(), name
        assert stops.max() <= len(rendering.text)
        covered = np.zeros(len(rendering.text), dtype=bool)
        for start, stop in rendering.offsets:
            covered[start:stop] = True
        missed = {char for char, hit in zip(rendering.text, covered, strict=True) if not hit}
        assert all(char.isspace() for char in missed), (name, missed)


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_are_runs(family, loaded):
    rendering = renderer(loaded(family)).render(PICTURES["two turns"])
    runs = rendering.media
    assert runs.modality == ("image", "image")
    assert (runs.soft >= 1).all()
    assert (runs.stop[:-1] <= runs.start[1:]).all()
    assert (runs.soft <= runs.stop - runs.start).all()


def test_text_of_a_split_character_stands_at_its_first_piece(loaded):
    rendering = renderer(loaded("qwen2_5_vl")).render(AWKWARD["emoji and CJK"])
    assert "".join(rendering.token_texts()) == rendering.text


def test_a_template_that_refuses_is_an_error_with_its_place(loaded):
    speaker = renderer(loaded("qwen2_5_vl"))
    speaker.template = "{% if messages[1].role == 'user' %}{{ raise_exception('roles must alternate') }}{% endif %}"
    with pytest.raises(InputError, match="chat template refuses this row: roles must alternate") as raised:
        speaker.render([turn("user", "a"), turn("user", "b")], where=Where("data.jsonl", 3, row=2))
    assert str(raised.value.where) == "data.jsonl:3: row 2"


def test_media_the_processor_refuses_is_an_error(loaded):
    speaker = renderer(loaded("qwen2_5_vl"))
    literal = [turn("user", "<|vision_start|><|image_pad|><|vision_end|>", picture()), turn("assistant", "x")]
    with pytest.raises(InputError, match="processor refuses"):
        speaker.render(literal)


def test_the_tokenizer_is_itself_again_after_rendering(loaded):
    model = loaded("qwen2_5_vl")
    before = type(model.tokenizer)
    speaker = renderer(model)
    speaker.render(AWKWARD["plain"])
    with pytest.raises(InputError):
        speaker.render([turn("user", "<|image_pad|>", picture()), turn("assistant", "x")])
    assert type(model.tokenizer) is before


def test_a_batch_is_padded_as_the_collator_pads(loaded):
    model = loaded("qwen2_5_vl")
    speaker = renderer(model)
    short, long = AWKWARD["plain"], AWKWARD["code"]
    for side in ("left", "right"):
        model.tokenizer.padding_side = side
        ids = speaker.encode_batch([short, long])
        alone = speaker.render(short).input_ids
        pads = np.flatnonzero(ids[0] == model.tokenizer.pad_token_id)
        assert len(pads) == ids.shape[1] - len(alone)
        assert np.array_equal(ids[0][: len(alone)] if side == "right" else ids[0][-len(alone) :], alone)
    model.tokenizer.padding_side = "right"


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1, 9, 9, 2], [("image", 1, 3, 2)]),
        ([8, 9, 9, 7, 8, 9, 7], [("image", 0, 4, 2), ("image", 4, 7, 1)]),
        ([9, 9, 5, 5, 9], [("image", 0, 2, 2), ("audio", 2, 4, 2), ("image", 4, 5, 1)]),
        ([3, 9, 9, 4, 3, 6, 4], [("image", 0, 4, 2), ("video", 4, 7, 1)]),
        ([1, 2, 10], []),
        ([], []),
    ],
)
def test_media_runs(ids, expected):
    kinds = {9: "image", 8: "image_start", 7: "image_end", 5: "audio", 6: "video", 3: "vision_start", 4: "vision_end"}
    runs = media_runs(np.array(ids, dtype=np.int64), kinds)
    found = zip(runs.modality, runs.start.tolist(), runs.stop.tolist(), runs.soft.tolist(), strict=True)
    assert list(found) == expected


def test_a_row_without_messages_renders_as_the_collator_renders_it(loaded):
    model = loaded("qwen2_5_vl")
    speaker = renderer(model)
    speaker.template = "<|im_start|>{% for message in messages %}{{ message.role }}{% endfor %}"
    assert speaker.render([]).input_ids.tolist() == collated(model, speaker.template, [])


@pytest.mark.parametrize("written", ["m['role'] + ': ' + m['content']", "m['role'] ~ ': ' ~ m['content']"])
def test_the_template_of_a_text_model_gets_texts(loaded, written):
    """One raises at a list of parts, the other writes it out; a template that knows parts still gets them."""
    template = "{% for m in messages %}{{ " + written + " }}\n{% endfor %}"
    renderer = Renderer(loaded("qwen2_5_vl").tokenizer, None, template)
    said = [{"role": "user", "content": [{"type": "text", "text": "How many?"}]}]
    assert renderer.render(said).text == "user: How many?\n"
    assert renderer.prompt(said) == "user: How many?\n"
    knows = "{% for m in messages %}{% for p in m['content'] %}{{ p['text'] }}|{% endfor %}{% endfor %}"
    assert Renderer(loaded("qwen2_5_vl").tokenizer, None, knows).prompt(said) == "How many?|"
