"""The axolotl that is at hand, its version, and the table of answers that a bench goes by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench.errors import EnvironmentProblem
from workbench.findings import Emitter, Finding
from workbench.recipe.axolotl_table import AxolotlTable, nearest, release_of, table

OTHER_RELEASE = Emitter("L008", __name__)


@dataclass(frozen=True, slots=True)
class TableChoice:
    """The table that a bench goes by, and what there is to say about the choice."""

    table: AxolotlTable
    findings: tuple[Finding, ...] = ()


def choose_table(release: str | None = None, axolotl_python: str | None = None) -> TableChoice:
    """The table of the release that is asked for; else of the axolotl at hand; else the newest.

    An axolotl of another release than those of the tables gets the nearest one, with a note that says so.

    Raises:
        InputError: there is no table of the release that is asked for.
    """
    if release is not None:
        return TableChoice(table(release))
    package = package_at_hand(axolotl_python)
    version = axolotl_version(package) if package is not None else ""
    if not release_of(version):
        return TableChoice(table())
    near = nearest(version)
    if near.release == release_of(version):
        return TableChoice(near)
    text = f"axolotl {version} is at hand and has no table: what is not asked of it is from the table of {near.name}"
    return TableChoice(near, (OTHER_RELEASE("note", text, "--axolotl-version names the table to go by."),))


def package_at_hand(axolotl_python: str | None) -> Path | None:
    """The folder of the axolotl at hand; None where there is none, or the Python that is given cannot say."""
    from workbench.tokens import template

    try:
        return template.axolotl_package(axolotl_python)
    except EnvironmentProblem:
        # What needs that Python says so; a recipe can be looked at without it.
        return None


@cache
def axolotl_version(package: Path) -> str:
    """The version of the axolotl in this folder, by the name that its installer gave it; "" where it is not known."""
    names = sorted(folder.name for folder in package.parent.glob("axolotl-*.dist-info"))
    return names[-1].removeprefix("axolotl-").removesuffix(".dist-info") if names else ""
