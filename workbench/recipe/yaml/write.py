"""Values written as YAML, as a person would write them: plain where that is safe, short ones on the key's line."""

from __future__ import annotations

import base64
import datetime
import re
from enum import Enum
from typing import Any

from workbench.errors import InputError
from workbench.recipe.yaml.pyyaml import resolve

_PLAIN_WORD = r"(?:[A-Za-z0-9_./+@()=~^-]|:(?=[^\s:]))+"
_PLAIN = re.compile(rf"(?![-=~]|\.\.\.$)(?=[A-Za-z0-9_./(-]){_PLAIN_WORD}(?: (?!#){_PLAIN_WORD})*")


def write_value(key: str, value: Any) -> str:
    """`key: value` as a person would write it at the top level of a recipe, without a last line feed."""
    return f"{as_inline(key, flow=True)}:{after_key(plain(value), 0, 2)}"


def plain(value: Any) -> Any:
    """Tuples become lists and enumeration members their values, as they read back."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    for kind in (str, float):
        if isinstance(value, kind):
            return kind(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _double(text: str) -> str:
    """A double-quoted YAML string; every character that a reader could not see is an escape."""
    named = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
    out = []
    for ch in text:
        code = ord(ch)
        wide = f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}" if code < 65536 else f"\\U{code:08X}"
        out.append(named.get(ch) or (ch if ch.isprintable() else wide))
    return f'"{"".join(out)}"'


def _string(text: str, *, flow: bool, style: str | None) -> str:
    """A one-line YAML string: in its old `style` ('"', "'" or None) where that can hold it, else plain or quoted."""
    single_works = text.isprintable()
    if style == "'" and single_works:
        return "'" + text.replace("'", "''") + "'"
    if (
        style != '"'
        and single_works
        and _PLAIN.fullmatch(text)
        and resolve(text) == "str"
        and not (flow and ":" in text)
    ):
        return text
    if style != '"' and single_works and ("\\" in text or '"' in text) and "'" not in text:
        return f"'{text}'"
    return _double(text)


def as_literal(text: str, indent: int) -> str | None:
    """`text` as a block literal whose lines stand at `indent`, or None where a literal cannot hold it."""
    lines = text.split("\n")
    if not lines[0].strip() or lines[0][0] in " \t" or not all(line.replace("\t", "").isprintable() for line in lines):
        return None
    body = text.rstrip("\n")
    chomp = {0: "-", 1: ""}.get(len(text) - len(body), "+")
    pad = " " * indent
    tail = "\n" * (len(text) - len(body) - 1)
    return f"|{chomp}\n" + "\n".join(pad + line if line else "" for line in body.split("\n")) + tail


def as_inline(value: Any, *, style: str | None = None, flow: bool = False) -> str:
    """`value` on one line: a scalar, or a flow collection."""
    value = value.value if isinstance(value, Enum) else value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, str):
        return _string(str(value), flow=flow, style=style)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_inline(k, flow=True)}: {as_inline(v, flow=True)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(as_inline(item, flow=True) for item in value) + "]"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"!!binary {_double(base64.b64encode(value).decode())}"
    cause = f"It is of type {type(value).__name__}."
    raise InputError("This value cannot be written to a recipe", cause, "Give texts, numbers, lists and mappings.")


def _float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": ".inf", "-inf": "-.inf"}.get(repr(value), ".nan")
    mantissa, mark, exponent = repr(value).partition("e")
    if not mark:
        return mantissa
    # Without the point and the sign, YAML 1.1 reads 2e-05 as text.
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"


def is_short(value: Any) -> bool:
    """True where people write this value on the line of its key."""
    if isinstance(value, (list, tuple)):
        return not any(isinstance(item, (dict, list, tuple)) for item in value) and len(as_inline(value)) <= 80
    if isinstance(value, str):
        return sum(1 for line in value.split("\n") if line.strip()) < 3 or as_literal(value, 0) is None
    return not isinstance(value, dict) or not value


def as_block(value: Any, indent: int, step: int) -> str:
    """`value` as block lines at `indent` (the last without a line feed); `step` indents lists under their key."""
    pad = " " * indent
    lines = []
    if isinstance(value, dict):
        for key, item in value.items():
            head = f"{pad}{as_inline(key, flow=True)}:"
            lines.append(head + after_key(item, indent, step))
    else:
        for item in value:
            nested = isinstance(item, (dict, list, tuple)) and not is_short(item)
            text = as_block(item, indent + 2, step).lstrip(" ") if nested else as_inline(item)
            lines.append(f"{pad}- {text}")
    return "\n".join(lines)


def after_key(value: Any, indent: int, step: int) -> str:
    """The text that follows `key:` (whose column is `indent`) for this value."""
    if is_short(value):
        return " " + as_inline(value)
    if isinstance(value, str):
        return " " + (as_literal(value, indent + 2) or _double(value))
    return "\n" + as_block(value, indent + (2 if isinstance(value, dict) else step), step)
