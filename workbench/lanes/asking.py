"""Ask several trainers about rows of a bench: each in its own Python, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.checks.asking import make_question, python_at_hand
from workbench.consumers.axolotl.client import ask
from workbench.consumers.settings import trainer_pythons
from workbench.consumers.trainers.client import (
    SCRIPTS,
    RowsAnswer,
    RowsQuestion,
    TrainerProcess,
    ask_trainer,
    trainer_name,
)
from workbench.consumers.trainers.scripts.serving import pieces
from workbench.errors import BenchError, InputError
from workbench.lanes.comparison import TrainersCompared, compare
from workbench.lanes.translate import translate

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.consumers.protocol import Question

MOST_ROWS = 1000
Content = dict[int, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Named:
    """A trainer as it was named: its own name, the path of its Python, and the label of its lane."""

    trainer: str
    python: str
    label: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """A comparison; `lost`: label -> what of the recipe could not be said; `skipped`: row -> why it was not asked."""

    comparison: TrainersCompared
    answers: tuple[RowsAnswer, ...]
    lost: Mapping[str, tuple[str, ...]]
    skipped: Mapping[int, str]


def named(given: Sequence[str]) -> list[Named]:
    """The trainers of `NAME=PATH` texts; one that is named twice gets numbered labels.

    Raises:
        InputError: a text is of another form, there is no such trainer, or there is no such file.
    """
    found: list[Named] = []
    for text in given:
        name, mark, path = text.partition("=")
        if not mark or not path:
            raise InputError(
                f"--python {text!r} names no Python", "", "Write it as NAME=PATH: trl=/envs/trl/bin/python."
            )
        trainer = trainer_name(name.strip())
        python = Path(path).expanduser()
        if not python.is_file():
            raise InputError(f"There is no {path}", "", f"Give the Python of the environment with {trainer}.")
        count = sum(one.trainer == trainer for one in found)
        found.append(Named(trainer, str(python.absolute()), f"{trainer} ({count + 1})" if count else trainer))
    return found


def ask_all(
    bench: Bench, trainers: Sequence[Named], rows: Sequence[int], scratch: Path, progress: Callable[[str], None]
) -> Lanes:
    """Ask each trainer about these rows of a loaded bench. `scratch`: a folder for pictures that are no files.

    Raises:
        BenchError: a trainer cannot be asked.
    """
    content, skipped = contents(bench, rows, scratch)
    answers: list[RowsAnswer] = []
    lost: dict[str, tuple[str, ...]] = {}
    for one in trainers:
        progress(one.label)
        answer, lost[one.label] = ask_one(bench, one, content)
        answers.append(answer)
    return lanes_of(content, answers, lost, skipped)


def lanes_of(
    content: Content, answers: Sequence[RowsAnswer], lost: Mapping[str, tuple[str, ...]], skipped: Mapping[int, str]
) -> Lanes:
    """The comparison of these answers. A trainer that was asked in two releases is named by its releases."""
    counts = Counter(one.consumer for one in answers)
    releases = Counter(one.version for one in answers)
    label = {
        one.label: one.version if counts[one.consumer] > 1 and releases[one.version] == 1 else one.label
        for one in answers
    }
    told = tuple(replace(one, label=label[one.label]) for one in answers)
    named_lost = {label.get(name, name): lines for name, lines in lost.items()}
    return Lanes(compare(content, told), told, named_lost, skipped)


def contents(bench: Bench, rows: Sequence[int], scratch: Path) -> tuple[Content, dict[int, str]]:
    """The messages of these rows as trainers are asked about them, and why a row is not among them.

    Raises:
        InputError: there is none.
    """
    content: Content = {}
    skipped: dict[int, str] = {}
    for index in rows:
        try:
            content[index] = plain_messages(bench, index, scratch)
        except BenchError as problem:
            skipped[index] = problem.line
    if not content:
        raise InputError(
            "There is no row to ask about", next(iter(skipped.values()), ""), "Give rows that can be read."
        )
    return content, skipped


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question to one trainer, which needs no bench any more: `ask` may be called in any thread.

    `lost`: what of the recipe the trainer could not be told.
    """

    label: str
    ask: Callable[[], RowsAnswer]
    lost: tuple[str, ...] = ()


