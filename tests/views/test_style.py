"""The sheet: whole, scoped, with every colour in both themes and the palette's looks."""

from __future__ import annotations

import re

import pytest

from workbench.views.palette import ADDED, DARK, LIGHT, REMOVED, ROLE_COLOUR, SEVERITY_COLOUR, Look, Paint
from workbench.views.style import PAGE_STYLE, style


def rules(sheet: str) -> list[tuple[str, str]]:
    """Selector and declarations of every rule, those inside of a media query with it in front."""
    found, at, outer = [], 0, ""
    for match in re.finditer(r"([^{}]*)([{}])", sheet):
        text, brace = match[1].strip(), match[2]
        if brace == "{":
            at += 1
            if text.startswith("@media"):
                outer = text + " "
            else:
                selector = text
        else:
            at -= 1
            if text:
                found.append((outer * (at > 0) + selector, text))
            elif at == 0:
                outer = ""
    assert at == 0
    return found


@pytest.fixture(scope="module")
def sheet() -> list[tuple[str, str]]:
    return rules(style())


def variables(sheet: list[tuple[str, str]], *parts: str) -> dict[str, str]:
    """The variables that the only rule with these parts in its selector sets."""
    (text,) = {text for selector, text in sheet if all(part in selector for part in parts) and text.startswith("--")}
    return dict(one.removeprefix("--").split(":") for one in text.split(";"))


def test_everything_is_scoped_to_the_bench(sheet: list[tuple[str, str]]) -> None:
    assert len(sheet) > 50
    assert all(".vlmbench" in selector for selector, _ in sheet)
    for selector, _ in sheet:
        # A comma outside of brackets begins another selector, which has to be scoped as well.
        outside = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "()", selector)
        assert "," not in outside, selector
    # A rule is the bench's own element's, or of what stands inside of it.
    bare = [re.sub(r"^@media \([^)]*\) ", "", selector) for selector, _ in sheet if "#vlmbench" in selector]
    inside = [selector.removeprefix(":is(.vlmbench,#vlmbench#vlmbench)") for selector in bare]
    assert inside.count("") == 1
    assert all(one.startswith(" ") for one in inside if one)
    assert not re.search(r"url\(|@import|expression|</", style())


def test_each_theme_has_every_colour_that_a_rule_uses(sheet: list[tuple[str, str]]) -> None:
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", style()))
    for theme in ({"@media", "dark"}, {'data-jp-theme-light="true"'}, {'data-jp-theme-light="false"'}):
        assert used <= set(variables(sheet, *theme))


@pytest.mark.parametrize(
    ("place", "theme"),
    [
        (("@media (prefers-color-scheme:dark)",), "dark"),
        (('data-jp-theme-light="false"', "body.vscode-dark"), "dark"),
        (('data-jp-theme-light="true"', "body.vscode-light"), "light"),
    ],
)
def test_a_theme_is_the_palettes(sheet: list[tuple[str, str]], place: tuple[str, ...], theme: str) -> None:
    told = variables(sheet, *place)
    for look, paint in (DARK if theme == "dark" else LIGHT).items():
        assert told[f"f{look:d}"] == paint.foreground
        assert told[f"b{look:d}"] == (paint.background or "transparent")
    assert [told[f"r{number}"] for number in range(5)] == list(ROLE_COLOUR[theme])
    assert {name: told[name] for name in SEVERITY_COLOUR[theme]} == SEVERITY_COLOUR[theme]
    for name, changed in (("add", ADDED[theme]), ("rem", REMOVED[theme])):
        assert (told[f"{name}-f"], told[f"{name}-b"]) == (changed.foreground, changed.background)
    dark_paper = int(told["paper"][1:3], 16) < 0x40
    assert dark_paper == (theme == "dark")


def test_the_light_theme_is_the_default_and_the_hosts_theme_comes_after_the_readers(
    sheet: list[tuple[str, str]],
) -> None:
    setting = [selector for selector, text in sheet if text.startswith("--")]
    assert setting[0] == ".vlmbench"
    assert sheet[0][1] == next(text for selector, text in sheet if 'data-jp-theme-light="true"' in selector)
    assert [("@media" in one, "jp-theme" in one) for one in setting] == [
        (False, False),
        (True, False),
        (False, True),
        (False, True),
    ]


def test_every_look_has_a_rule_and_trained_ones_are_underlined(sheet: list[tuple[str, str]]) -> None:
    by_class = {selector.split(" ")[-1]: text for selector, text in sheet}
    paints: dict[Look, Paint] = LIGHT
    for look, paint in paints.items():
        text = by_class[f".k{look:d}"]
        assert f"color:var(--f{look:d})" in text
        assert f"background:var(--b{look:d})" in text
        assert ("underline" in text) == paint.underline == look.trained
        assert ("font-weight:600" in text) == paint.bold
    assert [name for name in by_class if re.fullmatch(r"\.o\d", name)] == [f".o{number}" for number in range(5)]
    assert all(by_class[f".o{number}"] == f"color:var(--r{number})" for number in range(5))
    assert "line-through" in by_class[".rem"]
    assert "line-through" not in by_class[".add"]
    assert ("--add-f" in by_class[".add"], "--rem-f" in by_class[".rem"]) == (True, True)


def test_a_page_has_the_papers_colour_around_the_bench(sheet: list[tuple[str, str]]) -> None:
    light = variables(sheet, 'data-jp-theme-light="true"')["paper"]
    dark = variables(sheet, "@media")["paper"]
    assert f"body{{margin:0;background:{light}}}" in PAGE_STYLE
    assert f"@media (prefers-color-scheme:dark){{body{{background:{dark}}}}}" in PAGE_STYLE
    assert rules(PAGE_STYLE)
