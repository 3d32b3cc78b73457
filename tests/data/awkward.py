"""Rows that real data sets contain, and what axolotl 0.19 does with each.

AWKWARD[name] = (row, verdict). The verdict: "raises X" (X: the exception in `ProcessingStrategy.__call__`), "drops",
"moves", or "ok" (passed on; what the processor makes of it may still be a finding). Pictures are base64 text, so that
the rows mean the same from any folder.
"""

from __future__ import annotations

from typing import Any

# 2×2 pixels PNG, red.
RED = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP8z8DAwMDAxMDAwMDAAAANHQEDasKb6QAAAABJRU5ErkJggg=="
# 3×2 pixels PNG, blue.
BLUE = "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAFUlEQVR4nGNkYPjPwMDAwMDAxAADABErAQPdiBRnAAAAAElFTkSuQmCC"


def user(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


def assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def hole() -> dict[str, Any]:
    return {"type": "image"}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


PAIR = [user("What is it?"), assistant("A square.")]
SHAREGPT = [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": "A square."}]

AWKWARD: dict[str, tuple[dict[str, Any], str]] = {
    # the message column
    "plain": ({"messages": PAIR}, "ok"),
    "no message column": ({"text": "hello"}, "raises ValueError"),
    "messages null": ({"messages": None}, "raises ValueError"),
    "messages null, conversations there": ({"messages": None, "conversations": SHAREGPT}, "ok"),
    "conversations null": ({"conversations": None}, "raises TypeError"),
    "messages and conversations": ({"messages": PAIR, "conversations": [{"from": "gpt"}]}, "ok"),
    "messages is text": ({"messages": "[]"}, "raises TypeError"),
    "messages is an object": ({"messages": {"role": "user", "content": "x"}}, "raises TypeError"),
    "messages is a number": ({"messages": 3}, "raises TypeError"),
    "messages empty": ({"messages": []}, "ok"),
    "a message is text": ({"messages": ["hello"]}, "raises TypeError"),
    "a message is null": ({"messages": [None]}, "raises TypeError"),
    # ShareGPT
    "sharegpt": ({"conversations": SHAREGPT}, "ok"),
    "sharegpt other roles": (
        {"conversations": [{"from": "bot", "value": "x"}, {"from": "system", "value": "y"}]},
        "ok",
    ),
    "sharegpt in messages": ({"messages": SHAREGPT}, "raises KeyError"),
    "role and content in conversations": ({"conversations": PAIR}, "raises KeyError"),
    "sharegpt without value": ({"conversations": [{"from": "human"}]}, "raises KeyError"),
    "sharegpt value null": ({"conversations": [SHAREGPT[0], {"from": "gpt", "value": None}]}, "drops"),
    "sharegpt weight": ({"conversations": [{**SHAREGPT[0], "weight": 0}, SHAREGPT[1]]}, "drops"),
    "human in messages": ({"messages": [{"role": "human", "content": "x"}]}, "ok"),
    # content
    "content missing": ({"messages": [PAIR[0], {"role": "assistant"}]}, "raises KeyError"),
    "content null": ({"messages": [PAIR[0], assistant(None)]}, "drops"),
    "content number": ({"messages": [PAIR[0], assistant(5)]}, "drops"),
    "content object": ({"messages": [user(text("x")), assistant("y")]}, "drops"),
    "content empty": ({"messages": [PAIR[0], assistant("")]}, "ok"),
    "content empty list": ({"messages": [PAIR[0], assistant([])]}, "ok"),
    "all content null": ({"messages": [user(None)]}, "drops"),
    "role missing": ({"messages": [{"content": "x"}]}, "raises KeyError"),
    "role missing, content null": ({"messages": [{"content": None}, *PAIR]}, "drops"),
    "role null": ({"messages": [{"role": None, "content": "x"}]}, "drops"),
    "tool calls, content null": ({"messages": [PAIR[0], assistant(None, tool_calls=[{"id": "1"}])]}, "drops"),
    "tool calls and content": ({"messages": [PAIR[0], assistant("x", tool_calls=[{"id": "1"}])]}, "drops"),
    "reasoning": ({"messages": [PAIR[0], assistant("x", reasoning_content="because")]}, "drops"),
    "tools column": ({"messages": PAIR, "tools": [{"name": "f"}]}, "drops"),
    # parts
    "part keys null": ({"messages": [user([{"type": "text", "text": "x", "path": None, "extra": {"a": None}}])]}, "ok"),
    "part is text": ({"messages": [user(["hello"])]}, "ok"),
    "part is null": ({"messages": [user([None, text("x")])]}, "ok"),
    "part without type": ({"messages": [user([{"text": "x"}])]}, "ok"),
    "part of unknown type": ({"messages": [user([{"type": "hologram", "x": 1}])]}, "ok"),
    "image_url part": ({"messages": [user([{"type": "image_url", "image_url": {"url": RED}}])]}, "ok"),
    "placeholder without picture": ({"messages": [user([hole(), text("x")]), assistant("y")]}, "ok"),
    "part with base64": ({"messages": [user([{"type": "image", "base64": RED}]), assistant("y")]}, "ok"),
    "part with two pictures": ({"messages": [user([{"type": "image", "url": RED, "path": RED}])]}, "ok"),
    # pictures of a column
    "images null": ({"messages": PAIR, "images": None}, "ok"),
    "images empty": ({"messages": PAIR, "images": []}, "raises IndexError"),
    "images empty text": ({"messages": PAIR, "images": ""}, "raises IndexError"),
    "image bare text": ({"messages": PAIR, "image": RED}, "raises ValueError"),
    "image is an object": ({"messages": PAIR, "image": {"bytes": None, "path": "x.png"}}, "raises KeyError"),
    "image is a number": ({"messages": PAIR, "image": 3}, "raises TypeError"),
    "images of null": ({"messages": PAIR, "images": [None]}, "raises TypeError"),
    "images of objects": ({"messages": PAIR, "images": [{"bytes": b"x", "path": None}]}, "raises TypeError"),
    "images nested": ({"messages": PAIR, "images": [[RED]]}, "raises TypeError"),
    "images not a picture": ({"messages": PAIR, "images": ["no/such/file.png"]}, "raises ValueError"),
    "image in a list": ({"messages": PAIR, "image": [RED]}, "moves"),
    "images null hides image": ({"messages": PAIR, "images": None, "image": [RED]}, "drops"),
    "images before image": ({"messages": PAIR, "images": [RED], "image": [BLUE]}, "drops"),
    "data uri": ({"messages": PAIR, "images": [f"data:image/png;base64,{RED}"]}, "moves"),
    "two pictures": ({"messages": [user([hole(), text("x")]), assistant("y")], "images": [RED, BLUE]}, "drops"),
    "one placeholder": ({"messages": [user([text("x"), hole()]), assistant("y")], "images": [RED]}, "ok"),
    "no placeholder": ({"messages": [user("x"), assistant("y")], "images": [RED]}, "moves"),
    "no user": ({"messages": [{"role": "system", "content": "x"}, assistant("y")], "images": [RED]}, "moves"),
    "user comes second": ({"messages": [assistant("x"), user("y")], "images": [RED]}, "moves"),
    "two placeholders in a message": ({"messages": [user([hole(), text("x"), hole()])], "images": [RED]}, "ok"),
    "placeholders in two messages": (
        {"messages": [user([hole(), text("x")]), assistant("y"), user([text("z"), hole()])], "images": [RED]},
        "moves",
    ),
    "placeholder with path null": (
        {"messages": [user([{"type": "image", "path": None}, text("x")]), assistant("y")], "images": [RED]},
        "moves",
    ),
    "placeholder in assistant": ({"messages": [user("x"), assistant([hole(), text("y")])], "images": [RED]}, "ok"),
    "picture in column and part": (
        {"messages": [user([{"type": "image", "url": BLUE}, text("x")])], "images": [RED]},
        "moves",
    ),
    "column, part is text": ({"messages": [user(["x"])], "images": [RED]}, "raises TypeError"),
    "column, part is null": ({"messages": [user([None])], "images": [RED]}, "raises TypeError"),
    "column, part without type": ({"messages": [user([{"text": "x"}])], "images": [RED]}, "raises KeyError"),
    "column, odd part after placeholder": ({"messages": [user([hole(), "x"])], "images": [RED]}, "ok"),
    "column, no message": ({"messages": [], "images": [RED]}, "raises IndexError"),
    "column, all content null": ({"messages": [user(None)], "images": [RED]}, "raises IndexError"),
    "videos column": ({"messages": PAIR, "videos": ["a.mp4"]}, "drops"),
}
