"""Export: compose the file, prove what can be proven, write it with its receipt, or refuse and say what is missing."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.blocks.structures import DrawnRows, draw_rows
from workbench.checks.asking import make_question
from workbench.consumers.axolotl.client import ask, consumer_python
from workbench.consumers.axolotl.loader import Rehearsal
from workbench.consumers.protocol import Answer
from workbench.errors import EXIT_FINDINGS, BenchError, InputError, Where
from workbench.export import readiness
from workbench.export.all_rows import KnownOfAllRows, of_audit
from workbench.export.compose import Composed, compose, reopen
from workbench.export.defaults import RUN_KEYS
from workbench.export.readiness import Proof
from workbench.export.receipt import BENCH, Receipt, without_receipt
from workbench.fingerprint import fingerprint, versions
from workbench.recipe.path import TrainingPath
from workbench.recipe.yaml.document import Document, write_atomically
from workbench.version import __version__

if TYPE_CHECKING:
    from workbench.answers import ExportAnswer
    from workbench.bench import Bench
    from workbench.overfit.runs import Run

SCHEMA: Final = "vlmbench.export/1"
ROWS = 200
Overrides = Mapping[tuple[str | int, ...], Any]


class ExportRefused(BenchError):
    """The export is refused: not everything is proven. Exit code 1."""

    exit_code = EXIT_FINDINGS

    def __init__(self, missing: Sequence[Proof]) -> None:
        cause = "\n".join(f"{proof.step}: {proof.message}" for proof in missing)
        hints = "\n".join(dict.fromkeys(proof.hint for proof in missing if proof.hint))
        super().__init__("Not exported: this recipe is not proven", cause, f"{hints}\n--unvalidated writes it anyway.")
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class Export:
    """An export before it is written, with its proofs.

    `rows` are the numbers of the rows that were looked at; `answer` is what axolotl made of them, where it was asked;
    `path` the path that the recipe takes.
    """

    composed: Composed
    proofs: tuple[Proof, ...]
    receipt: Receipt
    rows: tuple[int, ...]
    out: Path | None = None
    answer: Answer | None = None
    path: TrainingPath | None = None

    @property
    def missing(self) -> tuple[Proof, ...]:
        """The steps that are not proven, in order."""
        return tuple(proof for proof in self.proofs if proof.ok is False)

    @property
    def proven_by(self) -> str | None:
        """The prover: "axolotl 0.19.0" where that was asked and gives the same, "bench" where nothing is missing but
        no axolotl was asked; None where something is missing."""
        return self.receipt.validated or None

    @property
    def validated(self) -> bool:
        """True where nothing is missing, and the trainer itself was asked and answered."""
        return self.proven_by not in (None, BENCH)

    @property
    def text(self) -> str:
        """The whole file, receipt first."""
        return self.receipt.write(self.composed.text)

    def diff(self) -> str:
        """Unified diffs from the files that are there to these; "" where there are none, or they are the same."""
        if self.out is None:
            return ""
        beside = {self.out.parent / name: content.decode() for name, content in self.composed.files.items()}
        return "".join(_difference(target, text) for target, text in ({self.out: self.text} | beside).items())

    def write(self, path: Path | None = None, *, unvalidated: bool = False, force: bool = False) -> Path:
        """Write the file, and beside it those that it needs: each whole or not at all. Gives the file's path.

        Raises:
            ExportRefused: something is not proven and `unvalidated` is not given.
            InputError: there is a file already and `force` is not given, or there is no such folder.
        """
        target = path or self.out
        if target is None:
            raise InputError("The export has no file to write to", hint="Give a path.")
        if self.missing and not unvalidated:
            raise ExportRefused(self.missing)
        if target.exists() and not force:
            hint = "Give --force to replace it, or another --out."
            raise InputError(f"{target} exists already", "Nothing was written.", hint, Where(str(target)))
        beside = {target.parent / name: content for name, content in self.composed.files.items()}
        for file, content in beside.items():
            if not force and (file.exists() or file.is_symlink()) and not _holds(file, content):
                cause = f"The recipe needs {file.name} beside it, and this is another one. Nothing was written."
                hint = "Move it away, give --force to replace it, or another --out."
                raise InputError(f"{file} exists already", cause, hint, Where(str(file)))
        # First what the recipe names, so that it never lies there without it.
        for file, content in beside.items():
            if not _holds(file, content):
                write_atomically(file, content)
        write_atomically(target, self.text.encode("utf-8"))
        return target

    def to_dict(self) -> ExportAnswer:
        """The payload of `vlmbench.export/1`, but for what was written."""
        return {
            "schema": SCHEMA,
            "path": self.path.to_dict() if self.path is not None else None,
            "validated": self.validated,
            "proven_by": self.proven_by,
            "proofs": [proof.to_dict() for proof in self.proofs],
            "changes": [change.to_dict() for change in self.composed.changes],
            "needs": list(self.composed.requirements),
            "receipt": self.receipt.to_dict(),
            "text": self.text,
            "files": {name: content.decode() for name, content in self.composed.files.items()},
        }


def _holds(file: Path, content: bytes) -> bool:
    """True where the file exists with this content, line endings aside."""
    try:
        return file.read_bytes().replace(b"\r\n", b"\n") == content
    except OSError:
        return False


def _difference(file: Path, text: str) -> str:
    if not file.is_file():
        return ""
    old = file.read_text("utf-8", errors="replace").splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, text.splitlines(keepends=True), str(file), f"{file} (export)"))


def prepare_export(
    bench: Bench,
    out: Path | None = None,
    *,
    overrides: Overrides | None = None,
    count: int | None = ROWS,
    run: Run | None = None,
    today: datetime.date | None = None,
    axolotl_python: str | None = None,
    all_rows: KnownOfAllRows | None = None,
) -> Export:
    """Compose the file for the full run of a loaded bench, and prove what can be proven. Writes nothing.

    Args:
        out: where the file will lie, which decides relative paths.
        overrides: values to set, by path; those of the full run alone (epochs, rate, …) keep an overfit run's proof.
        count: on how many rows it is proven, with one of every rendering structure; None for all.
        run: the overfit run to go by, instead of the last one recorded.
        axolotl_python: the Python whose axolotl is asked, instead of the bench's.
        all_rows: what a check found of all rows of the recipe as it is, instead of what its audit found.

    Raises:
        InputError: `out` is the recipe's own file, or in no folder that is there; or `run` cannot be read.
    """
    source = bench.document.path
    if out is not None and out.exists() and source is not None and out.samefile(source):
        hint = "Give another --out; `vlmbench check --fix` edits a recipe in place."
        raise InputError("--out is the recipe itself", "An export never replaces what it was made from.", hint)
    if out is not None and not out.parent.is_dir():
        hint = "Create it, or give another --out."
        raise InputError(f"There is no folder {out.parent}", "Nothing was written.", hint, Where(str(out)))
    if axolotl_python is not None:
        bench = bench.asking(axolotl_python)
    overrides = dict(overrides or {})
    later = {path: value for path, value in overrides.items() if path[0] in RUN_KEYS}
    before = {path: value for path, value in overrides.items() if path not in later}
    name = f"the overfit run in {run.folder}" if run is not None else "the last overfit run"
    if run is None:
        run = readiness.last_run(bench)
    else:
        # A folder without a run in it is a mistake, not a proof that is missing.
        _ = run.events
    if before:
        bench = _with(bench, before)
    known = all_rows if all_rows is not None else of_audit(bench)
    drawn = draw_rows(bench, count)
    rows = drawn.rows
    composed = compose(bench, rows=rows, out=out, overrides=overrides)
    exported: Bench | BenchError
    try:
        exported = reopen(bench, composed.text, out)
    except BenchError as problem:
        exported = problem
    proofs = [
        readiness.schema_proof(exported if not isinstance(exported, BenchError) else bench),
        readiness.rows_proof(bench, rows),
        # What the export mends is no error of the file.
        readiness.check_proof(exported if not isinstance(exported, BenchError) else bench, rows, known),
        readiness.overfit_proof(bench, run, name),
        readiness.round_trip_proof(bench, exported, rows),
    ]
    answer: Answer | BenchError | None = None
    if not isinstance(exported, BenchError):
        answer = _asked_consumer(exported, composed.text, rows)
        proofs.append(readiness.consumer_proof(exported, answer, drawn.described))
        # A file that its validator or its kernels refuse is told of above.
        if isinstance(answer, Answer) and (answer.refused or {}).get("stage") not in ("validate", "kernels"):
            rehearsal = _asked_loader(exported)
            proofs += [readiness.loader_proof(exported, rehearsal)] if rehearsal is not None else []
    receipt = _receipt(bench, drawn, proofs, composed, answer, today)
    axolotl_answer = answer if isinstance(answer, Answer) else None
    return Export(composed, tuple(proofs), receipt, rows, out, axolotl_answer, bench.path)


def _with(bench: Bench, overrides: Overrides) -> Bench:
    """The bench with these values set in its recipe; the bench itself stays as it is."""
    document = Document(without_receipt(bench.document.text), bench.document.name)
    for path, value in overrides.items():
        document.set(path, value)
    return reopen(bench, document.text, same_model=("base_model",) not in overrides)


def _asked_consumer(exported: Bench, text: str, rows: Sequence[int]) -> Answer | BenchError | None:
    python = consumer_python(exported.options["axolotl_python"])
    if python is None:
        return None
    try:
        return ask(python, make_question(exported, rows, text))
    except BenchError as problem:
        return problem


def _asked_loader(exported: Bench) -> Rehearsal | BenchError | None:
    try:
        return exported.rehearsal()
    except BenchError as problem:
        return problem


def _receipt(
    bench: Bench,
    drawn: DrawnRows,
    proofs: Sequence[Proof],
    composed: Composed,
    answer: Answer | BenchError | None,
    today: datetime.date | None,
) -> Receipt:
    taken = fingerprint(bench, [index for index in drawn.rows if bench.row(index).error is None])
    model = bench.title if bench.loaded.revision else Path(bench.title).name
    source = Path(bench.rows.name).name or bench.rows.name
    used_versions = {"vlmbench": __version__} | versions()
    if isinstance(answer, Answer):
        used_versions |= {"axolotl": answer.versions["axolotl"]}
    asked = [proof for proof in proofs if proof.step in ("consumer", "loader")]
    by = answer.name if asked and all(proof.ok for proof in asked) and isinstance(answer, Answer) else BENCH
    return Receipt(
        validated=by if all(proof.ok is not False for proof in proofs) else False,
        date=(today or datetime.date.today()).isoformat(),
        model={"name": model or bench.title, "files": taken.model_files}
        | ({"revision": bench.loaded.revision} if bench.loaded.revision else {}),
        rows={
            "source": source,
            "count": len(taken.indices),
            "content": taken.rows,
            "labels": taken.labels,
            **drawn.to_dict(),
        },
        proofs={proof.step: proof.message for proof in proofs if proof.ok is not False},
        missing=tuple(f"{proof.step}: {proof.message}" for proof in proofs if proof.ok is False),
        requirements=composed.requirements,
        versions=used_versions,
    )
