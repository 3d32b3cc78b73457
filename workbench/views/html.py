"""A page to share: tokens, mask, boundaries and findings as one HTML file.

No script, nothing from the network, everything escaped. Every token's facts are in its tooltip. Long rows are shown up
to `WINDOW` items, and the page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from workbench.findings import Finding
from workbench.tokens.mask import REASON_TEXT, Reason
from workbench.tokens.trace import Owner
from workbench.views.flow import Items, glyphs, items, turns, visible
from workbench.views.notes import general, serious
from workbench.views.palette import DARK, LIGHT, SEVERITY_COLOUR, SEVERITY_GLYPH, Look, Paint
from workbench.views.payload import count_matches

if TYPE_CHECKING:
    from workbench.bench import Bench, Row

WINDOW = 20_000
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(bench: Bench, rows: Sequence[Row]) -> str:
    """A whole HTML document for these rows."""
    title = f"{bench.title} · {bench.document.name}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_safe(title)} · vlmbench</title><style>{_style()}</style></head>"
        f"<body>{fragment(bench, rows)}</body></html>\n"
    )


def fragment(bench: Bench, rows: Sequence[Row]) -> str:
    """The page's content, for embedding; the caller brings the style."""
    masking = bench.masking
    family = bench.family.name if bench.family is not None else "unknown family"
    roles = "everything" if masking.train_on_inputs else ", ".join(masking.roles_to_train) or "nothing"
    facts = f"template {bench.template.source} · strategy {bench.strategy.name} · trains {roles}"
    head = (
        f'<header><h1>vlmbench</h1><p class="what"><b>{_safe(bench.title)}</b> · {_safe(family)} · '
        f"{_safe(bench.document.name)}</p>"
        f'<p class="facts">{_safe(facts)} · train_on_eos {_safe(masking.train_on_eos)}</p>{_legend()}</header>'
    )
    body = "".join(_row(row) for row in rows)
    return f'<main class="vlmbench">{head}{body}{_boundaries(bench, rows)}{_findings(general(bench, rows))}</main>'


def _safe(text: object) -> str:
    return escape(visible(str(text)), quote=True)


def _legend() -> str:
    samples = [
        (Look.TRAINED, "trained"),
        (Look.PLAIN, "not trained"),
        (Look.CONTROL, "control token"),
        (Look.MEDIA, "media"),
    ]
    return (
        '<p class="legend">' + " ".join(f'<span class="t k{look:d}">{text}</span>' for look, text in samples) + "</p>"
    )


def _row(row: Row) -> str:
    place = _safe(row.where) or f"row {row.index}"
    if row.error is not None:
        return f"<section><h2>{place}</h2>{_findings(row.findings)}</section>"
    total = len(row.rendering)
    share = f"{row.mask.trained} of {total} tokens trained"
    title = f'<h2>{place}<span class="share">{share}</span></h2>'
    return f"<section>{title}{_tokens(row)}{_findings(serious(row.findings))}</section>"


def _tokens(row: Row) -> str:
    drawn = items(row.rendering, row.mask, glyphs(row.rendering))
    roles = [str(message.get("role", "")) for message in row.conversation.messages]
    starts = {turn.start: turn for turn in turns(row.rendering, row.mask, row.trace, roles)}
    shown = min(len(drawn), WINDOW)
    html = ['<div class="turn"><span class="role"></span><div class="text">']
    for index in range(shown):
        token = int(drawn.start[index])
        if (turn := starts.get(token)) is not None:
            html.append(
                f'</div></div><div class="turn"><span class="role">{turn.message + 1} {_safe(turn.role)}</span>'
                '<div class="text">'
            )
        html.append(_token(row, drawn, index, roles))
        if drawn.breaks[index]:
            html.append("<br>")
    html.append("</div></div>")
    if shown < len(drawn):
        html.append(f'<p class="cut">The first {shown} of {len(drawn)} items are shown.</p>')
    return "".join(html)


def _token(row: Row, drawn: Items, index: int, roles: Sequence[str]) -> str:
    text = drawn.texts[int(drawn.text[index])]
    tip = describe(row, int(drawn.start[index]), int(drawn.stop[index]), roles)
    return f'<span class="t k{int(drawn.look[index])}" title="{_safe(tip)}">{escape(text)}</span>'


