"""Rows of public shapes on real families: what each gets, and that clean ones get nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.checks.support import needs_real, row_of
from tests.data.cards import CARDS, stored
from tests.data.shapes import SHAPES
from workbench.bench import Bench
from workbench.checks.handed_over import fates
from workbench.checks.row_checks import check_row, error_finding
from workbench.errors import InputError
from workbench.findings import Finding

FAMILIES = ("qwen2_5_vl", "gemma4", "pixtral", "llama3_2_vision")
# By shape: code and first letter of the severity of all errors and warnings; by family where they differ.
CODES: dict[str, str | tuple[str, str, str, str]] = {
    "llava": "D003e",
    "llava, listed": "D004w",
    "the cauldron": "D001e",
    "ms-swift": "D004w",
    "ms-swift, no picture": "D003e",
    "ms-swift, agent": ("D012e T001w", "T001w", "D012e T001w", "D012e T001w"),
    "ms-swift, video": "D003e",
    "llama-factory sharegpt": "T001e D012e D004w",
    "llama-factory alpaca": "D001e",
    "system column": "T001e",
    "openai chat": "M013w",
    "openai tool calls": ("T001e D012e", "T001e T001e", "T001e", "T001e T001e"),
    "openai tool calls without content": "D002e",
    "openai responses": ("D003e", "D003e T001e T001e", "D003e", "D003e T001e T001e"),
    "anthropic": ("D003e T001e T001e", "D003e T001e T001e", "D003e", "D003e T001e T001e"),
    "hf messages, two images": "D003e",
    "qwen official": "D008e",
    "qwen part keys": "M013w",
    "qwen file url": "D005e",
    "qwen frames": ("T006e M013w", "T006e M013w", "T006e M013w", "D003e M013w"),
    "docvqa": "D001e",
    "ocr": "D001e",
    "prompt and completion": "D001e",
    "query and response": "D001e",
    "alpaca": "D001e",
    "image bytes column": "D003e",
    "column imgs": "D003w",
    "column image_path": "D003w",
    "column photo": "D003w",
    "column of base64": "D003w",
    "column of urls": "D003w",
    "column of arrays": "D003w",
    "image inside a message": "D003e",
    "images inside a message": "D003e",
    "system inside a message": "T001e",
    "developer": ("D012e", "", "D012e", "D012e"),
    "observation": "D012e",
    "ipython": ("D012e", "D012e", "D012e", "T001e"),
    "human and bot": "D012e",
    "capitals": "D012e",
    "tool content as parts": ("D012e", "T001e", "T006e", "T001e"),
    "picture in a tool message": ("D012e", "D003e", "T006e", "D003e"),
    "system prompt": ("", "", "T001w", ""),
    "system prompt and turns": ("", "", "T001w", ""),
    "late system prompt": ("", "", "T001w", ""),
    "earlier thinking": "",
    "orphan think": "",
    "think part": ("T001e", "T001e", "T006e", "T001e"),
    "consecutive answers": ("", "T002w", "T002w", ""),
    "reasoning content": "T001e",
    "video url part": "D003e",
    "audio url part": "D003e",
    "input audio part": "D003e",
    "s3 picture": "D005e",
    "bad url": "D005e",
    "long strip": ("T006e", "", "T006e", ""),
    "one pixel": "",
    "broken base64": "D005e",
    "placeholder without picture": "D003e",
    "null picture": "D003e",
    "picture of no type": "D008e",
    "picture of another type": "D003e",
    "image_url of type image": "D003e",
    "answer in value": "D002e",
    "clean, text": "",
    "clean, picture": "",
    "clean, column": "",
}
_ABOUT_THE_RECIPE = ("T007", "T008", "M011")


def said_of(bench: Bench, name: str) -> list[Finding]:
    return [one for one in check_row(row_of(bench, SHAPES[name])) if one.code not in _ABOUT_THE_RECIPE]


def codes(found: list[Finding]) -> list[str]:
    return sorted(f"{one.code}{one.severity[0]}" for one in found if one.severity != "note")


@needs_real
@pytest.mark.parametrize("family", FAMILIES)
def test_what_each_shape_gets(family: str, bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on(family)
    at = FAMILIES.index(family)
    wanted = {name: kinds if isinstance(kinds, str) else kinds[at] for name, kinds in CODES.items()}
    assert set(wanted) == set(SHAPES)
    got = {name: codes(said_of(bench, name)) for name in SHAPES}
    expected = {name: sorted(kinds.split()) for name, kinds in wanted.items()}
    if row_of(bench, SHAPES["placeholder without picture"]).error is None:
        # This transformers goes on where later ones refuse: what a refusal would say once is said of each part.
        got, expected = [{name: sorted(set(kinds)) for name, kinds in one.items()} for one in (got, expected)]
    assert got == expected


def test_what_shapes_get_whatever_the_tokenizer(bench_on: Callable[[str], Bench]) -> None:
    """Those for which the tokenizer and template do not matter: tried where the real ones are not at hand, too."""
    bench = bench_on("qwen2_5_vl")
    for name, kinds in CODES.items():
        if isinstance(kinds, str) and not name.startswith(("openai chat", "qwen part")):
            assert codes(said_of(bench, name)) == sorted(kinds.split()), name


@needs_real
def test_a_refusal_is_told_once_and_with_its_cause(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("qwen2_5_vl")
    if row_of(bench, SHAPES["placeholder without picture"]).error is None:
        pytest.skip("this transformers goes on without the picture")
    for name in ("placeholder without picture", "qwen official", "hf messages, two images", "openai responses"):
        found = said_of(bench, name)
        assert row_of(bench, SHAPES[name]).error is not None
        (told,) = [one for one in found if "refuses this row" in one.message]
        assert told.code != "T006"
        assert "of transformers 5." in told.message
        assert sum(one.severity == "error" for one in found) == 1
        # It stands for the row's error wherever that is shown alone.
        assert error_finding(row_of(bench, SHAPES[name])) == told


@needs_real
@pytest.mark.parametrize("family", FAMILIES)
def test_no_row_is_silent_where_its_parts_are_not_there(family: str, bench_on: Callable[[str], Bench]) -> None:
    """A part of which the template writes nothing, or the processor gets nothing, has an error."""
    bench = bench_on(family)
    for name in SHAPES:
        row = row_of(bench, SHAPES[name])
        try:
            known = fates(row)
        except InputError:
            continue
        lost = [fate for fate in known if not fate.written or (fate.kind is not None and fate.handed != 1)]
        errors = [one for one in check_row(row) if one.severity == "error"]
        assert bool(lost) <= bool(errors), name


@needs_real
def test_a_list_that_is_written_out_is_named_and_one_in_a_text_is_not(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("llama3_2_vision")
    (found,) = said_of(bench, "tool content as parts")
    assert "written as the list of parts" in found.message
    assert found.where.message == 2
    quoting = {
        "messages": [
            {"role": "user", "content": 'Explain [{"type": "text", "text": "cropped"}]'},
            {"role": "assistant", "content": 'A list: [{"type": "text", "text": "cropped"}]'},
        ]
    }
    assert not codes(check_row(row_of(bench, quoting)))


@needs_real
def test_turns_stand_under_their_speakers(bench_on: Callable[[str], Bench]) -> None:
    """A moved system prompt, one that is merged, and one that the template writes of itself."""
    from workbench.views.items import turns

    def seen(family: str, name: str) -> list[tuple[str, str]]:
        row = row_of(bench_on(family), SHAPES[name])
        roles = [str(message["role"]) for message in row.conversation.messages]
        begun = turns(row.rendering, row.mask, row.trace, roles)
        stops = [*(turn.start for turn in begun[1:]), len(row.rendering)]
        assert [turn.start for turn in begun] == sorted(turn.start for turn in begun)
        return [
            (turn.role, "".join(row.rendering.token_texts(turn.start, stop)))
            for turn, stop in zip(begun, stops, strict=True)
        ]

    moved = seen("pixtral", "system prompt and turns")
    assert [role for role, _ in moved] == ["user", "assistant", "system", "user", "assistant"]
    assert "one word" in moved[2][1]
    assert "Which colour" in moved[3][1]
    merged = seen("pixtral", "system prompt")
    assert [role for role, _ in merged] == ["system", "user", "assistant"]
    own = seen("qwen2_5_vl", "clean, text")
    assert own[0][0] == "user"
    assert "helpful" not in own[0][1]


def test_no_card_is_silent(bench_on: Callable[[str], Bench]) -> None:
    """Data sets of shapes that were not thought of when the checks were written."""
    bench = bench_on("qwen2_5_vl")
    for name, raw in CARDS.items():
        found = [one for one in check_row(row_of(bench, stored(raw))) if one.severity != "note"]
        assert found, name
        assert all(one.hint for one in found), name


def test_a_conversation_in_two_columns_is_joined_not_named(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("qwen2_5_vl")
    (found,) = check_row(row_of(bench, CARDS["TRL vision"]))
    assert "field_messages" not in found.hint
    assert "prompt and completion" in found.hint
    (found,) = check_row(row_of(bench, {"chat": SHAPES["clean, text"]["messages"]}))
    assert "field_messages: chat" in found.hint


def test_a_video_that_the_text_calls_an_image_is_lost(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("qwen2_5_vl")
    (found,) = check_row(row_of(bench, CARDS["LLaVA-Video"]))
    assert (found.code, found.severity, found.where.field) == ("D003", "error", "video")
