"""`vlmbench report`: one static site of a recipe, to share."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.commands.options import epilog, source_options
from workbench.errors import EXIT_FINDINGS, EXIT_OK, BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

EXITS = (
    "Exit codes: 0 written, and the checks found no error; 1 written, and they found one; 2 bad usage or input, as "
    "a DIR that holds something else; 3 environment (missing package, no such model, no right, no room); 130 "
    "interrupted, and nothing written."
)


@click.command(
    epilog=epilog(
        ("report recipe.yaml --out report/", "the site; report/index.html is its first page"),
        ("report --model org/name --data rows.jsonl --out report/", "of a model and rows without a recipe"),
        ("report recipe.yaml --rows 200 --out report/", "with the first 200 rows"),
        exits=EXITS,
    )
)
@source_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder of the site: one that is not there yet, is empty, or holds an earlier report, which is replaced.",
)
@click.option(
    "--rows",
    type=click.IntRange(0, 1000),
    default=20,
    show_default=True,
    metavar="N",
    help="Show the first N rows, beside up to 100 that errors and warnings of the checks name.",
)
@click.option(
    "--audit",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="An audit that was written there is taken in. Else that of DIR/audit, or that of the app for this recipe.",
)
def report(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    out: Path = Path(),
    rows: int = 20,
    audit: Path | None = None,
    **options: Any,
) -> int:
    """Write one static site of a recipe: rows, checks, audit, model, the last overfit run, the export and its proof.

    No page has a script, and none asks anything of the network: the folder can be mailed, or served by any host. A row
    has the address rows.html#row-17, a finding checks.html#M002. stdout names the first page.
    """
    from workbench import console
    from workbench.bench import prepare
    from workbench.views.site.folder import refuse_other, write_site

    console.quiet_libraries()
    try:
        refuse_other(out)
        bench = prepare(config, model=model, data=data, **options)
        with console.progress_bar() as progress:
            bench.load(progress)
        from workbench.views.site.gather import gather
        from workbench.views.site.pages import site_pages

        site = gather(bench, out, _Shown(), first=rows, audit=audit)
        with console.waiting("writing the pages"):
            index = write_site(out, site_pages(site))
        with console.ignoring_closed_pipe():
            sys.stdout.write(f"{index}\n")
    except BenchError as problem:
        return console.report(problem)
    return EXIT_FINDINGS if site.report.count("error") else EXIT_OK


class _Shown:
    """The progress on stderr."""

    def waiting(self, what: str) -> AbstractContextManager[None]:
        from workbench import console

        return console.waiting(what)

    def rows(self) -> AbstractContextManager[Callable[[int, int | None], None]]:
        from workbench import console

        return console.rows_bar()
