"""`vlmbench overfit`: a short run in a process of its own, and the verdict on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.commands.options import epilog, source_options
from workbench.errors import (
    EXIT_ENVIRONMENT,
    EXIT_FINDINGS,
    EXIT_INPUT,
    EXIT_INTERRUPTED,
    EXIT_OK,
    BenchError,
    InputError,
)

if TYPE_CHECKING:
    from workbench.overfit.verdict import Verdict

EXITS = (
    "Exit codes: 0 pass, 1 doubtful or fail, 2 bad usage or input, 3 environment (missing package, no such model, out "
    "of memory), 130 interrupted."
)


@click.command(
    epilog=epilog(
        ("overfit recipe.yaml", "can this recipe learn four rows?"),
        ("overfit recipe.yaml --rows 8 --steps 120 --format html > run.html", "more of both, as a page"),
        exits=EXITS,
    )
)
@source_options
@click.option("--rows", default=4, show_default=True, metavar="N", help="Learn the first N rows that can be rendered.")
@click.option("--steps", default=60, show_default=True, metavar="N", help="Optimizer steps.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for events, log and adapter.")
@click.option("--max-minutes", type=float, metavar="M", help="End the run after so many minutes.")
@click.option("--max-memory", type=float, metavar="GIB", help="End the run when it needs more memory than this.")
@click.option("--launcher", type=click.Choice(["accelerate"]), help="Start the run under `accelerate launch`.")
@click.option("--num-processes", default=1, show_default=True, metavar="N", help="Processes of the launcher.")
@click.option(
    "--replay",
    type=click.Path(exists=True, path_type=Path),
    help="Judge a recorded run (its folder or its events) instead of running.",
)
@click.option("--format", "output", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
def overfit(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    rows: int = 4,
    steps: int = 60,
    device: str = "auto",
    seed: int = 0,
    out: Path | None = None,
    max_minutes: float | None = None,
    max_memory: float | None = None,
    launcher: str | None = None,
    num_processes: int = 1,
    replay: Path | None = None,
    output: str = "text",
    **options: Any,
) -> int:
    """Train on a few rows until the model reproduces them, and say whether this recipe can learn.

    The recipe's adapter, rates, optimizer and precision are used as they stand, on the labels that `inspect` shows. The
    verdict is pass, doubtful or fail, each with its cause and the next step.
    """
    from workbench import console

    console.quiet_libraries()
    as_json = output == "json"
    try:
        if replay is not None:
            from workbench.overfit.events import read

            file = replay / "events.jsonl" if replay.is_dir() else replay
            events = read(file)
        else:
            if str(out) == "-":
                raise InputError(
                    "--out - is no folder", "A run keeps several files.", "Give a folder, or leave it out."
                )
            from workbench.bench import prepare
            from workbench.overfit.start import events_file, start
            from workbench.overfit.supervisor import run
            from workbench.views.overfit import Live

            bench = prepare(config, model=model, data=data, **options)
            with console.progress_bar() as progress:
                bench.load(progress)
            supervisor = start(
                bench,
                rows=rows,
                steps=steps,
                seed=seed,
                device=device,
                out=out,
                max_minutes=max_minutes,
                max_memory=max_memory,
                launcher=launcher or "",
                processes=num_processes,
            )
            file = events_file(supervisor)
            with Live(sys.stderr, steps, supervisor.plan.not_honoured) as live:
                events = run(supervisor, live.tell)
    except KeyboardInterrupt:
        console.tell("vlmbench: the run was cancelled")
        return EXIT_INTERRUPTED
    except BenchError as problem:
        return console.report(problem, as_json=as_json)
    from workbench.overfit.verdict import judge
    from workbench.views.overfit import overfit_payload, overfit_text

    verdict = judge(events)
    with console.ignoring_closed_pipe():
        if as_json:
            console.write_json(overfit_payload(events, verdict, str(file)))
        elif output == "html":
            from workbench.overfit.runs import Run
            from workbench.views.about import about_run
            from workbench.views.html import document
            from workbench.views.html_reports import run_html

            about = about_run(events, Run(Path(file).parent).recipe_name)
            sys.stdout.write(document("overfit run", run_html(events, verdict, str(file)), about))
        else:
            sys.stdout.write(overfit_text(events, verdict, str(file)))
    return exit_code(verdict)


def exit_code(verdict: Verdict) -> int:
    """The exit code for a verdict."""
    codes = {finding.code for finding in verdict.findings if finding.severity == "error"}
    if verdict.outcome == "pass":
        return EXIT_OK
    if "R015" in codes:
        return EXIT_ENVIRONMENT
    return EXIT_INPUT if "R017" in codes else EXIT_FINDINGS
