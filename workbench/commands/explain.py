"""`vlmbench explain`: the page of a finding's code."""

from __future__ import annotations

import click

from workbench.commands.options import CodeName, epilog
from workbench.errors import EXIT_OK, BenchError


@click.command(
    epilog=epilog(
        ("explain M004", "the page of a code"),
        ("explain", "all codes"),
    )
)
@click.argument("code", required=False, type=CodeName())
@click.option("--format", "output", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def explain(code: str | None, output: str) -> int:
    """Tell what a finding's CODE means: cause, example, and what to do. Without CODE: list them all."""
    from workbench import console
    from workbench.checks import registry

    try:
        chosen = [registry.explain(code)] if code else list(registry.codes().values())
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    from workbench.views import checks
    from workbench.views.codes_markdown import codes_markdown

    with console.ignoring_closed_pipe():
        if output == "json":
            console.write_json({"schema": checks.EXPLAIN_SCHEMA, "codes": [page.to_dict() for page in chosen]})
        elif output == "markdown":
            print(codes_markdown(chosen), end="")
        else:
            console.console().print(checks.code_page(chosen[0]) if code else checks.codes_table(chosen))
    return EXIT_OK
