"""Texts and values that attack: a terminal, a page, a parser, or arithmetic."""

from __future__ import annotations

from random import Random

ATTACKS = (
    "\x1b[2J\x1b]0;owned\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x9b31m\x85\x00\x08\x7f",
    "\u202eevil\u202c\u2066",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "[bold red]markup[/] [@click=app.quit]x[/]",
    "{{ 7*7 }} {% for x in y %} ${HOME}",
    "a\nb\rc\td\u2028e",
    "%s %d %n {0} {x!r:>{y}}",
    "\ufeff\u200b\u00ad",
)
"""Characters that may stand in any text."""
LONE = ("\ud800", "x\udfff")
"""Halves of surrogate pairs, which no encoding takes."""
LONG = "long " * 40_000

SCALARS = (
    "null",
    "true",
    "no",
    "0",
    "-1",
    "1",
    "3.5",
    ".inf",
    "-.inf",
    ".nan",
    "1e400",
    "1:30:00",
    "190:20:30.15",
    "0x7fffffffffffffffffffffff",
    "0b1",
    "0o17",
    "1_000",
    "9" * 400,
    "-" + "9" * 5000,
    "99999999999999999999",
    "1e309",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "=",
    "<<",
    "~",
    "''",
    "' '",
    "text",
    "'1'",
    "'\u202eevil'",
    '"\\e[2J"',
    '"\\ud800"',
    '"\\0"',
    "'<script>alert(1)</script>'",
    "'[bold]x[/'",
    "!!binary aGVsbG8=",
    "!!python/object:os.system x",
    "'" + "long " * 2000 + "'",
)
"""Values of YAML, as they stand behind a colon."""
COLLECTIONS = (
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "[1, text, true, null, {a: b}]",
    "{a: b}",
    "{1: 2, null: 3, true: 4}",
    "{? [a, b] : c}",
    "[{}]",
    "[{a: [b]}]",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "[" * 60 + "]" * 60,
    "{a: " * 60 + "x" + "}" * 60,
    "[" + ", ".join(["x"] * 3000) + "]",
    "{" + ", ".join(f"k{number}: {number}" for number in range(3000)) + "}",
)


def value(chance: Random) -> str:
    """A value of YAML of any type."""
    return chance.choice(SCALARS if chance.random() < 0.6 else COLLECTIONS)


JSON_VALUES = (
    None,
    True,
    False,
    0,
    -1,
    10**400,
    -(10**4000),
    1e308,
    float("nan"),
    float("inf"),
    "",
    "text",
    "nan",
    "1e999",
    "\x1b[2J<img src=x onerror=alert(1)>\u202e",
    "\ud800",
    [],
    {},
    [None],
    [[]],
    [{"a": 1}],
    {"a": {"b": []}},
    {"": None},
    "x" * 100_000,
)
"""Values of JSON of every type; NaN and infinity are what Python writes and no standard has."""
