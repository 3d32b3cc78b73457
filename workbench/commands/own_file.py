"""Another trainer's own file under `inspect`: that trainer's mask, as text, JSON or a page."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import console
from workbench.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from workbench.recipe.trainer_file import TrainerFile

MOST_ROWS = 1000
"""The most rows of a file that are asked about at once."""


def trainer_file(config: str | None) -> TrainerFile | None:
    """The file of another trainer at this path; None where there is none.

    Raises:
        InputError: it cannot be read, or is for another kind of training.
    """
    from workbench.recipe.trainer_file import read_trainer_file

    return read_trainer_file(config) if config is not None and Path(config).is_file() else None


def inspect_own(
    file: TrainerFile,
    rows: Sequence[int] | int,
    pythons: Sequence[str],
    output: str,
    *,
    data: str | None,
    model: str | None,
    options: dict[str, Any],
) -> int:
    """Ask the file's trainer and print its mask; the exit code.

    Raises:
        BenchError: the rows cannot be read, or the trainer cannot be asked.
    """
    from workbench.lanes.own_mask import own_mask, own_python
    from workbench.views.own_mask import own_mask_html, own_mask_payload, show

    with tempfile.TemporaryDirectory(prefix="vlmbench-own-") as scratch:
        made = own_mask(
            file,
            own_python(file, pythons),
            rows,
            Path(scratch),
            data=data,
            dataset=int(options.get("dataset") or 0),
            model=model,
            offline=bool(options.get("offline")),
            trust=bool(options.get("trust_remote_code")),
            progress=console.tell,
        )
        with console.ignoring_closed_pipe():
            if output == "json":
                console.write_json(own_mask_payload(made))
            elif output == "html":
                from workbench.views.about import About, installed_versions
                from workbench.views.html import document

                asked = f"asked: {made.answer.version}"
                about = About(made.model, file.path.name, made.source, installed_versions(), asked)
                sys.stdout.write(document(f"{file.title} · {file.path.name}", own_mask_html(made), about))
            else:
                show(made, console.console())
    wrong = made.answer.refused is not None or any(one.severity == "error" for one in made.findings)
    return EXIT_FINDINGS if wrong else EXIT_OK
