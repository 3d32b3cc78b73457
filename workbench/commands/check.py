"""`vlmbench check`: lint a recipe, its template and its rows, and with --fix mend what can be mended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from workbench.commands.options import EPILOG, RowCount, source_options
from workbench.errors import EXIT_FINDINGS, EXIT_OK, BenchError, InputError, Where

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.checks.report import Report
    from workbench.recipe.yaml.document import Document


@click.command(epilog=EPILOG)
@source_options
@click.option("--row", type=click.IntRange(min=0), metavar="N", help="Check row N alone, counted from 0.")
@click.option(
    "--rows",
    type=RowCount(),
    metavar="N|all",
    help="Check the first N, or all. By default all of up to 2,000 rows; of more, 2,000 drawn evenly, always the same.",
)
@click.option("--select", metavar="CODES", default="", help="Only these codes, or beginnings of codes: M,T007.")
@click.option("--ignore", metavar="CODES", default="", help="None of these codes.")
@click.option("--fix", is_flag=True, help="Apply the fixes to CONFIG, after showing the diff.")
@click.option("--yes", is_flag=True, help="With --fix: write without asking.")
@click.option("--format", "output", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
def check(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    row: int | None = None,
    rows: int | Literal["all"] | None = None,
    select: str = "",
    ignore: str = "",
    fix: bool = False,
    yes: bool = False,
    output: str = "text",
    **options: Any,
) -> int:
    """Find what is wrong with a recipe, its template and its rows, before the run.

    Each finding has a code; `vlmbench explain CODE` tells more. Exit code 1 where there is an error. Where an axolotl
    is at hand it is asked for its labels of 200 of the rows; VLMBENCH_ASK=0 leaves that out.
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
        # Named by the user: it takes seconds, and more for every fix of the model's findings that is tried.
        bench.asks_loader = bench.asks and bench.options["axolotl_python"] is not None
        from workbench.blocks.checking import check_chosen
        from workbench.blocks.chosen_rows import choose_rows
        from workbench.checks.asking import ROWS, ask_rows
        from workbench.checks.run import check_rows

        def report() -> Report:
            codes = {"select": patterns(select), "ignore": patterns(ignore)}
            if row is not None:
                ask_rows(bench, [row])
                return check_rows(bench, [bench.row(row)], **codes)
            chosen = choose_rows(bench, rows)
            ask_rows(bench, chosen.spread(ROWS))
            with console.rows_bar() as progress:
                return check_chosen(bench, chosen, progress=progress, **codes)

        return _checked(bench, report, fix, yes, output)
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")


def _checked(bench: Bench, report: Callable[[], Report], fix: bool, yes: bool, output: str) -> int:
    """Print what a check finds, mended first where that is asked for; gives the exit code."""
    from workbench.checks.apply_fixes import mend
    from workbench.console import console, ignoring_closed_pipe, tell, write_json
    from workbench.console import report as report_problem
    from workbench.escaping import visible
    from workbench.recipe import plugin
    from workbench.views.checks import check_payload, check_view, fixes_view

    mended = mend(bench, report) if fix else None
    found = mended.report if mended is not None else report()
    with ignoring_closed_pipe():
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
        if output != "text":
            tell(bench.document.diff().rstrip("\n"))
        path = bench.document.path
        if yes or (sys.stdin.isatty() and click.confirm(visible(f"Write {path}?"), err=True)):
            try:
                saved = _written(bench.document)
            except BenchError as problem:
                # What was found is on stdout by now, and one document is enough.
                return report_problem(problem)
            # The findings above are those of the text that was written.
            left = [
                f"{number} {severity}{'' if number == 1 else 's'}"
                for severity in ("error", "warning")
                if (number := found.count(severity))
            ]
            tell(f"vlmbench: wrote {path}; what remains: {', '.join(left) or 'nothing'}")
            if (more := plugin.write_beside(bench.document.data, saved)) is not None:
                tell(f"vlmbench: wrote {more}, the plugin that the recipe names")
        else:
            tell("vlmbench: nothing written; give --yes to write it")
            return EXIT_FINDINGS
    return EXIT_FINDINGS if found.count("error") else EXIT_OK


def _written(document: Document) -> Path:
    """Save a fixed recipe, unless another process wrote to its file since it was read: a check can take minutes."""
    if document.changed_outside:
        cause = "It holds something else than what was checked. Nothing was written."
        raise InputError("The recipe was changed meanwhile", cause, "Check it again.", Where(str(document.path)))
    return document.save()
