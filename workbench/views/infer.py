"""Output of `vlmbench infer`: a recipe's `role_boundaries`, with the evidence for them as comments, or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.infer.search import Evidence, Inference

_ATTACKS = 4
COLUMNS = ("role", "content trained", "ends trained", "leaked", "")


def infer_payload(inference: Inference, model: str) -> dict[str, Any]:
    """The JSON of `vlmbench.infer/1`, with the model's name."""
    given = inference.to_dict()
    return {"schema": given.pop("schema"), "model": model, **given}


def infer_text(inference: Inference, model: str, data: str = "") -> str:
    """YAML that can be pasted into a recipe, under comments that say what was proved; `data` names the rows' source."""
    proved = f"{inference.conversations} conversations that were not used to find it"
    if inference.rows:
        proved += f", and {inference.rows} rows of {visible(data)}"
    lines = [f"{visible(model)}: {headline(inference)}", f"Proved on {proved}.", ""]
    lines += _table(inference)
    notes = [f"{one.role}: {visible(note)}" for one in inference.evidence for note in one.notes]
    notes += [visible(note) for note in inference.notes]
    lines += ["", *notes, ""] if notes else [""]
    lines += [*(visible(line) for line in injection_lines(inference)), ""] if inference.injection is not None else []
    body = inference.yaml()
    tail = [line for one in inference.evidence for line in _broken(one)]
    if tail:
        tail = ["Where a whole header is not found, because its last characters merge with the content:", *tail]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + body + "".join(f"# {line}\n" for line in tail)


def headline(inference: Inference) -> str:
    """For which roles the boundaries are proved, and for which not."""
    good = [one.role for one in inference.evidence if one.verified]
    bad = [one.role for one in inference.evidence if not one.verified]
    if not bad:
        return "verified for " + ", ".join(good) if good else "nothing was found"
    return f"NOT verified for {', '.join(bad)}" + (f"; verified for {', '.join(good)}" if good else "")


def injection_lines(inference: Inference) -> list[str]:
    """What markers do that a user types, apart from what was proved; nothing where that was not tried."""
    told = inference.injection
    if told is None or not told.tried:
        return []
    how = (
        "as plain text (split_special_tokens)"
        if told.handling == "text"
        else "as control tokens, as axolotl has it (split_special_tokens is off)"
    )
    if told.attacks:
        lines = [f"Injection, which is no fault of the boundaries: the tokenizer reads markers in text {how}."]
    else:
        typed = f"none of {told.tried} markers that a user types opens or closes a turn"
        lines = [f"Injection: {typed}; the tokenizer reads them {how}."]
    for one in told.attacks[:_ATTACKS]:
        does = [f"opens a turn of {role}" for role in one.opens] + [f"closes a turn of {role}" for role in one.closes]
        lines.append(f"  {_quoted(one.text)} typed by the {one.author} {' and '.join(does)}")
    if len(told.attacks) > _ATTACKS:
        lines.append(f"  and {len(told.attacks) - _ATTACKS} more; --format json has all")
    if told.attacks:
        lines.append("  Such rows are M008 in `vlmbench check`.")
    if told.set_aside:
        count = len(told.set_aside)
        lines.append(f"  {count} of the bench's own rows hold{'s' if count == 1 else ''} one, and were set aside.")
    return lines


def _table(inference: Inference) -> list[str]:
    rows = [COLUMNS, *(cells(one) for one in inference.evidence)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def cells(one: Evidence) -> tuple[str, ...]:
    """What was proved for one role, under `COLUMNS`."""
    figures = one.figures
    recall = f"{figures.recalled} of {figures.content}" + (
        f" ({_share(figures.recalled, figures.content)})" if figures.content else ""
    )
    stops = f"{figures.stopped} of {figures.stops}" if figures.stops else "-"
    return one.role, recall, stops, str(figures.leaked), "verified" if one.verified else "not verified"


def _share(part: int, whole: int) -> str:
    """A percentage that says 100 of nothing less."""
    return "100%" if part == whole else f"{min(part / whole, 0.9999):.2%}"


def _broken(one: Evidence) -> list[str]:
    return [
        f"  {_quoted(case.marker)} is {list(case.alone)} alone; before {_quoted(case.content)} the ids are "
        f"{list(case.there)}"
        for case in one.broken
    ]


def _quoted(text: str) -> str:
    return visible(json.dumps(text, ensure_ascii=False))
