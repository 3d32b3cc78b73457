"""Recipes that the bench calls refused are refused by axolotl, and those that it warns of are accepted in silence."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.environment import here
from tests.checks.contradictory import ACCEPTED, CLEAN, REFUSED
from workbench.checks import ineffective_keys, refused_keys

RELEASE = here().release
HOLDING = {rule.name for rule in (*refused_keys.REFUSED, *ineffective_keys.SILENT) if rule.holds(RELEASE)}


def validated(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe as axolotl's validator hands it on."""
    from axolotl.cli.config import gpu_capabilities
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault

    capabilities, surroundings = gpu_capabilities()
    return dict(validate_config(DictDefault(recipe), capabilities=capabilities, env_capabilities=surroundings))


def test_axolotl_takes_the_clean_recipe() -> None:
    taken = validated(dict(CLEAN))
    assert CLEAN.keys() <= taken.keys()


@pytest.mark.parametrize("name", [name for name in REFUSED if name in HOLDING])
def test_axolotl_refuses_what_the_bench_calls_refused(name: str) -> None:
    keys, _ = REFUSED[name]
    with pytest.raises((ValueError, DeprecationWarning)):
        validated(CLEAN | keys)


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name in HOLDING])
def test_axolotl_takes_in_silence_what_the_bench_warns_of(name: str) -> None:
    keys, _ = ACCEPTED[name]
    taken = validated(CLEAN | keys)
    assert taken["base_model"] == CLEAN["base_model"]
