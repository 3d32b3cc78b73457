"""Comments in a recipe that leave findings out: `# vlmbench: ignore[A012]` at a line, `ignore-file[D]` for all of it.

A comment at the end of a line speaks of that line; one that stands alone speaks of the next line that holds something.
A code may be the beginning of several, as for --select. C020 tells of comments that leave nothing out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.checks.registry import codes, is_chosen, nearest
from workbench.checks.report import Report
from workbench.errors import Where
from workbench.findings import Emitter, Finding

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.recipe.yaml.document import Document
    from workbench.recipe.yaml.nodes import Node

LEAVES_NOTHING_OUT = Emitter("C020", __name__)
_COMMENT = re.compile(r"(?<![^\s])#[ \t]*vlmbench:[ \t]*(?P<what>[A-Za-z][\w-]*)?[ \t]*(?:\[(?P<codes>[^\]\n]*)\])?")
_ASKED_ONLY = ("M020", "A015", "A016")
"""Codes that only a trainer that was asked can show."""
_FORM = "Write `# vlmbench: ignore[CODE]` at the line, or `# vlmbench: ignore-file[CODE]` for all of the recipe."


@dataclass(frozen=True, slots=True)
class IgnoreComment:
    """A comment that leaves findings out. `target`: the line that it speaks of, from 1; None: the whole recipe."""

    where: Where
    target: int | None
    codes: tuple[str, ...]


def without_ignored(report: Report, document: Document, looked_for: Callable[[str], bool]) -> Report:
    """A report without the findings that the recipe's comments leave out, and with those about the comments.

    `looked_for` is true of a code that the check would have found; a comment about another may well be of use.
    """
    comments, problems = read_comments(document)
    if not comments and not problems:
        return report
    used: set[tuple[IgnoreComment, str]] = set()
    left_out = []
    for finding in report.findings:
        pairs = [(one, code) for one in comments for code in one.codes if _speaks_of(one, code, finding, document.name)]
        used.update(pairs)
        if pairs:
            left_out.append(finding)
    told = [*problems, *_unused(comments, used, looked_for)]
    added = [finding for finding in told if looked_for(finding.code)]
    return replace(report.without(left_out).plus(added), ignored=len(left_out))


def with_comments(
    report: Report, bench: Bench, *, select: Sequence[str] = (), ignore: Sequence[str] = (), whole: bool = True
) -> Report:
    """A bench's report as the comments of its recipe want it. `whole=False`: rows are still to come."""
    return without_ignored(report, bench.document, looked_for(report, bench, select=select, ignore=ignore, whole=whole))


def looked_for(
    report: Report, bench: Bench, *, select: Sequence[str] = (), ignore: Sequence[str] = (), whole: bool = True
) -> Callable[[str], bool]:
    """A function that is true of the codes that a check of a bench has looked for: those of rows, in all of them."""
    known = codes()
    all_rows = whole and report.rows == bench.rows.known_length
    asked = bench.asked is not None and bench.asked.answer is not None

    def found(code: str) -> bool:
        if not is_chosen(code, select, ignore) or known[code].scope == "run":
            return False
        return (known[code].scope != "row" or all_rows) and (code not in _ASKED_ONLY or asked)

    return found


def read_comments(document: Document) -> tuple[list[IgnoreComment], list[Finding]]:
    """The comments of a recipe, and a finding for each that is not understood."""
    text = document.text.removeprefix("\ufeff")
    found = list(_COMMENT.finditer(text))
    if not found or document.error is not None:
        return [], []
    parsed = document.parsed
    texts = list(_scalars(parsed.root)) if parsed.root is not None else []
    comments, problems = [], []
    for match in found:
        if any(start <= match.start() < end for start, end in texts):
            # It is part of a value.
            continue
        if not _means_to_ignore(match["what"], match["codes"]):
            continue
        line, column = parsed.place(match.start())
        where = Where(document.name, line, column)
        listed = tuple(word.strip().upper() for word in (match["codes"] or "").split(",") if word.strip())
        if match["what"] not in ("ignore", "ignore-file") or not listed:
            problems.append(LEAVES_NOTHING_OUT("warning", f"“{match[0]}” leaves nothing out", _FORM, where))
            continue
        for word in (word for word in listed if not _known(word)):
            near = nearest(word)
            hint = f"Did you mean {', '.join(near)}?" if near else "`vlmbench explain` lists the codes."
            problems.append(LEAVES_NOTHING_OUT("warning", f"there is no code {word} to leave out", hint, where))
        target = None if match["what"] == "ignore-file" else _target(text, match.start(), line)
        comments.append(IgnoreComment(where, target, tuple(filter(_known, listed))))
    return comments, problems


def _means_to_ignore(word: str | None, listed: str | None) -> bool:
    """True for a comment that asks for something to be left out, misspelt or not; others only name the bench."""
    # A receipt, for one, names its version so.
    near = word is not None and difflib.get_close_matches(word.lower(), ("ignore", "ignore-file"), cutoff=0.6)
    return listed is not None or bool(near)


def _known(word: str) -> list[str]:
    """The codes that are this one or begin with it."""
    return [code for code in codes() if code.startswith(word)]


def _scalars(node: Node) -> Iterator[tuple[int, int]]:
    """The offsets of every text of a YAML document."""
    if node.kind == "scalar":
        yield node.start, node.end
    elif node.kind == "map":
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    elif node.kind == "seq":
        for item in node.value:
            yield from _scalars(item)


def _target(text: str, at: int, line: int) -> int:
    """The line that a comment at an offset speaks of."""
    if text[text.rfind("\n", 0, at) + 1 : at].strip():
        return line
    rest = text[at:].split("\n")[1:]
    ahead = (number for number, words in enumerate(rest, 1) if words.strip() and not words.lstrip().startswith("#"))
    return line + next(ahead, 0)


def _speaks_of(comment: IgnoreComment, code: str, finding: Finding, recipe: str) -> bool:
    if not finding.code.startswith(code):
        return False
    return comment.target is None or (finding.where.file == recipe and finding.where.line == comment.target)


def _unused(
    comments: list[IgnoreComment], used: set[tuple[IgnoreComment, str]], looked_for: Callable[[str], bool]
) -> Iterator[Finding]:
    """C020, for each code of a comment that leaves nothing out, where the check would have found it."""
    for comment in comments:
        for code in comment.codes:
            if (comment, code) in used or not all(map(looked_for, _known(code))):
                continue
            place = "anywhere" if comment.target is None else f"at line {comment.target}"
            text = f"there is no {code} {place} for this comment to leave out"
            yield LEAVES_NOTHING_OUT("warning", text, "Remove it from the comment.", comment.where)
