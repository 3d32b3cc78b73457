"""Tokens, mask, boundaries and findings as HTML: a page to share, and what a notebook shows.

No script, nothing from the network, everything escaped. Every token's facts are in its tooltip. Of a long row a window
is shown, and the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from workbench.checks.row_checks import row_findings
from workbench.findings import Finding
from workbench.tokens.mask import REASON_TEXT
from workbench.tokens.trace import Owner
from workbench.views.asked import asked_line
from workbench.views.inspect_json import count_matches
from workbench.views.items import Items, Turn, cut, glyphs, items, turns, visible
from workbench.views.palette import ROLE_COLOUR, SEVERITY_GLYPH, Look
from workbench.views.path import mask_facts, preference_lines, preference_texts, without_boundaries
from workbench.views.row_notes import general, serious
from workbench.views.style import PAGE_STYLE, style

if TYPE_CHECKING:
    from workbench.bench import Bench, Row
    from workbench.editing.session import Change

PAGE_TOKENS = 20_000
"""The most tokens of a row that a page shows; a notebook shows fewer, and takes a window."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
Window = tuple[int, int]
"""Tokens [a, b) of a row."""
Classes = Callable[[int, int], str]
"""The CSS classes of what is drawn for tokens [start, stop)."""


def page(bench: Bench, rows: Sequence[Row]) -> str:
    """A whole HTML document for these rows."""
    return document(f"{bench.title} · {bench.document.name}", overview(bench, rows))


def document(title: str, body: str) -> str:
    """A whole HTML document. Its policy forbids scripts and requests, whatever stands in it."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(title)} · vlmbench</title><style>{PAGE_STYLE}</style></head>"
        f'<body><div class="page">{fragment(body)}</div></body></html>\n'
    )


def fragment(body: str) -> str:
    """HTML that brings its own style, for a notebook's output."""
    return f'<div class="vlmbench"><style>{style()}</style>{body}</div>'


def overview(bench: Bench, rows: Sequence[Row], *, window: Window = (0, PAGE_TOKENS), more: str = "") -> str:
    """The recipe's facts, these rows, the boundaries and what there is to say of all."""
    family = bench.family.name if bench.family is not None else "unknown family"
    head = (
        f"<h1>vlmbench</h1><p><b>{safe(bench.title)}</b> · {safe(family)} · {safe(bench.document.name)}</p>"
        f'<p class="facts">{safe(" · ".join(mask_facts(bench)))}</p>'
        f"{asked_html(bench, [finding for row in rows for finding in row_findings(row)])}{legend()}"
    )
    body = "".join(row_section(row, window=window, more=more) for row in rows)
    return f"{head}{body}{boundaries(bench, rows)}{findings(general(bench, rows))}"


def asked_html(bench: Bench, found: Sequence[Finding]) -> str:
    """The source of the labels: the trainer that was asked, or the table."""
    line = asked_line(bench, found)
    classes = {"same": "yes", "other": "error", "unknown": "muted"}[line.outcome]
    return f'<p class="asked"><span class="{classes}"><b>{safe(line.text)}</b></span></p>'


def safe(text: object) -> str:
    """Text made visible and escaped, for content and attributes."""
    return escape(visible(str(text)), quote=True)


def legend() -> str:
    """The legend of the looks of tokens."""
    samples = [
        (Look.TRAINED, "trained"),
        (Look.PLAIN, "not trained"),
        (Look.CONTROL, "control token"),
        (Look.MEDIA, "media"),
    ]
    return '<p class="legend">' + "".join(_piece(f"k{look:d}", text, "", look) for look, text in samples) + "</p>"


def row_title(row: Row) -> str:
    """The row's place, and how much of it is trained."""
    share = f"{row.mask.trained:,} of {len(row.rendering):,} tokens trained"
    return f'<h2>{place(row)}<span class="share">{share}</span></h2>'


def place(row: Row) -> str:
    """The file and line of a row, or its number; escaped."""
    return safe(row.where) or f"row {row.index}"


