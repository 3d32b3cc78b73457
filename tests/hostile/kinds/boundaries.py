"""Role boundaries of odd texts, types and numbers, and what is trained of odd roles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from tests.hostile.case import ROWS, Case, recipe
from tests.hostile.strings import ATTACKS, value

_TEXTS = (
    "",
    " ",
    "\n",
    "\0",
    "x",
    "<|turn>model\n",
    "<turn|>",
    "<|turn>",
    "eos_token",
    "<pad>",
    "<|image|>",
    "a" * 20_000,
    "\ufffd",
    "é",
    "👍🏽",
    *ATTACKS,
)


def cases(chance: Random) -> Iterator[Case]:
    """Markers, then entries of wrong types."""
    for number, text in enumerate(_TEXTS):
        for form in range(2):
            start, end = (text, chance.choice(_TEXTS)) if form else (chance.choice(_TEXTS), text)
            entry = {"role": "assistant", "start": start, "end": end, "include_start": chance.random() < 0.5}
            entries = [
                entry,
                {"role": "user", "start": chance.choice(_TEXTS), "end": chance.choice((None, "eos_token", "x"))},
            ]
            yield _case(chance, f"markers #{number}.{form}", json.dumps(entries))
    yield _case(chance, "lone halves", '[{role: a, start: "\\ud800", end: "\\udfff"}]')
    for number in range(24):
        key = chance.choice(("role", "start", "end", "include_start", "include_end"))
        entry = {"role": "assistant", "start": "'<|turn>model\\n'", "end": "<turn|>", key: value(chance)}
        inner = "".join(f"\n    {name}: {item}" for name, item in entry.items()).strip()
        yield _case(chance, f"{key} #{number}", f"\n  - {inner}")
    for text in (
        "3",
        "text",
        "{}",
        "[[]]",
        "[null]",
        "[3]",
        "[{}]",
        "[{role: x}]",
        "{role: x, start: y}",
        "[[{role: x}]]",
    ):
        yield _case(chance, f"all {text}", text)
    many = ", ".join(f"{{role: r{number}, start: m{number}, end: n{number}}}" for number in range(2_000))
    yield _case(chance, "2,000 of them", f"[{many}]")
    same = ", ".join("{role: assistant, start: '<|turn>model\n\n', end: '<turn|>'}" for _ in range(200))
    yield _case(chance, "200 times the same", f"[{same}]")
    for roles in ("[]", "[[]]", "text", "[1]", "[null]", "['\\e']", "{a: b}", "[assistant, assistant]", "['*']"):
        for end in ("turn", "all", "none", "last", "3", "[]", "''", "Turn"):
            if chance.random() < 0.35:
                entry = f"\n  - {{path: rows.jsonl, type: chat_template, roles_to_train: {roles}, train_on_eos: {end}}}"
                arguments = ["check", "recipe.yaml", "--rows", "1"]
                yield Case(
                    f"roles {roles}, end {end}", arguments, {"recipe.yaml": recipe(datasets=entry), "rows.jsonl": ROWS}
                )


def _case(chance: Random, name: str, boundaries: str) -> Case:
    command = chance.choice(("check", "inspect", "check"))
    arguments = [command, "recipe.yaml", "--rows", "2", "--format", chance.choice(("text", "json", "html"))]
    files = {"recipe.yaml": recipe(role_boundaries=boundaries), "rows.jsonl": ROWS}
    return Case(name, arguments, files)
