"""The mask of another trainer's file as text, JSON and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from workbench.escaping import visible
from workbench.lanes.lane import Lane
from workbench.lanes.own_mask import OwnMask, OwnMaskRow, resolved_facts
from workbench.recipe.trainer_file import TITLES
from workbench.views.lanes import pieces_of
from workbench.views.skeleton import draw
from workbench.views.terminal import findings_view

if TYPE_CHECKING:
    from workbench.answers.tools import TrainerFileAnswer, TrainerRowAnswer

SCHEMA: Final = "vlmbench.trainer-file/1"


def not_written(trainer: str) -> str:
    """The sentence that says what is not there yet, where a user would look for it."""
    return (
        f"{TITLES[trainer]} files are read; they are not written yet: export writes axolotl recipes. "
        f"vlmbench trainers FILE compares this mask with those of other trainers."
    )


def facts(mask: OwnMask) -> list[str]:
    """Who was asked, and what it made of its settings."""
    path = mask.answer.resolved.get("path")
    asked = f"mask asked of {mask.answer.version}" + (f": {path}" if path else "")
    return [asked, *resolved_facts(mask.answer.resolved)]


def refusal_line(mask: OwnMask) -> str:
    """The error that the trainer raised before any row, or ""."""
    refused = mask.answer.refused
    if refused is None:
        return ""
    return f"{mask.answer.version} stops at {refused['stage']}: {refused['type']}: {refused['message']}"


def show(mask: OwnMask, console: Console) -> None:
    """Print the rows with what the trainer trains of them."""
    head = [mask.file.title, str(mask.file.path), mask.model, mask.source]
    console.print(Text("vlmbench · " + visible(" · ".join(head)), style="bold"))
    console.print(Text(visible(" · ".join(facts(mask))), style="dim"))
    if line := refusal_line(mask):
        console.print(Text(visible(line), style="bold red"))
    for row in mask.rows:
        console.print()
        console.print(_row(row, marks=console.color_system is None))
    console.print()
    for line in (*(f"not told: {one}" for one in mask.lost), not_written(mask.file.trainer)):
        console.print(Text(visible(line), style="dim"))


def share(row: OwnMaskRow) -> str:
    """The share of a row that is trained, in words."""
    if row.lane is None:
        return row.reason
    lane = row.lane
    part = f" ({100 * lane.trained_tokens / lane.tokens:.0f}%)" if lane.tokens else ""
    return f"{lane.trained_tokens} of {lane.tokens} tokens trained{part}"


def _row(row: OwnMaskRow, *, marks: bool) -> RenderableType:
    head = Text.assemble((visible(str(row.row.where)), "bold"), ("  ·  ", "dim"), visible(share(row)))
    parts: list[RenderableType] = [head]
    if row.lane is not None:
        parts.append(Padding(lane_text(row.lane, marks=marks), (0, 0, 0, 2), expand=False))
    if row.row.unread:
        text = f"whose text each token is cannot be told: {row.row.unread}"
        parts.append(Padding(Text(visible(text), style="dim"), (0, 0, 0, 2), expand=False))
    if row.findings:
        parts.append(findings_view(row.findings))
    return Group(*parts)


def lane_text(lane: Lane, *, marks: bool) -> Text:
    """A lane's text with its trained stretches coloured; between ⟦ and ⟧ where colour cannot be shown."""
    text = Text()
    for piece, trained in pieces_of(lane):
        shown = "\n".join(visible(line) for line in piece.split("\n"))
        shown = shown.replace("\n", "⏎\n")
        if trained:
            text.append(f"⟦{shown}⟧" if marks else shown, style="green underline")
        else:
            text.append(shown)
    return text


def own_mask_payload(mask: OwnMask) -> TrainerFileAnswer:
    """The mask for JSON."""
    return {
        "schema": SCHEMA,
        "trainer": mask.file.trainer,
        "version": mask.answer.version,
        "versions": dict(mask.answer.versions),
        "file": str(mask.file.path),
        "model": mask.model,
        "data": mask.source,
        "resolved": dict(mask.answer.resolved),
        "refused": dict(mask.answer.refused) if mask.answer.refused is not None else None,
        "not_told": list(mask.lost),
        "writing": not_written(mask.file.trainer),
        "rows": [_row_payload(row) for row in mask.rows],
        "findings": [finding.to_dict() for finding in mask.findings],
    }


def _row_payload(row: OwnMaskRow) -> TrainerRowAnswer:
    lane = row.lane
    return {
        "row": row.row.index,
        "source": row.row.where.file,
        "line": row.row.where.line,
        "reason": row.reason or None,
        "unread": row.row.unread or None,
        "input_ids": list(row.input_ids),
        "labels": list(row.labels),
        "text": [list(piece) for piece in pieces_of(lane)] if lane is not None else [],
        "findings": [finding.to_dict() for finding in row.findings],
    }


def own_mask_html(mask: OwnMask) -> Markup:
    """The mask as HTML."""
    rows = [
        {
            "place": str(row.row.where),
            "figures": share(row),
            "pieces": pieces_of(row.lane) if row.lane is not None else [],
            "findings": [(one.severity, one.code, one.message, one.hint) for one in row.findings],
        }
        for row in mask.rows
    ]
    return draw(
        "own_mask.jinja",
        title=f"{mask.file.title} · {mask.file.path.name}",
        facts=facts(mask),
        refused=refusal_line(mask),
        lost=list(mask.lost),
        writing=not_written(mask.file.trainer),
        rows=rows,
    )
