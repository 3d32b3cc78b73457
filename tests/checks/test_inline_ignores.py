"""Comments that leave findings out: which are comments at all, and which line and codes they speak of."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.support import HEAD, QWEN, SETS, Make, row
from workbench.checks.inline_ignores import read_comments, with_comments, without_ignored
from workbench.checks.report import Report, grouped
from workbench.checks.run import check_rows
from workbench.errors import Where
from workbench.findings import Finding
from workbench.recipe.yaml.document import Document


def targets(text: str) -> list[tuple[int | None, tuple[str, ...]]]:
    comments, problems = read_comments(Document(text, "r.yaml"))
    assert problems == []
    return [(one.target, one.codes) for one in comments]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1  # vlmbench: ignore[C002]\n", [(1, ("C002",))]),
        ("a: 1 #vlmbench:ignore[c002, M]\n", [(1, ("C002", "M"))]),
        ("# vlmbench: ignore[C002] until we rename it\n\n# and more\na: 1\n", [(4, ("C002",))]),
        ("b: 2\n  # vlmbench: ignore[C002]\na: 1\n", [(3, ("C002",))]),
        ("# vlmbench: ignore-file[D, T]\na: 1\n", [(None, ("D", "T"))]),
        ("\ufeffa: 1  # vlmbench: ignore[C002]\r\nb: 2\r\n", [(1, ("C002",))]),
        ("a: [1,  # vlmbench: ignore[C002]\n  2]\n", [(1, ("C002",))]),
        # None of these is a comment.
        ("a: 'x # vlmbench: ignore[C002]'\n", []),
        ('a: "x # vlmbench: ignore[C002]"\n', []),
        ("a: x#vlmbench:ignore[C002]\n", []),
        ("a: |\n  text\n  # vlmbench: ignore[C002]\nb: 1\n", []),
        ("a: >-\n  # vlmbench: ignore[C002]\n  text\nb: 1\n", []),
        ("a: 'x\n  # vlmbench: ignore[C002]\n  y'\n", []),
        ("a: 1  # vlmbench is good\n", []),
    ],
)
def test_a_comment_speaks_of_its_line_or_of_the_next_that_holds_something(
    text: str, found: list[tuple[int | None, tuple[str, ...]]]
) -> None:
    assert targets(text) == found


@pytest.mark.parametrize(
    ("comment", "said", "hint"),
    [
        ("# vlmbench: ignore", "leaves nothing out", "Write `# vlmbench: ignore[CODE]`"),
        ("# vlmbench: ignore[]", "leaves nothing out", "Write `# vlmbench: ignore[CODE]`"),
        ("# vlmbench: noqa[C002]", "leaves nothing out", "Write `# vlmbench: ignore[CODE]`"),
        ("# vlmbench: ignore[C0O2]", "there is no code C0O2", "Did you mean C002"),
        ("# vlmbench: ignore[QQQQQQ]", "there is no code QQQQQQ", "lists the codes"),
    ],
)
def test_a_comment_that_is_not_understood_is_told(comment: str, said: str, hint: str) -> None:
    comments, (problem, *more) = read_comments(Document(f"a: 1  {comment}\n", "r.yaml"))
    assert more == []
    assert [one for one in comments if one.codes] == []
    assert (problem.code, problem.where.line, problem.where.column) == ("C020", 1, 7)
    assert said in problem.message
    assert hint in problem.hint


def finding(code: str, line: int | None, file: str = "r.yaml", row: int | None = None) -> Finding:
    return Finding(code, "error", "wrong", "", Where(file, line, row=row))


def told(text: str, *findings: Finding) -> list[tuple[str, int | None]]:
    report = Report(findings, 1, 0, 0, groups=grouped(findings))
    left = without_ignored(report, Document(text, "r.yaml"), lambda code: code != "M020")
    assert left.ignored == len(findings) - sum(one.code != "C020" for one in left.findings)
    assert {one.code for group in left.groups for one in group.first} == {one.code for one in left.findings}
    return [(one.code, one.where.line) for one in left.findings]


def test_a_line_is_that_of_the_recipe_and_a_file_is_all_of_it() -> None:
    text = "a: 1  # vlmbench: ignore[M001]\nb: 1\n"
    same_line_of_the_rows = finding("M001", 1, "rows.jsonl", row=0)
    assert told(text, finding("M001", 1), finding("M001", 2), same_line_of_the_rows) == [("M001", 2), ("M001", 1)]
    assert told("# vlmbench: ignore-file[M]\na: 1\n", finding("M001", 2), same_line_of_the_rows) == []


def test_a_code_that_leaves_nothing_out_is_told_by_itself() -> None:
    assert told("a: 1  # vlmbench: ignore[M001,C]\n", finding("M001", 1)) == [("C020", 1)]
    # A beginning that covers what was not looked for may well be of use.
    assert told("a: 1  # vlmbench: ignore[M]\nb: 1  # vlmbench: ignore[M020]\n") == []


@given(st.text(string.ascii_letters + " #:[]'\"|>-\n", max_size=60), st.booleans())
def test_no_text_of_a_value_is_taken_for_a_comment(text: str, block: bool) -> None:
    body = text.replace("\n", "\n  ")
    value = (
        f"|\n  x{body}\n  # vlmbench: ignore[M]"
        if block
        else "'" + (text + " # vlmbench: ignore[M]").replace("'", "''").replace("\n", " ") + "'"
    )
    document = Document(f"a: {value}\nb: 1\n", "r.yaml")
    assert "# vlmbench: ignore[M]" in document.data["a"]
    assert read_comments(document) == ([], [])


@pytest.mark.parametrize("comment", ["#   vlmbench: 0.1.0", "# vlmbench: exported by hand", "# vlmbench:"])
def test_comments_that_only_name_the_bench_are_no_business_of_it(comment: str) -> None:
    assert read_comments(Document(f"a: 1  {comment}\n", "r.yaml")) == ([], [])


def test_app_notebook_and_site_leave_out_what_the_command_does(make: Make) -> None:
    """A bench's finding that a comment names is left out, and a comment of no use is told at the end."""
    wrong = QWEN.replace("<|im_start|>assistant", "<|im_start|>robot")
    assert wrong != QWEN
    bench = make([row("What is 2 + 2?", "4.")] * 3, f"# vlmbench: ignore-file[M002, D013]\n{HEAD}{wrong}{SETS}")
    report = check_rows(bench, bench.head(None))
    before = {one.code for one in report.findings}
    assert "M002" in before
    told = with_comments(report, bench)
    assert told.ignored == sum(one.code == "M002" for one in report.findings)
    assert {one.code for one in told.findings} == before - {"M002"} | {"C020"}
    # Rows that are still to come may have it.
    assert {one.code for one in with_comments(report, bench, whole=False).findings} == before - {"M002"}