def row_section(row: Row, *, window: Window = (0, PAGE_TOKENS), more: str = "", key: str = "") -> str:
    """One row: its tokens and what is wrong with it. `more` says how to see what is outside the window.

    `key` is HTML that stands between the title and the tokens.
    """
    if row.error is not None:
        pieces = preference_texts(row)
        more = f"<pre>{escape(preference_lines(pieces))}</pre>" if pieces else ""
        return f"<section><h2>{place(row)}</h2>{findings(row_findings(row))}{more}</section>"
    drawn = tokens(row, window=window, more=more)
    return f"<section>{row_title(row)}{key}{drawn}{findings(serious(row_findings(row)))}</section>"


def tokens(
    row: Row, *, window: Window = (0, PAGE_TOKENS), more: str = "", change: Change | None = None, owners: bool = False
) -> str:
    """The tokens of a row, turn by turn. `change` marks what an edit did; `owners` colours by owner instead of mask."""
    total = len(row.rendering)
    first, last = max(0, window[0]), min(window[1], total)
    drawn = cut(items(row.rendering, row.mask, glyphs(row.rendering)), (first, last))
    roles = [str(message.get("role", "")) for message in row.conversation.messages]
    begun = turns(row.rendering, row.mask, row.trace, roles)
    classes = _owner_classes(row, roles) if owners else _mask_classes(drawn, change)
    starts, describe, looks = {turn.start: turn for turn in begun}, _facts(row, roles), drawn.look.tolist()
    html = [_turn(next((turn for turn in reversed(begun) if len(drawn) and turn.start < drawn.start[0]), None), "…")]
    for index in range(len(drawn)):
        start, stop = int(drawn.start[index]), int(drawn.stop[index])
        if (turn := starts.get(start)) is not None:
            html += ["</div></div>", _turn(turn)]
        text = drawn.texts[int(drawn.text[index])]
        html.append(_piece(classes(index, start), text, describe(start, stop), looks[index]))
        if drawn.breaks[index]:
            html.append("<br>")
    html.append("</div></div>")
    if last - first < total:
        html.append(f'<p class="cut">{safe(window_note((first, last), total, more))}</p>')
    return "".join(html)


def window_note(window: Window, total: int, more: str = "") -> str:
    """A note that says which tokens are shown, of how many, and how to see others."""
    return f"tokens {window[0]:,}–{window[1]:,} of {total:,}" + (f": {more}" if more else "")


def _turn(turn: Turn | None, mark: str = "") -> str:
    label = f"{mark}{turn.message + 1} {safe(turn.role)}" if turn is not None else ""
    return f'<div class="turn"><span class="role">{label}</span><div class="text">'


def _piece(classes: str, text: str, tip: str, look: int) -> str:
    # Trained tokens are underlined where a reader's page drops the style, as code hosts do with notebooks.
    tag = "u" if look >= Look.TRAINED else "span"
    title = f' title="{tip}"' if tip else ""
    return f'<{tag} class="t {classes}"{title}>{escape(text)}</{tag}>'


def _mask_classes(drawn: Items, change: Change | None) -> Classes:
    if change is None or not len(drawn):
        return lambda index, start: f"k{int(drawn.look[index])}"
    end = int(drawn.stop[-1])
    added, removed = (np.logical_or.reduceat(changed[:end], drawn.start) for changed in (change.added, change.removed))

    def classes(index: int, start: int) -> str:
        return f"k{int(drawn.look[index])}" + (" add" if added[index] else " rem" if removed[index] else "")

    return classes


def _owner_classes(row: Row, roles: Sequence[str]) -> Classes:
    names, trace = list(dict.fromkeys(roles)), row.trace

    def classes(index: int, start: int) -> str:
        kind = Owner(int(trace.kind[start]))
        if kind is Owner.CONTENT:
            return f"o{names.index(roles[int(trace.message[start])]) % len(ROLE_COLOUR['light'])}"
        return f"k{Look.MEDIA:d}" if kind is Owner.MEDIA else f"k{Look.CONTROL:d}"

    return classes