def prepared(bench: Bench, one: Named, content: Content, process: TrainerProcess | None = None) -> Prepared:
    """The question to one trainer about rows of a loaded bench. `process`: one that is asked more than once."""
    if one.trainer == "axolotl":
        question, tokenizer = make_question(bench, list(content)), bench.loaded.tokenizer
        return Prepared(one.label, lambda: _axolotl(one, question, tokenizer))
    family = bench.family.name if bench.family is not None else ""
    translation = translate(bench.recipe, one.trainer, family)
    asked = RowsQuestion(
        str(bench.loaded.path.absolute()), content, translation.settings, offline=bench.options["offline"]
    )

    def ask_it() -> RowsAnswer:
        if process is not None:
            return process.ask(asked, one.label)
        return ask_trainer(one.trainer, one.python, asked, one.label)

    return Prepared(one.label, ask_it, translation.lost)


def ask_one(
    bench: Bench, one: Named, content: Content, process: TrainerProcess | None = None
) -> tuple[RowsAnswer, tuple[str, ...]]:
    """The answer of one trainer about rows of a loaded bench, and what of the recipe it could not be told.

    Raises:
        BenchError: it cannot be asked.
    """
    made = prepared(bench, one, content, process)
    return made.ask(), made.lost


def at_hand(bench: Bench) -> tuple[list[Named], list[str]]:
    """The trainers that the settings name, with the axolotl that the bench asks; and those that nothing names.

    Raises:
        BenchError: the settings cannot be read, or name what is not there.
    """
    found = named(trainer_pythons(bench.recipe_dir))
    python = python_at_hand(bench)
    if python is not None and all(one.trainer != "axolotl" for one in found):
        found.insert(0, Named("axolotl", python, "axolotl"))
    known = {one.trainer for one in found}
    return found, [name for name in ("axolotl", *SCRIPTS) if name not in known]


def plain_messages(bench: Bench, index: int, scratch: Path) -> list[dict[str, Any]]:
    """A row's messages of texts and paths of pictures, as every trainer's script reads them.

    Raises:
        InputError: the row has a part that is neither.
    """
    row = bench.row(index)
    base = row.raw.base_dir or bench.rows.base_dir
    made = []
    for message in row.conversation.messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        made.append({"role": message["role"], "content": [_part(one, index, base, scratch) for one in parts]})
    return made


def _part(part: Mapping[str, Any], index: int, base: Path | None, scratch: Path) -> dict[str, str]:
    if part.get("type") == "text":
        return {"type": "text", "text": str(part["text"])}
    value = next((part[key] for key in ("image", "path", "url") if part.get(key) is not None), None)
    if part.get("type") != "image" or value is None:
        raise InputError(
            f"row {index} has a part of type {part.get('type')!r}",
            "Trainers are asked about texts and pictures.",
            "Choose other rows.",
        )
    if isinstance(value, (str, Path)):
        path = Path(value)
        if not path.is_file() and base is not None and (base / path).is_file():
            path = base / path
        return {"type": "image", "path": str(path.absolute())}
    file = scratch / f"{index}-{len(list(scratch.iterdir()))}.png"
    value.convert("RGB").save(file)
    return {"type": "image", "path": str(file)}


def _axolotl(one: Named, question: Question, tokenizer: Any) -> RowsAnswer:
    answer = ask(one.python, question)
    found = {number: value for number, value in answer.rows.items() if not isinstance(value, str)}
    texts, added = pieces(tokenizer, {int(token) for ids, _ in found.values() for token in ids})
    stopped = answer.refused if not answer.unwrapped else None
    return RowsAnswer(
        one.label,
        "axolotl",
        answer.versions,
        stopped,
        {number: (ids.tolist(), labels.tolist()) for number, (ids, labels) in found.items()},
        {},
        {number: value for number, value in answer.rows.items() if isinstance(value, str)},
        answer.dropped,
        {int(key): piece for key, piece in texts.items()},
        frozenset(added),
        answer.resolved,
        answer.label_shift,
    )
