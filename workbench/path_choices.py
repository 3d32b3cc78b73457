"""Files that a typed path may mean: those of its folder, and those below the working folder whose path has its letters.

Looking for them is bounded in time, depth and number: a working folder may be a home, or on a slow disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

_SECONDS = 1.0
_DEEPEST = 5
_MOST = 5_000
_MOST_SHOWN = 200
_PASSED = frozenset({"node_modules", "__pycache__", "site-packages"})
_SEPARATORS = "/_-. "

Fits = Callable[[str], bool]
"""True for the name of a file that is wanted."""


@dataclass(frozen=True, slots=True)
class PathChoice:
    """A path as it would be typed; that of a folder ends with a slash."""

    text: str
    folder: bool = False


def any_file(_: str) -> bool:
    """Every file is wanted."""
    return True


def is_recipe(name: str) -> bool:
    """True for the name of a YAML file."""
    return name.endswith((".yaml", ".yml"))


def is_python(name: str) -> bool:
    """True for the name of a Python interpreter."""
    return (name.startswith("python") and name.removeprefix("python").replace(".", "").isdigit()) or name == "python"


def files_below(folder: Path, fits: Fits, *, hidden: bool = False) -> list[str]:
    """The files below a folder, relative to it, those of shallow folders first."""
    found: list[str] = []
    end, level, depth, seen = monotonic() + _SECONDS, [""], 0, 0
    while level and depth <= _DEEPEST:
        below: list[str] = []
        for at in level:
            for name, is_folder in _entries(folder / at, hidden=hidden):
                seen += 1
                if seen > _MOST * 4 or len(found) >= _MOST or monotonic() > end:
                    return found
                if is_folder:
                    below += [f"{at}{name}/"] if name not in _PASSED else []
                elif fits(name):
                    found.append(f"{at}{name}")
        level, depth = below, depth + 1
    return found


def choices(typed: str, below: Sequence[str], fits: Fits, folder: Path) -> list[PathChoice]:
    """The paths that what is typed may mean, the likeliest first; `below` is what `files_below` found."""
    head, slash, name = typed.rpartition("/")
    base = Path(f"{head}{slash}").expanduser() if slash else Path()
    found: dict[str, tuple[float, PathChoice]] = {}
    for entry, is_folder in _entries(folder / base, hidden=name.startswith(".")):
        score = closeness(name, entry)
        if score is not None and (is_folder or fits(entry)):
            text = f"{head}{slash}{entry}{'/' if is_folder else ''}"
            # In a folder that is written out comes first what lies there; else a better name that lies deeper may.
            found[text] = score + (3 if slash else 1), PathChoice(text, is_folder)
    for path in below:
        if path not in found and (score := closeness(typed, path)) is not None:
            found[path] = score, PathChoice(path)
    order = sorted(found.values(), key=lambda item: (-item[0], item[1].folder, len(item[1].text), item[1].text))
    return [choice for _, choice in order[:_MOST_SHOWN] if choice.text != typed]


def closeness(typed: str, path: str) -> float | None:
    """The likeness of a path to what was typed, from 0 to 3; None where its letters do not follow each other in it."""
    wanted, text = typed.casefold(), path.casefold()
    if not wanted:
        return 0.0
    name = text.rpartition("/")[2]
    for score, held in ((3.0, name.startswith(wanted)), (2.5, text.startswith(wanted)), (2.0, wanted in name)):
        if held:
            return score
    if wanted in text:
        return 1.5
    place, begins = -1, 0
    for letter in wanted:
        place = text.find(letter, place + 1)
        if place < 0:
            return None
        begins += place == 0 or text[place - 1] in _SEPARATORS
    return begins / len(wanted)


def _entries(folder: Path, *, hidden: bool) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a folder) of what a folder holds, by name; nothing where it cannot be read.

    Names with characters that cannot be shown are left out, and links are not followed into folders.
    """
    try:
        with os.scandir(folder) as entries:
            listed: list[tuple[str, bool]] = []
            for entry in entries:
                if len(listed) >= _MOST:
                    break
                if entry.name.isprintable() and (hidden or not entry.name.startswith(".")):
                    listed.append((entry.name, entry.is_dir(follow_symlinks=False)))
    except (OSError, ValueError):
        return
    yield from sorted(listed)
