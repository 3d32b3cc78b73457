"""Settings of a project: which Python has the trainer, whether it is asked, and how `check` is run.

They are read here and nowhere else. In this order: what was given on the command line, the environment's variables,
`.vlmbench.toml` or `[tool.vlmbench]` in `pyproject.toml` in the recipe's folder or the nearest above it.
"""

from __future__ import annotations

import difflib
import os
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.installed import NONE

PYTHON_VARIABLE = "VLMBENCH_AXOLOTL_PYTHON"
ASK_VARIABLE = "VLMBENCH_ASK"
FILE, PROJECT_FILE, TABLE = ".vlmbench.toml", "pyproject.toml", "[tool.vlmbench]"
CHECK = '[check] with lines such as fail-on = "warning"'
TRAINERS = '[trainers] with lines such as trl = "…/bin/python"'
_KEYS: dict[str, type] = {
    "axolotl-python": str,
    "axolotl-version": str,
    "ask": bool,
    "trainers": dict,
    "check": dict,
}
_NAMES_PROGRAMS = ("axolotl-python", "trainers")
CHECK_CHOICES = {
    "fail-on": ("error", "warning", "note"),
    "format": ("text", "json", "html", "sarif", "github", "junit"),
}
_CHECK_KEYS: dict[str, type] = {
    "select": list,
    "ignore": list,
    "fail-on": str,
    "exit-zero": bool,
    "statistics": bool,
    "format": str,
    "baseline": str,
}
_NO = ("0", "no", "false", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """`axolotl_python`: a path, "none" for no axolotl at all, or None: the one beside the bench, where there is one.

    `axolotl_version`: the table that counts where none is asked, or None. `ask`: False where the trainer's templates
    are read and it is not asked. `source`: the option, variable or file that names the Python, or "".
    """

    axolotl_python: str | None = None
    axolotl_version: str | None = None
    ask: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """The table `check` of the nearest settings file; None for what it does not say.

    `baseline`: a path from the folder of that file. `ours`: False where the file belongs to another user, so that
    nothing is to be written at a place that it names.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    fail_on: str | None = None
    exit_zero: bool | None = None
    statistics: bool | None = None
    format: str | None = None
    baseline: Path | None = None
    ours: bool = True


def check_settings(folder: Path) -> CheckSettings:
    """The options of `vlmbench check` for a recipe in `folder`, as far as the nearest settings file says.

    Raises:
        InputError: a key is unknown or has a wrong value, or the file cannot be read.
    """
    values, file = _nearest(folder, trusted_only=False, check_alone=True)
    table = values.get("check", {})
    if file is None:
        return CheckSettings()
    for key, value in table.items():
        where = Where(file=str(file), field=f"check.{key}")
        kind = _known_kind(key, _CHECK_KEYS, "check.", "", where)
        if key in CHECK_CHOICES and value not in CHECK_CHOICES[key]:
            raise InputError(f"check.{key} is {value!r}", "", f"Write one of {', '.join(CHECK_CHOICES[key])}.", where)
        listed = isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
        if not (listed if kind is list else isinstance(value, kind)):
            wanted = {bool: "true or false", list: 'a list of codes: ["M", "T007"]'}.get(kind, "a text in quotes")
            raise InputError(f"check.{key} is {value!r}", "", f"Write {wanted}.", where)
    codes = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in table.items() if key in _CODES}
    baseline = table.get("baseline")
    return CheckSettings(
        codes.get("select"),
        codes.get("ignore"),
        table.get("fail-on"),
        table.get("exit-zero"),
        table.get("statistics"),
        table.get("format"),
        file.parent / baseline if baseline else None,
        _ours(file),
    )


_CODES = ("select", "ignore")


def settings(folder: Path, *, axolotl_python: str | None = None, axolotl_version: str | None = None) -> Settings:
    """The settings that count for a recipe in `folder`; the keywords are those of the command line.

    Raises:
        InputError: a file's key is unknown or has a wrong value, or the file cannot be read. EnvironmentProblem: there
            is no such Python.
    """
    told = os.environ.get(ASK_VARIABLE, "").strip().lower()
    python, source = axolotl_python, "--axolotl-python" if axolotl_python is not None else ""
    if python is None and (value := os.environ.get(PYTHON_VARIABLE)):
        python, source = _existing(value, Path(), Where(field=PYTHON_VARIABLE)), PYTHON_VARIABLE
    values, file = _nearest(folder, trusted_only=python is not None)
    if python is None and file is not None and "axolotl-python" in values:
        where = Where(file=str(file), field="axolotl-python")
        python, source = _existing(values["axolotl-python"], file.parent, where), str(file)
    ask = values.get("ask", True) if not told else told not in _NO
    return Settings(_on_path(python), axolotl_version or values.get("axolotl-version"), ask, source)


def trainer_pythons(folder: Path) -> list[str]:
    """The trainers that the nearest settings file names, as `NAME=PATH`; paths begin in the folder of that file.

    Raises:
        InputError: a value is no text, or the file cannot be read. EnvironmentProblem: there is no such Python.
    """
    values, file = _nearest(folder, trusted_only=False)
    found = []
    for name, value in values.get("trainers", {}).items():
        where = Where(file=str(file), field=f"trainers.{name}")
        if not isinstance(value, str):
            raise InputError(f"trainers.{name} is {value!r}", "", "Write the path of a Python in quotes.", where)
        assert file is not None
        found.append(f"{name}={_existing(value, file.parent, where)}")
    return found


def asks_by_default() -> bool:
    """False where the variable says that no trainer is to be asked; a settings file is read with the recipe."""
    return os.environ.get(ASK_VARIABLE, "").strip().lower() not in _NO


def _nearest(folder: Path, *, trusted_only: bool, check_alone: bool = False) -> tuple[dict[str, Any], Path | None]:
    """The values of the nearest file that has any, and that file. `check_alone`: of its table `check`."""
    for file in _candidates(folder):
        if not file.is_file():
            continue
        found = _values(file)
        if found is None:
            continue
        if not check_alone and not _ours(file) and any(key in found for key in _NAMES_PROGRAMS):
            # It names a program that would be run: in a shared folder anybody could have written it.
            if trusted_only:
                continue
            raise InputError(
                f"{file} belongs to another user",
                "It names a program that would be run.",
                f"Give --axolotl-python PATH, or {NONE}; or make the file yours.",
                Where(file=str(file)),
            )
        return found, file
    return {}, None


def _candidates(folder: Path) -> Iterator[Path]:
    start = folder.absolute()
    for place in (start, *start.parents):
        yield place / FILE
        yield place / PROJECT_FILE


def _ours(file: Path) -> bool:
    return os.name != "posix" or file.stat().st_uid in (os.getuid(), 0)


def _values(file: Path) -> dict[str, Any] | None:
    """The values of a file, checked; None for a pyproject.toml without the table."""
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        if file.name == PROJECT_FILE:
            # Another tool's file: whoever reads it says what is wrong with it.
            return None
        raise InputError(f"{file} cannot be read", str(problem), "Correct it as TOML.", Where(str(file))) from problem
    values = content if file.name == FILE else content.get("tool", {}).get("vlmbench")
    if values is None:
        return None
    inside = "" if file.name == FILE else f" in {TABLE}"
    if not isinstance(values, dict):
        raise InputError(f"{TABLE} is no table", "", f"Its keys: {', '.join(_KEYS)}.", Where(str(file)))
    for key, value in values.items():
        where = Where(file=str(file), field=key)
        kind = _known_kind(key, _KEYS, "", inside, where)
        if not isinstance(value, kind):
            table = TRAINERS if key == "trainers" else CHECK
            wanted = {bool: "true or false", dict: f"it as a table: {table}"}.get(kind, "a text in quotes")
            raise InputError(f"{key}{inside} is {value!r}", "", f"Write {wanted}.", where)
    return values


def _known_kind(key: str, known: dict[str, type], table: str, inside: str, where: Where) -> type:
    """The type of a setting.

    Raises:
        InputError: there is no such setting.
    """
    if key in known:
        return known[key]
    near = difflib.get_close_matches(key.replace("_", "-"), known, 1, 0.6)
    hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
    raise InputError(f"There is no setting {table + key!r}{inside}", "", hint, where)


def _existing(value: str, folder: Path, where: Where) -> str:
    """The interpreter's path, from the folder of the file that names it."""
    if value == NONE:
        return value
    path = folder / Path(value).expanduser()
    if path.is_dir():
        inside = next((one for one in (path / "bin" / "python", path / "Scripts" / "python.exe") if one.exists()), None)
        hint = f"Write {value.rstrip('/')}/{inside.relative_to(path).as_posix()}." if inside is not None else ""
        raise EnvironmentProblem(f"{value} is a folder", "", hint or "Give the path of a Python interpreter.", where)
    if not path.is_file():
        if os.sep not in value and shutil.which(value):
            return value
        shown = path.absolute()
        hint = f"Give the path of the Python that has axolotl, from {folder.absolute()}, or {NONE}."
        raise EnvironmentProblem(f"There is no {shown}", "", hint, where)
    if not os.access(path, os.X_OK):
        raise EnvironmentProblem(f"{path} is no program", "", "Give the path of a Python interpreter.", where)
    return str(path.absolute())


def _on_path(python: str | None) -> str | None:
    """A bare name, such as python3.12, as the program that a shell would start."""
    if python is None or python == NONE or os.sep in python or Path(python).exists():
        return python
    return shutil.which(python) or python
