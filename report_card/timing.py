"""A hundred rows of each family asked of each trainer, for the time that they take: `python -m report_card --time`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from report_card.rows import rows
from workbench.consumers.trainers.client import RowsQuestion, TrainerProcess

ROWS = 100
Times = dict[str, dict[str, dict[str, dict[str, float]]]]
"""Trainer -> family -> seconds by the clock, and those that the processor was busy -> stage -> seconds."""


def time_families(
    trainer: str, python: Path, families: Mapping[str, tuple[Path, Mapping[str, Any]]], picture: Path
) -> dict[str, dict[str, dict[str, float]]]:
    """The seconds of each stage by family, from one process. `families`: its model's folder and its settings."""
    content = dict(enumerate(islice(cycle(row["messages"] for row in rows(picture)), ROWS)))
    process = TrainerProcess(trainer, str(python), offline=True)
    found = {}
    try:
        for family, (model, settings) in families.items():
            asked = {**settings, "assistant_only": True, "sequence_len": 2048}
            answer = process.ask(RowsQuestion(str(model), content, asked, offline=True))
            if answer.refused is None:
                found[family] = {"seconds": dict(answer.seconds), "busy": dict(answer.busy)}
                print(family, trainer, f"{beside_import(answer.busy):.1f} s of the processor", flush=True)
    finally:
        process.close()
    return found


def beside_import(seconds: Mapping[str, float]) -> float:
    """All of it but the import."""
    return sum(value for stage, value in seconds.items() if stage != "import")


def keep(file: Path, trainer: str, found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    """Note the times of a trainer beside those of others."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    file.write_text(json.dumps(known | {trainer: found}, indent=1), encoding="utf-8")


def read_times(file: Path) -> Times:
    """The times that were kept."""
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def lines(times: Times, titles: Mapping[str, str]) -> list[list[str]]:
    """A line a trainer: import, the middle and the slowest of the families, by the processor and by the clock."""
    made = []
    for name, title in titles.items():
        listed: Sequence[tuple[str, dict[str, dict[str, float]]]] = list(times.get(name, {}).items())
        if not listed:
            continue
        busy = {family: beside_import(one["busy"]) for family, one in listed}
        clock = [beside_import(one["seconds"]) for _, one in listed]
        slowest = max(busy, key=lambda family: busy[family])
        imported = max(one["busy"].get("import", 0.0) for _, one in listed)
        made.append(
            [
                title,
                str(len(listed)),
                f"{imported:.0f}",
                f"{median(busy.values()):.1f}",
                f"{busy[slowest]:.1f} (`{slowest}`)",
                f"{median(clock):.1f}",
                f"{max(clock):.1f}",
            ]
        )
    return made
