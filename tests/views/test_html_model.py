"""The anatomy and the memory of a step on a page."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.views.support import EVIL, SAFE, Element, note, read
from workbench.bench import Bench
from workbench.models.anatomy import Anatomy
from workbench.models.memory import MemoryEstimate
from workbench.models.targets import Trained, trained
from workbench.recipe.model import Recipe
from workbench.recipe.yaml.document import Document
from workbench.views.html_model import anatomy_html, memory_html
from workbench.views.model import kind_lines, short_bytes, short_count, tower_lines


@pytest.fixture(scope="module")
def anatomy(opened: Bench) -> Anatomy:
    return opened.anatomy


@pytest.fixture(scope="module")
def facts(opened: Bench, anatomy: Anatomy) -> Trained:
    return trained(anatomy, opened.recipe)


@pytest.fixture(scope="module")
def page(anatomy: Anatomy, facts: Trained) -> Element:
    return read(anatomy_html(anatomy, facts, []))


def test_a_line_for_each_tower(page: Element, anatomy: Anatomy, facts: Trained) -> None:
    head, *told = [
        [cell.text for cell in row.inside if isinstance(cell, Element)] for row in page.all("table")[0].all("tr")
    ]
    assert head == ["tower", "", "adapters", "parameters", "trained", "bytes"]
    expected = [
        [
            line.name,
            line.state,
            f"{line.adapted:,} of {line.modules:,}" if line.modules else "–",
            short_count(line.parameters),
            short_count(line.trained) if line.trained else "–",
            short_bytes(line.bytes),
        ]
        for line in tower_lines(anatomy, facts)
    ]
    assert told == expected
    assert [row[4] for row in told if row[0] == "vision"] == ["–"]
    numbers = [cell.text for cell in page.all("table")[0].all("th", "n")]
    assert numbers == head[2:]


def test_the_title_has_the_class_and_its_size(page: Element, anatomy: Anatomy) -> None:
    title = page.one("h2")
    assert title.text == f"Gemma4ForConditionalGeneration · {short_count(anatomy.parameters)} parameters"
    assert title.one("span", "share").text.startswith(f" · {short_count(anatomy.parameters)}")


def test_kinds_unfold_by_tower(page: Element, anatomy: Anatomy, facts: Trained) -> None:
    with_kinds = [tower.name for tower in anatomy.towers if kind_lines(anatomy, facts, tower.name)]
    assert len(page.all("details")) == len(with_kinds) > 1
    for unfolded, name in zip(page.all("details"), with_kinds, strict=True):
        lines = kind_lines(anatomy, facts, name)
        assert unfolded.one("summary").text == f"{len(lines)} kinds in {name}"
        head, *told = unfolded.table()
        assert head == ["kind", "", "adapters", "parameters"]
        assert [row[0] for row in told] == [line.name for line in lines]
        assert [row[2] for row in told] == [f"{line.adapted:,} of {line.modules:,}" for line in lines]


def test_states_have_a_colour_that_says_good_or_bad(page: Element, anatomy: Anatomy, opened: Bench) -> None:
    language = next(row for row in page.all("table")[0].all("tr") if row.text.startswith("language"))
    assert [one.text for one in language.all("span", "yes")] == ["partly"]
    vision = next(row for row in page.all("table")[0].all("tr") if row.text.startswith("vision"))
    assert [one.text for one in vision.all("span", "muted")] == ["frozen"]
    modules = {f"{anatomy.towers[0].prefixes[0]}.x": anatomy.towers[0].name}
    dead = Trained(modules=cast("Any", modules), dead=tuple(modules))
    told = read(anatomy_html(anatomy, dead, []))
    assert [one.text for one in told.all("table")[0].all("span", "no")] == ["dead"]


@pytest.mark.parametrize("pattern", ["(", "no_such_layer", "model"])
def test_a_recipe_that_trains_nothing_is_shown_all_the_same(anatomy: Anatomy, opened: Bench, pattern: str) -> None:
    document = Document(opened.document.text)
    document.set(("lora_target_modules",), pattern)
    refused = trained(anatomy, Recipe.from_document(document))
    assert refused.refusal is not None
    page = read(anatomy_html(anatomy, refused, []))
    states = [line.state for line in tower_lines(anatomy, refused)]
    assert [row.inside[1].text for row in page.all("table")[0].all("tr")[1:]] == states  # type: ignore[union-attr]


def test_findings_stand_below(anatomy: Anatomy, facts: Trained) -> None:
    page = read(anatomy_html(anatomy, facts, [note("A001", "error", EVIL)]))
    assert SAFE in page.one("li", "error").text
    assert not read(anatomy_html(anatomy, facts, [])).all("ul")


def test_memory_is_told_with_bars_of_its_share() -> None:
    estimate = MemoryEstimate(500, 100, 100, 200, 1000, 100, 2, 4096, 4096, 1_500_000, 31_000_000_000)
    page = read(memory_html(estimate))
    told = page.table()[1:]
    assert [row[0] for row in told] == [
        "activations",
        "weights",
        "optimizer",
        "adapters",
        "gradients",
        "logits",
        "in all",
    ]
    assert [row[2] for row in told] == ["1,000 B", "500 B", "200 B", "100 B", "100 B", "100 B", "1.95 KiB"]
    assert [one.attributes["style"] for one in page.all("i")] == [
        f"width:{share}%" for share in ("50.0", "25.0", "10.0", "5.0", "5.0", "5.0", "100.0")
    ]
    assert page.one("p", "facts").text.startswith("2 × 4,096 tokens, 1.50 M trained of 31.0 G parameters;")


def test_a_memory_of_nothing_has_empty_bars() -> None:
    page = read(memory_html(MemoryEstimate(*[0] * 11)))
    assert {one.attributes["style"] for one in page.all("i")} == {"width:0.0%"}
