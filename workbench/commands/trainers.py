"""`vlmbench trainers`: the same rows under several trainers, and why their masks differ."""

from __future__ import annotations

import sys
from typing import Any

import click

from workbench.commands.options import epilog, source_options
from workbench.errors import EXIT_FINDINGS, EXIT_OK, BenchError


@click.command(
    epilog=epilog(
        ("trainers recipe.yaml --python trl=envs/trl/bin/python", "what TRL would train of the same rows"),
    )
)
@source_options
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="NAME=PATH",
    help="A trainer's Python: axolotl, trl, llamafactory, ms-swift, unsloth_zoo or nemo_automodel. One trainer may "
    "stand twice, in two versions. Else those of [tool.vlmbench.trainers].",
)
@click.option("--rows", type=click.IntRange(1, 1000), default=20, show_default=True, help="The first N rows.")
@click.option("--format", "output", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
def trainers(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    pythons: tuple[str, ...] = (),
    rows: int = 20,
    output: str = "text",
    **options: Any,
) -> int:
    """Ask several trainers what they would train of the same rows, and say where they differ and why.

    Each is asked in its own Python, without weights, for its own last step before the model. Settings are translated
    from the recipe, and what cannot be translated is listed. Nothing is installed. Exit code 1 where they differ.

    CONFIG may be a file of TRL, LLaMA-Factory or ms-swift too: its own trainer gets it as it is, the others what can be
    said of it. Such files are not written yet.
    """
    import tempfile
    from pathlib import Path

    from workbench import console
    from workbench.bench import prepare
    from workbench.commands.own_file import trainer_file
    from workbench.consumers.settings import trainer_pythons
    from workbench.errors import InputError
    from workbench.lanes.asking import ask_all, named
    from workbench.lanes.own_compare import compare_own
    from workbench.views.about import UNKNOWN, About, about_bench, installed_versions
    from workbench.views.lanes import lanes_html, lanes_payload, lanes_text

    console.quiet_libraries()
    try:
        folder = Path(config).parent if config is not None else Path()
        chosen = named(pythons or trainer_pythons(folder))
        if not chosen:
            raise InputError(
                "No trainer is named",
                "",
                'Give --python NAME=PATH, or write trl = "…/python" in [tool.vlmbench.trainers] of pyproject.toml.',
            )
        own = trainer_file(config)

        def progress(label: str) -> None:
            console.tell(f"asking {label}")

        with tempfile.TemporaryDirectory(prefix="vlmbench-lanes-") as scratch:
            if own is not None:
                lanes = compare_own(own, chosen, rows, Path(scratch), progress, data=data, model=model, options=options)
                title = own.path.name
                about = About(model or own.model, title, data or UNKNOWN, installed_versions())
            else:
                bench = prepare(config, model=model, data=data, **options)
                with console.progress_bar() as bar:
                    bench.load(bar)
                indices = [row.index for row in bench.head(rows)]
                lanes = ask_all(bench, chosen, indices, Path(scratch), progress)
                title, about = bench.title, about_bench(bench)
        with console.ignoring_closed_pipe():
            if output == "json":
                console.write_json(lanes_payload(lanes))
            elif output == "html":
                from workbench.views.html import document

                sys.stdout.write(document(f"Trainers · {title}", lanes_html(lanes), about))
            else:
                sys.stdout.write(lanes_text(lanes))
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")
    differs = any(len(row.groups) > 1 for row in lanes.comparison.rows) or any(one.refused for one in lanes.answers)
    return EXIT_FINDINGS if differs else EXIT_OK
