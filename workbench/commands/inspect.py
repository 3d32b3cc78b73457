"""`vlmbench inspect`: the app in a terminal or a browser, or the tokens of some rows as text, JSON or a page."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from workbench.commands.options import RowCount, epilog, source_options
from workbench.errors import EXIT_FINDINGS, EXIT_OK, BenchError, InputError

if TYPE_CHECKING:
    from workbench.bench import Bench, Row


@click.command(
    epilog=epilog(
        ("inspect recipe.yaml", "open the app on a recipe"),
        ("inspect --model google/gemma-4-E2B-it --data rows.jsonl", "a new recipe for a model, on your rows"),
        ("inspect recipe.yaml --rows 20 --format html > rows.html", "a page to share"),
    )
)
@source_options
@click.option("--row", type=click.IntRange(min=0), metavar="N", help="Show row N, counted from 0.")
@click.option("--rows", type=RowCount(), metavar="N|all", help="Show the first N rows, or all.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    help="What to print.",
    show_default=True,
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="NAME=PATH",
    help="For a file of another trainer: its Python, as trl=PATH, llamafactory=PATH or ms-swift=PATH. Else that of "
    "[tool.vlmbench.trainers].",
)
@click.option("--plain", is_flag=True, help="Print the plain view even in a terminal.")
@click.option("--serve", is_flag=True, help="Open the app in a browser instead of this terminal.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --serve: the address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="With --serve: the port.")
def inspect(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    row: int | None = None,
    rows: int | Literal["all"] | None = None,
    output: str = "text",
    pythons: tuple[str, ...] = (),
    plain: bool = False,
    serve: bool = False,
    host: str = "127.0.0.1",
    port: int = 8000,
    **options: Any,
) -> int:
    """Show every token of a conversation, coloured by whether it is trained, and why.

    CONFIG is an axolotl YAML. Without CONFIG and --model: the embedded demo. In a terminal the app opens; elsewhere, or
    with --plain, the plain view is printed. Where an axolotl is at hand it is asked for its labels of these rows, which
    takes seconds the first time; VLMBENCH_ASK=0 leaves that out.

    CONFIG may be a file of TRL, LLaMA-Factory or ms-swift too (YAML, JSON, or a script with their command): then that
    trainer, in its own Python, is asked for its mask, which is printed. Such files are not written yet.
    """
    from workbench import console
    from workbench.bench import prepare
    from workbench.commands.own_file import MOST_ROWS, inspect_own, trainer_file

    console.quiet_libraries()
    try:
        if row is not None and rows is not None:
            raise InputError("--row and --rows exclude each other", hint="Give one of them.")
        if (own := trainer_file(config)) is not None:
            asked = [row or 0] if rows is None else MOST_ROWS if rows == "all" else rows
            return inspect_own(own, asked, pythons, output, data=data, model=model, options=options)
        bench = prepare(config, model=model, data=data, **options)
        if serve:
            return _serve(host, port)
        if output == "text" and not plain and rows is None and _can_draw():
            return _open_app(bench, row or 0)
        with console.progress_bar() as progress:
            bench.load(progress)
        chosen = [bench.row(row or 0)] if rows is None else list(bench.head(None if rows == "all" else rows))
        from workbench.checks.asking import ask_rows

        indices = [chosen_row.index for chosen_row in chosen]
        ask_rows(bench, indices)
        if not bench.path.shown:
            # The trainer's answer is all that there is to show of such rows.
            chosen = [bench.row(index) for index in indices]
        with console.ignoring_closed_pipe():
            _print(bench, chosen, output)
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    from workbench.checks.recipe_checks import recipe_errors
    from workbench.checks.row_checks import row_findings

    found = [*bench.findings, *recipe_errors(bench), *(finding for row in chosen for finding in row_findings(row))]
    return EXIT_FINDINGS if any(finding.severity == "error" for finding in found) else EXIT_OK


def _print(bench: Bench, rows: list[Row], output: str) -> None:
    if output == "json":
        from workbench.console import write_json
        from workbench.views.inspect_json import inspect_payload

        write_json(inspect_payload(bench, rows))
    elif output == "html":
        from workbench.views.html import page

        sys.stdout.write(page(bench, rows))
    else:
        from workbench.console import console
        from workbench.views.terminal import show

        show(bench, rows, console())


def _can_draw() -> bool:
    """True where this is a terminal, or the server of the app draws in a browser."""
    return (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TEXTUAL_DRIVER", "").endswith("WebDriver")


def _face(name: str) -> Callable[..., int]:
    """The terminal app and its server are found by entry point: the core knows nothing of them."""
    from importlib.metadata import entry_points

    (face,) = entry_points(group="vlmbench.faces", name=name)
    found: Callable[..., int] = face.load()
    return found


def _open_app(bench: Bench, row: int) -> int:
    return int(_face("terminal")(bench, row=row))


def _serve(host: str, port: int) -> int:
    """Serve the app with the arguments of this command, but for those of the server."""
    context = click.get_current_context()
    arguments: list[str] = []
    for param in context.command.params:
        value = context.params.get(param.name or "")
        on_command_line = context.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
        if not on_command_line or param.name in ("serve", "host", "port", "plain"):
            continue
        if isinstance(param, click.Option):
            arguments.append(param.opts[0])
        if not (isinstance(param, click.Option) and param.is_flag):
            arguments.append(str(value))
    return int(_face("browser")(arguments, host=host, port=port))
