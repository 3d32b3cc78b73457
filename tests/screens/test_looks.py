"""Pictures of the screens, at the sizes and in the colours that matter. Look at a picture before you keep it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from report_card.rows import rows
from screens.audit import AuditScreen
from screens.checks import ChecksScreen
from screens.export import ExportScreen
from screens.model import ModelScreen
from screens.overfit import OverfitScreen
from screens.shell.messages import (
    AuditRead,
    CheckProgressed,
    ExportReady,
    LanesRead,
    MemoryRead,
    ModelRead,
    RunsFound,
)
from screens.trainers import TrainersScreen
from tests.screens.conftest import Opened, settled, to_row, until
from workbench.audit.budget import Budget
from workbench.audit.causes import Cause
from workbench.audit.largest import Largest
from workbench.audit.progress_file import AuditProgress, Followed
from workbench.audit.repeats import Repeats
from workbench.audit.report import AuditReport
from workbench.audit.sources import RowPlace
from workbench.audit.spread import Spread
from workbench.checks.report import Group, Report
from workbench.consumers.trainers.client import read_rows
from workbench.errors import Where
from workbench.export.readiness import Proof
from workbench.findings import Finding, Fix
from workbench.lanes.asking import lanes_of
from workbench.models.memory import MemoryEstimate
from workbench.overfit.events import read
from workbench.overfit.verdict import judge
from workbench.paths import sample_dir
from workbench.recipe.model import Recipe

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
RUN = Path(__file__).parent / "recorded" / "run.jsonl"
RELEASES = json.loads((Path(__file__).parents[1] / "lanes" / "recorded" / "axolotl_releases.json").read_text("utf-8"))
FOUND = (
    Finding(
        "M002", "error", "The start marker '<|turn>modle\\n' of role 'assistant' is found nowhere",
        "In the rows the assistant's turns begin with '<|turn>model\\n'.", Where("small.yaml", 12, 5, row=0),
        Fix("Write the marker that is there", ()),
    ),
    Finding("T003", "warning", "The template writes nothing of 2 messages", "Look at the template.", Where(row=4)),
    Finding("D005", "note", "'pictures/a.png' found beside the data file only", "Start in that folder.", Where(row=1)),
)  # fmt: skip
FILE = """# ---- vlmbench receipt
# Proven before the run; what each line says was measured on the rows below.
# ---- end of the receipt; a later edit below makes it void

base_model: small/model
role_boundaries:
  - role: assistant
    start: "<|turn>model\\n"
    end: "<turn|>"
"""


def checked(screen: ChecksScreen, number: int) -> Iterator[None]:
    groups = tuple(Group(one.code, one.severity, 3 - at, 3 - at, (one,)) for at, one in enumerate(FOUND))
    report = Report(FOUND, rows=40, trained=412, tokens=1960, groups=groups)
    screen.tell(CheckProgressed(number, report, 40, True))
    yield


def prepared(screen: ExportScreen, number: int) -> Iterator[None]:
    proofs = (
        Proof("schema", True, "", "every value has the type that axolotl takes"),
        Proof("rows", True, "", "40 rows, 412 tokens trained"),
        Proof("check", False, "errors", "1 error in 3 rows", "Go through them on the checks screen."),
        Proof("overfit", False, "no_run", "no run of this recipe yet", "Run it on the overfit screen."),
        Proof("round trip", None, "", "not asked"),
    )
    missing = tuple(one for one in proofs if one.ok is False)
    made: Any = SimpleNamespace(
        proofs=proofs,
        missing=missing,
        proven_by=None,
        validated=False,
        text=FILE,
        composed=SimpleNamespace(requirements=("to be started in the data's folder: the rows name their pictures so",)),
    )
    screen.tell(ExportReady(number, made))
    yield


def looked(screen: ModelScreen, number: int) -> Iterator[None]:
    """The demo's model under targets that reach its towers."""
    from transformers import AutoConfig

    from workbench.models.anatomy import anatomy
    from workbench.models.targets import trained

    keys = {"adapter": "lora", "lora_r": 4, "lora_target_modules": "all-linear", "freeze_mm_modules": True}
    made = anatomy(AutoConfig.from_pretrained(str(sample_dir() / "demo-model")))
    facts = trained(made, Recipe.model_validate(keys))
    told = Finding(
        "A001", "warning", "LoRA reaches 22 modules of the vision tower, beside 33 modules of the language model",
        "Use a pattern that names the language model.", Where("small.yaml", 34, 1), Fix("a pattern", ()),
    )  # fmt: skip
    screen.tell(ModelRead(number, made, facts, [told]))
    yield


def measured(screen: ModelScreen, number: int) -> Iterator[None]:
    mib = 2**20
    told = MemoryEstimate(480 * mib, 12 * mib, 12 * mib, 24 * mib, 900 * mib, 310 * mib, 2, 512, 512, 3_000_000, 10**9)
    screen.tell(MemoryRead(number, told))
    yield


def ran(screen: OverfitScreen) -> Iterator[None]:
    events = read(RUN)
    run: Any = SimpleNamespace(events=events, done=True, verdict=judge(events), recipe=screen.bench.document.text)
    screen.tell(RunsFound([run]))
    yield


