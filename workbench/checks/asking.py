"""Ask the trainer at hand about the recipe and rows of a bench, and give the bench what it said.

The question is made where the bench is; it may be asked in another thread, for no bench is needed then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.consumers.axolotl.client import ask, consumer_python
from workbench.consumers.content import row_digest
from workbench.consumers.protocol import Asked, Question
from workbench.data.rows import RawRow
from workbench.errors import BenchError, InputError

if TYPE_CHECKING:
    from workbench.bench import Bench

ROWS = 200
"""The most rows that a trainer is asked about at once."""
_PICTURE_KEYS = frozenset(("image", "images", "path", "url", "image_url"))


def python_at_hand(bench: Bench) -> str | None:
    """The Python of the trainer that is asked; None where none is at hand, or none is to be asked."""
    return consumer_python(bench.options["axolotl_python"]) if bench.asks else None


def ask_rows(bench: Bench, rows: Sequence[int]) -> Asked | None:
    """Ask the trainer at hand about these rows, wait, and give the bench its answer; None where none is at hand.

    It takes seconds the first time, and a few milliseconds for what was asked before.
    """
    question = question_of(bench, rows[:ROWS])
    asked = None if question is None else answered(bench.options["axolotl_python"], question)
    bench.take_answer(asked)
    return asked


def answered(
    python: str | None, question: Question | BenchError, cancelled: Callable[[], bool] = lambda: False
) -> Asked:
    """Ask a question of `question_of`, in any thread. Never raises for what the trainer does.

    `cancelled` is asked when it is the question's turn: one that is under way is answered to its end.
    """
    if isinstance(question, BenchError):
        return Asked("", (), problem=question)
    found = consumer_python(python)
    assert found is not None
    try:
        return Asked(question.recipe, question.rows, ask(found, question, cancelled))
    except BenchError as problem:
        return Asked(question.recipe, question.rows, problem=problem)


def question_of(bench: Bench, rows: Sequence[int], text: str | None = None) -> Question | BenchError | None:
    """The question about these rows of a loaded bench, as far as there are such rows; or why it cannot be asked.

    `text` is asked about instead of the bench's recipe. None where no trainer is at hand.
    """
    if python_at_hand(bench) is None:
        return None
    if (problem := _not_to_be_asked(bench)) is not None:
        return problem
    return make_question(bench, rows, text)


def make_question(bench: Bench, rows: Sequence[int], text: str | None = None) -> Question:
    """The question about these rows, whether or not a trainer is at hand."""
    raw = dict(_raw_rows(bench, rows))
    home = bench.recipe_dir.absolute()
    folder = (picture_folder(bench, raw.values()) or home).absolute()
    options, loaded = bench.options, bench.loaded
    model = str(loaded.path.absolute()) if options["revision"] else options["model"] or ""
    data = bench.shown_data
    return Question(
        text if text is not None else bench.document.text,
        folder,
        tuple(raw),
        beside=home,
        model=_moved(model or str(bench.document.get(("base_model",), "")), bool(model), home, folder),
        data=_moved(data or _path_of(bench), bool(data), home, folder),
        dataset=options["dataset"],
        offline=options["offline"],
        digests={
            index: row_digest(row.data, (folder, home, row.base_dir, bench.rows.base_dir)) for index, row in raw.items()
        },
        model_folders=tuple(
            dict.fromkeys(one for one in (loaded.path, loaded.tokenizer_path, loaded.processor_path) if one is not None)
        ),
    )


def _not_to_be_asked(bench: Bench) -> BenchError | None:
    data = bench.document.data
    if data.get("rl"):
        hint = "`vlmbench inspect` shows prompt, chosen and rejected as text."
        return InputError("rows of preference data are not asked about", f"The recipe has rl: {data['rl']}.", hint)
    if data.get("trust_remote_code") and not bench.options["trust_remote_code"]:
        return InputError(
            "the trainer would run the model's own Python code",
            "The recipe has trust_remote_code: true.",
            "Give --trust-remote-code to let it.",
        )
    return None


def _raw_rows(bench: Bench, rows: Sequence[int]) -> Iterator[tuple[int, RawRow]]:
    for index in rows:
        try:
            yield index, bench.rows.row(index)
        except IndexError:
            return


def _path_of(bench: Bench) -> str:
    datasets = bench.recipe.datasets or []
    number = bench.options["dataset"]
    return str(datasets[number].path or "") if number < len(datasets) else ""


def _moved(path: str, given: bool, home: Path, folder: Path) -> str:
    """A path as the trainer must be given it instead of the recipe's; "" where the recipe's own holds.

    `given`: it comes from the command line and not from the recipe.
    """
    if not path or os.path.isabs(path):
        return path if given else ""
    if not given and (folder / path).exists():
        return ""
    found = next((one / path for one in (Path.cwd(), home) if (one / path).exists()), None)
    return str(found.absolute()) if found is not None else path if given else ""


def picture_folder(bench: Bench, rows: Iterable[RawRow]) -> Path | None:
    """The folder from which these rows name pictures by relative path, where any does: axolotl must start there."""
    folder = bench.rows.base_dir
    if folder is None:
        return None
    for raw in rows:
        base = raw.base_dir or folder
        if any((base / name).is_file() for name in _relative_names(raw.data)):
            return base.resolve()
    return None


def _relative_names(value: Any, key: str = "") -> Iterator[str]:
    """Texts under the keys that name pictures, which could be relative paths."""
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _relative_names(item, str(inner))
    elif isinstance(value, list):
        for item in value:
            yield from _relative_names(item, key)
    elif isinstance(value, str) and key in _PICTURE_KEYS and 0 < len(value) < 1024 and ":" not in value[:8]:
        # An absolute one is found from anywhere.
        yield from () if Path(value).is_absolute() else (value,)
