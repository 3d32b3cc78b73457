"""The page of all targets: what each benchmark measured in one run, against its peer in the same run.

A benchmark calls `record` with the id of a target; `write` makes the table of what was recorded.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORD = "VLMBENCH_BENCH_RECORD"
"""The environment variable that names the file of the records; without it nothing is recorded."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target: `least` or `most` is its bound, in `unit`. `benchmark` measures it; "" where none here does."""

    what: str
    peer: str
    benchmark: str
    least: float | None = None
    most: float | None = None
    unit: str = "×"

    @property
    def bound(self) -> str:
        """The bound in words."""
        sign, number = ("≥", self.least) if self.least is not None else ("≤", self.most)
        return f"{sign} {_number(number or 0.0, self.unit)}"

    def holds(self, measured: float) -> bool:
        """True where a figure is within the bound."""
        return measured >= self.least if self.least is not None else measured <= (self.most or 0.0)


TARGETS: dict[str, Target] = {
    "audit text": Target("audit of text rows: rate", "render and `encode_batch` of the same rows", "audit", least=0.6),
    "audit text path": Target("the same on axolotl's text path", "the same", "audit", least=0.6),
    "check text": Target("`check --rows all` of text rows: rate", "the same", "audit", least=0.3),
    "audit pictures": Target(
        "audit of rows with a photograph: rate a core",
        "axolotl's collator, one core, the same rows",
        "picture_audit",
        least=30,
    ),
    "audit small pictures": Target(
        "the same, pictures of 0.1 to 1.2 megapixels", "the same", "picture_audit", least=10
    ),
    "audit memory": Target("audit: memory of the largest process", "loading the model's files", "audit", most=1.3),
    "keystroke 8k": Target("keystroke to repainted mask, p95, 8,192 tokens", "a text area alone", "keystroke", most=1),
    "keystroke 131k": Target("the same, 131,072 tokens", "a text area alone", "keystroke", most=1),
    "first paint": Target("first paint of the app", "an empty Textual app", "screens", most=1.5),
    "first row": Target("first row readable", "an empty Textual app", "first_row", most=2.5),
    "first tokens": Target(
        "tokens of the first row",
        "an empty app with tokenizers and jinja2",
        "first_row",
        most=1.3,
    ),
    "first samples": Target("samples of the first 200 rows", "loading the processor", "first_row", most=1.3),
    "samples page": Target("a page of 100,000 sorted samples", "a list of plain lines", "samples", most=1.5),
    "samples filter": Target("first filter of 100,000 rows", "judging them without a screen", "samples", most=1.3),
    "import": Target(
        "`import workbench`, over a bare interpreter", "a bare interpreter", "startup", most=50, unit="ms"
    ),
    "help": Target("`vlmbench --help`, over a bare interpreter", "a bare interpreter", "startup", most=50, unit="ms"),
    "scan 8x4096": Target("mask scan with reasons, 8 × 4,096", "the faster of axolotl's two scanners", "scan", least=4),
    "scan 131072": Target("mask scan with reasons, 1 × 131,072", "the same", "scan", least=4),
    "inspect memory": Target("`inspect`: peak memory", "loading the processor alone", "memory", most=1.1),
    "model checks": Target("model checks of a 31B model, without weights", "", "model", most=5, unit="s"),
    "model memory": Target("the same: memory of the process", "", "model", most=1, unit="GiB"),
    "rehearsal": Target("loader rehearsal in axolotl's process, 31B, beside its imports", "", "", most=30, unit="s"),
    "overfit step": Target("overfit step", "a bare torch loop, trimmed alike", "overfit", most=1.05),
    "overfit memory": Target("overfit: memory above the model", "plain Trainer", "overfit", most=0.15),
    "trainers": Target("100 rows asked of a trainer, beside its imports", "", "", most=30, unit="s"),
}


def record(name: str, measured: float, figures: str) -> None:
    """Note what was measured for a target, with the figures of both sides."""
    assert name in TARGETS, name
    if path := os.environ.get(RECORD):
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"name": name, "measured": measured, "figures": figures}) + "\n")


def recorded(path: Path) -> dict[str, dict[str, Any]]:
    """The records by target; the last where one was measured twice."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {found["name"]: found for found in map(json.loads, lines)}


def machine() -> str:
    """The machine in words: its processor, cores, memory, system and Python."""
    cpu = platform.processor() or platform.machine()
    try:
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
        pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        memory = f", {pages / 2**30:.0f} GiB"
    except (OSError, ValueError):
        memory = ""
    cores = os.cpu_count() or 1
    about = f"{cpu}, {cores} core{'s' if cores != 1 else ''}{memory}"
    return f"{about}, {platform.system()}, Python {platform.python_version()}"


def load() -> float | None:
    """The processes that waited for a core in the last minute, for each core; None where the system does not say."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return None


def page(found: Mapping[str, Mapping[str, Any]], failed: Mapping[str, int], before: float | None) -> str:
    """The page: a table of all targets. `failed`: benchmarks that did not end well; `before`: the load at the start."""
    when = datetime.now(UTC)
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`: every target, measured against its peer in the same run.",
        "",
        f"- machine: {machine()}",
        f"- date: {when:%Y-%m-%d}",
    ]
    if before is not None and before > 0.5:
        lines.append(
            f"- **measured under load**: {before:.1f} other processes a core wanted to run when it began. Ratios "
            "swing, and times are too long."
        )
    lines += [
        "",
        "| what | against | target | measured | figures | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, target in TARGETS.items():
        mine = found.get(name)
        if mine is not None:
            holds = "✓" if target.holds(mine["measured"]) else "✗"
            cells = [_number(mine["measured"], target.unit), mine["figures"], holds]
        elif not target.benchmark:
            cells = ["–", "no benchmark here measures it", ""]
        elif target.benchmark in failed:
            cells = ["–", f"`{target.benchmark}` ended with exit code {failed[target.benchmark]}", ""]
        else:
            cells = ["–", "not run", ""]
        lines.append(f"| {target.what} | {target.peer or '–'} | {target.bound} | {' | '.join(cells)} |")
    lines += [
        "",
        "Photographs are of 0.4 to 4.9 megapixels. The larger a picture is, the more an audit saves that reads its",
        "header: the collator decodes it. With small ones, a row's text is most of what is left to do on our side.",
        "",
        "`python -m tests.benchmarks NAME` runs one of them (the scripts are `tests/benchmarks/bench_NAME.py`), and",
        "`python -m tests.benchmarks.audit_scale COUNT …` audits generated rows by the million, 1 % of them faulty in",
        "twelve known ways.",
        "",
    ]
    return "\n".join(lines)


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if value >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{text}{unit}" if unit == "×" else f"{text} {unit}"
