"""The facts that every page begins with, so that it says what it is of: model, recipe, rows, versions, date."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.fingerprint import versions
from workbench.overfit.events import Event, last
from workbench.version import __version__
from workbench.views.asked import asked_name

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.views.checks import Subject

UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class About:
    """The subject of a page, in words. `versions`: what it was made with; `trainer`: whom the labels are from."""

    model: str
    recipe: str
    rows: str
    versions: str
    trainer: str = ""

    def lines(self, today: datetime.date | None = None) -> list[tuple[str, str]]:
        """Each fact with its name."""
        made = (today or datetime.date.today()).isoformat()
        facts = [("model", self.model), ("recipe", self.recipe), ("rows", self.rows), ("labels", self.trainer)]
        facts += [("made", f"{made} with {self.versions or installed_versions()}")]
        return [(name, text) for name, text in facts if text]


ALONE = About("", "", "", "")
"""The facts of a page that is of no model, recipe or rows: the date and the versions."""


def installed_versions(found: Mapping[str, Any] | None = None) -> str:
    """The versions of the bench and of the packages that a result depends on; `found`: those of a recorded run."""
    known = {"vlmbench": __version__} | versions() if found is None else dict(found)
    return ", ".join(f"{name} {version}" for name, version in known.items()) or UNKNOWN


def about_bench(bench: Bench) -> About:
    """The facts of a loaded bench."""
    revision = bench.loaded.revision
    model = f"{bench.title} at {revision}" if revision else bench.title
    family = bench.family.name if bench.family is not None else "unknown family"
    return About(
        f"{model} ({family})",
        bench.document.name,
        rows_text(bench.rows.name, bench.rows.known_length),
        installed_versions(),
        asked_name(bench),
    )


def rows_text(name: str, count: int | None) -> str:
    """The rows' name, and how many there are where that is known."""
    return name if count is None else f"{name}, {count:,} row{'' if count == 1 else 's'}"


def about_check(subjects: Sequence[Subject]) -> About:
    """The facts of the recipes that were checked together."""

    def joined(texts: Sequence[str]) -> str:
        return ", ".join(dict.fromkeys(texts))

    return About(
        joined([subject.model for subject in subjects]),
        joined([subject.recipe for subject in subjects]),
        joined([_checked_rows(subject) for subject in subjects]),
        installed_versions(),
        joined([subject.asked.text for subject in subjects]),
    )


def _checked_rows(subject: Subject) -> str:
    return "none: the recipe's text alone" if subject.data is None else rows_text(subject.data, subject.rows_known)


def about_run(events: Sequence[Event], recipe: str = "") -> About:
    """The facts of an overfit run, from what it recorded of itself."""
    start = last(events, "start") or {}
    taken = start.get("fingerprint") or {}
    indices = [str(index) for index in taken.get("indices") or (start.get("plan") or {}).get("rows") or ()]
    data = str(taken.get("data") or "")
    rows = f"{data}: rows {', '.join(indices)}" if data and indices else data or UNKNOWN
    return About(
        str(taken.get("model") or UNKNOWN),
        recipe or UNKNOWN,
        rows,
        installed_versions({"vlmbench": __version__} | dict(taken.get("versions") or {})),
    )
