"""D003, T001 and M013 of parts: what a row hands over, against what the template writes and the processor gets.

A part is looked at by what becomes of it, not by its type: the template writes something for it or nothing, and
transformers gives the processor a picture of it or none. That needs no rendering that went through, so it explains rows
that the template or the processor refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.checks.registry import check
from workbench.data.forms import PICTURE_ARGUMENTS, Modality, part_modality, text_key
from workbench.data.parts import MEDIA_KEYS, handed_over
from workbench.data.remedies import CONVERT
from workbench.data.row_notes import BAD_PICTURES, LOST_TEXT
from workbench.findings import Edit, Finding, Fix
from workbench.recipe.knobs import NO_EFFECT
from workbench.tokens.ablation import leaves_nothing
from workbench.tokens.sentinels import text_parts

if TYPE_CHECKING:
    from workbench.errors import Where
    from workbench.row import Row
    from workbench.tokens.render import Message

_NAMES: dict[Modality, str] = {"image": "picture", "video": "video", "audio": "sound"}
_CALLS = ("tool_use", "tool_call", "function_call")
_RESULTS = ("tool_result", "tool_response", "function_call_output")


@dataclass(frozen=True, slots=True)
class PartFate:
    """The fate of a part: what it is (`kind` None: no media), how many media the processor gets of it, and whether
    the template writes anything for it; None where it refuses the row. `listed`: it writes out the part as it stands.
    """

    message: int
    part: int
    value: dict[str, Any]
    kind: Modality | None
    handed: int
    written: bool | None
    listed: bool = False

    @property
    def typed(self) -> str:
        """The part's type, as it stands in the row."""
        return f"{{type: {self.value.get('type')}}}"


def fates(row: Row) -> list[PartFate]:
    """The parts of a row that are media, or hold no text that the trace could find; in order."""
    messages = row.conversation.messages
    odd = _odd_parts(messages)
    if not odd:
        return []
    prompt = _prompt(row)
    found = []
    for index, number, part, kind in odd:
        written = None if prompt is None else not leaves_nothing(messages, index, number, row.prompt, prompt)
        listed = prompt is not None and _written_out(part, prompt, messages)
        found.append(PartFate(index, number, part, kind, handed_over(part), written, listed))
    return found


def _odd_parts(messages: Sequence[Message]) -> list[tuple[int, int, dict[str, Any], Modality | None]]:
    """(message, part, value, kind) of the parts that are media, or hold no text under the key of their type."""
    return [
        (index, number, part, kind)
        for index, message in enumerate(messages)
        for number, part in enumerate(message["content"] if isinstance(message.get("content"), list) else ())
        if isinstance(part, dict)
        # Parts without a type have an error of their own.
        and "type" in part
        and ((kind := part_modality(part)) is not None or text_key(part) is None)
    ]


def _written_out(part: dict[str, Any], prompt: str, messages: Sequence[Message]) -> bool:
    """True where the prompt holds the part's type as Python or JSON writes it, and no text of the row does."""
    kind = str(part.get("type"))
    said = [text.text for text in text_parts(messages)]
    forms = (f"'type': {kind!r}", f'"type": "{kind}"')
    return any(form in prompt and not any(form in text for text in said) for form in forms)


def _prompt(row: Row) -> str | None:
    """The row's prompt, whatever the processor makes of it; None where the template refuses it."""
    if row.error is None:
        return row.rendering.prompt
    try:
        return row.prompt(row.conversation.messages)
    except Exception:
        return None


def _multimodal(row: Row) -> bool:
    return row.bench.path.kind == "multimodal"


@check(stage="unrendered row", when=_multimodal)
def lost_parts(row: Row) -> Iterator[Finding]:
    """D003 and T001: pictures and parts that are lost, placeholders without a picture, pictures without one."""
    if not row.bench.renderer.processor:
        return
    # A row of texts alone, of which there may be a million, is not rendered for this.
    if not _odd_parts(row.conversation.messages) or _plainly_whole(row):
        return
    kinds: dict[tuple[str, str], list[PartFate]] = {}
    # Pictures that a column had for these placeholders, and lost, are told of there.
    of_column = any(_of_column(finding) for finding in row.conversation.findings)
    for fate in fates(row):
        problem = _problem(fate)
        if problem is not None and not (problem == "empty" and _bare(fate) and of_column):
            kinds.setdefault((problem, fate.typed), []).append(fate)
    for (problem, typed), same in kinds.items():
        text, hint = _explained(problem, typed, same[0], row)
        more = f" ({len(same)} parts of the row alike)" if len(same) > 1 else ""
        emit = LOST_TEXT if problem == "nothing" else BAD_PICTURES
        yield emit("error", text + more, hint, _place(row, same[0], tokens=problem == "empty"))


def _plainly_whole(row: Row) -> bool:
    """True where one run of media stands for each part that is no text, so that nothing needs to be rendered again."""
    contents = [message.get("content") for message in row.conversation.messages]
    parts = [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]
    odd = [part for part in parts if part_modality(part) is not None or text_key(part) is None]
    if not odd:
        return True
    if row.error is not None:
        return False
    return len(odd) == len(row.rendering.media) and all(handed_over(part) == 1 for part in odd)


def _of_column(finding: Finding) -> bool:
    return finding.code == BAD_PICTURES.code and finding.severity == "error" and finding.where.message is None


