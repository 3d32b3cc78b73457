"""Every setting with its value, where that comes from, and what it does; read from the disk, on a thread of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from screens.keys.user_keymap import keymap_file, read_keys
from screens.shell.preferences import CHOICES, Preferences, settings_file
from workbench.errors import BenchError

if TYPE_CHECKING:
    from workbench.bench import Bench

Clears = Literal["", "edits", "rows", "cache"]
_HERE = "set here"
_DEFAULT = "default"
_PROJECT = ".vlmbench.toml or pyproject.toml"
_ABOUT = {
    "theme": ("theme", "Shown at once; the next start begins with it."),
    "lens": ("lens", "Colours of the tokens at the next start."),
    "spaces": ("spaces", "At the next start."),
    "pictures": ("pictures beside the tokens", "Docked there, or beside their chips, at the next start."),
    "panes": ("panes", "Which stand open, and how wide, at the next start."),
    "screen": ("screen", "The one in front at the next start."),
    "rows": ("rows checked", "Of the checks screen, from its next check on. Their counts are then of a sample."),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `key`: it is changed here; `clears`: what enter deletes; neither: it is only shown."""

    name: str
    value: str
    source: str
    about: str
    key: str = ""
    clears: Clears = ""


@dataclass(frozen=True, slots=True)
class SettingGroup:
    """Settings under a heading."""

    title: str
    settings: tuple[Setting, ...]


def chosen(preferences: Preferences, key: str) -> Setting:
    """A setting that is changed here."""
    value = getattr(preferences, key)
    name, about = _ABOUT[key]
    return Setting(name, CHOICES[key][value], _HERE if value else _DEFAULT, about, key)


def groups_of(bench: Bench, preferences: Preferences, *, graphics: bool) -> list[SettingGroup]:
    """All of them. `graphics`: the terminal draws pictures."""
    looks = [chosen(preferences, key) for key in CHOICES if key != "rows"]
    return [
        SettingGroup("at the start", (*looks, _graphics(graphics))),
        SettingGroup("checks and trainer", (chosen(preferences, "rows"), *_trainer(bench))),
        SettingGroup("what is kept", _kept()),
    ]


def _from_variable(name: str) -> str:
    return f"environment: {name}" if os.environ.get(name) else _DEFAULT


def _graphics(graphics: bool) -> Setting:
    variable = "VLMBENCH_PICTURES" if os.environ.get("VLMBENCH_PICTURES") else ""
    if not variable and "NO_COLOR" in os.environ:
        variable = "NO_COLOR"
    source = f"environment: {variable}" if variable else "as the terminal is known"
    value = "as graphics" if graphics else "in half blocks"
    return Setting("drawing of pictures", value, source, "VLMBENCH_PICTURES is graphics or blocks.")


def _trainer(bench: Bench) -> tuple[Setting, ...]:
    from workbench.consumers.axolotl.client import consumer_python
    from workbench.consumers.settings import ASK_VARIABLE, settings
    from workbench.installed import NONE

    about = "VLMBENCH_AXOLOTL_PYTHON, --axolotl-python, axolotl-python in .vlmbench.toml, or the export screen."
    named = bench.options["axolotl_python"]
    python = consumer_python(named)
    try:
        found = settings(bench.recipe_dir)
    except BenchError as problem:
        return (Setting("trainer's Python", "cannot be told", problem.title, problem.hint),)
    source = found.source if named == found.axolotl_python else "named for this session"
    if named is None:
        source = "default: beside vlmbench" if python is not None else "default: there is none beside vlmbench"
    value = "none, on purpose" if named == NONE else python or "none at hand"
    variable = os.environ.get(ASK_VARIABLE, "").strip()
    asked = f"environment: {ASK_VARIABLE}" if variable else _DEFAULT if found.ask else _PROJECT
    shown = [
        Setting("trainer's Python", value, source, about),
        Setting("trainer asked", "yes" if bench.asks else "no", asked, "VLMBENCH_ASK, or ask in .vlmbench.toml."),
    ]
    if found.axolotl_version:
        shown.append(Setting("axolotl's table", found.axolotl_version, _PROJECT, "axolotl-version there."))
    return tuple(shown)


def _kept() -> tuple[Setting, ...]:
    from workbench.kept_state import KeptFiles, kept_in, unsaved_edits
    from workbench.notebook.kept_rows import DAYS, MOST_BYTES, rows_dir
    from workbench.paths import cache_dir, state_dir

    edits = unsaved_edits()
    state, cache = state_dir(), cache_dir()
    rows = kept_in(rows_dir())
    count = KeptFiles(len(edits), sum(map(_size, edits)))
    keys = keymap_file()
    try:
        own = len(read_keys())
        changed = f"{own} of your own" if own else "every key as declared"
    except BenchError as problem:
        changed = problem.title
    return (
        Setting(
            "unsaved edits", count.said, _DEFAULT,
            "Of recipes that are not open; kept until they are saved or discarded.", clears="edits" if edits else "",
        ),
        Setting(
            "rows of notebooks", rows.said, _DEFAULT,
            f"Kept for {DAYS} days after they were last opened, {MOST_BYTES >> 30} GiB at most.",
            clears="rows" if rows.files else "",
        ),
        Setting("cache", f"{kept_in(cache).said} in {cache}", _from_variable("VLMBENCH_CACHE"),
                "Answers of trainers, which can be had again.", clears="cache" if kept_in(cache).files else ""),
        Setting("state folder", f"{state}, {kept_in(state).said}", _from_variable("VLMBENCH_STATE"),
                "Runs, unsaved edits, what the screens showed, these settings."),
        Setting("key map", str(keys), _from_variable("VLMBENCH_CONFIG"),
                changed if keys.exists() else "There is no such file: every key as declared."),
        Setting("settings file", str(settings_file()), _from_variable("VLMBENCH_STATE"), "What is changed here."),
    )  # fmt: skip


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
