"""Output of `vlmbench infer`: a recipe's `role_boundaries`, with the evidence for them as comments, or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from workbench.recipe.path import READ_ON_TEXT_PATH
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.answers import InferAnswer
    from workbench.infer.search import Evidence, Inference
    from workbench.recipe.path import TrainingPath

_ATTACKS = 4
COLUMNS = ("role", "content trained", "ends trained", "leaked", "")


def infer_payload(inference: Inference, model: str, path: TrainingPath | None = None) -> InferAnswer:
    """The JSON of `vlmbench.infer/1`, with the model's name and the recipe's path."""
    payload = inference.to_dict()
    named = {} if path is None else {"path": path.title, "read": path.kind == "multimodal"}
    # In this order: what it is, and of which model, stands first.
    return cast("InferAnswer", {"schema": payload["schema"], **named, "model": model, **payload})


def infer_text(inference: Inference, model: str, data: str = "", path: TrainingPath | None = None) -> str:
    """YAML that can be pasted into a recipe, under comments that say what was proved; `data` names the rows' source.

    `path` is the recipe's: off the multimodal path a comment says that these keys are not read there, and which are.
    """
    proved = f"{inference.conversations} conversations that were not used to find it"
    if inference.rows:
        proved += f", and {inference.rows} rows of {visible(data)}"
    lines = [] if path is None else [visible(path.title), ""] if path.kind == "multimodal" else [*not_read(path), ""]
    lines += [visible(f"{model}: {headline(inference)}"), f"Proved on {proved}.", ""]
    lines += _table(inference)
    notes = [visible(f"{evidence.role}: {note}") for evidence in inference.evidence for note in evidence.notes]
    notes += [visible(note) for note in inference.notes]
    lines += ["", *notes, ""] if notes else [""]
    lines += [*(visible(line) for line in injection_lines(inference)), ""] if inference.injection is not None else []
    body = inference.yaml()
    tail = [line for evidence in inference.evidence for line in _broken(evidence)]
    if tail:
        tail = ["Where a whole header is not found, because its last characters merge with the content:", *tail]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + body + "".join(f"# {line}\n" for line in tail)


def not_read(path: TrainingPath) -> list[str]:
    """The lines that say what a recipe off the multimodal path reads instead of `role_boundaries`."""
    lines = [f"This recipe does not read role_boundaries ({visible(path.title)})."]
    if path.kind == "text":
        lines += [
            f"Its labels are decided by {', '.join(READ_ON_TEXT_PATH)}.",
            "With processor_type: AutoProcessor it takes the multimodal path, which reads them.",
        ]
    return lines


def headline(inference: Inference) -> str:
    """For which roles the boundaries are proved, and for which not."""
    good = [evidence.role for evidence in inference.evidence if evidence.verified]
    bad = [evidence.role for evidence in inference.evidence if not evidence.verified]
    if not bad:
        return "verified for " + ", ".join(good) if good else "nothing was found"
    return f"NOT verified for {', '.join(bad)}" + (f"; verified for {', '.join(good)}" if good else "")


def injection_lines(inference: Inference) -> list[str]:
    """The lines on markers that a user types into a text; none where that was not tried."""
    injection = inference.injection
    if injection is None or not injection.tried:
        return []
    handling = (
        "as plain text (split_special_tokens)"
        if injection.handling == "text"
        else "as control tokens, as axolotl has it (split_special_tokens is off)"
    )
    if injection.attacks:
        lines = [f"Injection, which is no fault of the boundaries: the tokenizer reads markers in text {handling}."]
    else:
        typed = f"none of {injection.tried} markers that a user types opens or closes a turn"
        lines = [f"Injection: {typed}; the tokenizer reads them {handling}."]
    for attack in injection.attacks[:_ATTACKS]:
        does = [f"opens a turn of {role}" for role in attack.opens] + [
            f"closes a turn of {role}" for role in attack.closes
        ]
        lines.append(f"  {_quoted(attack.text)} typed by the {attack.author} {' and '.join(does)}")
    if len(injection.attacks) > _ATTACKS:
        lines.append(f"  and {len(injection.attacks) - _ATTACKS} more; --format json has all")
    if injection.attacks:
        lines.append("  Such rows are M008 in `vlmbench check`.")
    if injection.set_aside:
        count = len(injection.set_aside)
        lines.append(f"  {count} of the bench's own rows hold{'s' if count == 1 else ''} one, and were set aside.")
    return lines


def _table(inference: Inference) -> list[str]:
    rows = [COLUMNS, *(tuple(map(visible, cells(evidence))) for evidence in inference.evidence)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def cells(evidence: Evidence) -> tuple[str, ...]:
    """The figures of one role, under `COLUMNS`."""
    figures = evidence.figures
    recall = f"{figures.recalled} of {figures.content}" + (
        f" ({_share(figures.recalled, figures.content)})" if figures.content else ""
    )
    stops = f"{figures.stopped} of {figures.stops}" if figures.stops else "-"
    return evidence.role, recall, stops, str(figures.leaked), "verified" if evidence.verified else "not verified"


def _share(part: int, whole: int) -> str:
    """A percentage that says 100 of nothing less."""
    return "100%" if part == whole else f"{min(part / whole, 0.9999):.2%}"


def _broken(evidence: Evidence) -> list[str]:
    return [
        f"  {_quoted(case.marker)} is {list(case.alone)} alone; before {_quoted(case.content)} the ids are "
        f"{list(case.there)}"
        for case in evidence.broken
    ]


def _quoted(text: str) -> str:
    return visible(json.dumps(text, ensure_ascii=False))
