"""`vlmbench export`: the axolotl YAML for the full run, with its receipt, or what is missing for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from workbench.commands.options import RowCount, epilog, source_options
from workbench.errors import EXIT_FINDINGS, EXIT_OK, BenchError, InputError

if TYPE_CHECKING:
    from workbench.export.prepare import Export


@click.command(
    epilog=epilog(
        ("export recipe.yaml --out full.yaml", "the recipe for the full run, with its receipt"),
        ("export recipe.yaml --axolotl-python envs/train/bin/python --out full.yaml", "proven by axolotl itself"),
    )
)
@source_options
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Where to write; - or none: stdout.")
@click.option("--unvalidated", is_flag=True, help="Write what is not proven; the file says so.")
@click.option("--force", is_flag=True, help="Replace a file that is there, after showing the diff.")
@click.option("--set", "assigned", multiple=True, metavar="KEY=VALUE", help="Set a key, as often as you like.")
@click.option(
    "--rows",
    type=RowCount(),
    default=200,
    metavar="N|all",
    show_default=True,
    help="Prove it on N rows, of every structure, or all.",
)
@click.option(
    "--run",
    "run_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The overfit run to go by, in the folder that --out gave it; else the last one of this recipe.",
)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def export(
    config: str | None = None,
    model: str | None = None,
    data: str | None = None,
    out: str | None = None,
    unvalidated: bool = False,
    force: bool = False,
    assigned: tuple[str, ...] = (),
    rows: int | Literal["all"] = 200,
    run_folder: Path | None = None,
    output: str = "text",
    **options: Any,
) -> int:
    """Write the axolotl YAML for the full run, with the evidence in its head.

    It is written where the rows were checked without an error, an overfit run of this very recipe passed, and, with
    --axolotl-python, axolotl itself makes the same labels. Else it is refused, and what is missing is named. Without an
    axolotl to ask it is proven here alone, and the file says so. What must lie beside it is written too.
    """
    from workbench import console
    from workbench.bench import prepare
    from workbench.recipe.yaml.document import refuse_special

    console.quiet_libraries()
    try:
        overrides = dict(_assignment(assignment) for assignment in assigned)
        target = Path(out) if out not in (None, "-") else None
        if target is not None:
            refuse_special(target)
        bench = prepare(config, model=model, data=data, **options)
        with console.progress_bar() as progress:
            bench.load(progress)
        from workbench.export.prepare import prepare_export
        from workbench.overfit.runs import Run

        run = Run(run_folder) if run_folder is not None else None
        made = prepare_export(bench, target, overrides=overrides, count=None if rows == "all" else rows, run=run)
        return _finish(made, unvalidated=unvalidated, force=force, output=output)
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")


def _assignment(text: str) -> tuple[tuple[str | int, ...], Any]:
    """`a.0.b=VALUE` as a path and the value that YAML makes of it."""
    import yaml

    from workbench.recipe.yaml.document import key_path

    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise InputError(f"--set {text!r} is no assignment", hint="Write KEY=VALUE, such as num_epochs=2.")
    try:
        return key_path(key), yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, OverflowError, AttributeError, IndexError) as problem:
        cause = " ".join(str(problem).split())[:200]
        raise InputError(f"--set {text!r}: the value is no YAML", cause, "Quote it, as in KEY='a: b'.") from problem


def _finish(made: Export, *, unvalidated: bool, force: bool, output: str) -> int:
    """Write or print; stderr tells what is proven, stdout is the data."""
    from workbench import console
    from workbench.console import ignoring_closed_pipe, write_json
    from workbench.views.export import outcome, path_line, proof_line, proofs_text, written_text

    written: Path | None = None
    problem: BenchError | None = None
    if output == "text":
        console.tell(path_line(made))
        console.say(proof_line(made), outcome(made))
        console.tell(proofs_text(made))
    diff = made.diff()
    if diff and output == "text":
        console.tell(diff.rstrip("\n"))
    if made.out is not None:
        try:
            written = made.write(unvalidated=unvalidated, force=force)
        except BenchError as error:
            problem = error
    with ignoring_closed_pipe():
        if output == "json":
            refusal = problem.to_dict() if problem is not None else None
            write_json(made.to_dict() | {"written": str(written) if written else None, "diff": diff, "error": refusal})
        elif made.out is None and (made.proven_by or unvalidated):
            sys.stdout.write(made.text)
    if problem is not None:
        if output == "json":
            return problem.exit_code
        raise problem
    if output == "text" and written is not None:
        console.tell(f"vlmbench: {written_text(made, written)}")
    return EXIT_OK if made.proven_by or unvalidated else EXIT_FINDINGS
