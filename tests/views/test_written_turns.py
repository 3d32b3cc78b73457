"""Written turns beside the wanted ones: where they part, and in what words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.views.support import EVIL, read
from workbench.overfit.verdict import Verdict
from workbench.views.html_reports import run_html
from workbench.views.written_turns import WrittenTurn, written_turns


def decoded(*turns: tuple[str, str]) -> list:
    told = [
        {"row": 1, "message": 2, "wanted": wanted, "got": got, "exact": wanted == got, "stopped": True}
        for wanted, got in turns
    ]
    return [{"event": "start"}, {"event": "probe", "name": "decode", "turns": told}]


@given(st.text(), st.text(), st.text())
def test_both_texts_are_whole_and_part_where_they_differ(same: str, one: str, other: str) -> None:
    (turn,) = written_turns(decoded((same + one, same + other)))
    assert turn.same >= len(same)
    for whole in (turn.wanted, turn.got):
        before, after = turn.parts(whole)
        assert whole[: turn.same].endswith(before.removeprefix("…"))
        assert whole[turn.same :] == after
    rest = turn.parts(turn.wanted)[1], turn.parts(turn.got)[1]
    assert turn.exact or not all(rest) or rest[0][0] != rest[1][0]


@pytest.mark.parametrize(
    ("wanted", "got", "words"),
    [
        ("A red square.", "A red square.", "as wanted"),
        ("A red square.", "A red circle.", "another text from character 6"),
        ("A red square.", "A red", "it stops after 5 of 13 characters"),
        ("A red square.", "", "it writes nothing"),
        ("A red", "A red square.", "it goes on after the wanted text"),
    ],
)
def test_the_outcome_in_words(wanted: str, got: str, words: str) -> None:
    (turn,) = written_turns(decoded((wanted, got)))
    assert (turn.outcome, turn.place) == (words, "row 1, message 2")
    assert WrittenTurn(0, None, "a", "a", 1, True, False).outcome == "as wanted, but it does not stop"


def test_those_that_differ_come_first_and_a_page_marks_where() -> None:
    events = decoded(("a", "a"), ("A red square.", f"A red {EVIL}"))
    assert [turn.exact for turn in written_turns(events)] == [False, True]
    assert written_turns(events[:1]) == []
    page = read(run_html(events, Verdict("doubtful", (), 1.0, 1.0, None, 1), "e"))
    assert [one.text for one in page.all("mark")][:1] == ["square."]
    assert "open" in page.one("details").attributes
