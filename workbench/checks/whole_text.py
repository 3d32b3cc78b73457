"""T001: the text of a row that stands in the rendering in part, elsewhere, under another role, or not at all.

Everything is by the trace. White space does not count: templates trim it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from workbench.checks.registry import check
from workbench.checks.row_facts import RowFacts, shorten
from workbench.data.row_notes import LOST_TEXT
from workbench.findings import Finding, Severity
from workbench.tokens.trace import Place

if TYPE_CHECKING:
    from workbench.errors import Where

# Thinking between the tags of the families that have it.
_THOUGHT = re.compile(
    r"<think>.*?</think>|<reasoning>.*?</reasoning>|\[THINK\].*?\[/THINK\]|<\|channel>thought.*?<channel\|>", re.DOTALL
)
_SPACE = re.compile(r"\s+")
# What stands before a part's text where the list of parts is written out as Python or JSON has it.
_WRITTEN_OUT = re.compile(r"""["'](?:text|content|value|thinking|output)["']\s*:\s*["']$""")
_SYSTEM = ("system", "developer")


@check()
def rewritten(facts: RowFacts) -> Iterator[Finding]:
    """T001: text that never reaches the rendering, or only changed."""
    for message in _suspects(facts):
        said, kept = _said(facts, message), _kept(facts, message)
        lost = len(said) - len(kept)
        role, where = facts.roles[message], _where(facts, message)
        if lost <= 0:
            text = f"the template changes text around what the {role} message says"
            yield LOST_TEXT("note", text, "Compare the tokens in `vlmbench inspect`.", where)
            continue
        thought = _thought(facts, message, kept)
        severity = _severity(facts, message, thought)
        what = f"the thinking of the {role} message" if thought else f"text of the {role} message"
        hint = "Write it where the template keeps it, or change the template."
        if thought:
            hint = "End a row at each answer whose thinking is to be trained: before a later one it is left out."
        elif role in ("tool", "ipython") and not kept:
            hint = (
                "Give the message the role user: without tool_calls, which axolotl drops, the template leaves it out."
            )
        if kept:
            text = f"{what} is lost: the template drops or rewrites {lost:,} of {len(said):,} characters"
        else:
            text = f"{what} does not reach the rendering: the template drops or rewrites it"
        yield LOST_TEXT(severity, text, hint, where)


def _suspects(facts: RowFacts) -> list[int]:
    """The messages of which some text was not found as it is."""
    trace = facts.trace
    inexact = np.unique(trace.message[facts.content & ~trace.exact]).tolist()
    return sorted({*inexact, *(message for message, _ in trace.missing)})


def _said(facts: RowFacts, message: int) -> str:
    """The text of a message, of all its parts, without white space."""
    return _SPACE.sub("", "".join(facts.row.texts.get(message, [])))


def _kept(facts: RowFacts, message: int) -> str:
    """The part of it that stands in the rendering, without white space."""
    text = facts.rendering.text
    return _SPACE.sub("", "".join(text[place.start : place.stop] for place in _places(facts, message)))


def _places(facts: RowFacts, message: int) -> list[Place]:
    return facts.row.text_places.get(message, [])


def _where(facts: RowFacts, message: int) -> Where:
    at = np.flatnonzero(facts.content & (facts.trace.message == message))
    return facts.where(message, (int(at[0]), int(at[-1]) + 1) if len(at) else None)


def _thought(facts: RowFacts, message: int, kept: str) -> bool:
    """True where nothing but thinking is lost of a message: what is left without it is all there."""
    whole = "".join(facts.row.texts.get(message, []))
    rest = _SPACE.sub("", _THOUGHT.sub("", whole))
    return _THOUGHT.search(whole) is not None and rest in kept


def _severity(facts: RowFacts, message: int, thought: bool) -> Severity:
    """The severity of lost text of a message: for what is trained, and for what is read just before it."""
    trained = facts.role_trained
    if thought and trained[message + 1 : -1].any():
        return "warning"
    near = trained[message] or (message + 1 < len(facts.roles) and trained[message + 1])
    return "error" if near or facts.roles[message] in _SYSTEM else "warning"


@check()
def written_out(facts: RowFacts) -> Iterator[Finding]:
    """T001: a list of parts that the template writes as the list that it is."""
    text = facts.rendering.text
    said = [text for texts in facts.row.texts.values() for text in texts]
    for message, role in enumerate(facts.roles):
        place = next(iter(_places(facts, message)), None)
        before = text[max(0, place.start - 40) : place.start] if place is not None else ""
        found = _WRITTEN_OUT.search(before)
        # A text that holds such a list itself is no list.
        if place is None or found is None or any(found[0] in one for one in said):
            continue
        shown = shorten(text[text.rfind("[", 0, place.start) : place.stop][:40])
        cause = f"the content of the {role} message is written as the list of parts that it is: “{shown}”"
        hint = (
            f"axolotl makes a list of every content: give the message a role whose parts the template joins (user), "
            f"or use a chat_template_jinja that joins those of {role}."
        )
        yield LOST_TEXT("error", cause, hint, facts.where(message, (place.first, place.last)))
        return


@check()
def elsewhere(facts: RowFacts) -> Iterator[Finding]:
    """T001: text that the template writes behind a later message, or into the turn of another role."""
    moved = moved_messages(facts)
    for message, behind in moved[:1]:
        role, after = facts.roles[message], facts.row.raw_message(behind)
        text = f"the template moves the text of the {role} message behind message {after}: earlier turns are without it"
        hint = "Write the text into the first user message, where it stays whatever follows."
        yield LOST_TEXT("warning", text, hint, _where(facts, message))
    if moved:
        return
    for first, second in _merged(facts):
        roles = f"{facts.roles[first]} and {facts.roles[second]}"
        text = f"the template writes messages of {roles} as one turn, with nothing between them that ends the first"
        hint = f"Write them as one {facts.roles[second]} message, as the template does, or use one that parts them."
        yield LOST_TEXT("warning", text, hint, _where(facts, first))
        return


def moved_messages(facts: RowFacts) -> list[tuple[int, int]]:
    """The messages that the template writes behind later ones, each with the last of those."""
    messages = np.flatnonzero(facts.last >= 0)
    begins = facts.first[messages]
    # Few rows have any, and a long one has a thousand messages: only those that a later one overtakes are looked at.
    earliest_later = np.append(np.minimum.accumulate(begins[::-1])[::-1][1:], len(facts.ids))
    return [
        (int(messages[at]), int(messages[np.flatnonzero(begins < begins[at])[-1]]))
        for at in np.flatnonzero(earliest_later < begins)
    ]


def missing_messages(facts: RowFacts) -> list[int]:
    """The messages of which nothing stands in the rendering, though they say something."""
    return [message for message in _suspects(facts) if not _places(facts, message)]


def thoughts_lost(facts: RowFacts) -> list[int]:
    """The messages of which the template leaves out the thinking alone."""
    suspects = [message for message in _suspects(facts) if len(_said(facts, message)) > len(_kept(facts, message))]
    return [message for message in suspects if _thought(facts, message, _kept(facts, message))]


def _merged(facts: RowFacts) -> Iterator[tuple[int, int]]:
    """Messages of two roles that stand one after the other with nothing but white space between them."""
    text = facts.rendering.text
    order = [place for place in facts.trace.places if place.message >= 0 and place.stop > place.start]
    for left, right in pairwise(order):
        first, second = left.message, right.message
        if first == second or facts.roles[first] == facts.roles[second]:
            continue
        if left.stop <= right.start and not text[left.stop : right.start].strip():
            yield first, second
