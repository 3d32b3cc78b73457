"""Rows that would lose something stay out, with the reason; what is changed or not kept is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.convert.shapes import CALL, TOOL, base64_of, jsonl, picture, pictures, talk
from workbench.convert.parts import read_content
from workbench.convert.rows import Wanted
from workbench.convert.run import Converted, convert
from workbench.convert.shapes import Columns, recognise
from workbench.convert.talk import Changes, Media, Text
from workbench.data.sources import open_source
from workbench.errors import InputError


def run(folder: Path, rows: list[Any], wanted: Wanted | None = None, **more: Any) -> Converted:
    pictures(folder)
    data = jsonl(folder, rows)
    return convert(open_source(str(data), as_written=True), folder / "out.jsonl", wanted or Wanted(), **more)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


GOOD = {"messages": talk("Hello?", "Hello.")}


def called(**more: Any) -> dict[str, Any]:
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    return {"messages": [*talk("Weather?"), {"role": "assistant", "content": "", "tool_calls": [call]}, *more.values()]}


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (called(), "calls of tools", ""),
        ({"messages": [*talk("Hi?"), {"role": "function_call", "content": json.dumps(CALL)}]}, "calls of tools", ""),
        (
            {"messages": [*talk("Hi?"), {"role": "assistant", "content": "a", "reasoning_content": "b"}]},
            "reasoning",
            "",
        ),
        ({**GOOD, "tools": [TOOL]}, "declarations of tools", ""),
        ({"messages": talk("<image>A?", "B."), "images": []}, "placeholders and pictures", "1 placeholder for 0"),
        (
            {"messages": talk("<image>A?", "B."), "images": ["img/red.png", "img/blue.png"]},
            "placeholders and pictures",
            "1 placeholder for 2 pictures",
        ),
        ({"messages": talk("<image 2>A?", "B."), "images": ["img/red.png"]}, "numbers of picture", "2"),
        ({"messages": talk("<video>A?", "B.")}, "placeholders and videos", "1 placeholder for 0 videos"),
        ({"messages": talk("A?", "B."), "images": ["img/grey.png"]}, "a picture that is not there", "grey.png"),
        ({"messages": talk("A?", "B."), "images": ["img/text.png"]}, "a picture that cannot be read", "text.png"),
        ({"messages": talk("A?", "B."), "images": ["s3://bucket/a.png"]}, "a picture at an address of s3://", ""),
        (
            {"messages": talk("A?", "B."), "images": ["data:image/png;base64,@@@@"]},
            "a picture whose base64 is broken",
            "",
        ),
        (
            {"messages": talk("A?", "B."), "images": ["iVBORw0KGgo" + "A" * 89]},
            "a picture that cannot be read",
            "",
        ),
        (
            {"messages": [{"role": "narrator", "content": "A"}, *talk("A?", "B.")]},
            "a role that is not known",
            "narrator",
        ),
        ({"messages": talk("A?")}, "no answer of an assistant", ""),
        ({"messages": talk("A?", "")}, "an empty message", "message 1 (assistant)"),
        ({"messages": talk("A?", None)}, "an empty message", "message 1 (assistant)"),
        ({"messages": talk("A?", {"type": "file", "file": {"file_id": "f"}})}, "a part of a type", "type: file"),
        (
            {"messages": talk([{"type": "input_image", "file_id": "f-1"}], "B.")},
            "a file of an API",
            "f-1",
        ),
        ({"messages": talk("A?", [7])}, "a part that is neither", "a number"),
        ({"messages": talk("A?", 7)}, "a content that is neither", "a number"),
        ({"messages": []}, "no messages", "`messages`"),
        (
            {"messages": [{"role": "assistant", "content": "A"}], "images": ["img/red.png"]},
            "a picture, and no user",
            "",
        ),
        ({"messages": talk("A?", "B."), "images": [3]}, "a picture in a form", "a number"),
        (
            {"messages": [*talk("A?"), {"role": "assistant", "content": "B", "weight": 0.5}]},
            "a weight that is neither 0 nor 1",
            "0.5",
        ),
        (
            {"messages": [{"role": "system", "content": "x"}, *talk("A?", "B.")], "system": "y"},
            "a system text in the messages and in a column",
            "",
        ),
    ],
)
def test_a_row_is_refused_with_its_reason(tmp_path: Path, row: dict[str, Any], reason: str, detail: str) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "text.png").write_text("no picture")
    filled = {**GOOD, "images": ["img/red.png"]} if "images" in row else {**GOOD, "system": "x", "tools": []}
    result = run(tmp_path, [GOOD, filled, row])
    assert (result.written, result.refused) == (2, 1)
    (refusal,) = lines(tmp_path / "out.refused.jsonl")
    assert refusal["reason"].startswith(reason)
    assert detail in refusal.get("detail", "")
    assert (refusal["row"], refusal["line"]) == (2, 3)
    assert {key: value for key, value in refusal["data"].items() if value is not None} == row
    assert result.first[refusal["reason"]][0].row == 2


def test_lines_that_are_no_rows_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(json.dumps(GOOD).encode() + b'\n{"messages": [\n\xff\n[1]\n' + json.dumps(GOOD).encode())
    result = convert(open_source(str(file), as_written=True), tmp_path / "out.jsonl", Wanted())
    assert (result.read, result.written, result.refused) == (5, 2, 3)
    refused = lines(tmp_path / "out.refused.jsonl")
    assert [row["line"] for row in refused] == [2, 3, 4]
    assert {row["reason"] for row in refused} == {"a row that cannot be read"}


def test_a_row_nested_too_deep_or_without_characters_is_refused(tmp_path: Path) -> None:
    text = json.dumps([{"role": "user", "content": "A?"}, {"role": "assistant", "content": "x"}]).replace(
        "x", "\\ud800"
    )
    result = run(tmp_path, [{"messages": json.dumps(talk("A?", "B."))}, {"messages": text}])
    assert (result.written, result.refused) == (1, 1)
    assert list(result.refusals) == ["half of a surrogate pair, which is no character"]


def test_with_tool_text_the_same_rows_are_written(tmp_path: Path) -> None:
    rows = [called(answer={"role": "tool", "content": "4"}, end={"role": "assistant", "content": "4 it is."})]
    result = run(tmp_path, rows, Wanted(tool_text=True))
    assert result.refused == 0
    (row,) = lines(tmp_path / "out.jsonl")
    texts = [(message["role"], message["content"][0]["text"]) for message in row["messages"]]
    assert texts == [
        ("user", "Weather?"),
        ("assistant", '<tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call>'),
        ("user", "<tool_response>\n4\n</tool_response>"),
        ("assistant", "4 it is."),
    ]
    assert not (tmp_path / "out.refused.jsonl").exists()


def test_flags_are_counted_on_the_multimodal_path_and_kept_on_the_text_path(tmp_path: Path) -> None:
    turns = [
        *talk("A?"),
        {"role": "assistant", "content": "B", "weight": 0},
        *talk("C?"),
        {"role": "assistant", "content": "D"},
    ]
    result = run(tmp_path, [{"messages": turns}])
    (said,) = result.changes.lost
    assert "asks not to be trained" in said
    assert "train" not in json.dumps(lines(tmp_path / "out.jsonl"))
    result = run(tmp_path, [{"messages": turns}], Wanted(train_key="train", keeps_tools=True))
    assert not result.changes.lost
    (row,) = lines(tmp_path / "out.jsonl")
    assert [message.get("train") for message in row["messages"]] == [None, False, None, None]


def test_the_text_path_keeps_calls_reasoning_and_tools(tmp_path: Path) -> None:
    row = {**called(end={"role": "assistant", "content": "x", "reasoning_content": "y"}), "tools": [TOOL]}
    result = run(tmp_path, [row], Wanted(keeps_tools=True))
    assert result.refused == 0
    (found,) = lines(tmp_path / "out.jsonl")
    assert json.loads(found["tools"]) == [TOOL]
    assert found["messages"][1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": "{}"}
    assert found["messages"][2]["reasoning_content"] == "y"


def test_a_stored_picture_is_written_once(tmp_path: Path) -> None:
    rows = [{"image": base64_of(colour), **GOOD} for colour in ("red", "blue", "red", "red")]
    result = run(tmp_path, rows)
    assert (result.media_files, result.changes.made["a picture that the row held is a file beside the output"]) == (
        2,
        4,
    )
    assert result.media_folder is not None
    assert sorted(file.read_bytes() for file in result.media_folder.iterdir()) == sorted(map(picture, ("red", "blue")))
    again = run(tmp_path, rows)
    assert again.media_files == 0


def test_a_media_folder_is_where_relative_paths_begin(tmp_path: Path) -> None:
    pictures(tmp_path / "coco")
    data = jsonl(tmp_path, [{"image": "img/red.png", **GOOD}])
    source = open_source(str(data), as_written=True)
    result = convert(source, tmp_path / "out.jsonl", Wanted(), media_folder=tmp_path / "coco")
    assert result.written == 1
    (row,) = lines(tmp_path / "out.jsonl")
    assert row["messages"][0]["content"][0]["path"] == str(tmp_path / "coco" / "img" / "red.png")


@pytest.mark.parametrize(
    ("row", "named", "words"),
    [
        ({"messages": talk("A?", "B."), "conversations": talk("A?", "B.")}, Columns(), ("--messages", "conversations")),
        ({**GOOD, "image": "a.png", "thumbnail": "b.png", "photo": "c.png"}, Columns(), ("--image", "`photo`")),
        ({**GOOD, "pic": "a.png", "photo": "c.png", "text": "A"}, Columns(), ("--image", "`pic`")),
        ({"text": "A"}, Columns(), ("--user COL", "--assistant COL", "`text`")),
        ({"question": "A", "query": "B", "answer": "C"}, Columns(), ("--user COL", "`query`")),
        ({"question": "A", "answer": "B", "response": "C"}, Columns(), ("--assistant COL", "`response`")),
        ({"image": "a.png", "text": "A"}, Columns(assistant="text"), ("--user COL (or --prompt TEXT)",)),
        ({"question": "A", "answer": "B"}, Columns(user=("ask",)), ("--user", "'ask'", "`question`")),
        ({"prompt": "A", "chosen": "B", "rejected": "C"}, Columns(), ("compared", "--messages")),
        ({}, Columns(), ("--user COL",)),
    ],
)
def test_a_choice_is_left_to_an_option(row: dict[str, Any], named: Columns, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        recognise([row], named, source="data.jsonl")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_option_decides(tmp_path: Path) -> None:
    both = {"messages": talk("A?", "B."), "conversations": talk("C?", "D.")}
    run(tmp_path, [both], Wanted(Columns(messages="conversations")))
    assert lines(tmp_path / "out.jsonl")[0]["messages"][0]["content"] == [{"type": "text", "text": "C?"}]
    rows = [{"query": {"en": "A?", "de": "B?"}, "image_1": "img/red.png", "image_2": "img/blue.png", "gold": 7}]
    result = run(tmp_path, rows, Wanted(Columns(user=("query.en",), assistant="gold")))
    (row,) = lines(tmp_path / "out.jsonl")
    assert [part.get("text") for part in row["messages"][0]["content"]] == [None, None, "A?"]
    assert [Path(part["path"]).stem for part in row["messages"][0]["content"][:2]] == ["red", "blue"]
    assert row["messages"][1]["content"][0]["text"] == "7"
    assert result.shape.media["image"] == ("image_1", "image_2")


def test_the_likeliest_column_of_pictures_is_taken() -> None:
    """Filled before empty, named before not, pictures before paths; texts that are no paths are none."""
    stored = {"bytes": picture("red"), "path": None}
    rows = [
        {**GOOD, "images": None, "image": stored, "image_name": "a.png", "thumb": stored, "picture": "A red one."},
        {**GOOD, "images": None, "image": stored, "image_name": "b.png", "thumb": stored, "picture": "Red"},
    ]
    assert recognise(rows * 2, Columns(), source="x").media == {"image": ("image",)}
    assert recognise([{**GOOD, "images": []}], Columns(), source="x").media == {"image": ("images",)}


@pytest.mark.parametrize(
    "late", [{"system": "Be brief."}, {"photo": "img/red.png"}, {"tools": [TOOL]}, {"conversations": talk("A?", "B.")}]
)
def test_what_the_first_rows_do_not_show_is_not_lost(tmp_path: Path, late: dict[str, Any]) -> None:
    """A column that is filled after the rows by which the shape was found is read, or its row is refused."""
    result = run(tmp_path, [GOOD] * 120 + [{**GOOD, **late}])
    if "photo" in late or "system" in late:
        assert (result.written, result.refused) == (121, 0)
        row = lines(tmp_path / "out.jsonl")[-1]
        assert "Be brief." in json.dumps(row) or "red.png" in json.dumps(row)
    else:
        assert (result.written, result.refused) == (120, 1)


def test_texts_are_as_written_where_datasets_would_read_numbers(tmp_path: Path) -> None:
    """In a field of texts and lists, and in a CSV file, "007" and "NA" stay what they are."""
    rows = [{"messages": talk("Code?", "007")}, {"messages": talk([{"type": "text", "text": "A?"}], "B.")}]
    run(tmp_path, rows)
    assert lines(tmp_path / "out.jsonl")[0]["messages"][1]["content"][0]["text"] == "007"
    file = tmp_path / "data.csv"
    file.write_text('question;answer\nCode?;007\nShort?;NA\n"Two\nlines";"a;b"\n')
    convert(open_source(str(file), as_written=True), tmp_path / "out.jsonl", Wanted())
    texts = [[part["content"][0]["text"] for part in row["messages"]] for row in lines(tmp_path / "out.jsonl")]
    assert texts == [["Code?", "007"], ["Short?", "NA"], ["Two\nlines", "a;b"]]


WORDS = st.text(alphabet=st.sampled_from("ab <>\n é"), max_size=12)


@given(st.lists(st.one_of(WORDS, st.sampled_from(["<image>", "<video>", "<audio>"])), max_size=8))
def test_no_word_is_lost_between_placeholders(pieces: list[str]) -> None:
    """The parts of a text are its words and its placeholders, in their order; white space at edges alone may go."""
    text = "".join(pieces)
    parts = read_content(text, Changes()).parts
    again = "".join(part.text if isinstance(part, Text) else f"<{part.kind}>" for part in parts)
    assert "".join(again.split()) == "".join(text.split())
    assert all(part.text.strip() for part in parts if isinstance(part, Text))
    assert sum(isinstance(part, Media) for part in parts) == sum(
        text.count(f"<{kind}>") for kind in ("image", "video", "audio")
    )
    if not any(isinstance(part, Media) for part in parts) and text.strip():
        assert again == text
