"""Rows and recipes for the text path, made from a seed: every key that axolotl's chat template strategy reads."""

from __future__ import annotations

import json
import random
from typing import Any

TEXTS = (
    *(
        "Hello",
        "How many boxes?",
        "Four.",
        "a b",
        " led by a space",
        "trailing space ",
        "\n\ntwo breaks",
        "un",
        "0",
        ".",
    ),
    *(
        "日本語のテキスト",
        "🙂🙂 fine",
        "```py\nx = 1\n```",
        "- one\n- two\n",
        "line\n",
        "e\u0301",
        "x" * 70,
        "The the the",
    ),
    *(
        "[[dummy_message]]",
        "[[dummy",
        "zzdummymessagezz tail",
        "message]]",
        "z",
        "",
        "  ",
        "<think>",
        "user\nassistant",
    ),
    *("Dear Sir,\n\nyes — “no”.\n", "ﬁ ligature", "\t tab", "end of turn", "1234567890", "ab" * 12, "Answer: 42"),
)
THOUGHTS = (
    *("<think>\nCount them.\n</think>\n\nFour.", "<think></think>Two", "plain", "<reasoning>why</reasoning> so"),
    "<|begin_of_thought|>t<|end_of_thought|>\n<|begin_of_solution|> S <|end_of_solution|>",
    "</think> odd <think>",
)
TOOL = {
    "type": "function",
    "function": {"name": "count", "description": "Counts.", "parameters": '{"type": "object", "properties": {}}'},
}
KINDS = ("plain", "parts", "sharegpt", "thinking", "tools", "system", "json")


