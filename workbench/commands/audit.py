"""`vlmbench audit`: judge every row of a data set."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.commands.options import epilog, source_options
from workbench.errors import EXIT_FINDINGS, EXIT_INTERRUPTED, EXIT_OK, BenchError

if TYPE_CHECKING:
    from workbench.audit.run import AuditProgress, Engine


class RowRange(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Rows A up to B, counted from 0; either may be left out."""

    name = "A:B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        if isinstance(value, tuple):
            return value
        first, colon, stop = str(value).partition(":")
        if not colon or not all(word == "" or (word.isascii() and word.isdigit()) for word in (first, stop)):
            self.fail(f"{value!r} is no range; write 0:1000, :1000 or 1000: (rows count from 0).", param, ctx)
        made = int(first[:18] or 0), int(stop[:18]) if stop else None
        if made[1] is not None and made[1] <= made[0]:
            self.fail(f"{value!r} holds no row.", param, ctx)
        return made


@click.command(
    epilog=epilog(
        ("audit recipe.yaml --out audit/", "every row, kept so that it can be resumed"),
        ("audit recipe.yaml --sample 5000 --format html > audit.html", "5,000 rows, as a page"),
    )
)
@source_options
@click.option("--rows", type=RowRange(), default=(0, None), metavar="A:B", help="Rows A up to B alone, from 0.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="N rows alone, drawn evenly, always the same.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or of the Ray cluster at RAY_ADDRESS.",
)
@click.option("--workers", type=click.IntRange(1, 4096), metavar="N", help="Processes; by default one for each core.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the results here: rows.parquet, report.json, report.html.",
)
@click.option("--resume", is_flag=True, help="Go on with the audit in --out; what is there is not judged again.")
@click.option("--format", "output", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
def audit(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    rows: tuple[int, int | None] = (0, None),
    sample: int | None = None,
    engine: Engine = "local",
    workers: int | None = None,
    out: Path | None = None,
    resume: bool = False,
    output: str = "text",
    **options: Any,
) -> int:
    """Judge every row: what each trains, how long it is, and what is wrong with it, by cause.

    All data sets of the recipe are read, but where --dataset names one. Rows of test_datasets are compared with them.
    Ctrl-c ends it with what is known so far; with --out and --resume a later audit goes on from there. Exit code 1
    where a row or the recipe has an error.
    """
    from workbench import console
    from workbench.bench import prepare

    console.quiet_libraries()
    try:
        from workbench.audit.run import audit as run_audit
        from workbench.audit.sources import recipe_plan, row_plan
        from workbench.errors import InputError
        from workbench.views.audit import audit_payload, audit_view

        if resume and out is None:
            raise InputError("--resume goes on with an audit in a folder", hint="Name the folder with --out.")
        bench = prepare(config, model=model, data=data, **options)
        with console.progress_bar() as loading:
            bench.load(loading)
        plan_of = row_plan if _named("dataset") else recipe_plan
        plan = plan_of(bench, *rows, sample)
        with _shown() as progress:
            report = run_audit(bench, plan, workers=workers, engine=engine, out=out, resume=resume, progress=progress)
        if out is not None:
            from workbench.views.audit_files import write_report

            write_report(out, bench, report)
        with console.ignoring_closed_pipe():
            if output == "json":
                console.write_json(audit_payload(bench, report))
            elif output == "html":
                from workbench.views.html_audit import audit_page

                sys.stdout.write(audit_page(bench, report))
            else:
                console.console().print(audit_view(bench, report))
        if report.interrupted:
            return EXIT_INTERRUPTED
        return EXIT_FINDINGS if report.count("error") else EXIT_OK
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")


def _named(option: str) -> bool:
    """True where the option was given."""
    source = click.get_current_context().get_parameter_source(option)
    return source not in (None, click.core.ParameterSource.DEFAULT)


@contextmanager
def _shown() -> Iterator[Callable[[AuditProgress], None]]:
    """One line on stderr, where that is a terminal: rows done, the rate and the time left."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    from workbench.views.durations import duration

    columns = (TextColumn("rows"), BarColumn(bar_width=30), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None, pace="")

        def show(step: AuditProgress) -> None:
            left = f", {duration(step.left)} left" if step.left is not None else ""
            bar.update(task, completed=step.done, total=step.total, pace=f"{step.rate:,.0f} rows/s{left}")

        yield show
