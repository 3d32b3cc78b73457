"""Towers, kinds of modules and memory as lines."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from workbench.bench import Bench
from workbench.errors import InputError
from workbench.models.anatomy import Anatomy
from workbench.models.memory import MemoryEstimate
from workbench.models.targets import Trained, trained
from workbench.recipe.model import Recipe
from workbench.recipe.yaml.document import Document
from workbench.views.model import (
    STATE_GLYPH,
    State,
    kind_lines,
    memory_lines,
    short_bytes,
    short_count,
    tower_lines,
)

Of = Callable[..., Trained]


@pytest.fixture(scope="module")
def anatomy(opened: Bench) -> Anatomy:
    return opened.anatomy


@pytest.fixture(scope="module")
def of(opened: Bench, anatomy: Anatomy) -> Of:
    """A function that gives the trained parts under the demo's recipe with some keys changed."""

    def make(**changes: Any) -> Trained:
        document = Document(opened.document.text)
        for key, value in changes.items():
            document.set((key,), value)
        return trained(anatomy, Recipe.from_document(document))

    return make


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 K"),
        (1234, "1.23 K"),
        (12_345, "12.3 K"),
        (123_456, "123 K"),
        (1_294_464, "1.29 M"),
        (31_000_000_000, "31.0 G"),
        (2_500_000_000_000, "2.50 T"),
        (1_234_000_000_000_000, "1,234 T"),
    ],
)
def test_counts_have_three_digits(number: int, told: str) -> None:
    assert short_count(number) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (10 * 2**20, "10.0 MiB"),
        (100 * 2**30, "100 GiB"),
        (2**40, "1.00 TiB"),
    ],
)
def test_bytes_are_counted_in_binary_units(number: int, told: str) -> None:
    assert short_bytes(number) == told


def test_memory_is_told_the_largest_first_and_the_total_last() -> None:
    estimate = MemoryEstimate(10, 60, 30, 20, 50, 40, 2, 512, 512, 5, 100)
    assert memory_lines(estimate) == [
        ("adapters", 60),
        ("activations", 50),
        ("logits", 40),
        ("gradients", 30),
        ("optimizer", 20),
        ("weights", 10),
        ("in all", 210),
    ]


def test_towers_of_the_demos_recipe(anatomy: Anatomy, of: Of) -> None:
    lines = {line.name: line for line in tower_lines(anatomy, of())}
    assert [line.name for line in tower_lines(anatomy, of())] == [tower.name for tower in anatomy.towers]
    language, vision = lines["language"], lines["vision"]
    facts = of()
    assert language.adapted == len(facts.modules) > 0
    assert language.trained == facts.counts["language"] > 0
    assert (vision.state, vision.adapted, vision.trained) == ("frozen", 0, 0)
    for tower in anatomy.towers:
        line = lines[tower.name]
        assert (line.modules, line.parameters, line.bytes) == (tower.linears, tower.parameters, tower.bytes)
    # Not every linear layer of the language model is among the recipe's targets.
    assert language.adapted < language.modules
    assert language.state == "partly"


def test_every_state_of_a_tower(anatomy: Anatomy, of: Of) -> None:
    def state(tower: str, **changes: Any) -> str:
        return next(line.state for line in tower_lines(anatomy, of(**changes)) if line.name == tower)

    whole = {"adapter": None, "lora_target_modules": None}
    assert state("language", **whole) == "trained"
    assert state("vision", **whole) == "frozen"
    assert state("vision", **whole, freeze_mm_modules=False) == "trained"
    everywhere = {"lora_target_modules": r".*\.(q|k|v|o)_proj.*|.*(fc1|fc2|gate_proj|up_proj|down_proj).*"}
    # Adapters in a tower that is frozen afterwards never learn.
    assert state("vision", **everywhere) == "dead"
    assert state("vision", **everywhere, freeze_mm_modules=False) in ("adapted", "partly")
    # A pattern that cannot be read says nothing of any tower.
    assert state("language", lora_target_modules="(") == state("projector", lora_target_modules="(") == "not known"
    assert set(STATE_GLYPH) == set(get_args(State))
    assert len({STATE_GLYPH[one] for one in ("adapted", "dead", "refused", "frozen", "not known")}) == 5


