"""Colours that can be read and told apart, and signs beside them."""

from __future__ import annotations

from itertools import combinations

import pytest
from rich.cells import cell_len

from workbench.escaping import NEWLINE, TAB
from workbench.findings import SEVERITIES
from workbench.views.palette import (
    ADDED,
    CONTINUED,
    DARK,
    LIGHT,
    MEDIA_GLYPH,
    REMOVED,
    ROLE_COLOUR,
    SEVERITY_COLOUR,
    SEVERITY_GLYPH,
    SPACE,
    TRAINED_BAR,
    Look,
    Paint,
)

PAPER = {"dark": "#10141b", "light": "#fbfcfe"}
THEMES = {"dark": DARK, "light": LIGHT}


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` after WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_trained_looks_are_those_of_trained_tokens() -> None:
    assert [look for look in Look if look.trained] == [Look.TRAINED, Look.TRAINED_CONTROL, Look.TRAINED_MEDIA]
    # `flow.remasked` counts on it: a look plus TRAINED is the trained one of the same kind.
    assert [look + Look.TRAINED for look in (Look.PLAIN, Look.CONTROL, Look.MEDIA)] == [
        Look.TRAINED,
        Look.TRAINED_CONTROL,
        Look.TRAINED_MEDIA,
    ]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_look_can_be_read(theme: str) -> None:
    paints = THEMES[theme]
    assert set(paints) == set(Look)
    # Control tokens stand back, and what an edit adds is bold: these come close to WCAG's 4.5, the others reach it.
    for paint in (paints[Look.CONTROL], ADDED[theme]):
        assert contrast(paint.foreground, paint.background) >= 4
    for paint in (*(paints[look] for look in Look if look is not Look.CONTROL), REMOVED[theme]):
        assert contrast(paint.foreground, paint.background or PAPER[theme]) >= 4.5, paint
    for colour in (*SEVERITY_COLOUR[theme].values(), *ROLE_COLOUR[theme]):
        assert contrast(colour, PAPER[theme]) >= 4.5, colour
    assert set(SEVERITY_COLOUR[theme]) == set(SEVERITIES)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_two_looks_are_alike(theme: str) -> None:
    looks: list[Paint] = [*THEMES[theme].values(), ADDED[theme], REMOVED[theme]]
    assert len(set(looks)) == len(looks) == 8
    assert len({(one.foreground, one.background) for one in looks}) == 8
    for colours in (SEVERITY_COLOUR[theme].values(), ROLE_COLOUR[theme]):
        assert len(set(colours)) == len(colours)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colour_is_never_the_only_sign(theme: str) -> None:
    for look, paint in THEMES[theme].items():
        assert paint.underline == look.trained
        assert paint.bold == (look in (Look.TRAINED_CONTROL, Look.TRAINED_MEDIA))
    assert ADDED[theme].bold


def test_the_themes_agree_in_everything_but_colour() -> None:
    assert {look: (one.underline, one.bold) for look, one in DARK.items()} == {
        look: (one.underline, one.bold) for look, one in LIGHT.items()
    }
    assert len(ROLE_COLOUR["dark"]) == len(ROLE_COLOUR["light"])
    for theme, paints in THEMES.items():
        grounds = [luminance(one.background or PAPER[theme]) for one in paints.values()]
        assert (max(grounds) < 0.2) if theme == "dark" else (min(grounds) > 0.5)


def test_signs_are_one_cell_and_differ() -> None:
    assert set(SEVERITY_GLYPH) == set(SEVERITIES)
    groups = (SEVERITY_GLYPH.values(), MEDIA_GLYPH.values(), (NEWLINE, TAB, SPACE, TRAINED_BAR))
    for signs in groups:
        assert all(one != other for one, other in combinations(signs, 2))
        assert all(cell_len(sign) == 1 for sign in signs)
    assert cell_len(CONTINUED) == 1
    assert {"image", "audio", "video"} <= set(MEDIA_GLYPH)
