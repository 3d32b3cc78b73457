"""Rows in the shapes that public data sets have, as they stand there; `write_pictures` makes the files they name."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.data.awkward import RED

Row = dict[str, Any]


def said(role: str, *parts: Any) -> Row:
    return {"role": role, "content": [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]}


PICTURE = {"type": "image", "path": "p.png"}
ASKED = said("user", PICTURE, "What is it?")
ANSWER = said("assistant", "A square.")
TALK = [ASKED, ANSWER]
PLAIN = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A square."}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "crop", "arguments": '{"box": [0, 0, 9, 9]}'}}


def write_pictures(folder: Path) -> None:
    """The pictures that the rows name: two sound ones, a strip of 500 to 1, a single pixel."""
    from PIL import Image

    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(folder / "p.png")
    Image.linear_gradient("L").resize((48, 64)).convert("RGB").save(folder / "q.png")
    Image.new("RGB", (1000, 2), "red").save(folder / "strip.png")
    Image.new("RGB", (1, 1), "red").save(folder / "dot.png")


SHAPES: dict[str, Row] = {
    "llava": {
        "id": "000000033471",
        "image": "p.png",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is it?"},
            {"from": "gpt", "value": "A square."},
        ],
    },
    "llava, listed": {
        "image": ["p.png"],
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is it?"},
            {"from": "gpt", "value": "A square."},
        ],
    },
    "the cauldron": {
        "images": [{"bytes": None, "path": "p.png"}],
        "texts": [{"user": "What is it?", "assistant": "A square.", "source": "vqa"}],
    },
    "ms-swift": {
        "messages": [{"role": "user", "content": "<image>What is it?"}, PLAIN[1]],
        "images": ["p.png"],
    },
    "ms-swift, no picture": {"messages": PLAIN, "images": []},
    "ms-swift, agent": {
        "tools": '[{"type": "function", "function": {"name": "crop"}}]',
        "messages": [
            {"role": "user", "content": "Crop it."},
            {"role": "tool_call", "content": '{"name": "crop", "arguments": {"box": [0, 0, 9, 9]}}'},
            {"role": "tool_response", "content": '{"done": true}'},
            {"role": "assistant", "content": "Done."},
        ],
    },
    "ms-swift, video": {
        "messages": [{"role": "user", "content": "<video>What happens?"}, PLAIN[1]],
        "videos": ["v.mp4"],
    },
    "llama-factory sharegpt": {
        "conversations": [
            {"from": "human", "value": "<image>What is it?"},
            {"from": "function_call", "value": '{"name": "crop", "arguments": {}}'},
            {"from": "observation", "value": "cropped"},
            {"from": "gpt", "value": "A square."},
        ],
        "images": ["p.png"],
        "system": "You answer in one word.",
        "tools": "[]",
    },
    "llama-factory alpaca": {
        "instruction": "What is it?",
        "input": "",
        "output": "A square.",
        "system": "Be brief.",
        "images": ["p.png"],
    },
    "system column": {"messages": PLAIN, "system": "You answer in one word."},
    "openai chat": {
        "messages": [
            said("user", "What is it?", {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{RED}"}}),
            {"role": "assistant", "content": "A square.", "weight": 0},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": "Still."},
        ]
    },
    "openai tool calls": {
        "messages": [
            {"role": "user", "content": "Crop it."},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "cropped"},
            {"role": "assistant", "content": "Done."},
        ]
    },
    "openai tool calls without content": {
        "messages": [
            {"role": "user", "content": "Crop it."},
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "cropped"},
            {"role": "assistant", "content": "Done."},
        ]
    },
    "openai responses": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{RED}"},
                ],
            },
            {"role": "assistant", "content": [{"type": "output_text", "text": "A square."}]},
        ]
    },
    "anthropic": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": RED}},
                    {"type": "text", "text": "What is it?"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Four corners."},
                    {"type": "tool_use", "id": "t1", "name": "crop", "input": {"box": [0, 0, 9, 9]}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "cropped"}]}
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "A square."}]},
        ]
    },
    "hf messages, two images": {
        "messages": [said("user", {"type": "image"}, {"type": "image"}, "Which differs?"), ANSWER],
        "images": ["p.png", "q.png"],
    },
    "qwen official": {
        "messages": [{"role": "user", "content": [{"image": "p.png"}, {"text": "What is it?"}]}, ANSWER],
    },
    "qwen part keys": {
        "messages": [
            said("user", {"type": "image", "image": "p.png", "min_pixels": 50176, "max_pixels": 50176}, "What is it?"),
            ANSWER,
        ],
    },
    "qwen file url": {
        "messages": [said("user", {"type": "image", "image": "file:///nowhere/p.png"}, "What is it?"), ANSWER],
    },
    "qwen frames": {
        "messages": [said("user", {"type": "video", "video": ["p.png", "q.png"], "fps": 1.0}, "What happens?"), ANSWER],
    },
    "docvqa": {"image": {"bytes": None, "path": "p.png"}, "question": "What is it?", "answers": ["A square."]},
    "ocr": {"image_path": "p.png", "text": "A square."},
    "prompt and completion": {"prompt": "What is it?", "completion": "A square."},
    "query and response": {"query": "<image>What is it?", "response": "A square.", "images": ["p.png"]},
    "alpaca": {"instruction": "What is it?", "input": "", "output": "A square."},
    "image bytes column": {
        "messages": PLAIN,
        "image": {"bytes": base64.b64decode(RED).decode("latin-1"), "path": None},
    },
    "column imgs": {"messages": PLAIN, "imgs": ["p.png"]},
    "column image_path": {"messages": PLAIN, "image_path": "p.png"},
    "column photo": {"messages": PLAIN, "photo": f"data:image/png;base64,{RED}"},
    "column of base64": {"messages": PLAIN, "jpg": RED},
    "column of urls": {"messages": PLAIN, "picture_urls": ["https://example.org/a.jpg"]},
    "column of arrays": {"messages": PLAIN, "pixels": [[[255, 0, 0], [0, 0, 0]], [[0, 0, 0], [255, 0, 0]]]},
    "image inside a message": {"messages": [{"role": "user", "content": "What is it?", "image": "p.png"}, PLAIN[1]]},
    "images inside a message": {
        "messages": [{"role": "user", "content": "What is it?", "images": ["p.png"]}, PLAIN[1]],
    },
    "system inside a message": {"messages": [{**PLAIN[0], "system": "You answer in one word."}, PLAIN[1]]},
    "developer": {"messages": [{"role": "developer", "content": "Be brief."}, *PLAIN]},
    "observation": {
        "messages": [PLAIN[0], {"role": "observation", "content": "cropped"}, PLAIN[1]],
    },
    "ipython": {"messages": [PLAIN[0], PLAIN[1], {"role": "ipython", "content": "3"}, PLAIN[1]]},
    "human and bot": {
        "messages": [{"role": "human", "content": "What is it?"}, {"role": "bot", "content": "A square."}]
    },
    "capitals": {
        "messages": [{"role": "User", "content": "What is it?"}, {"role": "Assistant", "content": "A square."}]
    },
    "tool content as parts": {
        "messages": [
            said("user", "Crop it."),
            said("assistant", "I crop it."),
            {"role": "tool", "content": [{"type": "text", "text": "cropped"}]},
            said("assistant", "Done."),
        ]
    },
    "picture in a tool message": {
        "messages": [
            said("user", "Crop it."),
            said("assistant", "I crop it."),
            said("tool", PICTURE, "cropped"),
            said("assistant", "Done."),
        ]
    },
    "system prompt": {"messages": [said("system", "You answer in one word."), said("user", "What is it?"), ANSWER]},
    "system prompt and turns": {
        "messages": [
            said("system", "You answer in one word."),
            said("user", "What is it?"),
            ANSWER,
            said("user", "Which colour?"),
            said("assistant", "Red."),
        ]
    },
    "late system prompt": {
        "messages": [
            said("user", "What is it?"),
            ANSWER,
            said("system", "Now be long."),
            said("user", "Colour?"),
            ANSWER,
        ]
    },
    "earlier thinking": {
        "messages": [
            said("user", "What is it?"),
            said("assistant", "<think>\nFour corners.\n</think>\n\nA square."),
            said("user", "Which colour?"),
            said("assistant", "<think>\nLook again.\n</think>\n\nRed."),
        ]
    },
    "orphan think": {"messages": [said("user", "What is it?"), said("assistant", "Four corners.</think>A square.")]},
    "think part": {
        "messages": [
            said("user", "What is it?"),
            said("assistant", {"type": "thinking", "thinking": "Four corners."}, "A square."),
        ]
    },
    "consecutive answers": {
        "messages": [said("user", "What is it?"), said("assistant", "A square."), said("assistant", "A red one.")]
    },
    "reasoning content": {
        "messages": [PLAIN[0], {"role": "assistant", "content": "A square.", "reasoning_content": "Four corners."}]
    },
    "video url part": {
        "messages": [
            said("user", {"type": "video_url", "video_url": {"url": "https://example.org/v.mp4"}}, "What happens?"),
            ANSWER,
        ]
    },
    "audio url part": {
        "messages": [
            said("user", {"type": "audio_url", "audio_url": {"url": "https://example.org/a.wav"}}, "What is said?"),
            ANSWER,
        ]
    },
    "input audio part": {
        "messages": [
            said(
                "user", {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}, "What is said?"
            ),
            ANSWER,
        ]
    },
    "s3 picture": {"messages": [said("user", {"type": "image", "image": "s3://bucket/p.png"}, "What is it?"), ANSWER]},
    "bad url": {"messages": [said("user", {"type": "image", "url": "http://[half/p.png"}, "What is it?"), ANSWER]},
    "long strip": {"messages": [said("user", {"type": "image", "path": "strip.png"}, "What is it?"), ANSWER]},
    "one pixel": {"messages": [said("user", {"type": "image", "path": "dot.png"}, "What is it?"), ANSWER]},
    "broken base64": {"messages": [said("user", {"type": "image", "base64": "AAAA"}, "What is it?"), ANSWER]},
    "placeholder without picture": {"messages": [said("user", {"type": "image"}, "What is it?"), ANSWER]},
    "null picture": {"messages": [said("user", {"type": "image", "image": None}, "What is it?"), ANSWER]},
    "picture of no type": {"messages": [said("user", {"image": "p.png"}, "What is it?"), ANSWER]},
    "picture of another type": {"messages": [said("user", {"type": "img", "path": "p.png"}, "What is it?"), ANSWER]},
    "image_url of type image": {
        "messages": [said("user", {"type": "image", "image_url": "p.png"}, "What is it?"), ANSWER]
    },
    "answer in value": {"messages": [PLAIN[0], {"role": "assistant", "value": "A square."}]},
    "clean, text": {"messages": PLAIN},
    "clean, picture": {"messages": TALK},
    "clean, column": {"messages": [said("user", {"type": "image"}, "What is it?"), ANSWER], "images": ["p.png"]},
}
