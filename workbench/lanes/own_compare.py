"""A trainer's own file under that trainer and under others, which are told what can be said of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench import Bench, prepare
from workbench.consumers.trainers.client import RowsAnswer, RowsQuestion, ask_trainer
from workbench.errors import InputError, Where
from workbench.lanes.asking import Content, Lanes, Named, ask_one, lanes_of
from workbench.lanes.own_file import OwnRows, rows_of
from workbench.lanes.own_mask import question_of
from workbench.recipe.trainer_file import TrainerFile

_OWN_WORDS = {
    "trl": ("completion_only_loss", "dataset_text_field", "truncation_mode", "eos_token", "chat_template_path"),
    "llamafactory": (
        *("template", "mask_history", "default_system", "tool_format", "enable_thinking", "preserve_thinking"),
        *("image_max_pixels", "image_min_pixels"),
    ),
    "ms-swift": (
        *("template", "system", "truncation_strategy", "max_pixels", "agent_template", "enable_thinking"),
        *("add_non_thinking_prefix", "response_prefix", "preserve_thinking"),
    ),
}
"""Settings that can change ids or labels and have no counterpart that is told to the others."""
_OF_THE_RECIPE = ("role_boundaries", "chat_template")
"""Keys of the recipe that is made for the others: the file has none of them."""
_LENGTH = {"trl": ("max_length", 1024), "llamafactory": ("cutoff_len", 2048), "ms-swift": ("max_length", None)}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A file in words that every trainer has. `lost`: what has none."""

    sequence_len: int | None
    train_all: bool
    lost: tuple[str, ...]


def spoken(file: TrainerFile) -> Spoken:
    """The settings of a file that can be told to other trainers."""
    values, trainer = file.values, file.trainer
    lost = [f"{key}: {values[key]}" for key in _OWN_WORDS[trainer] if values.get(key) not in (None, "", False)]
    key, default = _LENGTH[trainer]
    length = values.get(key, default)
    if trainer == "trl":
        train_all = not _true(values.get("assistant_only_loss")) and not _true(values.get("completion_only_loss"))
    elif trainer == "llamafactory":
        train_all = _true(values.get("train_on_prompt"))
    else:
        scale = str(values.get("loss_scale") or "default")
        train_all = scale == "all"
        if scale not in ("all", "default"):
            lost.append(f"loss_scale: {scale}")
    return Spoken(_whole(length), train_all, tuple(lost))


def _true(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "yes")


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def compare_own(
    file: TrainerFile,
    trainers: Sequence[Named],
    count: int,
    scratch: Path,
    progress: Callable[[str], None],
    *,
    data: str | None,
    model: str | None,
    options: Mapping[str, Any],
) -> Lanes:
    """Ask each trainer about the first rows of a file's data: its own with the file, the others with what is said.

    Raises:
        BenchError: the rows cannot be read, or a trainer cannot be asked.
    """
    rows = rows_of(file, count, scratch, data=data, dataset=int(options.get("dataset") or 0))
    trust = bool(options.get("trust_remote_code"))
    question, own_lost = question_of(file, rows, model=model, offline=bool(options.get("offline")), trust=trust)
    content, skipped = _content(rows)
    if not content:
        raise InputError(
            "No row can be read as messages of texts and pictures",
            next(iter(skipped.values()), ""),
            "`vlmbench inspect FILE` asks the file's own trainer about the rows as they stand.",
            Where(rows.name),
        )
    own = RowsQuestion(
        question.model,
        content,
        config=question.config,
        raw={number: row for number, row in question.raw.items() if number in content},
        entry=question.entry,
        offline=question.offline,
        trust=trust,
    )
    said = spoken(file)
    bench: Bench | None = None
    answers: list[RowsAnswer] = []
    lost: dict[str, tuple[str, ...]] = {}
    for one in trainers:
        progress(one.label)
        if one.trainer == file.trainer:
            answers.append(ask_trainer(one.trainer, one.python, own, one.label))
            lost[one.label] = own_lost
            continue
        bench = bench if bench is not None else _bench(question.model, content, said, scratch, options)
        answer, more = ask_one(bench, one, content)
        answers.append(answer)
        lost[one.label] = (*said.lost, *(line for line in more if line.partition(":")[0] not in _OF_THE_RECIPE))
    return lanes_of(content, answers, lost, skipped)


def _content(rows: OwnRows) -> tuple[Content, dict[int, str]]:
    """The rows of texts and pictures alone, and why another is not among them."""
    content: Content = {}
    skipped: dict[int, str] = {}
    for row in rows.rows:
        parts = [part for message in row.messages for part in message["content"]]
        odd = next((part for part in parts if part["type"] != "text" and "path" not in part), None)
        if not row.messages:
            skipped[row.index] = row.unread
        elif odd is not None:
            skipped[row.index] = f"it has a part of type {odd['type']} that is no file"
        elif any(part["type"] not in ("text", "image") for part in parts):
            skipped[row.index] = "trainers are asked about texts and pictures"
        else:
            content[row.index] = row.messages
    return content, skipped


def _bench(model: str, content: Content, said: Spoken, scratch: Path, options: Mapping[str, Any]) -> Bench:
    """A bench of the same model and rows, with the recipe that is nearest to the file."""
    data = scratch / "messages.jsonl"
    lines = ({"messages": content.get(number, [])} for number in range(max(content) + 1))
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    bench = prepare(None, model=model, data=str(data), **{**options, "dataset": 0}).load()
    if said.sequence_len is not None:
        bench.document.set(("sequence_len",), said.sequence_len)
    if said.train_all:
        bench.document.set(("train_on_inputs",), True)
    bench.apply()
    return bench
