"""Tokens, mask, boundaries and findings as HTML: a page to share, and what a notebook shows.

No script, nothing from the network, everything escaped by the skeletons. Every token's facts are in its tooltip. Of a
long row a window is shown, and the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from workbench.checks.row_checks import row_findings
from workbench.findings import Finding
from workbench.tokens.mask import REASON_TEXT
from workbench.tokens.trace import Owner
from workbench.version import __version__
from workbench.views.about import About, about_bench
from workbench.views.asked import AskedLine, asked_line
from workbench.views.boxed_pictures import boxed_pictures
from workbench.views.deep_links import NO_LINKS, Links
from workbench.views.inspect_json import count_matches
from workbench.views.items import Items, Turn, cut, glyphs, items, turns
from workbench.views.palette import ROLE_COLOUR, Look
from workbench.views.path import mask_facts, preference_lines, preference_texts, without_boundaries
from workbench.views.row_notes import general, serious
from workbench.views.skeleton import draw, safe
from workbench.views.style import PAGE_STYLE, style
from workbench.views.thumbnails import thumbnails

if TYPE_CHECKING:
    from workbench.bench import Bench, Row
    from workbench.editing.session import Change
    from workbench.tokens.mask import Spans

PAGE_TOKENS = 20_000
"""The most tokens of a row that a page shows; a notebook shows fewer, and takes a window."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
Window = tuple[int, int]
"""Tokens [a, b) of a row."""
Classes = Callable[[int, int], str]
"""The CSS classes of what is drawn for tokens [start, stop)."""


def page(bench: Bench, rows: Sequence[Row]) -> Markup:
    """A whole HTML document for these rows."""
    body = overview(bench, rows, pictures=True, titled=False)
    return document(f"{bench.title} · {bench.document.name}", body, about_bench(bench))


def document(title: str, body: str, about: About, *, ways: str = "", generator: str = "vlmbench") -> Markup:
    """A whole HTML document around HTML that was made here. Its policy forbids scripts and requests.

    It begins with its title and what it is about; `ways` is HTML above them that leads to other pages. `generator`
    tells programs what wrote it.
    """
    head = draw("page_head.jinja", ways=Markup(ways), title=title, facts=about.lines())
    whole = fragment(head + Markup(body))
    names = {"policy": _POLICY, "generator": f"{generator} {__version__}", "title": title}
    return draw("document.jinja", style=Markup(PAGE_STYLE), body=whole, **names)


def fragment(body: str) -> Markup:
    """HTML that brings its own style, for a notebook's output."""
    return Markup(f'<div class="vlmbench"><style>{style()}</style>{body}</div>')


def overview(
    bench: Bench,
    rows: Sequence[Row],
    *,
    window: Window = (0, PAGE_TOKENS),
    more: str = "",
    pictures: bool = False,
    titled: bool = True,
) -> Markup:
    """The recipe's facts, these rows, the boundaries and what there is to say of all. `pictures`: see `tokens`.

    `titled`: begin with the model and the recipe, which a page of its own names already.
    """
    return draw(
        "overview.jinja",
        titled=titled,
        title=bench.title,
        family=bench.family.name if bench.family is not None else "unknown family",
        recipe=bench.document.name,
        facts=" · ".join(mask_facts(bench)),
        asked=asked_html(bench, [finding for row in rows for finding in row_findings(row)]),
        legend=legend(),
        rows=[row_section(row, window=window, more=more, pictures=pictures) for row in rows],
        boundaries=boundaries(bench, rows),
        findings=findings(general(bench, rows)),
    )


def asked_html(bench: Bench, found: Sequence[Finding]) -> Markup:
    """The source of the labels: the trainer that was asked, or the table."""
    return asked_line_html(asked_line(bench, found))


def asked_line_html(line: AskedLine) -> Markup:
    """The line of who was asked, in the colour of its outcome."""
    classes = {"same": "yes", "other": "error", "unknown": "muted"}[line.outcome]
    return draw("asked.jinja", classes=classes, text=line.text)


def legend() -> Markup:
    """The legend of the looks of tokens."""
    samples = [
        (Look.TRAINED, "trained"),
        (Look.PLAIN, "not trained"),
        (Look.CONTROL, "control token"),
        (Look.MEDIA, "media"),
    ]
    # Apart where a reader drops the style, too.
    pieces = " · ".join(_piece(f"k{look:d}", text, "", look) for look, text in samples)
    return Markup(f'<p class="legend">{pieces}</p>')


def row_title(row: Row) -> Markup:
    """The row's place, and how much of it is trained."""
    share = f"{row.mask.trained:,} of {len(row.rendering):,} tokens trained"
    return draw("row_title.jinja", place=place(row), share=share)


