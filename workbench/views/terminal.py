"""The plain view: the same tokens, mask and findings in a terminal or a pipe.

Where colour or underline cannot be shown, every trained stretch stands between ⟦ and ⟧.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workbench.checks.row_checks import row_findings
from workbench.findings import Finding
from workbench.views.asked import STYLES, asked_line
from workbench.views.inspect_json import count_matches
from workbench.views.items import Items, Turn, cut, glyphs, items, turns, visible, wrap
from workbench.views.palette import DARK, SEVERITY_GLYPH, TRAINED_BAR, Look
from workbench.views.path import mask_facts, preference_lines, preference_texts, without_boundaries
from workbench.views.row_notes import general, serious

if TYPE_CHECKING:
    from workbench.bench import Bench, Row

_GUTTER = 15
_STYLES = {
    Look.PLAIN: "",
    Look.CONTROL: "dim",
    Look.MEDIA: "magenta",
    Look.TRAINED: "green underline",
    Look.TRAINED_CONTROL: "bold green underline",
    Look.TRAINED_MEDIA: "bold red underline",
}
_SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
assert set(_STYLES) == set(DARK)


def show(bench: Bench, rows: Sequence[Row], console: Console) -> None:
    """Print these rows with the recipe that masks them."""
    console.print(headline(bench))
    told = asked_line(bench, (finding for row in rows for finding in row_findings(row)))
    console.print(Text(visible(told.text), style=STYLES[told.outcome]))
    for row in rows:
        console.print()
        console.print(row_view(row, console.width, marks=console.color_system is None))
    console.print()
    console.print(boundaries_table(bench, rows))
    if notes := general(bench, rows):
        console.print()
        console.print(findings_view(notes))


def headline(bench: Bench) -> RenderableType:
    """The opened model, family and data, and the source of the mask."""
    title = Text(" · ", style="dim").join(
        [
            Text("vlmbench", style="bold"),
            Text(visible(bench.title)),
            Text(visible(bench.family.name) if bench.family is not None else "unknown family"),
            Text(visible(bench.document.name)),
        ]
    )
    path, *facts = mask_facts(bench)
    line = Text.assemble((visible(path), "" if bench.path.shown else "yellow"))
    return Group(title, line.append(visible("".join(f" · {fact}" for fact in facts)), style="dim"))


def row_view(row: Row, width: int, *, marks: bool, window: tuple[int, int] | None = None) -> RenderableType:
    """One row. `marks` puts ⟦ ⟧ around trained stretches; `window` shows tokens [a, b) alone."""
    place = visible(str(row.where)) if row.where else f"row {row.index}"
    if row.error is not None:
        more = [Text(preference_lines(pieces))] if (pieces := preference_texts(row)) else []
        return Group(Text(place, style="bold"), findings_view(row_findings(row)), *more)
    mask, total = row.mask, len(row.rendering)
    share = f"{mask.trained} of {total} tokens trained"
    if total:
        share += f" ({100 * mask.trained / total:.0f}%)"
    head = Text.assemble((place, "bold"), ("  ·  ", "dim"), share)
    parts: list[RenderableType] = [head, tokens_view(row, max(20, width - _GUTTER - 2), marks=marks, window=window)]
    if shown := serious(row_findings(row)):
        parts.append(findings_view(shown))
    return Group(*parts)


def tokens_view(row: Row, width: int, *, marks: bool, window: tuple[int, int] | None = None) -> Text:
    """The tokens of a row, flowing like text, with a gutter of turn number and role."""
    drawn = items(row.rendering, row.mask, glyphs(row.rendering))
    drawn = cut(drawn, window) if window is not None else drawn
    roles = [str(message.get("role", "")) for message in row.conversation.messages]
    begun = turns(row.rendering, row.mask, row.trace, roles)
    # Two cells of every line are kept for the marks.
    lines = wrap(drawn, width - (2 if marks else 0), [turn.start for turn in begun]).tolist()
    text = Text()
    for number, first in enumerate(lines):
        last = lines[number + 1] if number + 1 < len(lines) else len(drawn)
        text.append_text(_gutter(begun, drawn, first, last))
        _line(text, drawn, first, last, marks)
        text.append("\n")
    text.rstrip()
    return text


def _gutter(begun: Sequence[Turn], drawn: Items, first: int, last: int) -> Text:
    tokens = (int(drawn.start[first]), int(drawn.stop[last - 1])) if last > first else (0, 0)
    turn = next((turn for turn in begun if tokens[0] <= turn.start < tokens[1]), None)
    label = f"{turn.message:>3} {visible(turn.role)[:9]:<9} " if turn is not None else " " * 14
    trained = bool((drawn.look[first:last] >= Look.TRAINED).any())
    return Text.assemble((label, "bold"), (f"{TRAINED_BAR} " if trained else "  ", "green"))


def _line(text: Text, drawn: Items, first: int, last: int, marks: bool) -> None:
    open_mark = False
    for index in range(first, last):
        look = Look(int(drawn.look[index]))
        if marks and look.trained != open_mark:
            text.append("⟦" if look.trained else "⟧")
            open_mark = look.trained
        text.append(drawn.texts[int(drawn.text[index])], style=_STYLES[look])
    if open_mark:
        text.append("⟧")


def boundaries_table(bench: Bench, rows: Sequence[Row]) -> RenderableType:
    """The role boundaries in force, with their ids and how often they matched in these rows."""
    boundaries = bench.masking.boundaries
    if not boundaries:
        return Text(
            visible(without_boundaries(bench)), style="bold yellow" if bench.path.kind == "multimodal" else "dim"
        )
    matches, unterminated = count_matches(len(boundaries), (row.mask.spans for row in rows if row.error is None))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("role", "start", "ids", "end", "ids", "matches"):
        table.add_column(name, justify="right" if name == "matches" else "left", overflow="fold")
    for index, boundary in enumerate(boundaries):
        open_ended = f" ({unterminated[index]} never end)" if unterminated[index] else ""
        trained = boundary.role in bench.masking.roles_to_train
        table.add_row(
            Text(visible(boundary.role), style="green" if trained else ""),
            Text(_quoted(boundary.start_text)),
            Text(" ".join(map(str, boundary.start))),
            Text(_quoted(boundary.end_text) if boundary.end_text is not None else "end of sequence"),
            Text(" ".join(map(str, boundary.end))),
            Text(f"{matches[index]}{open_ended}", style="yellow" if open_ended else ""),
        )
    return table


def _quoted(text: str | None) -> str:
    return visible(text or "")


def findings_view(findings: Sequence[Finding]) -> RenderableType:
    """Findings, one after the other: glyph, code, place, cause; the hint below."""
    lines: list[RenderableType] = []
    for finding in findings:
        style = _SEVERITY_STYLES[finding.severity]
        head = Text.assemble((f"{SEVERITY_GLYPH[finding.severity]} {finding.code} ", style))
        if finding.where:
            head.append(f"{visible(str(finding.where))}: ", style="dim")
        head.append(visible(finding.message))
        lines.append(head)
        if finding.hint:
            lines.append(Padding(Text(visible(finding.hint), style="dim"), (0, 0, 0, 7), expand=False))
    return Group(*lines)