class Rows:
    """Makes rows of one kind; content has one type in a file, as Arrow wants it."""

    def __init__(self, kind: str, seed: int) -> None:
        self.kind, self._random = kind, random.Random(f"{kind} {seed}")

    def make(self, count: int) -> list[dict[str, Any]]:
        """`count` rows."""
        return [getattr(self, f"_{self.kind}")() for _ in range(count)]

    def _text(self) -> str:
        return " ".join(self._random.choice(TEXTS) for _ in range(self._random.choice((1, 1, 1, 2, 3))))

    def _roles(self) -> list[str]:
        choose = self._random
        roles = ["user", "assistant"] * choose.choice((1, 1, 2, 3))
        roles = (["system"] if choose.random() < 0.4 else []) + roles
        return roles[:-1] if choose.random() < 0.15 else roles

    def _said(self) -> list[dict[str, Any]]:
        turns = [{"role": role, "content": self._text()} for role in self._roles()]
        # Arrow gives a key to every message where one has it.
        turns[0]["learn"] = turns[0]["spans"] = None
        return turns

    def _plain(self) -> dict[str, Any]:
        turns = self._said()
        for turn in turns:
            if self._random.random() < 0.25:
                turn["learn"] = self._random.random() < 0.5
            if self._random.random() < 0.3 and (size := len(turn["content"])):
                edge = self._random.randrange(size)
                first = {"begin_offset": 0, "end_offset": edge, "train": self._random.random() < 0.5}
                rest = {"begin_offset": min(edge + 1, size - 1), "end_offset": size - 1, "train": True}
                turn["spans"] = [first, rest]
        return {"messages": turns}

    def _parts(self) -> dict[str, Any]:
        turns = []
        for role in self._roles():
            parts = []
            for _ in range(self._random.choice((1, 2, 3))):
                flag = self._random.choice((None, None, True, False))
                weight = self._random.choice((None, None, None, 0, 1))
                parts.append({"type": "text", "text": self._text(), "train": flag, "weight": weight})
            turns.append({"role": role, "content": parts})
        return {"messages": turns}

    def _sharegpt(self) -> dict[str, Any]:
        names = {"user": "human", "assistant": self._random.choice(("gpt", "bot")), "system": "system"}
        return {"conversations": [{"from": names[role], "value": self._text()} for role in self._roles()]}

    def _thinking(self) -> dict[str, Any]:
        turns = self._said()
        for turn in turns:
            turn["reasoning_content"] = None
            if turn["role"] == "assistant" and self._random.random() < 0.5:
                turn["content"] = self._random.choice(THOUGHTS)
            elif turn["role"] == "assistant":
                turn["reasoning_content"] = self._text()
                if self._random.random() < 0.4 and turn["content"]:
                    turn["spans"] = [{"begin_offset": 0, "end_offset": len(turn["content"]) // 2, "train": True}]
        return {"messages": turns}

    def _tools(self) -> dict[str, Any]:
        call = {"type": "function", "id": "call00001", "function": {"name": "count", "arguments": '{"of": "boxes"}'}}
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": self._text()},
            {"role": "assistant", "content": self._random.choice(("", "Let me count.")), "tool_calls": [call]},
            {"role": "tool", "content": "4", "name": "count", "tool_call_id": "call00001"},
            {"role": "assistant", "content": self._text()},
        ]
        if self._random.random() < 0.4:
            turns = [turns[0], turns[-1]]
        return {"messages": turns, "tools": [TOOL] if self._random.random() < 0.7 else None}

    def _system(self) -> dict[str, Any]:
        turns = [{"role": role, "content": self._text()} for role in self._roles()]
        return {"system": self._text(), "messages": turns}

    def _json(self) -> dict[str, Any]:
        return {"messages": json.dumps([{"role": role, "content": self._text()} for role in self._roles()])}


def knobs(kind: str, seed: int, stop: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keys of a recipe's top level and of its dataset's entry. `stop`: the token that ends the family's turns."""
    choose = random.Random(f"knobs {kind} {seed}")
    ends = ("all", "turn", "last", "none")
    entry: dict[str, Any] = {}
    top: dict[str, Any] = {}
    if choose.random() < 0.6:
        entry["roles_to_train"] = choose.choice((["assistant"], ["user"], ["assistant", "user"], [], ["tool", "gpt"]))
    if choose.random() < 0.7:
        entry["train_on_eos"] = choose.choice(ends)
    if choose.random() < 0.5:
        top["eot_tokens"] = choose.choice(([stop], [stop, "<nowhere>"], ["<nowhere>"], []))
        if choose.random() < 0.5:
            entry["train_on_eot"] = choose.choice(ends)
    if choose.random() < 0.15:
        top["train_on_inputs"] = True
    if choose.random() < 0.3:
        top["sequence_len"] = choose.choice((24, 40))
        top["excess_length_strategy"] = choose.choice(("drop", "truncate"))
    if choose.random() < 0.3:
        top["sample_packing"] = True
    if choose.random() < 0.3:
        entry["drop_system_message"] = True
    _of_kind(kind, choose, top, entry)
    return top, entry


def _of_kind(kind: str, choose: random.Random, top: dict[str, Any], entry: dict[str, Any]) -> None:
    """Keys that say something about rows of this kind alone."""
    if kind in ("plain", "thinking"):
        if choose.random() < 0.7:
            entry["message_field_training"] = "learn"
        if choose.random() < 0.7:
            entry["message_field_training_detail"] = "spans"
    if kind == "sharegpt":
        entry["field_messages"] = "conversations"
        entry["message_property_mappings"] = {"role": "from", "content": "value"}
        if choose.random() < 0.5:
            entry["roles"] = {"assistant": ["gpt", "bot"], "user": ["human"], "system": ["system"]}
    if kind == "thinking":
        entry["split_thinking"] = choose.random() < 0.5
        if choose.random() < 0.3:
            entry["field_thinking"] = "reasoning_content"
        if choose.random() < 0.5:
            top["chat_template_kwargs"] = {"enable_thinking": choose.random() < 0.5}
    if kind == "tools" and choose.random() < 0.3:
        entry["field_tools"] = "functions"
