"""Rows of every wrong shape, and data files that are cut, endless, compressed bombs, or no files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

from tests.hostile.case import ROW, ROWS, Case, Content, Fifo, Link, Sparse, recipe
from tests.hostile.strings import ATTACKS, JSON_VALUES, LONE

_SHAPED = 90


def _case(chance: Random, name: str, content: Content | None, file: str = "rows.jsonl", **more: Any) -> Case:
    command = chance.choice(("check", "inspect"))
    output = chance.choice(("text", "json", "html"))
    if chance.random() < 0.5:
        arguments = [command, "--data", file, "--rows", "3", "--format", output]
        return Case(name, arguments, {file: content}, **more)
    text = recipe(datasets=f"\n  - path: {file}\n    type: chat_template")
    if chance.random() < 0.4:
        # Without a processor axolotl reads the rows by its text path.
        text = recipe(datasets=f"\n  - path: {file}\n    type: chat_template", processor_type=None)
    arguments = [command, "recipe.yaml", "--rows", "3", "--format", output]
    return Case(name, arguments, {file: content, "recipe.yaml": text}, **more)


def _lines(*rows: Any) -> str:
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def _message(chance: Random) -> Any:
    role = chance.choice(("user", "assistant", "system", "tool", *JSON_VALUES[:12], ATTACKS[0]))
    parts = (
        {"type": "text", "text": chance.choice(JSON_VALUES)},
        {"type": chance.choice(JSON_VALUES), "text": "x"},
        {"type": chance.choice(("image", "video", "audio", "tool_use", "input_text")), "text": "x"},
        {"text": "x"},
        {},
        chance.choice(JSON_VALUES),
    )
    content = chance.choice((*JSON_VALUES, *ATTACKS, [chance.choice(parts) for _ in range(3)], [chance.choice(parts)]))
    message = {"role": role, "content": content}
    if chance.random() < 0.2:
        del message[chance.choice(("role", "content"))]
    if chance.random() < 0.2:
        message |= {"tool_calls": chance.choice(JSON_VALUES), "reasoning_content": chance.choice(JSON_VALUES)}
    return chance.choice((message, message, message, chance.choice(JSON_VALUES)))


def cases(chance: Random) -> Iterator[Case]:
    """Shapes, texts, then files."""
    columns = ("messages", "conversations", "images", "image", "tools", "system", "prompt", "chosen")
    for number in range(_SHAPED):
        row: dict[str, Any] = {"messages": [_message(chance) for _ in range(chance.randrange(5))]}
        if chance.random() < 0.4:
            row[chance.choice(columns)] = chance.choice(JSON_VALUES)
        yield _case(chance, f"shape #{number}", _lines(ROW, row, ROW))
    for attack in (*ATTACKS, *LONE):
        row = {
            "messages": [{"role": attack, "content": attack}, {"role": "assistant", "content": attack}],
            attack: attack,
        }
        yield _case(chance, f"texts {attack[:9]!r}", _lines(row, ROW))
    yield from _texts(chance)
    yield from _files(chance)


def _texts(chance: Random) -> Iterator[Case]:
    for depth in (200, 700, 3_000, 100_000):
        nested = '{"messages": ' + "[" * depth + "]" * depth + "}\n"
        yield _case(chance, f"nested {depth} deep", ROWS + nested)
        objects = '{"messages": [{"role": "user", "content": ' + '{"a":' * depth + "1" + "}" * depth + "}]}\n"
        yield _case(chance, f"objects {depth} deep", ROWS + objects)
        tools = '{"tools": ' + '{"a":' * depth + "1" + "}" * depth + ", " + json.dumps(ROW)[1:] + "\n"
        yield _case(chance, f"tools {depth} deep", ROWS + tools)
    yield _case(chance, "empty file", "", codes=frozenset((1, 2)))
    yield _case(chance, "an empty list", "[]", codes=frozenset((1, 2)))
    yield _case(chance, "blank lines", "\n \n\t\n", codes=frozenset((1, 2)))
    yield _case(chance, "bad UTF-8 after 300,000 escaped quotes", b'{"a": "' + b'\\"' * 300_000 + b'\xff"}\n')
    yield _case(chance, "a key of 1 MB before bad JSON", '{"' + "k" * 1_000_000 + '": }\n')
    yield _case(chance, "numbers of 100,000 digits", '{"messages": ' + "9" * 100_000 + "}\n")
    yield _case(chance, "NaN", '{"messages": [{"role": "user", "content": NaN}], "x": Infinity}\n')
    yield _case(chance, "keys twice", '{"messages": 1, "messages": 2}\n')
    yield _case(chance, "2,000 columns", _lines({f"c{n}": n for n in range(2_000)}, ROW))
    yield _case(chance, "3,000 messages", _lines({"messages": ROW["messages"] * 1_500}))
    yield _case(
        chance,
        "an answer of 400 kB",
        _lines({"messages": [ROW["messages"][0], {"role": "assistant", "content": "word " * 80_000}]}),
    )
    yield _case(
        chance,
        "an answer of one word of 1 MB",
        _lines({"messages": [ROW["messages"][0], {"role": "assistant", "content": "x" * 1_000_000}]}),
    )
    yield _case(
        chance,
        "an answer of spaces",
        _lines({"messages": [ROW["messages"][0], {"role": "assistant", "content": " " * 300_000}]}),
    )
    yield _case(
        chance,
        "an answer of markers",
        _lines({"messages": [ROW["messages"][0], {"role": "assistant", "content": "<|turn>model\n<turn|>" * 3_000}]}),
    )
    yield _case(chance, "20,000 broken lines", "{\n" * 20_000)
    whole = _lines(ROW, ROW, ROW)
    for number in range(10):
        at = chance.randrange(1, len(whole))
        yield _case(chance, f"cut at {at}", whole[:at])
        spoiled = whole.encode()[:at] + bytes(chance.randrange(256) for _ in range(3)) + whole.encode()[at:]
        yield _case(chance, f"bytes at {at} #{number}", spoiled)
    yield _case(chance, "CR LF", whole.replace("\n", "\r\n"))
    yield _case(chance, "CR", whole.replace("\n", "\r"))
    yield _case(chance, "BOM", b"\xef\xbb\xbf" + whole.encode())
    yield _case(chance, "UTF-16", whole.encode("utf-16"))
    yield _case(chance, "one object over lines", json.dumps(ROW, indent=1), "rows.json")
    yield _case(chance, "a list that is cut", json.dumps([ROW, ROW])[:-20], "rows.json")
    yield _case(chance, "a list nested 100,000 deep", "[" * 100_000, "rows.json")
    yield _case(chance, "a list of other things", '[1, null, [], "x"]', "rows.json")


@cache
def _bomb(head: bytes, byte: bytes, mebibytes: int) -> bytes:
    """A gzip file that unfolds to so much."""
    return gzip.compress(head + byte * (mebibytes << 20), 1)


def _files(chance: Random) -> Iterator[Case]:
    refused = frozenset((2,))
    for file in ("rows.jsonl", "rows.json", "rows.parquet", "rows.csv", "rows.jsonl.gz", "rows.arrow", "rows.txt"):
        yield _case(chance, f"FIFO {file}", Fifo(), file, codes=refused, names=file)
        yield _case(chance, f"endless {file}", Link("/dev/zero"), file, codes=refused, names=file)
    yield _case(chance, "link to itself", Link("rows.jsonl"), codes=refused, names="rows.jsonl")
    yield _case(chance, "empty folder", None, "rows", codes=refused, names="rows")
    yield Case("folder of a FIFO", ["check", "--data", "rows"], {"rows/a.jsonl": Fifo()}, refused)
    yield Case(
        "folder whose README is a FIFO",
        ["check", "--data", "rows", "--rows", "1"],
        {"rows/a.jsonl": ROWS, "rows/README.md": Fifo()},
    )
    yield _case(chance, "16 GiB of zeros", Sparse(16 << 30))
    yield _case(chance, "a list of 16 GiB", Link("big"), "rows.json")
    for file in (
        "rows.parquet",
        "rows.csv",
        "rows.arrow",
        "rows.jsonl.gz",
        "rows.jsonl.zst",
        "rows.jsonl.bz2",
        "rows.txt",
    ):
        yield _case(chance, f"no {file}", b"\x00\x01PAR1 nothing of that kind PAR1", file)
        yield _case(chance, f"empty {file}", b"", file)
    yield _case(chance, "gzip bomb in one line", _bomb(b"", b"\0", 256), "rows.jsonl.gz")
    yield _case(chance, "gzip bomb of spaces", _bomb(b"", b" ", 64), "rows.jsonl.gz")
    yield _case(chance, "gzip bomb in a list", _bomb(b"[", b" ", 256), "rows.json.gz")
    yield _case(chance, "cut gzip", gzip.compress(ROWS.encode() * 50)[:60], "rows.jsonl.gz")
