"""YAML 1.1 to PyYAML's letter, because axolotl trains with its `SafeLoader`: `yes` is true, `1e-4` text, `010` is 8.

ruamel's parser gives the events; its scanner is set right where PyYAML's reads differently. Scalars are resolved and
converted here, since ruamel's own resolver follows YAML 1.2 in places.
"""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.reader import Reader
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tokens import ScalarToken

CORE = "tag:yaml.org,2002:"
KNOWN = ("null", "bool", "int", "float", "timestamp", "binary", "str")

_BOOLS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}
_INT = re.compile(r"[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)")
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?"
    r"(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?",
    re.ASCII,
)
_ENDS = r"\0 \t\r\n\x85\u2028\u2029"
_PLAIN_BLOCK = re.compile(rf"(?:[^{_ENDS}:]|:(?![{_ENDS}]))+")
_PLAIN_FLOW = re.compile(rf"(?:[^{_ENDS}:,?\[\]{{}}]|:(?![{_ENDS},\[\]{{}}]))+")


class _Parser(YAML):
    def official_plug_ins(self) -> Any:
        """None: ruamel would search its own folder for them at every text."""
        return []


def events(text: str) -> Iterator[Any]:
    """The parser's events for `text`. Raises ruamel's YAMLError, or ValueError and its like for malformed escapes."""
    loader = _Parser(typ="safe", pure=True)
    loader.Resolver, loader.Reader, loader.Scanner = _Resolver11, _Reader11, _Scanner11
    loader.top_level_block_style_scalar_no_indent_error_1_1 = True
    return iter(loader.parse(text))


def resolve(value: str) -> str:
    """The core type of a plain scalar in YAML 1.1 as PyYAML reads it: "int", "float", "bool", "null", …, "str"."""
    if value in ("", "~", "null", "Null", "NULL"):
        return "null"
    if value.lower() in _BOOLS and value in (value.lower(), value.upper(), value.capitalize()):
        return "bool"
    if value[0] in "-+.0123456789":
        if _FLOAT.fullmatch(value):
            return "float"
        if _INT.fullmatch(value):
            return "int"
        date_only = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
        found = _TIME.fullmatch(value)
        if date_only or (found and found[4]):
            return "timestamp"
    return {"=": "value", "<<": "merge"}.get(value, "str")


def convert(tag: str, value: str) -> Any:
    if tag == "str":
        return value
    if tag == "null":
        return None
    if tag == "bool":
        return _BOOLS[value.lower()]
    if tag == "binary":
        return base64.decodebytes(value.encode("ascii"))
    if tag == "timestamp":
        return _timestamp(value)
    if tag not in ("int", "float"):
        raise KeyError(tag)
    text = value.replace("_", "").lower() if tag == "float" else value.replace("_", "")
    sign, text = (-1 if text[:1] == "-" else 1), text[1:] if text[:1] in ("-", "+") else text
    if tag == "int" and ":" in text and text[0] != "0":
        return sign * sum(int(part) * 60**power for power, part in enumerate(reversed(text.split(":"))))
    if tag == "int":
        base = {"0b": 2, "0x": 16}.get(text[:2], 8 if text.startswith("0") and text != "0" else 10)
        return sign * int(text[2:] if base in (2, 16) else text, base)
    if ":" in text:
        return sign * sum(float(part) * 60**power for power, part in enumerate(reversed(text.split(":"))))
    return sign * float(text[1:] if text in (".inf", ".nan") else text)


def _timestamp(value: str) -> datetime.date:
    found = _TIME.fullmatch(value)
    if found is None:
        raise ValueError(value)
    year, month, day = (int(found[index]) for index in (1, 2, 3))
    if found[4] is None:
        return datetime.date(year, month, day)
    zone = None
    if found[9]:
        shift = datetime.timedelta(hours=int(found[10]), minutes=int(found[11] or 0))
        zone = datetime.timezone(-shift if found[9] == "-" else shift)
    elif found[8]:
        zone = datetime.UTC
    micros = int((found[7] or "0")[:6].ljust(6, "0"))
    return datetime.datetime(year, month, day, int(found[4]), int(found[5]), int(found[6]), micros, zone)


class _Resolver11(VersionedResolver):
    """Keeps ruamel's scanner at YAML 1.1, whatever the %YAML directive says, as PyYAML is."""

    @property
    def processing_version(self) -> Any:
        return (1, 1)


class _Reader11(Reader):
    """Counts lines as YAML 1.1 does (NEL, LS and PS break lines too)."""

    forward = Reader.forward_1_1


class _Scanner11(Scanner):
    """Differs from ruamel's scanner where PyYAML's does: tabs, plain scalars in brackets, blank lines in literals."""

    def scan_to_next_token(self) -> Any:
        while True:
            while self.reader.peek() == " ":
                self.reader.forward()
            if self.reader.peek() == "#":
                while self.reader.peek() not in "\0\r\n\x85\u2028\u2029":
                    self.reader.forward()
            if not self.scan_line_break():
                return
            self.allow_simple_key = self.allow_simple_key or not self.flow_level

    def scan_plain(self) -> Any:
        reader, chunks, spaces = self.reader, list[str](), list[str]()
        start = end = reader.get_mark()
        word = _PLAIN_FLOW if self.flow_level else _PLAIN_BLOCK
        while reader.peek() != "#" and (found := word.match(reader.buffer, reader.pointer)):
            self.allow_simple_key = False
            chunks += [*spaces, found[0]]
            reader.forward(len(found[0]))
            end = reader.get_mark()
            spaces = self.scan_plain_spaces(self.indent + 1, start)
            if not spaces or (not self.flow_level and reader.column <= self.indent):
                break
        return ScalarToken("".join(chunks), True, start, end)

    def scan_block_scalar_indentation(self) -> Any:
        reader, chunks, indent, end = self.reader, [], 0, self.reader.get_mark()
        while reader.peek() in " \r\n\x85\u2028\u2029":
            if reader.peek() == " ":
                reader.forward()
                indent = max(indent, reader.column)
            else:
                chunks.append(self.scan_line_break())
                end = reader.get_mark()
        return chunks, indent, end
