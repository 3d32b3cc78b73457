"""The plain view: what a terminal or a pipe shows of rows, boundaries and findings."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests.views.support import EVIL, SAFE, flat, lines, note, styles
from workbench.bench import Bench
from workbench.checks.row_checks import row_findings
from workbench.row import Row
from workbench.views.palette import CONTINUED, TRAINED_BAR
from workbench.views.terminal import boundaries_table, findings_view, headline, row_view, show, tokens_view


def shown(bench: Bench, rows: list[Row], width: int = 100, color_system: str | None = None) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=color_system, force_terminal=color_system is not None)
    show(bench, rows, console)
    return stream.getvalue()


def content(text: str) -> list[str]:
    """The drawn tokens of every line, without the gutter of 16 cells."""
    return [line[16:] for line in text.split("\n")]


def test_the_headline_says_what_decides_the_mask(opened: Bench, copied: Bench) -> None:
    assert lines(headline(opened), 200) == [
        "vlmbench · demo-model · gemma4 · demo.yaml",
        "multimodal path: processor_type: AutoProcessor · template the tokenizer's own · strategy base · "
        "trains assistant · train_on_eos turn",
    ]
    copied.document.set(("datasets", 0, "roles_to_train"), ["user", "assistant"])
    copied.document.set(("datasets", 0, "train_on_eos"), "none")
    copied.remask()
    assert lines(headline(copied), 300)[1].endswith("trains user, assistant · train_on_eos none")
    copied.document.set(("datasets", 0, "roles_to_train"), [])
    copied.remask()
    assert "trains nothing" in flat(headline(copied))
    copied.document.set(("train_on_inputs",), True)
    copied.remask()
    copied.family = None
    assert "trains everything (train_on_inputs)" in flat(headline(copied))
    assert "unknown family" in flat(headline(copied))


def test_trained_stretches_stand_between_marks_where_there_is_no_colour(rows: list[Row]) -> None:
    row = rows[0]
    text = tokens_view(row, 80, marks=True).plain
    inside = "".join(re.findall("⟦(.*?)⟧", text))
    trained = [row.rendering.token_text(i) for i in range(len(row.rendering)) if row.mask.keep[i]]
    assert inside.replace("⟨turn|⟩", "<turn|>") == "".join(trained)
    assert text.count("⟦") == text.count("⟧") == 2
    plain = tokens_view(row, 80, marks=False).plain
    assert plain == text.replace("⟦", "").replace("⟧", "")


def test_the_gutter_numbers_the_turns_and_bars_what_is_trained(rows: list[Row]) -> None:
    text = tokens_view(rows[0], 80, marks=False).plain
    gutters = [(line[:4].strip(), line[4:14].strip(), line[14:16]) for line in text.split("\n")]
    assert [(number, role) for number, role, _ in gutters if number] == [
        ("0", "user"),
        ("1", "assistant"),
        ("2", "user"),
        ("3", "assistant"),
    ]
    barred = [line for line in text.split("\n") if TRAINED_BAR in line[:16]]
    assert [line[16:] for line in barred] == [
        "The green shape is a triangle.⟨turn|⟩⏎",
        "Two. Both are squares.⟨turn|⟩⏎",
    ]
    assert {bar for *_, bar in gutters} == {f"{TRAINED_BAR} ", "  "}


@pytest.mark.parametrize("width", [20, 33, 40])
@pytest.mark.parametrize("marks", [True, False])
def test_a_narrow_view_loses_nothing_and_keeps_to_its_width(rows: list[Row], width: int, marks: bool) -> None:
    wide, narrow = (tokens_view(rows[1], each, marks=marks).plain for each in (400, width))
    unmarked = [re.sub("[⟦⟧]", "", "".join(content(text))) for text in (wide, narrow)]
    assert unmarked[0] == unmarked[1]
    assert all(cell_len(line) <= width for line in content(narrow))
    assert len(narrow.split("\n")) > len(wide.split("\n"))
    # Marks begin and end within a line, and stand in exactly the lines that have the bar.
    for line in narrow.split("\n") if marks else ():
        assert line.count("⟦") == line.count("⟧") == (TRAINED_BAR in line[:16])


@pytest.mark.parametrize("width", [10, 50, 60])
def test_a_row_keeps_to_the_terminals_width(rows: list[Row], width: int) -> None:
    text = row_view(rows[1], width, marks=True)
    # Below the first line, which says where the row stands, and never narrower than can be read.
    drawn = [line for line in lines(text, 300)[1:] if line]
    assert max(cell_len(line) for line in drawn) <= max(width, 16 + 20)
    assert max(cell_len(line) for line in drawn) > min(width, 36) - 12


def test_a_window_shows_its_tokens_alone(rows: list[Row]) -> None:
    row = rows[0]
    ids = row.mask.keep.nonzero()[0]
    first, last = int(ids[0]), int(ids[0]) + 3
    text = "".join(content(tokens_view(row, 80, marks=False, window=(first, last)).plain))
    assert text == "".join(row.rendering.token_text(i) for i in range(first, last))
    whole = row_view(row, 80, marks=False, window=(first, last))
    # The share is the row's, not the window's.
    assert "15 of 113 tokens trained (13%)" in " ".join(" ".join(lines(whole)).split())


def test_a_row_says_its_place_and_share(rows: list[Row], hostile: Bench) -> None:
    # A long path takes the share to the next line.
    said = " ".join(" ".join(lines(row_view(rows[0], 80, marks=True))[:2]).split())
    assert "shapes.jsonl:1: row 0 · 15 of 113 tokens trained (13%)" in said
    assert rows[0].mask.trained == 15
    # A note does not stand with its row; what is wrong with it does.
    assert "D005" not in flat(row_view(rows[0], 80, marks=True))
    broken = lines(row_view(hostile.row(1), 200, marks=True), 200)
    assert broken[0].endswith("row 1")
    assert broken[1].startswith("✗ D001 ")
    assert not any("tokens trained" in line for line in broken)


def test_what_is_wrong_with_a_row_stands_below_it(copied: Bench) -> None:
    copied.document.set(("datasets", 0, "roles_to_train"), [])
    copied.remask()
    row = copied.row(0)
    bad = [one.code for one in row_findings(row) if one.severity != "note"]
    assert bad
    text = lines(row_view(row, 80, marks=True), 300)
    assert "0 of 113 tokens trained (0%)" in text[0]
    below = "\n".join(text[text.index(next(line for line in text if "squares" in line)) :])
    assert all(f" {code} " in below for code in bad)


def test_the_boundaries_are_told_with_ids_and_matches(opened: Bench, rows: list[Row]) -> None:
    told = [re.split(r"\s{2,}", line) for line in lines(boundaries_table(opened, rows), 120)]
    turns = str(sum(len(row.conversation.messages) for row in rows) // 2)
    assert told == [
        ["role", "start", "ids", "end", "ids", "matches"],
        ["assistant", "<|turn>model⏎", "105 740 107", "<turn|>", "106", turns],
        ["user", "<|turn>user⏎", "105 725 107", "<turn|>", "106", turns],
        ["system", "<|turn>system⏎", "105 741 107", "<turn|>", "106", "0"],
    ]
    table = boundaries_table(opened, rows)
    assert styles(table, "assistant") == {"green"}
    assert not any("green" in style for style in styles(table, "user"))


def test_boundaries_that_never_end_are_counted(copied: Bench) -> None:
    copied.document.set(("role_boundaries", 0, "end"), "<eos>")
    copied.remask()
    table = boundaries_table(copied, [copied.row(0), copied.row(1)])
    _, assistant, user, _ = lines(table, 200)
    # The first answer's span goes on to the end of its row, over all that follows.
    assert assistant.endswith(" 2 (2 never end)")
    assert user.endswith(" 2")
    assert styles(table, "never end") == {"yellow"}
    copied.document.set(("role_boundaries", 0, "end"), None)
    copied.remask()
    assert "  end of sequence  " in lines(boundaries_table(copied, [copied.row(0)]), 200)[1]


def test_without_boundaries_everything_is_trained(copied: Bench) -> None:
    copied.masking = replace(copied.masking, boundaries=())
    assert lines(boundaries_table(copied, [])) == ["no role boundaries: everything is trained"]


def test_rows_that_cannot_be_shown_are_left_out_of_the_matches(hostile: Bench) -> None:
    told = lines(boundaries_table(hostile, [hostile.row(0), hostile.row(1)]), 200)
    assert told[1].endswith(" 1")


def test_findings_are_told_with_sign_place_cause_and_hint() -> None:
    found = [
        note("M001", "error", "It is wrong.", "Do this.", row=3),
        note("M002", "warning", "It may be wrong."),
        note("M003", "note", f"Look: {EVIL}", f"See {EVIL}"),
    ]
    view = findings_view(found)
    assert lines(view, 200) == [
        "✗ M001 row 3: It is wrong.",
        "       Do this.",
        "! M002 It may be wrong.",
        f"i M003 Look: {SAFE}",
        f"       See {SAFE}",
    ]
    assert [styles(view, code) for code in ("M001", "M002", "M003")] == [{"bold red"}, {"yellow"}, {"cyan"}]


def test_the_whole_view_is_headline_rows_boundaries_and_what_is_said_once(opened: Bench, rows: list[Row]) -> None:
    text = shown(opened, rows[:2])
    order = ["vlmbench ·", "row 0  ·", "row 1  ·", "role       start", "i D005"]
    places = [text.index(one) for one in order]
    assert places == sorted(places)
    assert text.count("D005") == text.count("(and 1 more like it)") == 1
    assert "row 2" not in text
    assert "\x1b" not in text
    assert "⟦" in text


def test_colour_takes_the_place_of_marks(opened: Bench, rows: list[Row]) -> None:
    text = shown(opened, rows[:1], color_system="truecolor")
    assert "⟦" not in text
    assert re.search(r"\x1b\[4;32m(The| )", text)


def test_nothing_from_the_data_acts_on_the_terminal(hostile: Bench) -> None:
    text = shown(hostile, [hostile.row(0), hostile.row(1)], width=400)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    # Of a character that is several tokens, the first shows it and the others a dot.
    assert SAFE in re.sub(f"[⟦⟧{CONTINUED}]", "", "".join(content(text)))
    assert "[bold]it's[/bold]" in text
