"""Output on the families, against the specs and what was measured of them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.views.support import EVIL, SAFE, flat, lines, styles
from workbench.families.evidence import Counts, measured
from workbench.families.library import families, family
from workbench.families.spec import FamilyBoundary, MediaToken, Verified
from workbench.views import families as views
from workbench.views.families import families_table, family_page, has_built_in

ALL = families()


def table(*names: str) -> dict[str, list[str]]:
    told = lines(families_table([ALL[name] for name in names or ALL]), 300)
    rows = [re.split(r"\s{2,}", line.strip()) for line in told[: told.index("")]]
    assert rows[0] == ["family", "roles", "axolotl template", "built in", "verified", "recall", "leaked"]
    return {row[0]: row[1:] for row in rows[1:]}


def test_a_line_for_each_family_in_the_order_given() -> None:
    assert list(table()) == list(ALL)
    assert list(table("qwen2_vl", "gemma3")) == ["qwen2_vl", "gemma3"]


@pytest.mark.parametrize("name", list(ALL))
def test_a_line_says_what_the_spec_says(name: str) -> None:
    one, told = ALL[name], table(name)[name]
    roles = {boundary.role for boundary in one.boundaries}
    assert told[0] == (str(len(roles)) if roles else "none")
    assert told[1] == (one.axolotl.chat_template or "–")
    assert told[2] == ("yes" if has_built_in(one) else "no")
    assert told[3] == one.verified.level
    if name not in measured():
        assert told[4:] == ["–", "–"]
        return
    counts = measured()[name].spec["assistant"]
    share = (counts.recalled + counts.stopped) / (counts.content + counts.stops)
    assert told[5] == f"{counts.leaked:,}"
    # "100%" is said of nothing less.
    assert (told[4] == "100%") == (share == 1)
    assert float(told[4].rstrip("%")) == pytest.approx(100 * share, abs=0.06)


def test_evidence_that_is_whole_is_green_and_other_is_yellow() -> None:
    def colours(counts: Counts) -> tuple[set[str], set[str]]:
        share, leaked = views._evidence(counts)
        return styles(share, share.plain), styles(leaked, leaked.plain)

    whole = Counts(100, 100, 10, 10, 0, 0)
    assert colours(whole) == ({"green"}, {"green"})
    assert colours(replace(whole, stopped=9)) == ({"yellow"}, {"green"})
    assert colours(replace(whole, recalled=99)) == ({"yellow"}, {"green"})
    assert colours(replace(whole, leaked_template=1)) == ({"green"}, {"yellow"})
    assert views._evidence(replace(whole, recalled=99))[0].plain == "99.1%"
    assert views._evidence(replace(whole, recalled=0, stopped=0))[0].plain == "0%"
    assert views._evidence(replace(whole, leaked_content=1200))[1].plain == "1,200"


def test_what_axolotl_masks_by_itself_is_known_by_strategy() -> None:
    assert has_built_in(ALL["gemma4"])
    assert not has_built_in(ALL["llava"])
    # Strategies of a family's own that mask nothing by role without being told how.
    assert not any(has_built_in(ALL[name]) for name in ("glm4v", "glm46v", "internvl", "smolvlm2"))
    # A family without a strategy of its own has another's.
    shared = [one for one in ALL.values() if has_built_in(one) and not one.axolotl.strategies]
    assert shared


@pytest.mark.parametrize("name", list(ALL))
def test_a_page_holds_all_that_is_known(name: str) -> None:
    one, text = ALL[name], flat(family_page(ALL[name]))
    assert text.startswith(one.title)
    for boundary in one.boundaries:
        assert " ".join(boundary.start.replace("\n", "⏎").split()) in text
        if boundary.ids:
            assert " ".join(map(str, boundary.ids.start)) in text
    for key, need in one.recipe.items():
        assert f"{key}: {' '.join(str(need.value).split())} {' '.join(need.why.split())}" in text
    for problem in one.problems:
        order = [
            text.index(" ".join(part.split())) for part in (f"! {problem.symptom}", problem.cause, f"→ {problem.fix}")
        ]
        assert order == sorted(order)
    for media in one.media:
        assert media.token in text
    for line in (*one.models, *one.notes, *one.verified.checked, *one.verified.missing):
        assert " ".join(line.split()) in text
    assert f"verified {one.verified.level}" in text


def test_boundaries_are_told_role_by_role() -> None:
    told = [re.split(r"\s{2,}", line) for line in lines(family_page(family("gemma4")), 300)]
    at = told.index(["role", "start", "ids", "end", "ids"])
    assert told[at + 1 : at + 4] == [
        ["assistant", "<|turn>model⏎", "105 4368 107", "<turn|>", "106"],
        ["user", "<|turn>user⏎", "105 2364 107", "<turn|>", "106"],
        ["system", "<|turn>system⏎", "105 9731 107", "<turn|>", "106"],
    ]
    media = [f"{one.token} {one.id}" for one in family("gemma4").media]
    assert media[:2] == ["<|image> 255999", "<|image|> 258880"]
    assert [f"media: {', '.join(media)}"] in told


def test_figures_are_told_role_by_role_with_those_of_inference_beside() -> None:
    figures = measured()["gemma3"]
    told = [re.split(r"\s{2,}", line.strip()) for line in lines(family_page(family("gemma3")), 300)]
    at = told.index(["proof corpus", "content", "ends", "leaked", "inferred: content", "ends", "leaked"])
    for row, (role, spec) in zip(told[at + 1 :], figures.spec.items(), strict=False):
        inferred = figures.inferred[role]
        assert row == [role] + [
            text
            for one in (spec, inferred)
            for text in (f"{one.recalled:,}/{one.content:,}", f"{one.stopped}/{one.stops}", f"{one.leaked:,}")
        ]
    page = family_page(family("gemma3"))
    assert styles(page, "1,852/2,094") == {"yellow"}
    assert not any("yellow" in style for style in styles(page, "1,422/1,422"))


def test_a_family_of_which_little_is_known() -> None:
    bare = family("gemma4").model_copy(
        update={
            "models": (),
            "boundaries": (FamilyBoundary(role="user", start="<u>"),),
            "media": (MediaToken(kind="image", token="<i>"),),
            "recipe": {},
            "problems": (),
            "notes": (),
            "verified": Verified(level="unverified", missing=("everything",)),
            "name": "never measured",
            "axolotl": family("gemma4").axolotl.model_copy(update={"chat_template": None}),
        }
    )
    told = lines(family_page(bare), 200)
    assert told == [
        bare.title,
        "template   none bundled with axolotl",
        "",
        "role  start  ids  end              ids",
        "user  <u>         end of sequence",
        "",
        "media: <i>",
        "",
        "verified   unverified",
        "  – everything",
    ]
    # Two boundaries of a role are one role.
    twice = bare.model_copy(
        update={"boundaries": (FamilyBoundary(role="user", start="<u>"), FamilyBoundary(role="user", start="<v>"))}
    )
    assert table_of(twice)[1] == "1"
    # A family that was never measured has no figures, and one without boundaries no table of them.
    assert table_of(bare)[-2:] == ["–", "–"]
    none = bare.model_copy(update={"boundaries": ()})
    assert "role" not in flat(family_page(none))
    assert table_of(none)[1] == "none"


def table_of(one: object) -> list[str]:
    return re.split(r"\s{2,}", lines(families_table([one]), 300)[1].strip())  # type: ignore[list-item]


def test_markers_act_on_no_terminal() -> None:
    hostile = family("gemma4").model_copy(
        update={
            "boundaries": (FamilyBoundary(role="user", start=EVIL, end=EVIL),),
            "media": (MediaToken(kind="image", token=EVIL, id=0),),
        }
    )
    text = flat(family_page(hostile))
    assert text.count(SAFE) == 3
    assert f"{SAFE} 0" in text
    assert "\x1b" not in text


def test_a_narrow_table_cuts_no_number() -> None:
    told = lines(families_table([ALL["gemma3"]]), 60)
    assert all(len(line) <= 60 for line in told)
    assert told[1].startswith("gemm")
    assert told[1].split()[1:] == ["2", "gemma3", "yes", "real", "100%", "0"]
