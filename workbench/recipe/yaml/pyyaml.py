"""PyYAML's events and values, because axolotl trains with its `SafeLoader`: `yes` is true, `1e-4` text, `010` is 8.

The loader in Python is used, not the one in C: it is axolotl's. The one in C takes texts that it refuses (a tab after a
colon), says other things of wrong ones, and gives other offsets after a byte order mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

CORE = "tag:yaml.org,2002:"
KNOWN = ("null", "bool", "int", "float", "timestamp", "binary", "str")

_RESOLVER: Any = Resolver()
_PLAIN = (True, False)
_SCALARS_KEPT = 4096
_GAP = re.compile(" *(?:#[^\\0\r\n\x85\u2028\u2029]*)?")
"""Spaces and a comment, up to the end of a line."""


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, with the same events in less time: a run of characters is passed in one step."""

    _enough_at = -1

    def need_more_tokens(self) -> bool:
        """True as long as the next token is not certain.

        The parser asks again and again before it takes a token; until then, once certain is certain.
        """
        if self._enough_at == self.tokens_taken:
            return False
        if super().need_more_tokens():
            return True
        self._enough_at = self.tokens_taken
        return False

    def forward(self, length: int = 1) -> None:
        """Go on by so many characters. Printable ones neither end a line nor are a byte order mark."""
        passed = self.buffer[self.pointer : self.pointer + length]
        if len(passed) == length and passed.isprintable():
            self.pointer += length
            self.index += length
            self.column += length
        else:
            super().forward(length)

    def scan_to_next_token(self) -> None:
        """Go over spaces, comments and ends of lines."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while gap := _GAP.match(self.buffer, self.pointer):
            self.forward(gap.end() - gap.start())
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True


def events(text: str) -> Iterator[Any]:
    """The parser's events for `text`. Raises yaml.YAMLError, or ValueError and its like for malformed escapes."""
    return iter(yaml.parse(text, Loader=_Loader))


@lru_cache(_SCALARS_KEPT)
def resolve(value: str) -> str:
    """The core type of a plain scalar: "int", "float", "bool", "null", "timestamp", "merge", "value" or "str"."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, value, _PLAIN)).removeprefix(CORE)


@lru_cache(_SCALARS_KEPT)
def convert(tag: str, value: str) -> Any:
    """The Python value of a scalar. Raises ValueError where it is no such value, KeyError for an unknown tag."""
    if tag not in KNOWN:
        raise KeyError(tag)
    try:
        return SafeConstructor().construct_object(yaml.ScalarNode(CORE + tag, value))
    except (yaml.YAMLError, LookupError, AttributeError, TypeError) as error:
        # PyYAML's constructors take the form of the text for granted.
        raise ValueError(value) from error
