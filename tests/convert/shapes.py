"""One small data set of each shape that people bring, written to a folder as its format has it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")


def picture(colour: str, kind: str = "PNG") -> bytes:
    """A picture of one colour, 64 × 48."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, kind)
    return out.getvalue()


def base64_of(colour: str) -> str:
    return base64.b64encode(picture(colour)).decode()


def pictures(folder: Path) -> None:
    """A file of each colour in `folder`/img."""
    (folder / "img").mkdir(parents=True, exist_ok=True)
    for colour in COLOURS:
        (folder / "img" / f"{colour}.png").write_bytes(picture(colour))


@dataclass(frozen=True)
class Case:
    """A data set: the rows or the way to write them, the options it needs, and what comes out of its first row.

    `turns`: (role, parts) with "#image" for a picture. `rows`: how many are converted.
    """

    name: str
    rows: list[dict[str, Any]]
    turns: list[tuple[str, list[str]]]
    write: Callable[[Path, list[dict[str, Any]]], Path] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    shape: str = ""


def jsonl(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "data.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def json_list(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "data.json"
    file.write_text(json.dumps(rows, indent=1), "utf-8")
    return file


def csv_file(folder: Path, rows: list[dict[str, Any]]) -> Path:
    import csv

    file = folder / "data.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def parquet_of(*columns: str, several: bool = False) -> Callable[[Path, list[dict[str, Any]]], Path]:
    """A writer of Parquet files in which these columns are of the `datasets` type Image, or lists of them."""

    def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
        from datasets import Dataset, Image, Sequence

        made = Dataset.from_list(rows)
        for column in columns:
            made = made.cast_column(column, Sequence(Image()) if several else Image())
        file = folder / "data.parquet"
        made.to_parquet(str(file))
        return file

    return write


def plain_parquet(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows whose pictures are plain structs of bytes, not known as pictures to `datasets`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = folder / "data.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


ASK, SAY = "What colour is it?", "It is red."
SEEN = [("user", ["#image", ASK]), ("assistant", [SAY])]
CALL = {"name": "weather", "arguments": {"city": "Oslo"}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
_CALL_TEXT = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
CALLED = [
    ("user", ["Weather in Oslo?"]),
    ("assistant", [_CALL_TEXT]),
    ("user", ["<tool_response>\n4 degrees\n</tool_response>"]),
    ("assistant", ["It is 4 degrees."]),
]


def talk(*turns: Any, role: str = "role", content: str = "content", names: tuple[str, ...] = ("user", "assistant")):
    """Messages of two roles in turn."""
    return [{role: names[at % 2], content: turn} for at, turn in enumerate(turns)]


def _sharegpt(*turns: str) -> list[dict[str, str]]:
    return talk(*turns, role="from", content="value", names=("human", "gpt"))


def _inline(picture_part: dict[str, Any], text_part: dict[str, Any]) -> list[dict[str, Any]]:
    return [picture_part, text_part]


def _text(text: str = ASK) -> dict[str, Any]:
    return {"type": "text", "text": text}


CASES = [
    Case(
        "llava",
        [
            {"id": "1", "image": "img/red.png", "conversations": _sharegpt(f"<image>\n{ASK}", SAY, "Sure?", "Yes.")},
            {"id": "2", "image": "img/green.png", "conversations": _sharegpt(f"{ASK}\n<image>", "It is green.")},
            {"id": "3", "conversations": _sharegpt("Say hello.", "Hello.")},
        ],
        [*SEEN, ("user", ["Sure?"]), ("assistant", ["Yes."])],
        json_list,
        shape="LLaVA",
    ),
    Case(
        "cauldron",
        [
            {
                "images": [{"bytes": picture("red"), "path": None}, {"bytes": picture("green"), "path": None}],
                "texts": [
                    {"user": "Same colour?", "assistant": "No.", "source": "made"},
                    {"user": "The first?", "assistant": "Red.", "source": "made"},
                ],
            },
            {
                "images": [{"bytes": picture("blue"), "path": None}],
                "texts": [{"user": ASK, "assistant": "Blue.", "source": "made"}],
            },
        ],
        [
            ("user", ["#image", "#image", "Same colour?"]),
            ("assistant", ["No."]),
            ("user", ["The first?"]),
            ("assistant", ["Red."]),
        ],
        parquet_of("images", several=True),
        shape="the cauldron",
    ),
    Case(
        "ms-swift",
        [
            {"messages": talk(f"<image>{ASK}", SAY), "images": ["img/red.png"]},
            {"messages": talk("<image><image>Same?", "No."), "images": ["img/red.png", "img/blue.png"]},
            {"messages": talk("Say hello.", "Hello."), "images": []},
        ],
        SEEN,
        shape="ms-swift",
    ),
    Case(
        "ms-swift-agent",
        [
            {
                "tools": json.dumps([TOOL]),
                "messages": [
                    {"role": "user", "content": "Weather in Oslo?"},
                    {"role": "tool_call", "content": json.dumps(CALL)},
                    {"role": "tool_response", "content": "4 degrees"},
                    {"role": "assistant", "content": "It is 4 degrees."},
                ],
            }
        ],
        [("system", ["# Tools"]), *CALLED],
        options={"tool_text": True},
        shape="ms-swift",
    ),
    Case(
        "llama-factory-sharegpt",
        [
            {
                "conversations": _sharegpt(f"<image>{ASK}", SAY),
                "images": ["img/red.png"],
                "system": "You look closely.",
                "tools": "",
            },
            {
                "conversations": _sharegpt("Hello?", "Hello."),
                "images": [],
                "system": "You look closely.",
                "tools": "[]",
            },
        ],
        [("system", ["You look closely."]), *SEEN],
        shape="LLaMA-Factory sharegpt",
    ),
    Case(
        "llama-factory-agent",
        [
            {
                "conversations": [
                    {"from": "human", "value": "Weather in Oslo?"},
                    {"from": "function_call", "value": json.dumps(CALL)},
                    {"from": "observation", "value": "4 degrees"},
                    {"from": "gpt", "value": "It is 4 degrees."},
                ],
                "tools": json.dumps([TOOL["function"]]),
            }
        ],
        [("system", ["# Tools"]), *CALLED],
        options={"tool_text": True},
        shape="LLaMA-Factory sharegpt",
    ),
    Case(
        "alpaca",
        [
            {
                "instruction": f"<image>{ASK}",
                "input": "One word.",
                "output": "Red.",
                "system": "Be brief.",
                "history": [["Hello?", "Hello."]],
                "images": ["img/red.png"],
            },
            {"instruction": "Add.", "input": "1 + 1", "output": "2", "system": None, "history": [], "images": []},
        ],
        [
            ("system", ["Be brief."]),
            ("user", ["Hello?"]),
            ("assistant", ["Hello."]),
            ("user", ["#image", f"{ASK}\nOne word."]),
            ("assistant", ["Red."]),
        ],
        json_list,
        shape="alpaca",
    ),
    Case(
        "openai-chat",
        [
            {
                "messages": [
                    {"role": "developer", "content": "Be brief."},
                    {
                        "role": "user",
                        "content": [
                            _text(),
                            {
                                "type": "image_url",
                                "image_url": {"url": f"data:image/png;base64,{base64_of('red')}", "detail": "low"},
                            },
                        ],
                    },
                    {"role": "assistant", "content": "Blue.", "weight": 0},
                    {"role": "user", "content": "Look again."},
                    {"role": "assistant", "content": "7", "weight": 1},
                ]
            },
        ],
        [
            ("system", ["Be brief."]),
            ("user", [ASK, "#image"]),
            ("assistant", ["Blue."]),
            ("user", ["Look again."]),
            ("assistant", ["7"]),
        ],
        shape="OpenAI chat",
    ),
    Case(
        "openai-chat-tools",
        [
            {
                "messages": [
                    {"role": "user", "content": "Weather in Oslo?"},
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "c1",
                                "type": "function",
                                "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                            }
                        ],
                    },
                    {"role": "tool", "tool_call_id": "c1", "content": "4 degrees"},
                    {"role": "assistant", "content": "It is 4 degrees."},
                ],
                "tools": [TOOL],
            }
        ],
        [("system", ["# Tools"]), *CALLED],
        options={"tool_text": True},
        shape="OpenAI chat",
    ),
    Case(
        "openai-responses",
        [
            {
                "instructions": "Be brief.",
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "input_image", "image_url": f"data:image/png;base64,{base64_of('red')}"},
                            {"type": "input_text", "text": ASK},
                        ],
                    }
                ],
                "output": [
                    {
                        "type": "message",
                        "role": "assistant",
                        "content": [{"type": "output_text", "text": SAY, "annotations": []}],
                    }
                ],
            }
        ],
        [("system", ["Be brief."]), *SEEN],
        shape="OpenAI Responses",
    ),
    Case(
        "openai-responses-reasoning",
        [
            {
                "messages": [
                    {"role": "user", "content": [{"type": "input_text", "text": "Weather in Oslo?"}]},
                    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I look it up."}]},
                    {"type": "function_call", "call_id": "1", "name": "weather", "arguments": '{"city": "Oslo"}'},
                    {"type": "function_call_output", "call_id": "1", "output": "4 degrees"},
                    {"role": "assistant", "content": [{"type": "output_text", "text": "It is 4 degrees."}]},
                ]
            }
        ],
        [
            CALLED[0],
            ("assistant", [f"<think>\nI look it up.\n</think>\n{_CALL_TEXT}"]),
            *CALLED[2:],
        ],
        options={"tool_text": True},
        shape="OpenAI Responses",
    ),
    Case(
        "anthropic",
        [
            {
                "system": "Be brief.",
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image",
                                "source": {"type": "base64", "media_type": "image/png", "data": base64_of("red")},
                            },
                            {"type": "text", "text": ASK, "cache_control": {"type": "ephemeral"}},
                        ],
                    },
                    {"role": "assistant", "content": [{"type": "text", "text": SAY}]},
                ],
            }
        ],
        [("system", ["Be brief."]), *SEEN],
        shape="Anthropic",
    ),
    Case(
        "anthropic-tools",
        [
            {
                "messages": [
                    {"role": "user", "content": "Weather in Oslo?"},
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "thinking", "thinking": "I look it up.", "signature": "x"},
                            {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}},
                        ],
                    },
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "tool_result",
                                "tool_use_id": "t1",
                                "content": [{"type": "text", "text": "4 degrees"}],
                            }
                        ],
                    },
                    {"role": "assistant", "content": "It is 4 degrees."},
                ]
            }
        ],
        [
            CALLED[0],
            ("assistant", [f"<think>\nI look it up.\n</think>\n{_CALL_TEXT}"]),
            *CALLED[2:],
        ],
        options={"tool_text": True},
        shape="Anthropic",
    ),
    Case(
        "hf-messages-and-images",
        [
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image"}, {"type": "image"}, _text("Same?")]},
                    {"role": "assistant", "content": [_text("No.")]},
                ],
                "images": ["img/red.png", "img/blue.png"],
            },
        ],
        [("user", ["#image", "#image", "Same?"]), ("assistant", ["No."])],
        shape="messages with a column of pictures",
    ),
    Case(
        "qwen-official",
        [
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"image": "FILE://img/red.png", "max_pixels": 50176}, {"text": ASK}],
                    },
                    {"role": "assistant", "content": [{"text": SAY}]},
                ]
            }
        ],
        SEEN,
        shape="Qwen",
    ),
    Case(
        "docvqa",
        [
            {
                "questionId": 1,
                "image": {"bytes": picture("red"), "path": None},
                "question": ASK,
                "answers": [SAY, "Red"],
            },
            {"questionId": 2, "image": {"bytes": picture("blue"), "path": None}, "question": ASK, "answers": ["Blue."]},
        ],
        SEEN,
        parquet_of("image"),
        shape="table",
    ),
    Case(
        "ocr",
        [{"image": "img/red.png", "text": "RED"}, {"image": "img/blue.png", "text": "BLUE"}],
        [("system", ["You read."]), ("user", ["#image", "Read it."]), ("assistant", ["RED"])],
        options={"assistant": "text", "prompt": "Read it.", "system": "You read."},
        shape="table",
    ),
    Case(
        "csv",
        [
            {"photo": "img/red.png", "question": ASK, "answer": SAY},
            {"photo": "img/blue.png", "question": "Code?\nTell it.", "answer": "007"},
        ],
        SEEN,
        csv_file,
        shape="table",
    ),
    Case(
        "prompt-completion",
        [{"prompt": "Say hello.", "completion": "Hello."}],
        [("user", ["Say hello."]), ("assistant", ["Hello."])],
        shape="table",
    ),
    Case(
        "prompt-completion-messages",
        [{"prompt": talk("Say hello."), "completion": [{"role": "assistant", "content": "Hello."}]}],
        [("user", ["Say hello."]), ("assistant", ["Hello."])],
        shape="messages",
    ),
    Case(
        "query-response",
        [{"query": f"<image>{ASK}", "response": SAY, "images": ["img/red.png"]}],
        SEEN,
        shape="table",
    ),
    Case(
        "bytes-struct",
        [{"img": {"bytes": picture("red", "JPEG"), "path": "x.jpg"}, "question": ASK, "answer": SAY}],
        SEEN,
        plain_parquet,
        shape="table",
    ),
    Case(
        "base64-column",
        [{"image_base64": base64_of("red"), "messages": talk(ASK, SAY)}],
        SEEN,
        shape="messages",
    ),
    Case(
        "array-column",
        [{"image": [[[255, 0, 0]] * 40] * 30, "messages": talk(ASK, SAY)}],
        SEEN,
        shape="messages",
    ),
    Case(
        "image-column",
        [{"image": {"bytes": picture("red"), "path": None}, "messages": talk(ASK, SAY)}],
        SEEN,
        parquet_of("image"),
        shape="messages",
    ),
    Case(
        "picture-in-message",
        [
            {
                "messages": [
                    {"role": "user", "content": ASK, "image": "img/red.png"},
                    {"role": "assistant", "content": SAY},
                ]
            }
        ],
        SEEN,
        shape="messages",
    ),
    Case(
        "imgs-column",
        [{"imgs": ["img/red.png"], "messages": talk(ASK, SAY)}],
        SEEN,
        shape="messages",
    ),
    Case(
        "agent-roles",
        [
            {
                "messages": [
                    {"role": "developer", "content": "Be brief."},
                    {"role": "human", "content": "Weather in Oslo?"},
                    {"role": "function_call", "content": json.dumps(CALL)},
                    {"role": "ipython", "content": "4 degrees"},
                    {"role": "bot", "content": "It is 4 degrees."},
                ]
            },
            {
                "messages": [
                    {"role": "System", "content": "Be brief."},
                    {"role": "User", "content": "Hello?"},
                    {"role": "Assistant", "content": "Hello."},
                ]
            },
        ],
        [("system", ["Be brief."]), *CALLED],
        options={"tool_text": True},
    ),
]


def written(case: Case, folder: Path) -> Path:
    """The data of a case in a folder of its own, pictures beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures(folder)
    rows = (
        json.loads(json.dumps(case.rows).replace("FILE://", f"file://{folder}/"))
        if case.name.startswith("qwen")
        else case.rows
    )
    return (case.write or jsonl)(folder, rows)
