"""Options and help texts that the commands of `vlmbench` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import click

EPILOG = (
    "Exit codes: 0 clean, 1 findings, 2 bad usage or input, 3 environment (missing package, no such model, gated, "
    "offline), 130 interrupted."
)
Command = Callable[..., Any]


def source_options(command: Command) -> Command:
    """The options that say what to look at; shared by every command that opens a bench."""
    options = [
        click.argument("config", required=False, type=click.Path(dir_okay=False)),
        click.option("--model", metavar="ID|DIR", help="A hub id or folder, instead of the recipe's base_model."),
        click.option("--data", metavar="FILE|DIR|ID", help="Rows to show, instead of the recipe's datasets."),
        click.option("--dataset", default=0, metavar="K", help="Which of the recipe's datasets to show, from 0."),
    ]
    command = model_options(command)
    for option in reversed(options):
        command = option(command)
    return command


def model_options(command: Command) -> Command:
    """The options that say how a model is loaded, and which axolotl is asked."""
    options = [
        click.option(
            "--family", metavar="NAME", help="The model's family, where its config does not tell; see `families`."
        ),
        click.option("--revision", help="A branch, tag or commit of the model on the hub."),
        click.option("--offline", is_flag=True, help="Use only what is already on this machine."),
        click.option("--trust-remote-code", is_flag=True, help="Let the model's own Python code run. Off by default."),
        click.option(
            "--axolotl-python",
            metavar="PATH",
            help="The Python of the environment with axolotl, or none. Its templates are read, and it is asked what it "
            "trains. Else $VLMBENCH_AXOLOTL_PYTHON, then `axolotl-python` in .vlmbench.toml or [tool.vlmbench] of "
            "pyproject.toml in the recipe's folder or above, then the axolotl beside this program.",
        ),
        click.option(
            "--axolotl-version",
            type=Release(),
            metavar="RELEASE",
            help="The release of axolotl, such as 0.21, whose table answers what is not asked of axolotl itself. "
            "By default that of the axolotl at hand, else the newest.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


class Release(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A release of axolotl that there is a table of."""

    name = "RELEASE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from workbench.recipe.axolotl_table import release_of, releases

        known = releases()
        release = release_of(str(value)) or str(value)
        if release not in known:
            self.fail(f"there is no table of axolotl {value}; there are {', '.join(known)}.", param, ctx)
        return release


class RowCount(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A number of rows, or `all`."""

    name = "N|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["all"]:
        if value == "all":
            return "all"
        try:
            count = int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor `all`.", param, ctx)
        if count < 1:
            self.fail("it must be 1 or more.", param, ctx)
        return count