def audited(screen: AuditScreen, number: int, *, start: bool = False) -> Iterator[None]:
    causes = tuple(
        Cause((one.code, one.severity, one.message, ""), 300 - 100 * at, 300 - 100 * at, [one], [0])
        for at, one in enumerate(FOUND)
    )
    tokens = Spread((18, 101, 353, 683, 829, 2117), 742_592, (18.0, 1068.0, 2118.0), (1900, 100))
    trained = Spread((0, 22, 159, 353, 446, 2041), 346_835, (0.0, 1021.0, 2042.0), (1990, 10))
    budgets = (
        Budget(0, "small.jsonl", 1500, 15_000, 2, 555_525, 261_007, 0.75, {"assistant": 250_000, "user": 11_007}),
        Budget(1, "more.jsonl", 500, 5000, 0, 187_067, 85_828, 0.25, {"assistant": 85_828}),
    )
    report = AuditReport(
        20_000, 2000, FOUND[2:], causes, 2, tokens, trained, None, None, budgets, 3.0, None,
        Largest(RowPlace(0, 1415), 2117), None, None, Repeats(2, ((RowPlace(0, 3), RowPlace(0, 7)),)), Repeats(), None,
        0.0, 0, "", seconds=1.0,
    )  # fmt: skip
    screen.tell(AuditRead(number, report, Followed("q", AuditProgress(2000, 20_000, 0, 1.6)), running=True))
    yield


def compared(screen: TrainersScreen, number: int) -> Iterator[None]:
    content = {number: row["messages"] for number, row in enumerate(rows(Path("picture.png"))[:4])}
    answers = [read_rows(payload, range(4), label) for label, payload in RELEASES.items()]
    screen.at_hand = ("axolotl", "axolotl (2)")
    screen.tell(LanesRead(number, lanes_of(content, answers, {}, {}), missing=("trl", "ms-swift")))
    yield


SCREENS: dict[str, tuple[str, Callable[[Pilot[None]], bool]]] = {
    "inspect": ("1", settled),
    "checks": ("2", lambda pilot: isinstance(pilot.app.screen, ChecksScreen) and pilot.app.screen.done),
    "model": ("3", lambda pilot: isinstance(pilot.app.screen, ModelScreen) and pilot.app.screen.estimate is not None),
    "overfit": ("4", lambda pilot: isinstance(pilot.app.screen, OverfitScreen) and bool(pilot.app.screen._events)),
    "export": ("5", lambda pilot: isinstance(pilot.app.screen, ExportScreen) and pilot.app.screen.made is not None),
    "audit": ("6", lambda pilot: isinstance(pilot.app.screen, AuditScreen) and pilot.app.screen.report is not None),
    "trainers": ("7", lambda pilot: isinstance(pilot.app.screen, TrainersScreen) and pilot.app.screen.read),
}


@pytest.mark.parametrize("colour", ["dark", "light", "no-colour"])
async def test_every_screen_at_every_size(
    opened: Opened, looks_as_kept, monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    """One start of the app for each colour: it is resized as a terminal is."""
    monkeypatch.setattr(ChecksScreen, "_check", checked)
    monkeypatch.setattr(ModelScreen, "_read", looked)
    monkeypatch.setattr(ModelScreen, "_measure", measured)
    monkeypatch.setattr(ExportScreen, "_prepare", prepared)
    monkeypatch.setattr(OverfitScreen, "_find", ran)
    monkeypatch.setattr(AuditScreen, "_read", audited)
    monkeypatch.setattr(TrainersScreen, "_look", compared)
    monkeypatch.setattr(AuditScreen, "_poll", lambda screen: None)
    if colour == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    theme = "vlmbench-light" if colour == "light" else "vlmbench-dark"
    async with opened(SIZES["120x40"], theme=theme) as pilot:
        await pilot.press("]", "right")
        for name, (key, there) in SCREENS.items():
            await pilot.press(key)
            # The first look at a model imports transformers and PEFT.
            await until(pilot, lambda there=there: there(pilot), 120)  # type: ignore[misc]
            for size, cells in SIZES.items():
                await pilot.resize_terminal(*cells)
                # Twice: a list that grew asks for more rows only once it has been laid out.
                for _ in range(2):
                    await until(pilot, lambda there=there: there(pilot))  # type: ignore[misc]
                looks_as_kept(pilot, f"{name}-{size}-{colour}")


@pytest.mark.parametrize(("name", "keys"), [("hostile", "J"), ("error", "JJ"), ("wide", "JJJ")])
async def test_rows(opened: Opened, looks_as_kept, name: str, keys: str) -> None:
    async with opened((120, 30)) as pilot:
        for key in keys:
            await to_row(pilot, key)
        looks_as_kept(pilot, f"row-{name}")


async def test_the_terminals_own_colours(opened: Opened, looks_as_kept) -> None:
    async with opened((120, 30), theme="vlmbench-terminal") as pilot:
        looks_as_kept(pilot, "terminal-colours")


async def test_help(opened: Opened, looks_as_kept) -> None:
    async with opened((80, 24)) as pilot:
        await pilot.press("?")
        await pilot.pause()
        looks_as_kept(pilot, "help-80x24")