def _facts(row: Row, roles: Sequence[str]) -> Callable[[int, int], str]:
    """A function that gives the tooltip of tokens [start, stop), a token or a folded media run; escaped, one line."""
    trace, mask, nll, ids = row.trace, row.mask, row.nll, row.rendering.input_ids
    names = [safe(role) for role in roles]
    reasons = {int(reason): text for reason, text in REASON_TEXT.items()}
    kinds = {int(owner): owner.name.lower() for owner in Owner}

    def describe(start: int, stop: int) -> str:
        facts = [f"token {start}" if stop == start + 1 else f"tokens {start}–{stop - 1}", f"id {ids[start]}"]
        message, kind = int(trace.message[start]), int(trace.kind[start])
        if message >= 0:
            facts.append(f"message {row.raw_message(message)}, {names[message]}, part {trace.part[start]}")
        if kind == Owner.CONTENT:
            close = "" if trace.exact[start] else ", approximate"
            facts.append(f"chars {trace.char_start[start]}–{trace.char_end[start]}{close}")
        else:
            facts.append(kinds[kind])
        if mask.span[start] >= 0:
            facts.append(f"span {mask.span[start]}")
        facts.append(f"{'trained' if mask.keep[start] else 'not trained'}: {reasons[int(mask.reason[start])]}")
        if nll is not None and not np.isnan(nll[start]):
            facts.append(f"loss {float(nll[start]):.3f}")
        return " · ".join(facts)

    return describe


def boundaries(bench: Bench, rows: Sequence[Row]) -> str:
    """The role boundaries in force, with their ids and their matches over these rows."""
    known = bench.masking.boundaries
    if not known:
        name = "warning-line" if bench.path.kind == "multimodal" else "facts"
        said = without_boundaries(bench)
        return f'<p class="{name}">{safe(said[0].upper() + said[1:])}.</p>'
    matches, unterminated = count_matches(len(known), (row.mask.spans for row in rows if row.error is None))
    lines = [
        [
            safe(boundary.role),
            f"<code>{safe(boundary.start_text)}</code>",
            _ids(boundary.start),
            f"<code>{safe(boundary.end_text)}</code>" if boundary.end_text is not None else "end of sequence",
            _ids(boundary.end),
            str(matches[index]),
            str(unterminated[index]),
        ]
        for index, boundary in enumerate(known)
    ]
    head = ("role", "start", "ids", "end", "ids", "matches", "never end")
    return f"<section><h2>role_boundaries</h2>{table(head, lines, numbers=('matches', 'never end'))}</section>"


def _ids(ids: Sequence[int]) -> str:
    """Ids of a marker; a few stay on one line."""
    return ("&nbsp;" if len(ids) <= 4 else " ").join(map(str, ids))


def table(head: Sequence[str], lines: Sequence[Sequence[str]], *, numbers: Sequence[str] = ()) -> str:
    """A table of cells that are HTML already; the columns named in `numbers` are set to the right."""
    sides = [' class="n"' if name in numbers else "" for name in head]
    top = "".join(f"<th{side}>{name}</th>" for name, side in zip(head, sides, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td{side}>{cell}</td>" for cell, side in zip(line, sides, strict=True)) + "</tr>"
        for line in lines
    )
    return f'<div class="scroll"><table><tr>{top}</tr>{rows}</table></div>'


def findings(found: Sequence[Finding]) -> str:
    """Findings, one below the other: glyph, code, place, cause; the hint below."""
    lines = "".join(finding_line(finding) for finding in found)
    return f'<ul class="findings">{lines}</ul>' if lines else ""


def finding_line(finding: Finding, more: str = "", below: str = "") -> str:
    """One finding; `more` and `below` are HTML, behind its cause and below its hint."""
    return (
        f'<li class="{finding.severity}"><b>{SEVERITY_GLYPH[finding.severity]} {safe(finding.code)}</b> '
        f'<span class="muted">{safe(finding.where)}</span> {safe(finding.message)}{more}'
        f'<br><span class="hint">{safe(finding.hint)}</span>{below}</li>'
    )