def describe(row: Row, start: int, stop: int, roles: Sequence[str]) -> str:
    """One token, or one folded media run, in a line."""
    trace, mask = row.trace, row.mask
    facts = [f"token {start}" if stop == start + 1 else f"tokens {start}–{stop - 1}"]
    facts.append(f"id {int(row.rendering.input_ids[start])}")
    owner = Owner(int(trace.kind[start]))
    message = int(trace.message[start])
    if message >= 0:
        facts.append(f"message {row.raw_message(message)}, {roles[message]}, part {int(trace.part[start])}")
    if owner is Owner.CONTENT:
        close = "" if trace.exact[start] else ", approximate"
        facts.append(f"chars {int(trace.char_start[start])}–{int(trace.char_end[start])}{close}")
    else:
        facts.append(owner.name.lower())
    if mask.span[start] >= 0:
        facts.append(f"span {int(mask.span[start])}")
    verdict = "trained" if mask.keep[start] else "not trained"
    facts.append(f"{verdict}: {REASON_TEXT[Reason(int(mask.reason[start]))]}")
    return " · ".join(facts)


def _boundaries(bench: Bench, rows: Sequence[Row]) -> str:
    boundaries = bench.masking.boundaries
    if not boundaries:
        return '<p class="warning">No role boundaries: everything is trained.</p>'
    matches, unterminated = count_matches(len(boundaries), (row.mask.spans for row in rows if row.error is None))
    lines = "".join(
        f"<tr><td>{_safe(b.role)}</td><td><code>{_safe(b.start_text)}</code></td><td>{' '.join(map(str, b.start))}</td>"
        f"<td><code>{_safe(b.end_text if b.end_text is not None else 'end of sequence')}</code></td>"
        f"<td>{' '.join(map(str, b.end))}</td><td>{matches[i]}</td><td>{unterminated[i]}</td></tr>"
        for i, b in enumerate(boundaries)
    )
    head = "".join(f"<th>{name}</th>" for name in ("role", "start", "ids", "end", "ids", "matches", "never end"))
    return f"<section><h2>role_boundaries</h2><table><tr>{head}</tr>{lines}</table></section>"


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    lines = "".join(
        f'<li class="{finding.severity}"><b>{SEVERITY_GLYPH[finding.severity]} {_safe(finding.code)}</b> '
        f'{_safe(finding.where)} {_safe(finding.message)}<br><span class="hint">{_safe(finding.hint)}</span></li>'
        for finding in findings
    )
    return f'<ul class="findings">{lines}</ul>'


def _style() -> str:
    def looks(paints: dict[Look, Paint]) -> str:
        return "".join(
            f".k{look:d}{{color:{paint.foreground}"
            + (f";background:{paint.background}" if paint.background else "")
            + (";text-decoration:underline;text-underline-offset:3px" if paint.underline else "")
            + (";font-weight:600" if paint.bold else "")
            + "}"
            for look, paint in paints.items()
        )

    def severities(theme: str) -> str:
        return "".join(f".{name} b{{color:{colour}}}" for name, colour in SEVERITY_COLOUR[theme].items())

    return (
        ":root{color-scheme:light dark}"
        "body{margin:0;background:#fbfcfe;color:#1c2430;font:14px/1.5 system-ui,sans-serif}"
        ".vlmbench{max-width:72rem;margin:0 auto;padding:1.5rem}"
        "h1{font-size:1rem;letter-spacing:.04em;margin:0;color:#0b5d30}h2{font-size:.95rem;margin:1.6rem 0 .5rem}"
        ".what{margin:.2rem 0 0}.facts,.share,.hint,.cut{color:#66707f;font-weight:400}.share{margin-left:1rem}"
        ".facts{margin:0}.legend{margin:.6rem 0}"
        ".turn{display:flex;gap:1rem;padding:.35rem 0;border-top:1px solid #e6eaf0}"
        ".role{flex:0 0 7rem;font-weight:600;color:#3a4556}"
        ".text{flex:1;min-width:0;font:13px/1.75 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
        "white-space:pre-wrap;overflow-wrap:anywhere}"
        ".t{border-radius:2px;unicode-bidi:isolate}table{border-collapse:collapse;font-size:.9rem}"
        "th{font-weight:400;color:#66707f}th,td{text-align:left;padding:.15rem 1.2rem .15rem 0}"
        ".findings{list-style:none;padding:0}.findings li{margin:.4rem 0}"
        + looks(LIGHT)
        + severities("light")
        + "@media (prefers-color-scheme:dark){body{background:#10141b;color:#d7dee9}h1{color:#8ff0b4}"
        ".turn{border-color:#232a35}.role{color:#b8c3d2}.facts,.share,.hint,.cut,th{color:#8b96a6}"
        + looks(DARK)
        + severities("dark")
        + "}"
    )
