"""`vlmbench infer`: role boundaries from a chat template, with their proof."""

from __future__ import annotations

import sys
from typing import Any, Literal

import click

from workbench.commands.options import RowCount, epilog, source_options
from workbench.errors import EXIT_FINDINGS, EXIT_OK, BenchError


@click.command(
    epilog=epilog(
        ("infer --model org/vlm", "role_boundaries for a model without a family file"),
        ("infer recipe.yaml --rows 50", "proved on 50 rows of the recipe too"),
    )
)
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
        from workbench.views.infer import infer_payload, infer_text

        found = bench.infer(bench.head(None if rows == "all" else rows))
        with console.ignoring_closed_pipe():
            if output == "json":
                console.write_json(infer_payload(found, bench.title, bench.path))
            elif output == "html":
                from workbench.views.about import about_bench
                from workbench.views.html import document
                from workbench.views.html_reports import infer_html

                body = infer_html(found, bench.title, bench.rows.name, bench.path)
                sys.stdout.write(document(f"role_boundaries of {bench.title}", body, about_bench(bench)))
            else:
                sys.stdout.write(infer_text(found, bench.title, bench.rows.name, bench.path))
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    return EXIT_OK if found.verified else EXIT_FINDINGS
