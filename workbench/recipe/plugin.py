"""The plugin that lets axolotl start with `role_boundaries`: its name in `plugins:`, and its file beside the recipe.

The plugin itself is `vlmbench_axolotl.py`. It runs inside axolotl, and nothing of the bench imports it. In a checkout
it lies in `consumers/axolotl/`; in the wheel at the top level, where axolotl finds it if the wheel is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from workbench.errors import EnvironmentProblem, Where
from workbench.findings import Edit

NAME = "vlmbench_axolotl.RoleBoundaries"
FILE = "vlmbench_axolotl.py"
STOPS = "axolotl 0.17 to 0.21 stop at role_boundaries from a file with TypeError: 'NoneType' object is not callable"
"""The error of each of the named releases without the plugin; tried with every one of them."""
FIRST_STOPPING, LAST_STOPPING = (0, 17), (0, 21)


def source() -> bytes:
    """The text of the plugin's file."""
    package = files("workbench")
    in_checkout = package.joinpath("consumers", "axolotl", FILE)
    return (in_checkout if in_checkout.is_file() else Path(str(package)).parent / FILE).read_bytes()


def is_listed(data: Mapping[Any, Any]) -> bool:
    """True where a recipe's `plugins` name it."""
    return NAME in _plugins(data)


def plugin_edits(data: Mapping[Any, Any]) -> tuple[Edit, ...]:
    """The edits after which axolotl starts the recipe with `role_boundaries`: none, or one of `plugins`."""
    plugins = _plugins(data)
    if NAME in plugins:
        return ()
    # A further entry leaves the comments of the others alone.
    more = isinstance(data.get("plugins"), list) and plugins
    return (Edit(("plugins", len(plugins)), NAME) if more else Edit(("plugins",), [*plugins, NAME]),)


def without_edits(data: Mapping[Any, Any]) -> tuple[Edit, ...]:
    """The edits after which a recipe lists the plugin no more: none, or one of `plugins`."""
    plugins = _plugins(data)
    if NAME not in plugins:
        return ()
    if len(plugins) == plugins.count(NAME):
        return (Edit(("plugins",), remove=True),)
    # The last first, so that the places of the others hold.
    places = [index for index, name in enumerate(plugins) if name == NAME]
    return tuple(Edit(("plugins", index), remove=True) for index in reversed(places))


def boundary_edits(data: Mapping[Any, Any], rows: list[dict[str, Any]]) -> tuple[Edit, ...]:
    """The edits that write these `role_boundaries` into a recipe so that axolotl starts with them."""
    return (Edit(("role_boundaries",), rows), *plugin_edits(data))


def file_state(folder: Path) -> Literal["absent", "ours", "another"]:
    """The state of the plugin's file in a folder: absent, this plugin, or something else under its name."""
    try:
        content = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return "absent"
    except OSError:
        return "another"
    return "ours" if content.replace(b"\r\n", b"\n") == source() else "another"


def write_file(folder: Path) -> Path | None:
    """Write the plugin's file into a folder that has none of that name; None where there is one, which stays.

    Raises:
        EnvironmentProblem: it cannot be written.
    """
    target = folder / FILE
    try:
        with target.open("xb") as file:
            file.write(source())
    except FileExistsError:
        return None
    except OSError as problem:
        raise EnvironmentProblem(
            f"{FILE} cannot be written beside the recipe",
            str(problem),
            "Make room there, or export to another folder.",
            Where(str(target)),
        ) from problem
    return target


def write_beside(data: Mapping[Any, Any], recipe: Path) -> Path | None:
    """Write the plugin's file beside a recipe that names the plugin and has no such file yet; None otherwise.

    Raises:
        EnvironmentProblem: it cannot be written.
    """
    return write_file(recipe.parent) if is_listed(data) else None


def _plugins(data: Mapping[Any, Any]) -> list[Any]:
    plugins = data.get("plugins")
    return list(plugins) if isinstance(plugins, list) else [plugins] if plugins else []
