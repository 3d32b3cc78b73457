"""Rows on a page: tokens with their looks and facts, escaped, in a window; boundaries and findings."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from markupsafe import Markup

from tests.views.support import EVIL, SAFE, Element, note, read, words
from workbench.bench import Bench
from workbench.editing.session import Change
from workbench.row import Losses, Row
from workbench.tokens.trace import Owner
from workbench.views.html import (
    PAGE_TOKENS,
    boundaries,
    document,
    findings,
    fragment,
    legend,
    overview,
    page,
    place,
    row_section,
    row_title,
    safe,
    table,
    tokens,
    window_note,
)
from workbench.views.items import glyphs, items, turns
from workbench.views.palette import CONTINUED, Look
from workbench.views.style import style


def pieces(row: Row, **options: object) -> list[Element]:
    """The drawn tokens of a row, each an element of class `t`."""
    return read(tokens(row, **options)).all(of_class="t")  # type: ignore[arg-type]


def test_text_is_made_visible_and_escaped() -> None:
    assert read(f"<p>{safe(EVIL)}</p>").one("p").text == SAFE
    assert read(f'<p title="{safe(EVIL)}">x</p>').one("p").attributes["title"] == SAFE
    assert safe(7) == "7"
    assert safe("a'b\"c") == "a&#39;b&#34;c"
    assert safe(Markup("<b>")) == "<b>"


def test_every_token_is_one_piece_with_its_look(rows: list[Row]) -> None:
    row = rows[0]
    drawn = items(row.rendering, row.mask, glyphs(row.rendering))
    found = pieces(row)
    assert words(found) == [drawn.texts[int(at)] for at in drawn.text]
    assert [one.classes for one in found] == [["t", f"k{look}"] for look in drawn.look]
    # Trained tokens are underlined by their element too, for pages that drop the style.
    assert [one.name for one in found] == ["u" if look >= Look.TRAINED else "span" for look in drawn.look]
    assert (
        "".join(one.text for one in found if one.name == "u")
        == "The green shape is a triangle.⟨turn|⟩Two. Both are squares.⟨turn|⟩"
    )


def test_turns_stand_under_their_number_and_role(rows: list[Row]) -> None:
    turns = read(tokens(rows[0])).all("div", "turn")
    assert words(one.one("span", "role") for one in turns) == ["", "0 user", "1 assistant", "2 user", "3 assistant"]
    texts = words(one.one("div", "text") for one in turns)
    assert texts[0] == "⟨bos⟩"
    assert texts[2] == "⟨|turn⟩model⏎\nThe green shape is a triangle.⟨turn|⟩⏎\n"
    assert "▣ image × 64" in texts[1]


def test_a_tokens_tooltip_has_its_facts(rows: list[Row]) -> None:
    row, found = rows[0], pieces(rows[0])
    facts = {one.text: one.attributes["title"] for one in reversed(found)}
    first = int(row.mask.keep.nonzero()[0][0])
    ids = row.rendering.input_ids
    assert facts["The"] == (
        f"token {first} · id {ids[first]} · message 1, assistant, part 0 · chars 0–3 · span 1 · trained: content"
    )
    assert facts["⟨bos⟩"] == f"token 0 · id {ids[0]} · template · not trained: outside any span"
    picture = next(text for one, text in facts.items() if "image × 64" in one)
    start, stop = int(row.rendering.media.start[0]), int(row.rendering.media.stop[0])
    assert picture.startswith(
        f"tokens {start}–{stop - 1} · id {ids[start]} · message 0, user, part 0 · media · span 0 · not trained: "
    )
    assert facts["⟨turn|⟩"].endswith(" · template · span 0 · not trained: end marker not trained")
    assert found[-2].attributes["title"].endswith(" · template · span 3 · trained: end marker")


def test_a_token_whose_place_is_not_certain_says_so(copied: Bench) -> None:
    row = copied.row(0)
    exact = np.zeros_like(row.trace.exact)
    row.__dict__["trace"] = replace(row.trace, exact=exact)
    assert "chars 0–3, approximate ·" in next(one for one in pieces(row) if one.text == "The").attributes["title"]


def test_losses_of_a_run_are_told_where_they_were_measured(copied: Bench) -> None:
    row = copied.row(0)
    ids = row.rendering.input_ids
    nll = np.full(len(ids), np.nan, dtype=np.float32)
    first = int(row.mask.keep.nonzero()[0][0])
    nll[first] = 1.23456
    copied.losses[0] = Losses(nll, ids)
    told = [one.attributes["title"] for one in pieces(row) if "loss" in one.attributes["title"]]
    assert len(told) == 1
    assert told[0].startswith(f"token {first} ")
    assert told[0].endswith(" · loss 1.235")


def test_what_an_edit_did_is_marked(rows: list[Row]) -> None:
    row = rows[0]
    trained = np.flatnonzero(row.mask.keep)
    added, removed = np.zeros(len(row.mask.keep), bool), np.zeros(len(row.mask.keep), bool)
    added[trained[0]], removed[0] = True, True
    found = pieces(row, change=Change(added, removed))
    assert [one.text for one in found if "add" in one.classes] == ["The"]
    assert [one.text for one in found if "rem" in one.classes] == ["⟨bos⟩"]
    assert all(one.classes[1].startswith("k") for one in found)
    # Within a window too, and where the window has no token at all.
    first = int(trained[0])
    added[trained[4]] = True
    inside = pieces(row, change=Change(added, removed), window=(first, first + 2))
    assert [("add" in one.classes) for one in inside] == [True, False]
    assert pieces(row, change=Change(added, removed), window=(5, 5)) == []


def test_tokens_can_be_coloured_by_owner(rows: list[Row]) -> None:
    row = rows[0]
    drawn = items(row.rendering, row.mask, glyphs(row.rendering))
    roles = [str(message["role"]) for message in row.conversation.messages]
    expected = []
    for start in drawn.start:
        kind = Owner(int(row.trace.kind[start]))
        own = f"o{['user', 'assistant'].index(roles[row.trace.message[start]])}" if kind is Owner.CONTENT else ""
        expected.append(own or ("k2" if kind is Owner.MEDIA else "k1"))
    assert [one.classes[1] for one in pieces(row, owners=True)] == expected
    assert {"o0", "o1", "k1", "k2"} == set(expected)


@pytest.mark.parametrize(("first", "last"), [(0, 10), (80, 100), (100, 5000), (-5, 3), (112, 113)])
def test_a_window_shows_its_tokens_and_says_so(rows: list[Row], first: int, last: int) -> None:
    row = rows[0]
    total = len(row.rendering)
    html = tokens(row, window=(first, last), more="see .tokens(a, b)")
    drawn = items(row.rendering, row.mask, glyphs(row.rendering))
    low, high = max(0, first), min(last, total)
    inside = [
        int(at)
        for at, start, stop in zip(drawn.text, drawn.start, drawn.stop, strict=True)
        if stop > low and start < high
    ]
    assert words(read(html).all(of_class="t")) == [drawn.texts[at] for at in inside]
    assert read(html).one("p", "cut").text == f"tokens {low}–{high} of {total}: see .tokens(a, b)"
    # The turn that goes on from before the window is named, and marked as such.
    role = read(html).all("span", "role")[0].text
    roles = [str(message["role"]) for message in row.conversation.messages]
    before = [one for one in turns(row.rendering, row.mask, row.trace, roles) if one.start < low]
    assert role == (f"…{before[-1].message} {before[-1].role}" if before else "")


def test_a_window_that_begins_with_a_turn_names_that_turn_and_the_one_before(rows: list[Row]) -> None:
    row = rows[0]
    roles = [str(message["role"]) for message in row.conversation.messages]
    second = turns(row.rendering, row.mask, row.trace, roles)[1]
    told = read(tokens(row, window=(second.start, second.start + 5))).all("span", "role")
    assert words(told) == ["…0 user", "1 assistant"]


def test_the_text_of_a_token_is_escaped(hostile: Bench) -> None:
    html = tokens(hostile.row(0))
    rest = re.sub(r"</?(?:u|span|div|br)(?: [^<>]*)?>", "", html)
    assert "&lt;" in rest
    assert "&amp;" in rest
    assert not re.search(r"[<>]|&(?!lt;|gt;|amp;|quot;|#x27;)", rest)


def test_a_whole_row_has_no_note_of_a_window(rows: list[Row]) -> None:
    assert not read(tokens(rows[0])).all("p", "cut")
    assert not read(tokens(rows[0], window=(0, len(rows[0].rendering)))).all("p", "cut")
    assert window_note((1000, 2000), 131072) == "tokens 1,000–2,000 of 131,072"
    assert PAGE_TOKENS == 20_000


def test_a_row_says_its_place_share_and_what_is_wrong(rows: list[Row], hostile: Bench) -> None:
    section = read(row_section(rows[0], key="<b>key</b>")).one("section")
    title = section.one("h2")
    assert title.text == f"{place(rows[0])}15 of 113 tokens trained"
    assert place(rows[0]).endswith("shapes.jsonl:1: row 0")
    assert row_title(rows[0]) in row_section(rows[0])
    assert section.one("b").text == "key"
    assert [one.name if isinstance(one, Element) else one for one in section.inside][:2] == ["h2", "b"]
    # Notes are said once for all rows, not here.
    assert not section.all("li")
    broken = read(row_section(hostile.row(1))).one("section")
    assert broken.one("li", "error").one("b").text == "✗ D001"
    assert not broken.all("div", "turn")
    assert "rows <b>&amp;.jsonl" in broken.one("h2").text


def test_the_legend_has_a_sample_of_each_look() -> None:
    samples = read(legend()).all(of_class="t")
    assert [(one.text, one.classes[1], one.name) for one in samples] == [
        ("trained", "k3", "u"),
        ("not trained", "k0", "span"),
        ("control token", "k1", "span"),
        ("media", "k2", "span"),
    ]


def test_the_overview_says_what_decides_the_mask(opened: Bench, rows: list[Row], copied: Bench) -> None:
    body = read(overview(opened, rows[:2]))
    assert body.all("p")[0].text == "demo-model · gemma4 · demo.yaml"
    facts = "multimodal path: processor_type: AutoProcessor · "
    facts += "template the tokenizer's own · strategy base · trains assistant · train_on_eos turn"
    assert body.all("p", "facts")[0].text == facts
    assert len(body.all("section")) == 3
    order = ["h1", "section", "section", "section", "ul"]
    assert [one.name for one in body.inside if isinstance(one, Element) and one.name in order] == order
    (note_of_all,) = body.all("ul")[-1].all("li")
    assert note_of_all.text.startswith("i D005 ")
    assert "(and 1 more like it)" in note_of_all.text
    # The bench's own findings come before the rows' notes.
    copied.findings = [note("A012", "warning")]
    told = read(overview(copied, rows[:1])).all("li")
    assert words(one.one("b") for one in told) == ["! A012", "i D005"]
    copied.document.set(("train_on_inputs",), True)
    copied.remask()
    copied.family = None
    told = read(overview(copied, []))
    assert "trains everything" in told.all("p", "facts")[0].text
    assert "unknown family" in told.all("p")[0].text
    copied.document.set(("train_on_inputs",), False)
    copied.document.set(("datasets", 0, "roles_to_train"), [])
    copied.remask()
    assert "trains nothing" in read(overview(copied, [])).all("p", "facts")[0].text


def test_the_window_of_an_overview_is_that_of_each_row(opened: Bench, rows: list[Row]) -> None:
    body = read(overview(opened, rows[:2], window=(0, 4), more="how"))
    assert [one.text for one in body.all("p", "cut")] == [
        f"tokens 0–4 of {len(row.rendering)}: how" for row in rows[:2]
    ]


def test_boundaries_are_told_with_ids_and_matches(opened: Bench, rows: list[Row], hostile: Bench) -> None:
    section = read(boundaries(opened, rows))
    turns = str(sum(len(row.conversation.messages) for row in rows) // 2)
    assert section.table() == [
        ["role", "start", "ids", "end", "ids", "matches", "never end"],
        ["assistant", "<|turn>model⏎", "105\xa0740\xa0107", "<turn|>", "106", turns, "0"],
        ["user", "<|turn>user⏎", "105\xa0725\xa0107", "<turn|>", "106", turns, "0"],
        ["system", "<|turn>system⏎", "105\xa0741\xa0107", "<turn|>", "106", "0", "0"],
    ]
    assert words(section.all("th", "n")) == ["matches", "never end"]
    # A row that cannot be shown is left out.
    told = read(boundaries(hostile, [hostile.row(0), hostile.row(1)])).table()
    assert [row[5] for row in told[1:]] == ["1", "1", "0"]


def test_boundaries_without_an_end_or_with_long_markers(copied: Bench) -> None:
    copied.document.set(("role_boundaries", 0, "end"), "<eos>")
    copied.document.set(("role_boundaries", 1, "start"), "<|turn>user\nand more")
    copied.document.set(("role_boundaries", 2, "end"), None)
    copied.remask()
    told = read(boundaries(copied, [copied.row(0)])).table()
    assert (told[1][5], told[1][6]) == ("1", "1")
    assert " " in told[2][2]
    assert "\xa0" not in told[2][2]
    assert told[3][3:5] == ["end of sequence", ""]
    copied.masking = replace(copied.masking, boundaries=())
    assert read(boundaries(copied, [])).one("p", "warning-line").text == "No role boundaries: everything is trained."


def test_a_table_sets_numbers_to_the_right() -> None:
    told = read(table(("a", "b"), [["1", Markup("<i>x</i>")], ["2", EVIL]], numbers=("b",)))
    assert told.table() == [["a", "b"], ["1", "x"], ["2", SAFE]]
    assert words(told.all(of_class="n")) == ["b", "x", SAFE]
    assert told.all("i")


def test_findings_are_told_with_sign_place_cause_and_hint() -> None:
    found = [note("M001", "error", EVIL, EVIL, row=3), note("M002", "warning", "maybe", "do"), note("D005", "note")]
    told = read(findings(found)).one("ul").all("li")
    assert [one.classes for one in told] == [["error"], ["warning"], ["note"]]
    assert words(one.one("b") for one in told) == ["✗ M001", "! M002", "i D005"]
    assert told[0].one("span", "muted").text == "row 3"
    assert told[0].one("span", "hint").text == SAFE
    assert told[0].text == f"✗ M001 row 3 {SAFE}\n{SAFE}"
    assert findings([]) == ""


def test_a_page_is_whole_and_lets_nothing_in(opened: Bench, hostile: Bench) -> None:
    html = page(hostile, [hostile.row(0), hostile.row(1)])
    root = read(html.removeprefix("<!doctype html>\n"))
    assert html.startswith("<!doctype html>\n<html")
    policy = next(one for one in root.all("meta") if "http-equiv" in one.attributes)
    assert policy.attributes == {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    }
    assert root.one("title").text == f"{hostile.title} · {hostile.document.name} · vlmbench"
    drawn = "".join(words(root.all("div", "text")[1].all(of_class="t"))).replace(CONTINUED, "")
    assert f"Read {SAFE} and⏎the next line." in drawn
    assert (
        read(page(opened, []).removeprefix("<!doctype html>\n")).one("title").text
        == "demo-model · demo.yaml · vlmbench"
    )


def test_a_title_is_escaped_and_a_fragment_brings_its_style() -> None:
    root = read(document(EVIL, "<p>body</p>").removeprefix("<!doctype html>\n"))
    assert root.one("title").text == f"{SAFE} · vlmbench"
    box = root.one("div", "vlmbench")
    assert box.one("p").text == "body"
    assert box.one("style").text == style()
    assert re.fullmatch(r'<div class="vlmbench"><style>.*</style>x</div>', fragment("x"), re.DOTALL)
