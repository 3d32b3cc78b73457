from __future__ import annotations

import copy
import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.awkward import AWKWARD, BLUE, PAIR, RED, SHAREGPT, assistant, hole, text, user
from workbench.data.conversation import Conversation, RowError, messages_field, normalize
from workbench.data.forms import part_modality
from workbench.data.media import StoredPicture
from workbench.data.parts import handed_over
from workbench.data.turns import TurnKeys, turns_of
from workbench.errors import InputError


def codes(raw: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in normalize(raw, **options).findings]


def refused(raw: dict[str, Any], **options: Any) -> RowError:
    with pytest.raises(RowError) as caught:
        normalize(raw, **options)
    return caught.value


def empty(conversation: Conversation) -> list[tuple[int, int]]:
    """The picture parts of which the processor gets nothing."""
    return [
        (index, number)
        for index, message in enumerate(conversation.messages)
        for number, part in enumerate(message["content"])
        if part_modality(part) is not None and not handed_over(part)
    ]


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_rows_end_as_in_axolotl(name: str) -> None:
    row, verdict = AWKWARD[name]
    before = copy.deepcopy(row)
    if verdict.startswith("raises "):
        error = refused(row)
        assert error.exit_code == 2
        assert error.finding_code in {"D001", "D002", "D003", "D005", "D008"}
        if error.finding_code != "D005":
            assert verdict.removeprefix("raises ") in error.cause
    else:
        conversation = normalize(row)
        assert len(conversation.origin) == len(conversation.messages)
        if verdict in {"drops", "moves"}:
            # A placeholder that is left empty is seen when the row is rendered.
            assert conversation.findings or empty(conversation)
    assert row == before


@pytest.mark.parametrize("name", ["plain", "sharegpt", "one placeholder", "part with base64", "image_url part"])
def test_clean_rows_have_no_findings(name: str) -> None:
    assert normalize(AWKWARD[name][0]).findings == []


def test_text_becomes_one_part() -> None:
    assert normalize({"messages": PAIR}).messages == [user([text("What is it?")]), assistant([text("A square.")])]


def test_sharegpt_roles_are_mapped_and_others_kept() -> None:
    turns = [*SHAREGPT, {"from": "tool", "value": "x"}]
    assert [m["role"] for m in normalize({"conversations": turns}).messages] == ["user", "assistant", "tool"]


def test_human_is_not_mapped_outside_sharegpt() -> None:
    assert normalize({"messages": [{"role": "human", "content": "x"}]}).messages[0]["role"] == "human"


def test_configured_field_wins_over_messages() -> None:
    row = {"messages": PAIR, "chat": [user("other")]}
    assert normalize(row, field_messages="chat").messages == [user([text("other")])]
    assert normalize({**row, "chat": None}, field_messages=["chat"]).messages[0]["content"] == [text("What is it?")]


def test_configured_sharegpt_field_beats_a_stale_messages_column() -> None:
    conversation = normalize({"messages": PAIR, "chat": SHAREGPT[:1]}, field_messages=("", "chat"))
    assert conversation.messages == [user([text("What is it?")])]
    assert messages_field({"chat": SHAREGPT}, ["chat"]) == "chat"


def test_configured_conversations_loses_to_messages_and_says_so() -> None:
    row = {"messages": PAIR, "conversations": SHAREGPT}
    assert codes(row, field_messages="conversations") == [("D001", "warning")]
    assert codes(row) == []


def test_first_custom_field_with_a_value_wins() -> None:
    row = {"a": None, "b": [user("b")], "c": [user("c")]}
    assert normalize(row, field_messages=["a", "b", "c"]).messages == [user([text("b")])]


def test_dropped_message_keeps_origin_right() -> None:
    row = {"messages": [user("a"), assistant(None), user("b"), assistant("c")]}
    conversation = normalize(row, row=7, source="d.jsonl", line=9)
    assert conversation.origin == [0, 2, 3]
    (finding,) = conversation.findings
    assert (finding.code, finding.where.message, str(finding.where)) == (
        "D002",
        1,
        "d.jsonl:9: row 7, messages[1].content",
    )


