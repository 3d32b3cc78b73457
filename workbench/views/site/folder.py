"""The folder of a site: refused where it holds something else, and written a file at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.files import special_kind
from workbench.recipe.yaml.document import write_atomically
from workbench.views.site.audit_pages import FOLDER

INDEX = "index.html"
_MARK = re.compile(rb'<meta name="generator" content="vlmbench report')
_HINT = "Give --out a folder that is not there yet, is empty, or holds an earlier report."


def refuse_other(folder: Path) -> None:
    """Stop where a folder holds something else than a site of the bench: nothing of anybody is written over.

    A folder that holds an audit alone is taken: `vlmbench audit --out DIR/audit` may come first.

    Raises:
        InputError: it does, or it is no folder.
    """
    where = Where(str(folder))
    if special_kind(folder) is not None or (folder.exists() and not folder.is_dir()):
        raise InputError("--out is no folder", "A report has several pages.", _HINT, where)
    try:
        found = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        others = [name for name in found if name != FOLDER]
        if not others or is_site(folder):
            return
    except OSError as problem:
        raise EnvironmentProblem("The folder of --out cannot be read", str(problem.strerror), _HINT, where) from None
    named = ", ".join(others[:3]) + (f" and {len(others) - 3:,} more" if len(others) > 3 else "")
    raise InputError("The folder of --out holds something else", f"It has {named}, and no report.", _HINT, where)


def is_site(folder: Path) -> bool:
    """True where the folder's index was written by the bench."""
    index = folder / INDEX
    if not index.is_file():
        return False
    with index.open("rb") as stream:
        return _MARK.search(stream.read(4096)) is not None


def write_site(folder: Path, pages: Mapping[str, bytes]) -> Path:
    """Write the pages; gives the path of the index, which is written last.

    Raises:
        BenchError: no right, no room.
    """
    refuse_other(folder)
    for name in sorted(pages, key=lambda name: name == INDEX):
        place = folder / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            cause = f"{problem.strerror}: {place.parent}."
            raise EnvironmentProblem("The folder of --out cannot be made", cause, "Give another --out.") from None
        write_atomically(place, pages[name])
    return folder / INDEX
