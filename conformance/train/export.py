"""A case's recipe as the bench exports it, in a folder with its rows."""

from __future__ import annotations

from pathlib import Path

from conformance.train.cases import COMMON, Case
from conformance.train.models import TEXT, weighted_folder
from conformance.train.rows import write_rows
from workbench.bench import Bench
from workbench.export.compose import compose, reopen
from workbench.recipe.yaml.document import Document


def exported(case: Case, folder: Path) -> Path:
    """Write rows and full.yaml into a folder, with all that lies beside it; gives the file."""
    data = write_rows(folder, pictures=case.pictures and case.family != TEXT, tokens=case.tokens)
    new = Bench(model=str(weighted_folder(case.family)), data=str(data)).load()
    keys = COMMON | {"output_dir": str(folder / "out")} | case.keys
    document = Document(new.document.text)
    for key, value in keys.items():
        if value is None and key in document.data:
            document.delete((key,))
    bench = reopen(new, document.text) if document.text != new.document.text else new
    file = folder / "full.yaml"
    overrides = {(key,): value for key, value in keys.items() if value is not None}
    made = compose(bench, rows=range(len(bench.rows)), out=file, overrides=overrides)
    file.write_text(made.text, "utf-8")
    for name, content in made.files.items():
        (folder / name).write_bytes(content)
    return file