def test_nulls_vanish_at_every_depth_but_not_from_lists() -> None:
    part = {"type": "text", "text": "x", "a": None, "b": {"c": None, "d": [None, {"e": None}]}}
    assert normalize({"messages": [user([part])]}).messages[0]["content"] == [
        {"type": "text", "text": "x", "b": {"d": [None, {}]}}
    ]


def test_error_names_file_row_and_field() -> None:
    error = refused({"messages": [user("a"), {"role": "assistant"}]}, row=3, source="x.jsonl", line=5)
    assert str(error.where) == "x.jsonl:5: row 3, messages[1].content"
    assert error.finding().code == "D002"
    assert error.finding().severity == "error"
    assert isinstance(error, InputError)


def test_hint_for_sharegpt_in_messages_names_the_right_column() -> None:
    assert "conversations" in refused({"messages": SHAREGPT}).hint


def test_picture_goes_to_last_message_with_a_placeholder_first_hole_in_it() -> None:
    row = {
        "messages": [user([hole(), text("a")]), assistant("b"), user([text("c"), hole(), hole()])],
        "images": [RED],
    }
    conversation = normalize(row)
    assert [["image" in part for part in message["content"]] for message in conversation.messages] == [
        [False, False],
        [False],
        [False, True, False],
    ]
    assert empty(conversation) == [(0, 0), (2, 2)]


def test_picture_without_placeholder_is_appended_to_first_user() -> None:
    conversation = normalize({"messages": [{"role": "system", "content": "s"}, user("u"), user("v")], "images": [RED]})
    assert [len(message["content"]) for message in conversation.messages] == [1, 2, 1]
    assert list(conversation.messages[1]["content"][1]) == ["type", "image"]
    assert [(f.code, f.severity, f.where.message) for f in conversation.findings] == [("D003", "note", 1)]


def test_extra_pictures_are_counted() -> None:
    (finding,) = normalize({"messages": [user([hole()])], "images": [RED, BLUE, BLUE]}).findings
    assert (finding.code, finding.severity) == ("D003", "error")
    assert "first of 3" in finding.message
    assert "2 are lost" in finding.message


def test_dropped_keys_are_one_finding_each() -> None:
    turns = [
        user("q"),
        assistant("a", tool_calls=[1]),
        user("q", weight=0),
        assistant("b", tool_calls=[1], reasoning=None),
    ]
    found = normalize({"messages": turns, "tools": [1]}).findings
    assert [(f.code, f.severity) for f in found] == [("T001", "error"), ("M013", "note"), ("T001", "warning")]
    assert "messages 1, 3" in found[0].message
    assert found[0].where.message == 1


def test_part_weights_are_reported_but_kept() -> None:
    conversation = normalize({"messages": [user([{**text("x"), "train": False}])]})
    assert [f.code for f in conversation.findings] == ["M013"]
    assert conversation.messages[0]["content"][0]["train"] is False


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ({"type": "audio"}, 0),
        ({"type": "image", "image": RED}, 1),
        ({"type": "image", "image_url": RED}, 0),
        ({"type": "image_url", "image_url": {"url": RED}}, 1),
        ({"type": "input_image", "image": RED}, 0),
        ({"type": "image", "url": RED, "path": RED}, 2),
        ({"image": RED}, 0),
        ("text", 0),
    ],
)
def test_what_transformers_takes_of_a_part(part: Any, count: int) -> None:
    assert handed_over(part) == count