def _problem(fate: PartFate) -> str | None:
    if fate.kind is None:
        return None if fate.written is not False else "nothing"
    if fate.handed == 0:
        return "empty" if fate.written or (fate.written is None and _bare(fate)) else "lost"
    if fate.handed > 1:
        return "several"
    if fate.listed:
        return "listed"
    return "unwritten" if fate.written is False else None


def _bare(fate: PartFate) -> bool:
    """True for a part that names nothing: a placeholder."""
    return set(fate.value) <= {"type", "text", "index"}


def _explained(problem: str, typed: str, fate: PartFate, row: Row) -> tuple[str, str]:
    """(message, hint) for what is wrong with a part."""
    place = f"part {fate.part} of message {row.raw_message(fate.message)}"
    if problem == "nothing":
        kind = str(fate.value.get("type"))
        what = "a tool call" if kind in _CALLS else "a tool's answer" if kind in _RESULTS else "what it holds"
        text = f"{place} {typed} leaves nothing in the rendering: {what} is lost"
        tool = kind in _CALLS or kind in _RESULTS
        return text, f"Write it as {{type: text, text: …}}; {CONVERT[:-1]}{' --tool-text' if tool else ''}` does."
    assert fate.kind is not None
    what, keys = _NAMES[fate.kind], MEDIA_KEYS[fate.kind]
    as_written = f"Write it as {{type: {fate.kind}, path: …}}; {CONVERT} does."
    if problem == "several":
        text = f"{place} {typed} names {fate.handed} {what}s, and the template writes one placeholder"
        return text, f"Give it exactly one of {', '.join(keys)}."
    if problem == "listed":
        text = f"{place} {typed} is written out as part of a list, and no placeholder for its {what}"
        return text, f"Put the {what} into a user message: the template joins no parts of such a one."
    if problem == "unwritten":
        role = row.conversation.messages[fate.message].get("role")
        text = f"the {what} of {place} {typed} is handed over, and the template writes no placeholder for it"
        if role == "user":
            return text, f"Take it out, or use a template that knows {fate.kind} parts."
        return text, f"Put the {what} into a user message: the template leaves out those of a {role} message."
    if problem == "empty" and _bare(fate):
        text = f"{place} {typed} is a placeholder without a {what}: the processor gets none for it"
        return text, f"Give it its {what}, {{type: {fate.kind}, path: …}}, or take it out."
    outcome = "the template writes a placeholder and the processor gets nothing" if problem == "empty" else "it is lost"
    text = f"the {what} of {place} {typed} never reaches the model: transformers takes none of such a part, {outcome}"
    return text, as_written


def _place(row: Row, fate: PartFate, tokens: bool) -> Where:
    place = replace(row.where, message=row.raw_message(fate.message))
    if not tokens or row.error is not None:
        return place
    trace = row.trace
    runs = [one for one in trace.places if one.media and (one.message, one.part) == (fate.message, fate.part)]
    return replace(place, tokens=(runs[0].first, runs[0].last)) if runs else place


@check(stage="unrendered row", when=_multimodal)
def unread_arguments(row: Row) -> Iterator[Finding]:
    """M013: keys of qwen-vl-utils in a part, which transformers leaves unread."""
    for index, message in enumerate(row.conversation.messages):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, dict):
                continue
            known = dict(row.bench.document.get(("processor_kwargs",)) or {})
            found = [key for key, name in PICTURE_ARGUMENTS.items() if key in part and name not in known]
            if not found:
                continue
            named = ", ".join(f"`{key}`" for key in found)
            where = f"part {number} of message {row.raw_message(index)}"
            text = f"{named} of {where}: no effect, qwen-vl-utils alone reads such keys"
            hint, fix = _argument(row, part, found)
            place = replace(row.where, message=row.raw_message(index))
            yield NO_EFFECT("warning", text, hint, place, fix)
            return


def _argument(row: Row, part: dict[str, Any], found: list[str]) -> tuple[str, Fix | None]:
    """The recipe's key that does what a part's keys ask for, where the processor has such an argument."""
    wanted: dict[str, Any] = {}
    for key in found:
        if key in ("resized_height", "resized_width"):
            height, width = part.get("resized_height"), part.get("resized_width")
            value = height * width if isinstance(height, int) and isinstance(width, int) else None
        else:
            value = part[key] if isinstance(part[key], (int, float)) else None
        if value is not None:
            wanted.setdefault(PICTURE_ARGUMENTS[key], value)
    known = arguments(row)
    wanted = {key: value for key, value in wanted.items() if key in known}
    if not wanted:
        return "Take it out, and resize the pictures in the data: this processor takes no such argument.", None
    edits = tuple(Edit(("processor_kwargs", key), value) for key, value in wanted.items())
    given = ", ".join(f"{key}: {value}" for key, value in wanted.items())
    title = f"processor_kwargs: {{{given}}}"
    return f"Write {title} in the recipe, which holds for every row.", Fix(title, edits)


def arguments(row: Row) -> set[str]:
    """The arguments that the processor's own parts take from `processor_kwargs`."""
    processor = row.bench.renderer.processor
    parts = [getattr(processor, name, None) for name in ("image_processor", "video_processor")]
    known: set[str] = set()
    for one in parts:
        names = getattr(getattr(one, "valid_kwargs", None), "__annotations__", {})
        known.update(name for name in PICTURE_ARGUMENTS.values() if name in names or hasattr(one, name))
    return known
