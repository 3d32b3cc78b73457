"""Conversations that a Gemma 4 chat template can render, from the plain to the odd: `CASES` maps a name to a `Case`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Messages, tools and the switches a template is rendered with."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None = None
    switches: dict[str, Any] = field(default_factory=dict)


def says(role: str, content: Any, **more: Any) -> Message:
    """A message."""
    return {"role": role, "content": content, **more}


def text(words: str) -> dict[str, str]:
    """A text part."""
    return {"type": "text", "text": words}


def part(kind: str, **more: Any) -> dict[str, Any]:
    """A part of any kind."""
    return {"type": kind, **more}


def wants(name: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
    """A call of a tool."""
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def tool(name: str, parameters: Any = None, description: str = "Does something.", **more: Any) -> dict[str, Any]:
    """A tool's declaration."""
    function = {"name": name, "description": description, **more}
    if parameters is not None:
        function["parameters"] = parameters
    return {"type": "function", "function": function}


def takes(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "properties": properties, **more}


HI = says("user", "How many circles are there?")
TWO = says("assistant", "Two. Both are blue.")
NOW = {"add_generation_prompt": True}
THINK = {"enable_thinking": True}
WEATHER = tool(
    "weather",
    takes({"city": {"type": "string", "description": "A town"}, "days": {"type": "integer"}}, required=["city"]),
    "Tells the weather.",
)
SCHEMAS = {
    "enum": takes({"unit": {"type": "string", "enum": ["metre", "foot"]}, "Kind": {"type": "string"}}),
    "enum described": takes(
        {"unit": {"type": "string", "description": "Which", "enum": ["m", "ft"]}}, required=["unit"]
    ),
    "nullable": takes({"a": {"type": "string", "nullable": True}, "b": {"type": "number", "nullable": False}}),
    "array": takes({"sizes": {"type": "array", "items": {"type": "number"}, "description": "In pixels"}}),
    "array plain": takes({"sizes": {"type": "array"}, "empty": {"type": "array", "items": {}}}),
    "array rich": takes(
        {
            "boxes": {
                "type": "array",
                "nullable": True,
                "items": {
                    "type": "object",
                    "description": "A box",
                    "properties": {"x": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
                    "required": ["x", "tags"],
                    "minItems": 2,
                    "additionalProperties": False,
                    "default": None,
                    "examples": [{"x": 1, "tags": ["a", None, True]}, 2.5],
                },
            }
        }
    ),
    "array types": takes({"v": {"type": "array", "items": {"type": ["string", "null"], "enum": ["p", "q"]}}}),
    "array odd": takes({"v": {"type": "array", "items": {"properties": "none", "required": [], "type": "object"}}}),
    "nested": takes(
        {
            "where": takes(
                {
                    "at": takes({"lat": {"type": "number"}, "lon": {"type": "number"}}, required=["lat", "lon"]),
                    "name": {"type": "string", "description": "What it is called"},
                },
                required=["at"],
                description="A place",
                nullable=True,
            )
        },
        required=["where"],
    ),
    "object bare": takes(
        {"any": {"type": "object", "description": "Anything", "size": {"type": "integer"}, "extra": False}}
    ),
    "object empty": takes({"any": {"type": "object", "properties": {}}, "none": {"type": "object"}}),
    "object odd": takes({"any": {"type": "object", "properties": None, "required": ["x"], "title": "Any"}}),
    "no type": {"properties": {"a": {"description": "Untyped"}}, "required": ["a"]},
    "types": takes({"a": {"type": ["string", "null"], "enum": ["x"]}, "b": {"type": "STRING", "enum": ["x", 1]}}),
    "type only": {"type": "object", "properties": {}},
    "empty": {},
}

CASES: dict[str, Case] = {
    "one turn": Case([HI, TWO]),
    "prompt": Case([HI], switches=NOW),
    "question alone": Case([HI]),
    "three turns": Case(
        [HI, TWO, says("user", "And squares?"), says("assistant", "One."), says("user", "Thanks"), TWO]
    ),
    "three turns, prompt": Case([HI, TWO, says("user", "And squares?")], switches=NOW),
    "answer first": Case([TWO, HI]),
    "two questions": Case([HI, says("user", "And squares?"), TWO]),
    "two answers": Case([HI, TWO, says("assistant", "Or three."), says("user", "Which?"), TWO]),
    "three answers at the end": Case([HI, TWO, TWO, says("assistant", " ")], switches=NOW),
    "trimmed": Case(
        [says("system", "\n  Be brief.\t\n"), says("user", "  \n\nHow many?\n\n"), says("assistant", "\n\nTwo.\n ")]
    ),
    "inner space kept": Case([says("user", "a\n\n  b\t c"), says("assistant", "- one\n- two\n\n```py\nx = 1\n```")]),
    "empty question": Case([says("user", ""), TWO]),
    "empty answer": Case([HI, says("assistant", ""), HI, TWO]),
    "empty answer last": Case([HI, says("assistant", "  \n ")]),
    "null answer": Case([HI, says("assistant", None)]),
    "no content": Case([HI, {"role": "assistant"}, HI], switches=NOW),
    "no parts": Case([says("user", []), says("assistant", [])]),
    "unicode": Case([says("user", "圆形有几个？\u3000\u00a0"), says("assistant", "两个 🔵🔵\u200d\u0301")]),
    "markers in the text": Case(
        [says("user", "a<turn|>\n<|turn>model\nb"), says("assistant", "<|im_end|>\n<|image|>")]
    ),
    "picture first": Case([says("user", [part("image"), text(" How many? ")]), TWO]),
    "picture last": Case([says("user", [text("How many?\n"), part("image", url="a.png")]), TWO]),
    "pictures between": Case(
        [says("user", [part("image"), text("a "), text(" b"), part("image_url"), text("c")])], switches=NOW
    ),
    "audio": Case([says("user", [part("audio"), text("What is said?"), part("input_audio")]), TWO]),
    "video": Case([says("user", [part("video"), text("What happens?")]), says("assistant", [text("Nothing. ")])]),
    "unknown part": Case([says("user", [part("depth"), {"note": 1}, text("How many?")]), TWO]),
    "picture in the answer": Case([HI, says("assistant", [text(" Here: "), part("image"), text("\nthere")])]),
    "system": Case([says("system", "Be brief."), HI, TWO]),
    "system, prompt": Case([says("system", "Be brief."), HI], switches=NOW),
    "system alone": Case([says("system", "Be brief.")], switches=NOW),
    "system in parts": Case([says("system", [text(" Be brief. "), text("Be kind.")]), HI, TWO]),
    "system with a picture": Case([says("system", [part("image"), text("Be brief.")]), HI]),
    "system empty": Case([says("system", ""), HI, TWO]),
    "system null": Case([says("system", None), HI, TWO]),
    "system later": Case([HI, TWO, says("system", " Be brief. "), HI], switches=NOW),
    "developer": Case([says("developer", "Be brief."), HI, TWO]),
    "developer later": Case([HI, says("developer", "Be brief."), TWO]),
    "role model": Case([HI, says("model", "Two."), says("assistant", "Or three."), says("model", "So.")]),
    "other role": Case([says("critic", " Well. "), HI, TWO]),
    "thinking on": Case([HI], switches=NOW | THINK),
    "thinking on, system": Case([says("system", " Be brief."), HI, TWO], switches=THINK),
    "thinking off": Case([HI], switches=NOW | {"enable_thinking": False}),
    "thought in the answer": Case([HI, says("assistant", "<|channel>thought\nhm\n<channel|>\nTwo.")]),
    "thoughts in the answer": Case(
        [HI, says("assistant", "a<|channel>x<channel|> b <|channel>y<|channel>z<channel|>c <channel|>d")]
    ),
    "thought not closed": Case([HI, says("assistant", "Two. <|channel>thought\nhm")]),
    "thought in a part": Case(
        [HI, says("assistant", [text("<|channel>t<channel|> Two."), text(" Or <channel|>three ")])]
    ),
    "thought in a question": Case([says("user", "<|channel>thought\nhm<channel|>Why?"), TWO]),
    "think tags": Case([HI, says("assistant", "<think>\n\n</think>\n\nTwo.")]),
    "reasoning": Case([HI, says("assistant", "Two.", reasoning=" I count.\n")]),
    "reasoning_content": Case([HI, says("assistant", "Two.", reasoning_content="I count.")]),
    "both reasonings": Case(
        [HI, says("assistant", "Two.", reasoning_content="I guess.", reasoning="I count.")], switches=THINK
    ),
    "reasoning earlier": Case(
        [HI, says("assistant", "Two.", reasoning="I count."), HI, says("assistant", "2", reasoning="Again.")]
    ),
    "reasoning kept": Case(
        [
            HI,
            says("assistant", "a", reasoning="I count."),
            HI,
            says("assistant", "", reasoning="Ask.", tool_calls=[wants("f", {})]),
            HI,
        ],
        switches={"preserve_thinking": True} | NOW,
    ),
    "reasoning, two answers": Case([HI, says("assistant", "a", reasoning="x"), says("assistant", "b", reasoning="y")]),
    "tools": Case([HI], tools=[WEATHER], switches=NOW),
    "tools, system": Case([says("system", " Be brief. "), HI, TWO], tools=[WEATHER, tool("time")]),
    "tools, system in parts": Case([says("system", [text("Be brief.")]), HI], tools=[WEATHER]),
    "tools, thinking": Case([HI], tools=[WEATHER], switches=NOW | THINK),
    "tool with a response": Case([HI], tools=[tool("f", None, response={"type": "object", "description": "Said"})]),
    "tool with a plain response": Case(
        [HI], tools=[tool("f", {}, response={"type": "string"}), tool("g", {}, response={})]
    ),
    "call": Case([HI, says("assistant", "", tool_calls=[wants("weather", {"city": "Bonn", "days": 2})])]),
    "call, prompt": Case([HI, says("assistant", None, tool_calls=[wants("weather", {"city": "Bonn"})])], switches=NOW),
    "call with words": Case(
        [HI, says("assistant", " Let me see. ", tool_calls=[wants("f", None), wants("g", {"b": 1, "A": 2})])]
    ),
    "call with values": Case(
        [
            HI,
            says(
                "assistant",
                "",
                tool_calls=[
                    wants("f", {"n": None, "t": True, "x": 1.5, "s": 'a"b', "l": [1, ["z"], {}], "d": {"k": {"j": []}}})
                ],
            ),
        ]
    ),
    "call, then words": Case(
        [HI, says("assistant", "", tool_calls=[wants("f", {})]), says("assistant", "Hm."), HI], switches=NOW
    ),
    "call and reply": Case(
        [
            HI,
            says("assistant", "", tool_calls=[wants("f", {"a": 1}, id="c1")]),
            says("tool", "Sunny.", tool_call_id="c1"),
        ],
        switches=NOW,
    ),
    "call, reply, answer": Case(
        [
            HI,
            says("assistant", "", tool_calls=[wants("f", {}, id="c1")]),
            says("tool", " 7 ", tool_call_id="c1"),
            says("assistant", "Seven."),
            HI,
            TWO,
        ]
    ),
    "call, reply, thinking": Case(
        [
            HI,
            says("assistant", "", reasoning="Ask.", tool_calls=[wants("f", {}, id="1")]),
            says("tool", "7", tool_call_id="1"),
        ],
        tools=[tool("f")],
        switches=NOW | THINK,
    ),
    "words and call and reply": Case(
        [HI, says("assistant", "Wait.", tool_calls=[wants("f", {}, id="1")]), says("tool", "7", tool_call_id="1")],
        switches=NOW,
    ),
    "two calls, two replies": Case(
        [
            HI,
            says("assistant", "", tool_calls=[wants("f", {}, id="1"), wants("g", {"q": "x"}, id="2")]),
            says("tool", "b", tool_call_id="2"),
            says("tool", "a", tool_call_id="1"),
            says("user", "So?"),
        ],
        switches=NOW,
    ),
    "call after call": Case(
        [
            HI,
            says("assistant", "", tool_calls=[wants("f", {}, id="1")]),
            says("tool", "a", tool_call_id="1"),
            says("assistant", "", tool_calls=[wants("g", {}, id="2")]),
            says("tool", "b", tool_call_id="2"),
            says("assistant", "Done."),
        ]
    ),
    "reply by name": Case(
        [HI, says("assistant", "", tool_calls=[wants("f", {}, id="1")]), says("tool", "7", name="other")]
    ),
    "reply of nobody": Case(
        [HI, says("assistant", "", tool_calls=[wants("f", {}, id="1")]), says("tool", "7", tool_call_id="9"), HI]
    ),
    "reply without ids": Case(
        [HI, says("assistant", "", tool_calls=[wants("f", {}), wants("g", {})]), says("tool", "7", name="x")]
    ),
    "reply of null": Case(
        [HI, says("assistant", "", tool_calls=[wants("f", {}, id="1")]), {"role": "tool", "tool_call_id": "1"}]
    ),
    "reply of a number": Case(
        [HI, says("assistant", "", tool_calls=[wants("f", {}, id="1")]), says("tool", 7, tool_call_id="1"), TWO]
    ),
    "reply in parts": Case(
        [
            HI,
            says("assistant", "", tool_calls=[wants("f", {}, id="1")]),
            says(
                "tool",
                [text(" a"), part("image"), text("b "), part("audio"), part("video"), text("")],
                tool_call_id="1",
            ),
            TWO,
        ]
    ),
    "reply too early": Case([says("tool", "7"), HI, says("tool", "8"), TWO], switches=NOW),
    "legacy replies": Case(
        [
            HI,
            says(
                "assistant",
                "",
                tool_calls=[wants("f", {})],
                tool_responses=[{"name": "f", "response": {"b": [1, {"c": None}], "A": "x"}}],
            ),
        ],
        switches=NOW,
    ),
    "legacy replies, words": Case(
        [
            HI,
            says(
                "assistant",
                " So: 7 ",
                tool_responses=[{"name": "", "response": 7}, {"response": "eight"}, {"name": "g", "response": {}}],
            ),
            HI,
        ]
    ),
    "legacy replies, thinking": Case(
        [HI, says("assistant", None, tool_responses=[{"name": "f", "response": True}])], switches=NOW | THINK
    ),
    "legacy and new replies": Case(
        [
            HI,
            says(
                "assistant", "", tool_calls=[wants("f", {}, id="1")], tool_responses=[{"name": "f", "response": [1, 2]}]
            ),
            says("tool", "not shown", tool_call_id="1"),
            says("assistant", "Done."),
        ]
    ),
    **{f"schema, {name}": Case([HI], tools=[tool("f", schema)]) for name, schema in SCHEMAS.items()},
}
