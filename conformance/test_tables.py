"""The stored table of the release is what the installed axolotl says, part by part."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from conformance.environment import here
from conformance.harvest import table as harvest
from workbench.families.library import families
from workbench.recipe.axolotl_table import BASE_STRATEGY, table


@pytest.mark.parametrize("part", harvest.PARTS)
def test_the_stored_table_is_axolotls(part: str) -> None:
    assert harvest.stored()[part] == harvest.collect(part)


def test_the_file_is_written_by_the_harvest() -> None:
    stored = harvest.stored()
    assert list(stored) == list(harvest.PARTS)
    assert harvest.file().read_text("utf-8") == harvest.written(stored)


def test_the_bench_reads_the_table_of_this_release() -> None:
    assert table(here().release).version == version("axolotl")


def test_every_strategy_of_the_collator_has_a_spec() -> None:
    """Those that axolotl can pick and that mask by themselves; the families describe them by their class."""
    described = {spec.class_name for one in families().values() for spec in one.axolotl.strategies}
    assert {*table(here().release).strategies.masks} <= described | {BASE_STRATEGY}
