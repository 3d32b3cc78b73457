"""The page of all codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workbench.checks.registry import codes, explain
from workbench.views.codes_markdown import codes_markdown

PAGE = Path(__file__).resolve().parents[2] / "docs" / "codes.md"


def test_the_page_in_docs_is_what_the_codes_say() -> None:
    assert PAGE.read_text("utf-8") == codes_markdown(codes().values()), "run `make docs`"


def test_each_code_has_a_row_and_a_section() -> None:
    lines = codes_markdown(codes().values()).splitlines()
    for name, code in codes().items():
        assert [line for line in lines if line.startswith(f"| [{name}](#{name.lower()}) | ")]
        assert lines.count(f"### {name}") == 1
        assert f"({code.severity}, found in the {code.scope})" in lines[lines.index(f"### {name}") + 2]


def test_texts_are_no_markup() -> None:
    code = replace(
        explain("M004"), title="a | b", cause="an <image> and `<image>`, *stars* and [x]", example="a\n\n# b", fix="_x_"
    )
    page = codes_markdown([code])
    assert r"| a \| b |" in page
    assert r"an &lt;image> and `<image>`, \*stars\* and \[x\]" in page
    assert "*Example.* a # b" in page
    assert r"*What to do.* \_x\_" in page
