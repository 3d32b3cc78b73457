"""`vlmbench families`: the model families that the bench knows."""

from __future__ import annotations

import click

from workbench.commands.options import FamilyName, epilog
from workbench.errors import EXIT_OK, BenchError


@click.command(
    epilog=epilog(
        ("families", "all families"),
        ("families gemma4", "one of them, as the bench reads it"),
    )
)
@click.argument("name", required=False, type=FamilyName())
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
    from workbench.views.families import families_payload, families_table, family_page

    with console.ignoring_closed_pipe():
        if output == "json":
            console.write_json(families_payload(chosen))
        else:
            console.console().print(family_page(chosen[0]) if name else families_table(chosen))
    return EXIT_OK
