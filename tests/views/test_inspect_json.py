"""`vlmbench.inspect/1`: every figure that other programs read, against the row it was taken from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from tests.views.support import EVIL
from workbench.bench import Bench
from workbench.row import Row
from workbench.tokens.mask import Spans
from workbench.views.inspect_json import boundaries_payload, count_matches, inspect_payload, row_payload, spans_payload


def spans(boundary: list[int], terminated: list[bool], roles: int = 3) -> Spans:
    count = len(boundary)
    columns = [np.arange(count, dtype=np.int64) * 10 + step for step in (0, 1, 3, 5)]
    return Spans(
        np.zeros(count, dtype=np.int64),
        np.array(boundary, dtype=np.int64),
        *columns,
        np.array(terminated, dtype=bool),
        np.array([at % 2 == 0 for at in range(count)], dtype=bool),
        tuple("abc"[:roles]),
    )


def test_matches_are_counted_over_all_rows_and_those_without_an_end_apart() -> None:
    rows = [spans([0, 1, 0], [True, False, False]), spans([2, 0], [True, True]), spans([], [])]
    assert count_matches(4, rows) == ([3, 1, 1, 0], [1, 1, 0, 0])
    assert count_matches(2, []) == ([0, 0], [0, 0])


def test_spans_are_written_in_order() -> None:
    first, second = spans_payload(spans([2, 0], [True, False]))
    assert first == {
        "role": "c",
        "boundary": 2,
        "start": 0,
        "content": 1,
        "end": 3,
        "stop": 5,
        "terminated": True,
        "trained": True,
    }
    assert (second["role"], second["start"], second["stop"]) == ("a", 10, 15)
    assert (second["terminated"], second["trained"]) == (False, False)


def test_the_bench_and_its_recipe(opened: Bench, rows: list[Row]) -> None:
    told = inspect_payload(opened, rows)
    assert json.loads(json.dumps(told)) == told
    assert told["schema"] == "vlmbench.inspect/1"
    assert told["model"] == {
        "source": "demo-model",
        "revision": opened.loaded.revision,
        "model_type": "gemma4",
        "processor": "Gemma4Processor",
        "tokenizer": type(opened.loaded.tokenizer).__name__,
    }
    assert told["family"] == "gemma4"
    assert told["recipe"] == {
        "file": "demo.yaml",
        "chat_template": "tokenizer_default",
        "template": "the tokenizer's own",
        "strategy": "base",
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
        "train_on_inputs": False,
        "pad_id": opened.masking.pad_id,
        "media_ids": list(opened.masking.media_ids),
    }
    assert [row["row"] for row in told["rows"]] == [0, 1, 2]
    assert told["findings"] == [one.to_dict() for one in opened.findings] == []


def test_boundaries_have_their_ids_and_matches(opened: Bench, rows: list[Row]) -> None:
    assistant, user, system = boundaries_payload(opened, rows)
    assert assistant == {
        "role": "assistant",
        "start": "<|turn>model\n",
        "end": "<turn|>",
        "include_start": False,
        "include_end": True,
        "start_ids": [105, 740, 107],
        "end_ids": [106],
        "matches": sum(len(row.conversation.messages) // 2 for row in rows),
        "unterminated": 0,
    }
    assert (user["role"], user["matches"]) == ("user", assistant["matches"])
    assert (system["role"], system["matches"]) == ("system", 0)


def test_a_rows_tokens_say_whose_they_are_and_why_they_are_trained(rows: list[Row]) -> None:
    row, told = rows[0], row_payload(rows[0])
    ids = row.rendering.input_ids.tolist()
    assert (told["row"], told["line"]) == (0, 1)
    assert told["source"].endswith("shapes.jsonl")
    assert told["input_ids"] == ids
    assert told["labels"] == [token if kept else -100 for token, kept in zip(ids, row.mask.keep, strict=True)]
    assert told["trained"] == sum(row.mask.keep) == 15
    tokens = told["tokens"]
    assert [one["id"] for one in tokens] == ids
    assert [one["index"] for one in tokens] == list(range(len(ids)))
    assert (
        "".join(one["text"] for one in tokens if one["trained"])
        == "The green shape is a triangle.<turn|>Two. Both are squares.<turn|>"
    )
    assert [one["trained"] for one in tokens] == row.mask.keep.tolist()
    # The answer's own characters, one after the other, in message 1.
    answer = [one for one in tokens if one["owner"].get("message") == 1 and one["owner"]["kind"] == "content"]
    text = "The green shape is a triangle."
    assert [text[slice(*one["owner"]["chars"])] for one in answer] == [one["text"] for one in answer]
    assert {(one["owner"]["role"], one["owner"]["part"], one["owner"]["exact"]) for one in answer} == {
        ("assistant", 0, True)
    }
    assert {one["reason"] for one in answer} == {"content"}
    assert {one["span"] for one in answer} == {1}
    question = [one for one in tokens if one["owner"].get("message") == 0 and one["owner"]["kind"] == "content"]
    # The question's text is its second part, behind the picture.
    assert {one["owner"]["part"] for one in question} == {1}
    assert {one["reason"] for one in question} == {"role_not_trained"}
    assert {one["span"] for one in question} == {0}
    pictures = [one for one in tokens if one["owner"]["kind"] == "media"]
    # What opens and closes a picture is its own too, but no id that the collator masks.
    soft = set(row.bench.masking.media_ids)
    assert all((one["reason"] == "media") == (one["id"] in soft) for one in pictures)
    assert sum(one["reason"] == "media" for one in pictures) >= 64
    assert all("chars" not in one["owner"] for one in pictures)
    assert tokens[0]["owner"] == {"kind": "template"}
    assert tokens[0]["span"] is None
    assert tokens[0]["reason"] == "outside"


def test_a_rows_media_and_spans(rows: list[Row]) -> None:
    told = row_payload(rows[0])
    (picture,) = told["media"]
    assert (picture["modality"], picture["soft_tokens"]) == ("image", 64)
    assert picture["stop"] - picture["start"] == 66
    kinds = {one["owner"]["kind"] for one in told["tokens"][picture["start"] : picture["stop"]]}
    assert kinds == {"media"}
    assert [one["role"] for one in told["spans"]] == ["user", "assistant"] * 2
    assert [one["trained"] for one in told["spans"]] == [False, True] * 2
    assert [one["code"] for one in told["findings"]] == ["D005"]


def test_messages_are_numbered_as_in_the_raw_row(copied: Bench) -> None:
    """axolotl merges and drops messages; the file's own numbers are what a person looks for."""
    row = copied.row(0)
    row.conversation.origin[:] = [0, 2, 4, 6]
    numbers = {one["owner"]["message"] for one in row_payload(row)["tokens"] if "message" in one["owner"]}
    assert numbers == {0, 2, 4, 6}


def test_a_row_that_cannot_be_shown_has_its_findings_alone(hostile: Bench) -> None:
    told = row_payload(hostile.row(1))
    assert (told["row"], told["line"]) == (1, 2)
    assert told["tokens"] == told["input_ids"] == told["labels"] == told["spans"] == told["media"] == []
    assert [one["code"] for one in told["findings"]] == ["D001"]
    assert "trained" not in told
    whole = inspect_payload(hostile, [hostile.row(0), hostile.row(1)])
    assert [one["matches"] for one in whole["boundaries"]] == [1, 1, 0]
    # JSON holds texts as they are: whoever draws them escapes them.
    assert EVIL in "".join(one["text"] for one in whole["rows"][0]["tokens"])
    assert "\x1b" not in json.dumps(whole)


def test_without_a_family_or_processor(copied: Bench) -> None:
    copied.family = None
    copied.loaded = replace(copied.loaded, processor=None)
    told = inspect_payload(copied, [])
    assert told["family"] is None
    assert told["model"]["processor"] is None
    assert told["rows"] == []
