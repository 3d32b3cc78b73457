"""The conversion of a whole source, row by row, in memory that does not grow with it."""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.convert.lines_file import LinesFile
from workbench.convert.media_store import MediaStore, Paths
from workbench.convert.rows import Wanted, read_row, written_row
from workbench.convert.shapes import SAMPLED_ROWS, Shape, recognise
from workbench.convert.talk import Changes, Refused
from workbench.data.rows import RawRow, RowSource
from workbench.errors import InputError, Where
from workbench.recipe.yaml.document import refuse_special

if TYPE_CHECKING:
    from workbench.convert.proof import RowProof

FIRST_PLACES = 3
SUFFIX = ".refused.jsonl"


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that stays out, and why."""

    row: int
    line: int | None
    reason: str
    detail: str
    hint: str

    def to_dict(self) -> dict[str, Any]:
        """The refusal in JSON."""
        found = {"row": self.row, "line": self.line, "reason": self.reason, "detail": self.detail, "hint": self.hint}
        return {key: value for key, value in found.items() if value not in (None, "")}


@dataclass(slots=True)
class Converted:
    """The outcome of a conversion. `refusals`: the number of rows by reason; `first`: the first few of each."""

    source: str
    out: Path
    shape: Shape
    read: int = 0
    written: int = 0
    changed: int = 0
    changes: Changes = field(default_factory=Changes)
    refusals: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[RefusedRow]] = field(default_factory=dict)
    refused_file: Path | None = None
    media_folder: Path | None = None
    media_files: int = 0
    media_bytes: int = 0
    proof: RowProof | None = None

    @property
    def refused(self) -> int:
        """The number of rows that stay out."""
        return self.refusals.total()

    def refuse(self, refusal: RefusedRow) -> None:
        """Count a row that stays out."""
        self.refusals[refusal.reason] += 1
        places = self.first.setdefault(refusal.reason, [])
        if len(places) < FIRST_PLACES:
            places.append(refusal)


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """One row before the conversion and after it; `after` is None where the row is refused.

    `changed`: anything is written otherwise than it was.
    """

    row: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    refusal: RefusedRow | None = None
    changed: bool = True


def shape_of(source: RowSource, wanted: Wanted) -> Shape:
    """The shape of a source, from its first rows.

    Raises:
        InputError: there is no row, or the shape is none that is known, or several.
    """
    rows = [row.data for row in itertools.islice(source, SAMPLED_ROWS) if row.data is not None]
    if not rows:
        cause = "it is empty, or none of its first rows can be read"
        raise InputError("There is no row to convert", cause, "`vlmbench check` names the lines.", Where(source.name))
    return recognise(rows, wanted.columns, source=source.name, prompt=wanted.prompt)


def refused_path(out: Path) -> Path:
    """The file of the refused rows beside an output."""
    return out.with_name(out.name.removesuffix(".jsonl") + SUFFIX)


def convert(
    source: RowSource,
    out: Path,
    wanted: Wanted,
    *,
    media_folder: Path | None = None,
    paths: Paths = "absolute",
    proof: RowProof | None = None,
    progress: Callable[[Converted], None] = lambda result: None,
) -> Converted:
    """Write the rows of a source as messages to `out`; see `converting`. `progress` is called after every row."""
    result = None
    for result in converting(source, out, wanted, media_folder=media_folder, paths=paths, proof=proof):
        progress(result)
    assert result is not None
    return result


def converting(
    source: RowSource,
    out: Path,
    wanted: Wanted,
    *,
    media_folder: Path | None = None,
    paths: Paths = "absolute",
    proof: RowProof | None = None,
) -> Generator[Converted, None, None]:
    """Write the rows of a source as messages to `out`, and those that are refused to a file beside it.

    Gives the result so far after every row, and once more when both files have taken their place, which is when all
    rows were read: until then, and where this is closed earlier, nothing is to be seen. The source is never touched.
    `media_folder`: where relative paths of media begin; else the data's folder, then the working directory.

    Raises:
        InputError: the shape is not known, or `out` is no place for the rows. EnvironmentProblem: it cannot be written.
    """
    shape = shape_of(source, wanted)
    result = Converted(source.name, out, shape, proof=proof)
    store = MediaStore(out, media_folder=media_folder, paths=paths)
    lines = LinesFile(out)
    refused: LinesFile | None = None
    beside = refused_path(out)
    try:
        for row in source:
            result.read += 1
            changes = Changes()
            try:
                line = _converted(row, source, shape, wanted, store, changes, lines.count, proof)
            except Refused as problem:
                refusal = RefusedRow(row.index, row.line, problem.reason, problem.detail, problem.hint)
                refused = refused or LinesFile(beside)
                refused.write(_refused_line(refusal, row))
                result.refuse(refusal)
            else:
                lines.write(line)
                result.changed += bool(changes.made or changes.lost)
                result.changes.add(changes)
            result.written = lines.count
            yield result
        if refused is not None:
            refused.commit()
            result.refused_file = beside
        elif beside.is_file():
            # Of an earlier run, whose rows these are not.
            beside.unlink()
        if lines.count:
            # An empty file would pass for rows that are clean.
            lines.commit()
    finally:
        lines.abandon()
        if refused is not None:
            refused.abandon()
    if store.folder.is_dir():
        result.media_folder = store.folder
    result.media_files, result.media_bytes = store.written, store.size
    yield result


def samples(source: RowSource, wanted: Wanted, out: Path, count: int) -> tuple[Shape, list[BeforeAfter]]:
    """The first rows before and after, with nothing written. Raises InputError as `convert` does."""
    shape = shape_of(source, wanted)
    store = MediaStore(out, dry=True)
    found = []
    for row in itertools.islice(source, count):
        changes = Changes()
        try:
            after = json.loads(_converted(row, source, shape, wanted, store, changes, row.index, None))
        except Refused as problem:
            refusal = RefusedRow(row.index, row.line, problem.reason, problem.detail, problem.hint)
            found.append(BeforeAfter(row.index, row.data, None, refusal))
        else:
            found.append(BeforeAfter(row.index, row.data, after, changed=bool(changes.made or changes.lost)))
    return shape, found


def _converted(
    row: RawRow,
    source: RowSource,
    shape: Shape,
    wanted: Wanted,
    store: MediaStore,
    changes: Changes,
    index: int,
    proof: RowProof | None,
) -> bytes:
    """The line of a row. Raises Refused."""
    if row.data is None:
        problem = row.error
        raise Refused("a row that cannot be read", problem.message if problem else "", problem.hint if problem else "")
    try:
        talk = read_row(row.data, shape, wanted, changes)
        store.place(talk, row.base_dir or source.base_dir, changes)
        line = json.dumps(written_row(talk, wanted), ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise Refused("a row that is nested too deep") from None
    except UnicodeEncodeError:
        raise Refused("half of a surrogate pair, which is no character") from None
    if proof is not None:
        proof.prove(index, json.loads(line))
    return line


def _refused_line(refusal: RefusedRow, row: RawRow) -> bytes:
    """A refused row as a line: the reason, and the row as it was; what JSON cannot hold is described."""
    data = {**refusal.to_dict(), "source": row.source, "data": row.data}
    try:
        return json.dumps(data, default=_described).encode()
    except (ValueError, RecursionError):
        return json.dumps({**data, "data": None}).encode()


def _described(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    return f"<{repr(value)[:120]}>"


def refuse_place(out: Path, inputs: Iterator[Path], *, force: bool) -> None:
    """Stop where the output would touch the data, or a file that is there.

    Raises:
        InputError: `out` or the file of refused rows is one of the inputs, lies in a folder of data, or exists.
    """
    where = Where(str(out))
    for path in inputs:
        if path.is_dir() and Path(os.path.realpath(out)).is_relative_to(os.path.realpath(path)):
            cause = f"{path} is read as one set of rows, so the output would be a part of it the next time."
            raise InputError("The output lies in the folder of the data", cause, "Write it elsewhere.", where)
        for file in (out, refused_path(out)):
            if path.is_file() and file.exists() and os.path.samefile(path, file):
                raise InputError("The output is the input", "The data is never written over.", "Name another.", where)
    for file in (out, refused_path(out)):
        refuse_special(file)
        if file.exists() and not force:
            hint = "--force replaces it; or name another file with --out."
            raise InputError("There is a file already", f"{file} would be replaced.", hint, where)