def place(row: Row) -> str:
    """The file and line of a row, or its number."""
    return str(row.where) or f"row {row.index}"


def row_section(
    row: Row,
    *,
    window: Window = (0, PAGE_TOKENS),
    more: str = "",
    key: str = "",
    pictures: bool = False,
    anchor: str = "",
    links: Links = NO_LINKS,
) -> Markup:
    """One row: its tokens and what is wrong with it. `more` says how to see what is outside the window.

    `key` is HTML that stands between the title and the tokens. `anchor` is the section's own, for addresses that end
    with it; `links` lead from its findings to other pages.
    """
    same = {"anchor": anchor, "links": links}
    if row.error is not None:
        texts = preference_lines(preference_texts(row)).splitlines()
        return draw("row.jinja", failed=True, place=place(row), found=row_findings(row), texts=texts, **same)
    return draw(
        "row.jinja",
        failed=False,
        title=row_title(row),
        key=Markup(key),
        tokens=tokens(row, window=window, more=more, pictures=pictures),
        boxed=boxed_pictures(row),
        found=serious(row_findings(row)),
        **same,
    )


def tokens(
    row: Row,
    *,
    window: Window = (0, PAGE_TOKENS),
    more: str = "",
    change: Change | None = None,
    owners: bool = False,
    pictures: bool = False,
) -> Markup:
    """The tokens of a row, turn by turn. `change` marks what an edit did; `owners` colours by owner instead of mask.

    `pictures`: each picture stands, small, behind its tokens. No skeleton draws these: a row has a hundred thousand,
    and every text here is made visible with its glyph.
    """
    total = len(row.rendering)
    first, last = max(0, window[0]), min(window[1], total)
    drawn = cut(items(row.rendering, row.mask, glyphs(row.rendering)), (first, last))
    roles = [str(message.get("role", "")) for message in row.conversation.messages]
    begun = turns(row.rendering, row.mask, row.trace, roles)
    classes = _owner_classes(row, roles) if owners else _mask_classes(drawn, change)
    starts, describe, looks = {turn.start: turn for turn in begun}, _facts(row, roles), drawn.look.tolist()
    shown = thumbnails(row) if pictures else {}
    html = [_turn(next((turn for turn in reversed(begun) if len(drawn) and turn.start < drawn.start[0]), None), "…")]
    for index in range(len(drawn)):
        start, stop = int(drawn.start[index]), int(drawn.stop[index])
        if (turn := starts.get(start)) is not None:
            html += ["</div></div>", _turn(turn)]
        text = drawn.texts[int(drawn.text[index])]
        html.append(_piece(classes(index, start), text, describe(start, stop), looks[index]))
        if (run := int(drawn.run[index])) >= 0 and (small := shown.pop(run, None)) is not None:
            html.append(small)
        if drawn.breaks[index]:
            html.append("<br>")
    html.append("</div></div>")
    if last - first < total:
        html.append(f'<p class="cut">{safe(window_note((first, last), total, more))}</p>')
    return Markup("".join(html))


def window_note(window: Window, total: int, more: str = "") -> str:
    """A note that says which tokens are shown, of how many, and how to see others."""
    return f"tokens {window[0]:,}–{window[1]:,} of {total:,}" + (f": {more}" if more else "")


def _turn(turn: Turn | None, mark: str = "") -> str:
    label = f"{mark}{turn.message} {safe(turn.role)}" if turn is not None else ""
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


def boundaries(bench: Bench, rows: Sequence[Row]) -> Markup:
    """The role boundaries in force, with their ids and their matches over these rows."""
    return boundaries_over(bench, [row.mask.spans for row in rows if row.error is None])


def boundaries_over(bench: Bench, found: Sequence[Spans]) -> Markup:
    """The same, with the matches among these spans."""
    known = bench.masking.boundaries
    said = "" if known else without_boundaries(bench)
    matches, unterminated = count_matches(len(known), found)
    return draw(
        "boundaries.jinja",
        known=known,
        matches=list(matches),
        unterminated=list(unterminated),
        classes="warning-line" if bench.path.kind == "multimodal" else "facts",
        without=said[:1].upper() + said[1:],
    )


def findings(found: Sequence[Finding]) -> Markup:
    """Findings, one below the other: glyph, code, place, cause; the hint below."""
    return draw("findings.jinja", found=list(found))


def table(head: Sequence[str], lines: Sequence[Sequence[object]], *, numbers: Sequence[str] = ()) -> Markup:
    """A table; the columns named in `numbers` are set to the right. A cell that is `Markup` stays as it is."""
    return draw("table.jinja", head=head, lines=lines, numbers=numbers)
