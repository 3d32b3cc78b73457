"""A hundred rows of each family asked of each trainer, for the time that they take: `python -m report_card --time`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import yaml

from report_card.rows import rows
from workbench.checks.asking import make_question
from workbench.consumers.axolotl.client import AxolotlConsumer
from workbench.consumers.cache import AnswerCache
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


def time_axolotl(python: Path, recipes: Mapping[str, Path], scratch: Path) -> dict[str, dict[str, dict[str, float]]]:
    """The seconds of axolotl by family, from one process that has it imported; its answers name no stages."""
    from workbench.bench import open as opened

    consumer = AxolotlConsumer(str(python), cache=AnswerCache(scratch / "cache"))
    found: dict[str, dict[str, dict[str, float]]] = {}
    try:
        for family, recipe in recipes.items():
            bench = opened(_longer(recipe, scratch), offline=True)
            count = len(bench.rows)
            assert count == ROWS
            if not found:
                consumer.ask_one(make_question(bench, [0]))
            begun, busy = monotonic(), _busy_children()
            consumer.ask_one(make_question(bench, range(count)))
            found[family] = {"seconds": {"rows": monotonic() - begun}, "busy": {"rows": _busy_children() - busy}}
            print(family, "axolotl", f"{beside_import(found[family]['busy']):.1f} s of the processor", flush=True)
    finally:
        consumer.close()
    return found


def _longer(recipe: Path, scratch: Path) -> Path:
    """The recipe with a hundred rows."""
    values = yaml.safe_load(recipe.read_text("utf-8"))
    data = Path(values["datasets"][0]["path"])
    longer = scratch / f"{recipe.parent.name}.jsonl"
    longer.write_text("".join(islice(cycle(data.read_text("utf-8").splitlines(keepends=True)), ROWS)), "utf-8")
    values["datasets"][0]["path"] = str(longer)
    made = longer.with_suffix(".yaml")
    made.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
    return made


def _busy_children() -> float:
    """The seconds that the processor was busy with the children of this process that still run."""
    ticks = 0
    for listed in Path("/proc/self/task").glob("*/children"):
        for pid in listed.read_text().split():
            fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
            # Its own time, and that of the copies of itself that have ended.
            ticks += sum(int(one) for one in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


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
                f"{imported:.0f}" if imported else "–",
                f"{median(busy.values()):.1f}",
                f"{busy[slowest]:.1f} (`{slowest}`)",
                f"{median(clock):.1f}",
                f"{max(clock):.1f}",
            ]
        )
    return made