class TestPictures:
    def placed(self, value: Any, **options: Any) -> Image.Image:
        picture = normalize({"messages": PAIR, "images": [value]}, **options).messages[0]["content"][1]["image"]
        assert isinstance(picture, Image.Image)
        return picture

    def test_square_keeps_proportions_on_black(self) -> None:
        picture = self.placed(BLUE, image_size=6)
        assert picture.size == (6, 6)
        assert picture.getpixel((3, 0)) == (0, 0, 0)
        assert picture.getpixel((3, 3)) == (0, 0, 255)

    def test_pair_stretches(self) -> None:
        picture = self.placed(BLUE, image_size=(4, 8))
        assert picture.size == (4, 8)
        assert picture.getpixel((0, 0)) == (0, 0, 255)

    def test_resampling_is_bilinear_unless_named(self) -> None:
        ramp = Image.new("L", (8, 8))
        ramp.putdata([(x * 37 + y * 91) % 256 for y in range(8) for x in range(8)])
        ramp = ramp.convert("RGB")
        for name, method in {None: 2, "bilinear": 2, "bicubic": 3, "lanczos": 1}.items():
            expected = ramp.resize((5, 5), Image.Resampling(method)).tobytes()
            assert self.placed(ramp, image_size=(5, 5), image_resize=name).tobytes() == expected

    def test_stored_cell_in_column_and_part(self) -> None:
        buffer = io.BytesIO()
        Image.new("L", (3, 1)).save(buffer, "PNG")
        stored = StoredPicture(buffer.getvalue(), "x.png")
        assert self.placed(stored).mode == "RGB"
        parts = normalize({"messages": [user([{"type": "image", "image": stored}])]}).messages[0]["content"]
        assert parts[0]["image"].mode == "L"
        assert "len()" in refused({"messages": PAIR, "image": stored}).cause

    def test_path_beside_the_data_file(self, tmp_path: Path) -> None:
        Image.new("RGB", (2, 3)).save(tmp_path / "a.png")
        row = {"messages": [user([{"type": "image", "path": "a.png"}, text("x")])], "images": ["a.png"]}
        conversation = normalize(row, base_dir=tmp_path)
        part, _, appended = conversation.messages[0]["content"]
        assert part == {"type": "image", "path": str(tmp_path / "a.png")}
        assert appended["image"].size == (2, 3)
        places = [f for f in conversation.findings if f.code == "D005"]
        assert [f.severity for f in places] == ["note"]
        assert "and 1 more" in places[0].message

    def test_path_in_working_directory_is_left_as_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Image.new("RGB", (2, 3)).save(tmp_path / "a.png")
        monkeypatch.chdir(tmp_path)
        row = {"messages": [user([{"type": "image", "url": "a.png"}])]}
        conversation = normalize(row, base_dir=tmp_path)
        assert conversation.messages == row["messages"]
        assert conversation.findings == []

    def test_two_files_of_one_name_are_reported(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for folder in ("here", "data"):
            (tmp_path / folder).mkdir()
            Image.new("RGB", (1, 1)).save(tmp_path / folder / "a.png")
        monkeypatch.chdir(tmp_path / "here")
        row = {"messages": [user([{"type": "image", "url": "a.png"}])]}
        assert codes(row, base_dir=tmp_path / "data") == [("D005", "warning")]

    def test_image_url_keeps_its_shape(self, tmp_path: Path) -> None:
        Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
        part = {"type": "image_url", "image_url": {"url": "a.png", "detail": "low"}}
        (found,) = normalize({"messages": [user([part])]}, base_dir=tmp_path).messages[0]["content"]
        assert found == {"type": "image_url", "image_url": {"url": str(tmp_path / "a.png"), "detail": "low"}}

    def test_file_address_is_read_and_is_an_error(self, tmp_path: Path) -> None:
        Image.new("RGB", (1, 1)).save(tmp_path / "a b.png")
        uri = (tmp_path / "a b.png").as_uri()
        assert codes({"messages": [user([{"type": "image", "url": uri}])]}) == [("D005", "error")]

    def test_audio_path_is_resolved_and_missing_one_reported(self, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(b"RIFF")
        parts = [{"type": "audio", "path": "a.wav"}, {"type": "video", "path": "none.mp4"}]
        conversation = normalize({"messages": [user(parts)]}, base_dir=tmp_path)
        assert conversation.messages[0]["content"][0]["path"] == str(tmp_path / "a.wav")
        assert [(f.code, f.severity) for f in conversation.findings] == [("D005", "error"), ("D005", "note")]

    @pytest.mark.parametrize("value", ["none.png", 3, {"bytes": b"x", "path": None}, "bm90IGEgcGljdHVyZQ==" * 8])
    def test_unreadable_part_names_its_place(self, value: Any) -> None:
        error = refused({"messages": [user("x"), user([text("y"), {"type": "image", "image": value}])]}, row=4)
        assert error.finding_code == "D005"
        assert error.where.field == "messages[1].content[1].image"

    def test_without_media_nothing_is_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(*_: Any, **__: Any) -> bool:
            raise AssertionError("touched a file")

        monkeypatch.setattr(os.path, "isfile", forbidden)
        monkeypatch.setattr(Image, "open", forbidden)
        row = {"messages": [user([{"type": "image", "path": "a.png"}, hole()])], "images": ["b.png"]}
        conversation = normalize(row, load_media=False, base_dir=Path("/nowhere"))
        assert conversation.messages[0]["content"] == [
            {"type": "image", "path": "a.png"},
            {"type": "image", "image": "b.png"},
        ]


_parts = st.sampled_from(
    [hole(), {"type": "image", "path": None}, {"type": "image", "url": "u"}, text("t"), {"type": "text"}]
)
_contents = st.one_of(st.none(), st.text(max_size=2), st.integers(), st.lists(_parts, max_size=4))
_messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": _contents}), max_size=5
)


def expected(messages: list[dict[str, Any]], picture: str | None) -> list[list[list[str]]] | None:
    """Per kept message and part, its keys; None where axolotl raises. Written from the rule, not from the code."""
    kept = [m for m in messages if isinstance(m["content"], (str, list))]
    keys = [
        [["type", "text"]]
        if isinstance(m["content"], str)
        else [[k for k in p if p[k] is not None] for p in m["content"]]
        for m in kept
    ]
    if picture is None:
        return keys
    holes = [
        (i, j)
        for i, m in enumerate(kept)
        if isinstance(m["content"], list)
        for j, p in enumerate(m["content"])
        if list(p) == ["type"] and p["type"] == "image"
    ]
    if holes:
        last = holes[-1][0]
        i, j = min(h for h in holes if h[0] == last)
        keys[i][j].append("image")
    elif kept:
        users = [i for i, m in enumerate(kept) if m["role"] == "user"]
        keys[users[0] if users else 0].append(["type", "image"])
    else:
        return None
    return keys


@settings(max_examples=300, deadline=None)
@given(_messages, st.sampled_from([None, "p.png"]))
def test_placement_follows_the_rule(messages: list[dict[str, Any]], picture: str | None) -> None:
    row = {"messages": messages, "images": None if picture is None else [picture]}
    want = expected(messages, picture)
    if want is None:
        assert refused(row, load_media=False).finding_code == "D003"
        return
    conversation = normalize(row, load_media=False)
    assert [[list(part) for part in m["content"]] for m in conversation.messages] == want
    assert [messages[i]["role"] for i in conversation.origin] == [m["role"] for m in conversation.messages]
    dropped = [f.where.message for f in conversation.findings if "drops the message" in f.message]
    assert sorted([*dropped, *conversation.origin]) == list(range(len(messages)))


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "image", "from", "value"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["messages", "conversations", "images", "image", "tools", "chat"]), _json))
def test_any_row_gives_a_conversation_or_a_row_error(row: dict[str, Any]) -> None:
    before = copy.deepcopy(row)
    try:
        conversation = normalize(row, field_messages="chat", load_media=False)
    except RowError as error:
        found = [error.finding()]
    else:
        found = conversation.findings
        assert all(set(message) <= {"role", "content"} for message in conversation.messages)
    assert all(finding.message and finding.where.row == 0 for finding in found)
    assert row == before


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"content": ""}, "is empty"),
        ({"content": []}, "is empty"),
        ({"content": [text("")]}, "is empty"),
        ({"content": [text(""), text("")]}, "is empty"),
        ({"content": [{"text": ""}]}, "is empty"),
        ({"content": " \n"}, "holds white space alone"),
        ({"content": [text(" "), text("")]}, "holds white space alone"),
        ({"content": [text(""), text("x")]}, ""),
        ({"content": [text(""), {"type": "image"}]}, ""),
        ({"content": "", "reasoning_content": "So."}, ""),
        ({"content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, ""),
        ({"content": "", "tool_calls": []}, "is empty"),
    ],
)
@pytest.mark.parametrize("path", ["multimodal", "text"])
def test_a_message_that_says_nothing_is_told_of(path: str, message: dict[str, Any], said: str) -> None:
    row = {"messages": [user("a"), {"role": "assistant", **message}]}
    found = normalize(row) if path == "multimodal" else turns_of(row, TurnKeys())
    told = [finding for finding in found.findings if finding.code == "D002"]
    assert [(one.severity, one.where.message, one.message) for one in told] == (
        [("warning", 1, f"the assistant message {said}")] if said else []
    )
