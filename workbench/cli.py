"""`vlmbench`: arguments and dispatch. Everything heavy is imported inside the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from workbench.commands.export import export
from workbench.commands.options import EPILOG, RowCount, source_options
from workbench.commands.overfit import overfit
from workbench.errors import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK, BenchError, InputError
from workbench.version import __version__

if TYPE_CHECKING:
    from workbench.bench import Bench, Row
    from workbench.checks.run import Report


@click.group(invoke_without_command=True, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vlmbench")
@click.pass_context
def cli(context: click.Context) -> None:
    """See, edit, check and prove a vision-language fine-tune before the GPU-days are spent.

    Without a command: `vlmbench inspect` on the embedded demo.
    """
    if context.invoked_subcommand is None:
        context.invoke(inspect)


@cli.command(epilog=EPILOG)
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
    plain: bool = False,
    serve: bool = False,
    host: str = "127.0.0.1",
    port: int = 8000,
    **options: Any,
) -> int:
    """Show every token of a conversation, coloured by whether it is trained, and why.

    CONFIG is an axolotl YAML. Without CONFIG and --model: the embedded demo. In a terminal the app opens; elsewhere, or
    with --plain, the plain view is printed.
    """
    from workbench import console
    from workbench.bench import prepare

    console.quiet_libraries()
    try:
        if row is not None and rows is not None:
            raise InputError("--row and --rows exclude each other", hint="Give one of them.")
        bench = prepare(config, model=model, data=data, **options)
        if serve:
            return _serve(host, port)
        if output == "text" and not plain and rows is None and _can_draw():
            return _open_app(bench, row or 0)
        with console.progress_bar() as progress:
            bench.load(progress)
        chosen = [bench.row(row or 0)] if rows is None else list(bench.head(None if rows == "all" else rows))
        with console.reader_may_leave():
            _print(bench, chosen, output)
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    from workbench.checks.of_row import row_findings

    found = [*bench.findings, *(finding for one in chosen for finding in row_findings(one))]
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
    """Whether this is a terminal, or the server of the app draws in a browser."""
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
        given = context.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
        if not given or param.name in ("serve", "host", "port", "plain"):
            continue
        if isinstance(param, click.Option):
            arguments.append(param.opts[0])
        if not (isinstance(param, click.Option) and param.is_flag):
            arguments.append(str(value))
    return int(_face("browser")(arguments, host=host, port=port))


@cli.command(epilog=EPILOG)
@click.argument("name", required=False)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def families(name: str | None, output: str) -> int:
    """List the model families that the bench knows, or tell what it knows of NAME."""
    from workbench import console
    from workbench.families.library import families as known
    from workbench.families.library import family

    try:
        chosen = [family(name)] if name else list(known().values())
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    from workbench.views.families import families_table, family_page

    with console.reader_may_leave():
        if output == "json":
            listed = [one.model_dump(mode="json") for one in chosen]
            console.write_json({"schema": "vlmbench.families/1", "families": listed})
        else:
            console.console().print(family_page(chosen[0]) if name else families_table(chosen))
    return EXIT_OK


@cli.command(epilog=EPILOG)
@source_options
@click.option("--row", type=click.IntRange(min=0), metavar="N", help="Check row N alone, counted from 0.")
@click.option(
    "--rows", type=RowCount(), default=200, metavar="N|all", show_default=True, help="Check the first N, or all."
)
@click.option("--select", metavar="CODES", default="", help="Only these codes, or beginnings of codes: M,T007.")
@click.option("--ignore", metavar="CODES", default="", help="None of these codes.")
@click.option("--fix", is_flag=True, help="Mend what can be mended in CONFIG, after showing the diff.")
@click.option("--yes", is_flag=True, help="With --fix: write without asking.")
@click.option("--format", "output", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
def check(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    row: int | None = None,
    rows: int | Literal["all"] = 200,
    select: str = "",
    ignore: str = "",
    fix: bool = False,
    yes: bool = False,
    output: str = "text",
    **options: Any,
) -> int:
    """Find what is wrong with a recipe, its template and its rows, before the run.

    Each finding has a code; `vlmbench explain CODE` tells more. Exit code 1 where there is an error.
    """
    from workbench import console
    from workbench.bench import prepare

    console.quiet_libraries()
    try:
        from workbench.checks.registry import patterns, refuse_unknown

        refuse_unknown(patterns([select, ignore]))
        if fix and config is None:
            raise InputError("--fix edits a recipe, and none was given", hint="Give the YAML file.")
        bench = prepare(config, model=model, data=data, **options)
        with console.progress_bar() as progress:
            bench.load(progress)
        from workbench.checks.run import check_rows

        def report() -> Report:
            chosen = iter([bench.row(row)]) if row is not None else bench.head(None if rows == "all" else rows)
            return check_rows(bench, chosen, select=patterns(select), ignore=patterns(ignore))

        return _checked(bench, report, fix, yes, output)
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")


def _checked(bench: Bench, report: Callable[[], Report], fix: bool, yes: bool, output: str) -> int:
    """Print what a check finds, mended first where that is asked for; gives the exit code."""
    from workbench.checks.apply_fixes import mend
    from workbench.console import console, reader_may_leave, write_json
    from workbench.recipe import plugin
    from workbench.views.checks import check_payload, check_view, fixes_view

    mended = mend(bench, report) if fix else None
    found = mended.report if mended is not None else report()
    with reader_may_leave():
        if output == "json":
            write_json(check_payload(bench, found, mended.fixes if mended is not None else ()))
        elif output == "html":
            from workbench.views.html import document
            from workbench.views.html_reports import check_html

            sys.stdout.write(document(f"check of {bench.title}", check_html(bench, found)))
        else:
            if mended is not None and mended.fixes:
                console().print(fixes_view(mended.fixes, bench.document.diff()))
            console().print(check_view(bench, found))
    if mended is not None and mended.fixes:
        path = bench.document.path
        if yes or (sys.stdin.isatty() and click.confirm(f"Write {path}?", err=True)):
            saved = bench.document.save()
            # The findings above are those of the text that was written.
            left = [
                f"{number} {severity}{'' if number == 1 else 's'}"
                for severity in ("error", "warning")
                if (number := found.count(severity))
            ]
            print(f"vlmbench: wrote {path}; what remains: {', '.join(left) or 'nothing'}", file=sys.stderr)
            if (more := plugin.put_beside(bench.document.data, saved)) is not None:
                print(f"vlmbench: wrote {more}, the plugin that the recipe names", file=sys.stderr)
        else:
            print("vlmbench: nothing written; give --yes to write it", file=sys.stderr)
            return EXIT_FINDINGS
    return EXIT_FINDINGS if found.count("error") else EXIT_OK


@cli.command(epilog=EPILOG)
@click.argument("code", required=False)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(code: str | None, output: str) -> int:
    """Tell what a finding's CODE means: cause, example, and what to do. Without CODE: list them all."""
    from workbench import console
    from workbench.checks import registry

    try:
        chosen = [registry.explain(code)] if code else list(registry.codes().values())
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    from workbench.views import checks

    with console.reader_may_leave():
        if output == "json":
            console.write_json({"schema": checks.EXPLAIN_SCHEMA, "codes": [one.to_dict() for one in chosen]})
        else:
            console.console().print(checks.code_page(chosen[0]) if code else checks.codes_table(chosen))
    return EXIT_OK


