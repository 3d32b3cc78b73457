"""Options and help texts that the commands of `vlmbench` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import click
from click.shell_completion import CompletionItem

EXITS = (
    "Exit codes: 0 clean, 1 findings, 2 bad usage or input, 3 environment (missing package, no such model, gated, "
    "offline), 130 interrupted."
)
Command = Callable[..., Any]


def epilog(*examples: tuple[str, str], exits: str = EXITS) -> str:
    """The end of a command's help: examples, each a command line without `vlmbench` and what it is for; exit codes."""
    lines = [line for command, words in examples for line in (f"  # {words}", f"  vlmbench {command}".rstrip())]
    return "\n".join(["\b", "Examples:", *lines, "", exits])


def source_options(command: Command) -> Command:
    """The options that say what to look at; shared by every command that opens a bench."""
    argument = click.argument("config", required=False, type=click.Path(dir_okay=False))
    return argument(rows_options(command))


def rows_options(command: Command) -> Command:
    """The options that say which model and rows to look at, for a command that takes its recipes by itself."""
    options = [
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
            "--family",
            metavar="NAME",
            type=FamilyName(),
            help="The model's family, where its config does not tell; see `families`.",
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


class CodeList(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Codes, or beginnings of codes, with commas between them; the shell completes the last of them."""

    name = "CODES"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from workbench.checks.registry import codes

        before, comma, word = incomplete.rpartition(",")
        known = codes()
        letters = sorted({code[0] for code in known}) if not word else []
        listed = [(name, code.title) for name, code in known.items() if name.startswith(word.upper())]
        return [
            *(CompletionItem(f"{before}{comma}{letter}", help=f"all of {letter}") for letter in letters),
            *(CompletionItem(f"{before}{comma}{name}", help=title) for name, title in listed),
        ]


class CodeName(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A single code, which the shell completes."""

    name = "CODE"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from workbench.checks.registry import codes

        begun = incomplete.upper()
        return [CompletionItem(name, help=code.title) for name, code in codes().items() if name.startswith(begun)]


class FamilyName(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """The name of a model family, which the shell completes; the command says what is wrong with another."""

    name = "NAME"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from workbench.paths import specs_dir

        names = sorted(spec.name.removesuffix(".yaml") for spec in specs_dir().iterdir() if spec.name.endswith(".yaml"))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Release(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A release of axolotl that there is a table of."""

    name = "RELEASE"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from workbench.recipe.axolotl_table import releases

        return [CompletionItem(release) for release in releases() if release.startswith(incomplete)]

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