def towers(*one: tuple[str, int]) -> Any:
    """An anatomy of towers alone, with so many linear layers each; modules are named after their tower."""
    made = [SimpleNamespace(name=name, linears=count, parameters=count * 10, bytes=count * 40) for name, count in one]
    return SimpleNamespace(sized=True, towers=made, tower_of=lambda name: name.split(".")[0])


def test_states_by_how_many_modules_are_reached() -> None:
    anatomy = towers(("language", 2), ("vision", 2), ("projector", 0))
    modules = {"language.a": "language", "language.b": "language", "vision.a": "vision"}

    def states(**facts: Any) -> list[str]:
        return [line.state for line in tower_lines(anatomy, Trained(**facts))]

    assert states(modules=modules) == ["adapted", "partly", "frozen"]
    assert states(modules=modules, dead=("vision.a",)) == ["adapted", "dead", "frozen"]
    # One of two that is dead leaves the tower alive.
    assert states(modules=modules, dead=("language.a",)) == ["adapted", "partly", "frozen"]
    assert states(counts={"projector": 5}) == ["frozen", "frozen", "trained"]
    # A parameter with an adapter of its own counts as one more that could have one.
    more = Trained(modules=modules, parameters={"vision.experts": "vision"})
    assert [(line.adapted, line.modules) for line in tower_lines(anatomy, more)] == [(2, 2), (2, 3), (0, 0)]
    refusal = InputError("no")
    assert states(refusal=refusal) == ["refused", "refused", "frozen"]
    assert states(refusal=refusal, matched=False) == ["frozen", "frozen", "frozen"]


def test_kinds_count_modules_of_all_layers_together(anatomy: Anatomy, of: Of) -> None:
    facts = of()
    lines = kind_lines(anatomy, facts, "language")
    assert sum(line.modules for line in lines) == next(one.linears for one in anatomy.towers if one.name == "language")
    assert sum(line.adapted for line in lines) == len(facts.modules)
    by_name = {line.name: line for line in lines}
    queries = next(line for name, line in by_name.items() if name.endswith("layers.*.self_attn.q_proj"))
    assert (queries.state, queries.adapted) == ("adapted", queries.modules)
    assert queries.modules > 1
    weights = [
        value
        for name, value in anatomy.model.named_parameters()
        if name.endswith("self_attn.q_proj.weight") and "language_model" in name
    ]
    assert queries.parameters == sum(value.numel() for value in weights)
    assert queries.bytes == sum(value.numel() * value.element_size() for value in weights)
    others = [line for line in lines if not line.adapted]
    assert {line.state for line in others} == {"frozen"}
    assert others
    # Those of layers come first.
    stars = ["*" in line.name for line in lines]
    assert stars == sorted(stars, reverse=True)
    assert not kind_lines(anatomy, facts, "vision")[0].adapted


def test_kinds_in_a_frozen_tower_are_dead(anatomy: Anatomy, of: Of) -> None:
    facts = of(lora_target_modules=r".*vision_tower.*\.q_proj.*")
    adapted = [line for line in kind_lines(anatomy, facts, "vision") if line.adapted]
    assert adapted
    assert {line.state for line in adapted} == {"dead"}


def test_without_sizes_nothing_is_counted_in_values(opened: Bench, of: Of) -> None:
    unsized = Anatomy(opened.anatomy.model, sized=False)
    told = [*tower_lines(unsized, of()), *kind_lines(unsized, of(), "language")]
    assert {(line.parameters, line.bytes) for line in told} == {(None, None)}
    assert {line.trained for line in told} == {0}
    # Modules are there whatever their size.
    counted = [*tower_lines(opened.anatomy, of()), *kind_lines(opened.anatomy, of(), "language")]
    assert [(line.name, line.state, line.modules, line.adapted) for line in told] == [
        (line.name, line.state, line.modules, line.adapted) for line in counted
    ]
