"""`vlmbench convert`: rows of other shapes as messages, pictures in their place, proven for a model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from workbench.commands.options import RowCount, epilog, model_options
from workbench.errors import EXIT_FINDINGS, EXIT_OK, BenchError, InputError

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.convert.rows import Wanted
    from workbench.convert.run import Converted
    from workbench.data.rows import RowSource


@click.command(
    epilog=epilog(
        ("convert llava.json --out rows.jsonl", "the shape is found from the columns"),
        ("convert docvqa.parquet --out rows.jsonl --model org/vlm", "every row proven for this model"),
    )
)
@click.argument("data", required=False, metavar="[DATA]")
@click.option("--out", required=True, type=click.Path(dir_okay=False), metavar="FILE", help="The rows, as JSON lines.")
@click.option("--config", type=click.Path(dir_okay=False), metavar="RECIPE", help="Prove them for this recipe.")
@click.option("--dataset", default=0, metavar="K", help="Without DATA: the recipe's data set K, from 0.")
@click.option("--model", metavar="ID|DIR", help="Prove them for this model.")
@click.option("--messages", metavar="COL", help="The column of messages, where several could be.")
@click.option("--user", multiple=True, metavar="COL", help="A table's question; several are one text. COL.KEY too.")
@click.option("--assistant", metavar="COL", help="A table's answer.")
@click.option("--image", multiple=True, metavar="COL", help="The column of pictures; several in their order.")
@click.option("--video", multiple=True, metavar="COL", help="The column of videos.")
@click.option("--audio", multiple=True, metavar="COL", help="The column of sounds.")
@click.option("--system", default="", metavar="TEXT", help="A system message for rows that have none.")
@click.option("--prompt", default="", metavar="TEXT", help="The user's text of a table that has no question.")
@click.option("--tool-text", is_flag=True, help="Write tool calls, their results and reasoning as text.")
@click.option("--media", type=click.Path(file_okay=False), metavar="DIR", help="The folder where relative paths begin.")
@click.option(
    "--paths",
    type=click.Choice(["absolute", "relative"]),
    default="absolute",
    show_default=True,
    help="Relative paths begin in the output's folder, and hold where axolotl is started there.",
)
@click.option("--rows", type=RowCount(), default="all", metavar="N|all", show_default=True, help="Only the first N.")
@click.option("--force", is_flag=True, help="Replace an output that is there.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@model_options
def convert(
    data: str | None = None,
    out: str = "",
    config: str | None = None,
    dataset: int = 0,
    model: str | None = None,
    media: str | None = None,
    paths: Literal["absolute", "relative"] = "absolute",
    rows: int | Literal["all"] = "all",
    force: bool = False,
    output: str = "text",
    **options: Any,
) -> int:
    """Write rows of any usual shape as messages with typed parts, each picture in its place.

    DATA is a file, a folder or a hub data set; its shape is found from its columns, and it is never touched. Rows that
    would lose something are refused into a file beside the output, with the reason: exit code 1. With --model or
    --config every row is proven: its checks find no error, no text is lost in the rendering, pictures agree.
    """
    from workbench import console
    from workbench.bench import prepare
    from workbench.convert.recipe_entry import entry_fix
    from workbench.convert.run import refuse_place
    from workbench.findings import apply_fix

    console.quiet_libraries()
    try:
        if data is None and config is None:
            raise InputError("There is nothing to convert", hint="Give DATA, or --config with a recipe that names it.")
        target = Path(out)
        chosen = {name: options.pop(name) for name in _CHOICES}
        if data is not None:
            refuse_place(target, _inputs(data), force=force)
        bench: Bench | None = None
        if config is not None or model is not None:
            bench = prepare(config, model=model, data=data, dataset=dataset, **options)
            with console.progress_bar() as progress:
                bench.load(progress)
        source = _open(data, bench)
        if data is None and bench is not None:
            refuse_place(target, _inputs_of(bench), force=force)
        if bench is not None and (fix := entry_fix(bench.document, dataset, None)) is not None:
            # In memory alone: the rows are proven as the recipe will read them once it names their file.
            apply_fix(bench.document, fix)
            bench.apply()
        return _converted(source, target, bench, chosen, media, paths, None if rows == "all" else rows, output)
    except BenchError as problem:
        return console.report(problem, as_json=output == "json")


_CHOICES = ("messages", "user", "assistant", "image", "video", "audio", "system", "prompt", "tool_text")


def _open(data: str | None, bench: Bench | None) -> RowSource:
    if bench is not None:
        return bench.rows_as_written()
    from workbench.data.sources import open_source

    assert data is not None
    return open_source(data, as_written=True)


def _inputs(data: str) -> Iterator[Path]:
    if os.path.exists(data):
        yield Path(data)


def _inputs_of(bench: Bench) -> Iterator[Path]:
    """The local files and folders that the recipe's data set names."""
    entry = bench.entry_of(bench.recipe)
    named = [entry.path] if entry is not None else []
    files = entry.data_files if entry is not None else None
    named += [files] if isinstance(files, str) else list(files or ())
    for name in named:
        for folder in (Path(), bench.recipe_dir):
            if name and (folder / name).exists():
                yield folder / name


def _converted(
    source: RowSource,
    out: Path,
    bench: Bench | None,
    chosen: dict[str, Any],
    media: str | None,
    paths: Literal["absolute", "relative"],
    limit: int | None,
    output: str,
) -> int:
    """Convert, and print what was done; gives the exit code."""
    import sys

    from workbench import console
    from workbench.convert.proof import RowProof
    from workbench.convert.run import convert
    from workbench.data.sources import SliceSource
    from workbench.views.convert import convert_payload, convert_text, outcome, proof_line

    if media is not None and not Path(media).is_dir():
        raise InputError("--media names no folder", media, "Give the folder where relative paths begin.")
    source = SliceSource(source, 0, limit) if limit is not None else source
    proof = RowProof(bench, out) if bench is not None else None

    with console.row_progress(source.known_length) as show:

        def progress(result: Converted) -> None:
            show(result.read, f"{result.written:,} converted, {result.refused:,} refused")

        result = convert(
            source,
            out,
            _wanted(chosen, bench),
            media_folder=Path(media) if media is not None else None,
            paths=paths,
            proof=proof,
            progress=progress,
        )
    with console.ignoring_closed_pipe():
        if output == "json":
            console.write_json(convert_payload(result))
        else:
            sys.stdout.write(convert_text(result))
    if output == "text":
        console.say(proof_line(result), outcome(result))
    return EXIT_FINDINGS if result.refused else EXIT_OK


def _wanted(chosen: dict[str, Any], bench: Bench | None) -> Wanted:
    from workbench.convert.rows import Wanted, honoured
    from workbench.convert.shapes import Columns

    named = Columns(
        chosen["messages"] or "",
        tuple(chosen["user"]),
        chosen["assistant"] or "",
        {"image": tuple(chosen["image"]), "video": tuple(chosen["video"]), "audio": tuple(chosen["audio"])},
    )
    train_key, keeps_tools = honoured(bench)
    return Wanted(named, chosen["system"], chosen["prompt"], chosen["tool_text"], train_key, keeps_tools)
