"""The kinds of hostile input: a module each, whose `cases` makes them from a source of chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from tests.hostile.case import Case
from tests.hostile.kinds import (
    boundaries,
    command_line,
    disk,
    events,
    names,
    pictures,
    recipes,
    rows,
    templates,
)

KINDS: dict[str, Callable[[Random], Iterator[Case]]] = {
    "events": events.cases,
    "recipes": recipes.cases,
    "rows": rows.cases,
    "pictures": pictures.cases,
    "command line": command_line.cases,
    "names": names.cases,
    "templates": templates.cases,
    "boundaries": boundaries.cases,
    "disk": disk.cases,
}


def cases_of(kind: str, seed: str, most: int | None = None) -> list[Case]:
    """The cases of a kind, or `most` of them that chance takes; the same seed gives the same ones."""
    chance = Random(f"{seed} {kind}")
    made = list(KINDS[kind](chance))
    return (
        made
        if most is None or most >= len(made)
        else [made[at] for at in sorted(chance.sample(range(len(made)), most))]
    )
