"""The stored key list is what axolotl's own schema says, and what the bench calls refused axolotl refuses."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import axolotl_keys
from tests.checks.contradictory import ACCEPTED, CLEAN, REFUSED


def test_the_stored_keys_are_axolotls() -> None:
    assert axolotl_keys.FILE.read_text("utf-8") == axolotl_keys.text()


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


@pytest.mark.parametrize("name", REFUSED)
def test_axolotl_refuses_what_the_bench_calls_refused(name: str) -> None:
    keys, _ = REFUSED[name]
    with pytest.raises((ValueError, DeprecationWarning)):
        validated(CLEAN | keys)


@pytest.mark.parametrize("name", ACCEPTED)
def test_axolotl_takes_in_silence_what_the_bench_warns_of(name: str) -> None:
    keys, _ = ACCEPTED[name]
    taken = validated(CLEAN | keys)
    assert taken["base_model"] == CLEAN["base_model"]
