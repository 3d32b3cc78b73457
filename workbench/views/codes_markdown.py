"""All codes as one page of Markdown: `vlmbench explain --format markdown`, which is `docs/codes.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.checks.registry import Code

_TOPICS = {
    "A": "Model and adapters",
    "C": "Configuration",
    "D": "Data",
    "L": "Loading",
    "M": "Loss mask",
    "R": "Overfit run",
    "T": "Chat template",
    "X": "Files of other trainers",
}
_OUTSIDE_CODE = re.compile(r"(`[^`]*`)|([<*_\[\]])")


def codes_markdown(codes: Iterable[Code]) -> str:
    """The page: for each letter a table of its codes, then their cause, example and remedy.

    The texts are the codes' own; what Markdown or HTML would take for markup outside of code spans is escaped.
    """
    lines = [
        "# Codes",
        "",
        "Every finding has a code. `vlmbench explain CODE` shows the same text in the terminal.",
        "",
    ]
    for letter, topic, pages in topics(codes):
        lines += [
            f"## {letter}: {topic}",
            "",
            *code_table((code, f"#{code.code.lower()}") for code in pages),
        ]
        for code in pages:
            lines += [
                "",
                f"### {code.code}",
                "",
                f"**{paragraph(code.title)}** ({code.severity}, found in the {code.scope})",
            ]
            for name, text in (("Cause", code.cause), ("Example", code.example), ("What to do", code.fix)):
                lines += ["", f"*{name}.* {paragraph(text)}"]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def topics(codes: Iterable[Code]) -> Iterator[tuple[str, str, list[Code]]]:
    """The letter, the topic and the codes of each, in the order of the names."""
    for letter, listed in groupby(sorted(codes, key=lambda code: code.code), key=lambda code: code.code[0]):
        yield letter, _TOPICS[letter], list(listed)


def code_table(pages: Iterable[tuple[Code, str]]) -> list[str]:
    """The lines of a table of codes, each with the address of its page."""
    lines = ["| code | problem | severity | found in |", "| --- | --- | --- | --- |"]
    for code, address in pages:
        title = paragraph(code.title).replace("|", "\\|")
        lines.append(f"| [{code.code}]({address}) | {title} | {code.severity} | {code.scope} |")
    return lines


def paragraph(text: str) -> str:
    """A text in one paragraph, with Markdown's characters escaped outside of its code spans."""

    def escaped(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1]
        return "&lt;" if match[2] == "<" else f"\\{match[2]}"

    return _OUTSIDE_CODE.sub(escaped, " ".join(text.split()))
