"""`vlmbench check`: lint recipes, their templates and their rows, and with --fix mend what can be mended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from workbench.commands.options import CodeList, RowCount, epilog, rows_options
from workbench.errors import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK, BenchError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.commands.checked import CheckedRecipe, Wishes

_FORMATS = ["text", "json", "html", "sarif", "github", "junit"]
_SEVERITIES = ["error", "warning", "note"]


@click.command(
    epilog=epilog(
        ("check recipe.yaml", "the recipe, its model and up to 2,000 of its rows"),
        ("check --select C recipes/*.yaml", "what the texts alone tell: no model, no rows, no torch"),
        ("check recipe.yaml --fail-on warning --statistics", "warnings fail too; findings counted by code"),
        ("check recipe.yaml --format sarif > check.sarif", "for code scanning; `github` annotates a pull request"),
        ("check recipe.yaml --baseline vlmbench.json --write-baseline", "from now on new findings alone"),
        ("check - --stdin-filename configs/recipe.yaml < recipe.yaml", "from stdin, as an editor does"),
    )
)
@click.argument("configs", nargs=-1, metavar="[CONFIG]...", type=click.Path(dir_okay=False, allow_dash=True))
@rows_options
@click.option("--row", type=click.IntRange(min=0), metavar="N", help="Check row N alone, counted from 0.")
@click.option(
    "--rows",
    type=RowCount(),
    metavar="N|all",
    help="Check the first N, or all. By default all of up to 2,000 rows; of more, 2,000 drawn evenly, always the same.",
)
@click.option(
    "--select",
    type=CodeList(),
    metavar="CODES",
    multiple=True,
    help="Only these codes, or beginnings of codes: M,T007. With C alone, neither model nor rows are loaded.",
)
@click.option("--ignore", type=CodeList(), metavar="CODES", multiple=True, help="None of these codes.")
@click.option("--fix", is_flag=True, help="Apply the fixes to CONFIG, after showing the diff.")
@click.option("--yes", is_flag=True, help="With --fix: write without asking.")
@click.option(
    "--format",
    "output",
    type=click.Choice(_FORMATS),
    help="What to print: for people (text, html), for programs (json), for code scanning (sarif), as annotations of a "
    "pull request (github), for build servers (junit).  [default: text]",
)
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    help="The mildest severity for which the exit code is 1.  [default: error]",
)
@click.option("--exit-zero/--no-exit-zero", default=None, help="Exit with 0, whatever is found.")
@click.option("--statistics/--no-statistics", default=None, help="After the findings of a text: how many of each code.")
@click.option(
    "--baseline", type=click.Path(dir_okay=False), metavar="FILE", help="Tell only findings that this file lacks."
)
@click.option("--write-baseline", is_flag=True, help="Write what is found now into the file of --baseline.")
@click.option(
    "--recipes-only",
    is_flag=True,
    help="Pass over YAML that is no recipe, which has no `base_model`: for hooks that give every YAML file.",
)
@click.option(
    "--stdin-filename",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The name of what `-` reads; paths in it begin in that file's folder.  [default: <stdin>]",
)
def check(
    configs: tuple[str, ...] = (),
    model: str | None = None,
    data: str | None = None,
    row: int | None = None,
    rows: int | Literal["all"] | None = None,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    fix: bool = False,
    yes: bool = False,
    output: str | None = None,
    fail_on: str | None = None,
    exit_zero: bool | None = None,
    statistics: bool | None = None,
    baseline: str | None = None,
    write_baseline: bool = False,
    recipes_only: bool = False,
    stdin_filename: str | None = None,
    **options: Any,
) -> int:
    """Find what is wrong with recipes, their templates and their rows, before the run.

    CONFIG is an axolotl YAML; several may be given, and `-` is stdin. Each finding has a code; `vlmbench explain CODE`
    tells more. Exit code 1 where there is an error. Where an axolotl is at hand it is asked for its labels of 200 of
    the rows; VLMBENCH_ASK=0 leaves that out.

    A comment `# vlmbench: ignore[A012]` leaves out the findings of its line, `# vlmbench: ignore-file[D]` those of the
    recipe. All options from --select to --baseline can stand in [tool.vlmbench.check] of pyproject.toml, or in [check]
    of .vlmbench.toml, in the recipe's folder or above.
    """
    from workbench import console
    from workbench.commands.checked import Wishes

    console.quiet_libraries()
    # What an error before the settings are read is told as.
    as_json = output == "json"
    try:
        from workbench.consumers.settings import check_settings

        here = check_settings(Path())
        output = output or here.format or "text"
        as_json = output == "json"
        wishes = Wishes(
            model=model,
            data=data,
            row=row,
            rows=rows,
            select=select,
            ignore=ignore,
            fix=fix,
            yes=yes,
            as_text=output == "text",
            fail_on=fail_on,
            baseline=baseline,
            write_baseline=write_baseline,
            stdin_filename=stdin_filename,
            options=options,
        )
        _refuse_odd(configs, wishes)
        return _check_all(
            _recipes_of(configs, recipes_only),
            wishes,
            output,
            statistics=bool(here.statistics if statistics is None else statistics),
            exit_zero=bool(here.exit_zero if exit_zero is None else exit_zero),
        )
    except BenchError as problem:
        return console.report(problem, as_json=as_json)


def _refuse_odd(configs: Sequence[str], wishes: Wishes) -> None:
    """Raises InputError where options do not fit each other."""
    from workbench.checks.registry import patterns, refuse_unknown

    refuse_unknown(patterns([*wishes.select, *wishes.ignore]))
    if wishes.fix and (not configs or "-" in configs):
        raise InputError("--fix edits a recipe's file, and none was given", hint="Give the YAML file.")
    if wishes.row is not None and wishes.rows is not None:
        raise InputError("--row and --rows exclude each other", hint="Give one of them.")
    if configs.count("-") > 1:
        raise InputError("stdin can be read once", hint="Give `-` once.")
    if wishes.stdin_filename is not None and "-" not in configs:
        raise InputError("--stdin-filename names what `-` reads", hint="Give `-` in place of a file.")


def _recipes_of(configs: tuple[str, ...], recipes_only: bool) -> list[str | None]:
    """The recipes to check, each once; None is the demo, or the recipe of a model."""
    from workbench.commands.check_one import is_recipe

    if not configs:
        return [None]
    given = list(dict.fromkeys(configs))
    return [config for config in given if config == "-" or is_recipe(Path(config))] if recipes_only else [*given]


def _check_all(recipes: Sequence[str | None], wishes: Wishes, output: str, *, statistics: bool, exit_zero: bool) -> int:
    """Check recipe by recipe and print what is found; gives the exit code."""
    from workbench import console
    from workbench.commands.baselines import Baselines
    from workbench.commands.check_one import check_one
    from workbench.commands.check_output import Printer

    printer = Printer(output, several=len(recipes) > 1, statistics=statistics)
    baselines = Baselines(wishes.baseline, wishes.write_baseline)
    results: list[CheckedRecipe] = []
    with console.counted_bar("recipes", len(recipes)) as progress:
        for recipe in recipes:
            result = check_one(recipe, wishes, baselines)
            results.append(result)
            progress(len(results))
            with console.ignoring_closed_pipe():
                printer.add(result)
            if result.interrupted:
                break
    # Half of the rows are no baseline.
    written = not any(result.interrupted for result in results) and baselines.finish(results)
    codes = [_exit_code(result, exit_zero=exit_zero or written) for result in results]
    code = max(codes, default=EXIT_OK)
    with console.ignoring_closed_pipe():
        printer.finish(code)
    return code


def _exit_code(result: CheckedRecipe, *, exit_zero: bool) -> int:
    if result.interrupted:
        return EXIT_INTERRUPTED
    if result.problem is not None:
        return result.problem.exit_code
    if result.unwritten:
        return EXIT_FINDINGS
    return EXIT_FINDINGS if result.fails and not exit_zero else EXIT_OK
