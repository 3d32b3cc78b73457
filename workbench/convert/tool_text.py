"""Calls of tools, their results, declarations and reasoning as texts, where a person asks for that."""

from __future__ import annotations

import json
from typing import Any

from workbench.convert.placeholders import joined
from workbench.convert.talk import TOOL_TEXT, Call, Changes, Refused, Talk, TalkTurn, Text


def refuse_tools(talk: Talk) -> None:
    """Stop at what axolotl's collator drops: it keeps the role and the content of a message.

    Raises:
        Refused: the row calls tools, declares them, or holds reasoning beside the content.
    """
    if any(turn.calls for turn in talk.turns):
        raise Refused("calls of tools, which axolotl's collator drops", hint=TOOL_TEXT)
    if any(turn.reasoning for turn in talk.turns):
        raise Refused("reasoning beside the content, which axolotl's collator drops", hint=TOOL_TEXT)
    if declared(talk.tools):
        raise Refused("declarations of tools, which the template does not get", hint=TOOL_TEXT)


def write_tools(talk: Talk, changes: Changes) -> None:
    """Write them as texts: declarations into the system turn, results of tools as turns of the user."""
    if tools := declared(talk.tools):
        _declare(talk, tools)
        changes.made["tools are declared in the system text"] += 1
        talk.tools = None
    turns: list[TalkTurn] = []
    for turn in talk.turns:
        if turn.reasoning:
            _prepend(turn, f"<think>\n{turn.reasoning}\n</think>\n\n")
            turn.reasoning = ""
            changes.made["reasoning is a <think> block of the text"] += 1
        if turn.calls:
            text = "\n".join(map(_call_text, turn.calls))
            changes.made["a call of a tool is a <tool_call> block of the text"] += len(turn.calls)
            turn.calls = []
            _append(turn, text)
        if turn.role == "tool":
            text = f"<tool_response>\n{joined(turn)}\n</tool_response>"
            changes.made["the result of a tool is a <tool_response> block of a user turn"] += 1
            # Templates that want user and assistant in turn take the results of several calls as one.
            if turns and turns[-1].role == "user":
                _append(turns[-1], text)
                continue
            turn = TalkTurn("user", [Text(text)], train=turn.train)
        turns.append(turn)
    talk.turns = turns


def declared(tools: Any) -> list[Any]:
    """The tools that a column declares: a list, or a text that holds one as JSON. Raises Refused for a broken text."""
    if isinstance(tools, str) and tools.strip():
        try:
            tools = json.loads(tools)
        except ValueError:
            raise Refused("declarations of tools that are no JSON", tools[:60]) from None
    if isinstance(tools, dict):
        tools = [tools]
    return list(tools) if isinstance(tools, list) else []


def _declare(talk: Talk, tools: list[Any]) -> None:
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    text = f"# Tools\n\n<tools>\n{listed}\n</tools>\n\nCall one with <tool_call>\n{{name, arguments}}\n</tool_call>."
    if talk.turns and talk.turns[0].role == "system":
        _append(talk.turns[0], text, "\n\n")
    else:
        talk.turns.insert(0, TalkTurn("system", [Text(text)]))


def _call_text(call: Call) -> str:
    if not call.name:
        body = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)
    else:
        body = json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"


def _prepend(turn: TalkTurn, text: str) -> None:
    if turn.parts and isinstance(first := turn.parts[0], Text):
        first.text = text + first.text
    else:
        turn.parts.insert(0, Text(text.rstrip()))


def _append(turn: TalkTurn, text: str, between: str = "\n") -> None:
    if turn.parts and isinstance(last := turn.parts[-1], Text):
        last.text = last.text.rstrip() + between + text
    else:
        turn.parts.append(Text(text))