@cli.command(epilog=EPILOG)
@source_options
@click.option(
    "--rows",
    type=RowCount(),
    default=16,
    show_default=True,
    metavar="N|all",
    help="Prove them on the first N rows too.",
)
@click.option("--format", "output", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
def infer(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    rows: int | Literal["all"] = 16,
    output: str = "text",
    **options: Any,
) -> int:
    """Find the role_boundaries of a chat template, and prove them on conversations that were not used to find them.

    The YAML on stdout goes into a recipe as it is; what was proved stands above it, and apart from that what markers
    do that a user types. Exit code 1 where some role's boundaries could not be proved, with the reason.
    """
    from workbench import console
    from workbench.bench import prepare

    console.quiet_libraries()
    try:
        bench = prepare(config, model=model, data=data, **options)
        with console.progress_bar() as progress:
            bench.load(progress)
        from workbench.infer.search import infer as infer_boundaries
        from workbench.views.infer import infer_payload, infer_text

        shown = [row.conversation.messages for row in bench.head(None if rows == "all" else rows) if row.error is None]
        loaded = bench.loaded
        found = infer_boundaries(
            bench.renderer,
            loaded.tokenizer,
            generation_config=loaded.generation_config,
            rows=shown,
            sample=bench.data_is_sample,
        )
        with console.reader_may_leave():
            if output == "json":
                console.write_json(infer_payload(found, bench.title))
            elif output == "html":
                from workbench.views.html import document
                from workbench.views.html_reports import infer_html

                body = infer_html(found, bench.title, bench.rows.name)
                sys.stdout.write(document(f"role_boundaries of {bench.title}", body))
            else:
                sys.stdout.write(infer_text(found, bench.title, bench.rows.name))
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    return EXIT_OK if found.verified else EXIT_FINDINGS


cli.add_command(export)
cli.add_command(overfit)


def main(arguments: list[str] | None = None) -> None:
    """Run `vlmbench` and exit with its code."""
    try:
        code = cli.main(args=arguments, prog_name="vlmbench", standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as problem:
        problem.show()
        code = problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("vlmbench: interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    sys.exit(code if isinstance(code, int) else EXIT_OK)


if __name__ == "__main__":
    main()
