"""The page of the report card: what each trainer made of the rows, by trainer, family and cause, with versions."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from report_card.families import FAMILIES, answer_file
from report_card.last_step import STEP, Held, read_held
from report_card.rows import rows
from report_card.timing import Times, lines, read_times
from workbench.consumers.trainers.client import RowsAnswer, read_rows
from workbench.lanes.asking import Lanes
from workbench.lanes.causes import CAUSES, OTHER
from workbench.lanes.comparison import compare
from workbench.recipe.trainer_file import TITLES

LAST_STEP = {
    "axolotl": "its multimodal collator",
    "trl": "the collator that SFTTrainer hands to transformers' Trainer",
    "llamafactory": "SFTDataCollatorWith4DAttentionMask on its data set",
    "ms-swift": "Template.encode in training mode, on rows of its loader",
    "unsloth_zoo": "UnslothVisionDataCollator",
    "nemo_automodel": "the collate function that it has for the processor",
}
"""By trainer: its last step before the model that runs without weights, which gave ids and labels."""
TIMES = Path("report", "seconds.json")
"""The file, below a folder, of how long a hundred rows take."""
HELD = Path("report", "last_steps.json")
"""The file, below a folder, of how the answers compare with each trainer's own training."""
PAGE = """# Six trainers, the same rows

The same {rows} rows over {families} model families were asked of {trainers} trainers, each told to train the
assistant's answers and nothing else, each in its own Python, on a CPU, without weights. What follows is what their own
code answered on {date}; `make trainers` asks anew, and `vlmbench trainers` asks about your rows. The rows are in
`report_card/rows.py`: usual conversations, and each habit by which trainers are known to differ. A row counts as
different where ids or labels are not those of most trainers that answered. The processors are built around each
family's real tokenizer and template; model sizes and picture sizes are small.

## The trainers

{versions}

ids and labels are those of each trainer's last step before the model that runs without weights, and are held
against each other by text, not by index.

## Held against training

Each trainer's own training was then run on the same rows, by scripts that share nothing with those that answered
(`report_card/last_steps`; `python -m report_card --train`), with an empty model and no forward pass. What
reached the step is compared with the answers, ids and labels, in any order. A row of which the answer says that it
raises was trained on alone, and had to stop the training, or end it without a step; so was one row of each family that
is refused.

{held}

## By trainer

{summary}

*Refused* are families for which the trainer takes no row when told to train answers alone.

## Rows by cause

Rows in which a trainer differs from what most do, over all families; a row can have several causes.

{causes}

{share}

{meanings}

## Trained tokens by family

Of all {rows} rows; – where the trainer refuses the family.

{families_table}

{refusals}

## What cannot be told

A recipe of axolotl is the common question; what it says and a trainer cannot be told:

{lost}

## How long it takes

Seconds for 100 rows of a family beside the import: settings, processor, data, collator (`python -m report_card --time`,
one process a trainer). Those of the processor are what the work costs; those of the clock were taken on {cores} cores
that did other work as well. The import is needed once for all rows and families; axolotl was imported before.

{seconds}
"""


@dataclass(slots=True)
class Card:
    """The answers. `lanes`: family -> comparison; `lost`: trainer -> what could not be told; `held`: trainer ->
    family -> the answers beside its own training."""

    lanes: dict[str, Lanes] = field(default_factory=dict)
    answers: dict[str, dict[str, RowsAnswer]] = field(default_factory=dict)
    lost: dict[str, Counter[str]] = field(default_factory=dict)
    date: str = ""
    held: dict[str, dict[str, Held]] = field(default_factory=dict)
    times: Times = field(default_factory=dict)

    @property
    def trainers(self) -> list[str]:
        """The trainers that were asked, in the order of the page."""
        return [name for name in TITLES if any(name in found for found in self.answers.values())]


def read_card(home: Path) -> Card:
    """The answers that are kept below a folder."""
    card = Card()
    content = {number: row["messages"] for number, row in enumerate(rows(Path("picture.png")))}
    days = []
    for family in FAMILIES:
        found = {}
        for trainer in TITLES:
            file = answer_file(home, family, trainer)
            if not file.is_file():
                continue
            kept = json.loads(file.read_text("utf-8"))
            found[trainer] = read_rows(kept["answer"], [*content], trainer)
            card.lost.setdefault(trainer, Counter()).update(kept["lost"])
            days.append(datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.UTC).date().isoformat())
        if found:
            answers = [one for one in found.values() if not _refuses(one)]
            card.answers[family] = found
            card.lanes[family] = Lanes(compare(content, answers), tuple(answers), {}, {})
    card.times = read_times(home / TIMES)
    card.held = read_held(home / HELD)
    card.date = " to ".join(sorted({min(days), max(days)})) if days else ""
    return card


def _refuses(answer: RowsAnswer) -> bool:
    return answer.refused is not None


def known_share(card: Card) -> tuple[int, int]:
    """The number of differing stretches that have a cause, and of all of them."""
    found = [
        one.cause
        for lanes in card.lanes.values()
        for row in lanes.comparison.rows
        for group in row.groups
        for one in group.differences
    ]
    return sum(cause != OTHER for cause in found), len(found)


def page(card: Card, cores: int) -> str:
    """The page, in Markdown."""
    known, total = known_share(card)
    share = f"{known:,} of {total:,} differing stretches have a cause ({100 * known / max(1, total):.1f} %)."
    return PAGE.format(
        rows=40,
        families=len(card.lanes),
        trainers=len(card.trainers),
        date=card.date,
        cores=cores,
        versions=_table(("trainer", "version", "transformers", "asked for"), _versions(card)),
        summary=_table(
            ("trainer", "rows", "trained tokens", "of tokens", "dropped", "raised", "nothing trained", "refused"),
            _summary(card),
        ),
        causes=_table(("cause", *(TITLES[one] for one in card.trainers)), _causes(card)),
        share=share,
        meanings="\n".join(f"- **{cause}**: {text}" for cause, text in CAUSES.items() if cause in _found(card)),
        held=_table(
            ("trainer", "listened to at", "families", "rows", "tokens", "dropped", "raised", "refused", "differences"),
            _held(card),
        ),
        families_table=_table(("family", *(TITLES[one] for one in card.trainers)), _by_family(card)),
        refusals="\n".join(_refusals(card)),
        lost="\n".join(_lost(card)),
        seconds=_table(
            ("trainer", "families", "import", "100 rows", "slowest family", "by the clock", "slowest by the clock"),
            lines(card.times, TITLES),
        ),
    )


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    listed = [head, ["---", *("---:" for _ in head[1:])], *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in listed)


def _versions(card: Card) -> list[list[str]]:
    made = []
    for name in card.trainers:
        answer = next(found[name] for found in card.answers.values() if name in found)
        versions = answer.versions
        made.append(
            [f"{TITLES[name]} (`{name}`)", versions.get(name, "?"), versions.get("transformers", "?"), LAST_STEP[name]]
        )
    return made


def _held(card: Card) -> list[list[str]]:
    made = []
    for name in card.trainers:
        found = list(card.held.get(name, {}).values())
        if not found:
            continue
        counts = [
            sum(not one.refused for one in found),
            sum(one.rows for one in found),
            sum(one.tokens for one in found),
            sum(one.dropped for one in found),
            sum(one.stopped for one in found if not one.refused),
            sum(one.refused for one in found),
            sum(one.differences for one in found),
        ]
        made.append([TITLES[name], STEP[name], *(f"{count:,}" for count in counts)])
    return made


def _summary(card: Card) -> list[list[str]]:
    made = []
    for name in card.trainers:
        mine = [one for lanes in card.lanes.values() for one in lanes.comparison.summaries if one.name == name]
        refused = sum(_refuses(found[name]) for found in card.answers.values() if name in found)
        counts = [
            sum(one.rows for one in mine),
            sum(one.trained for one in mine),
            sum(one.tokens for one in mine),
            sum(one.dropped for one in mine),
            sum(one.failed for one in mine),
            sum(one.nothing for one in mine),
        ]
        made.append([TITLES[name], *(f"{count:,}" for count in counts), f"{refused} families" if refused else "–"])
    return made


def _found(card: Card) -> Counter[str]:
    return sum(
        (one.causes for lanes in card.lanes.values() for one in lanes.comparison.summaries), start=Counter[str]()
    )


def _causes(card: Card) -> list[list[str]]:
    by = {name: Counter[str]() for name in card.trainers}
    for lanes in card.lanes.values():
        for one in lanes.comparison.summaries:
            by[one.name].update(one.causes)
    found = _found(card)
    return [[cause, *(str(by[name][cause] or "–") for name in card.trainers)] for cause in CAUSES if cause in found]


def _by_family(card: Card) -> list[list[str]]:
    made = []
    for family, lanes in card.lanes.items():
        by = {one.name: one for one in lanes.comparison.summaries}
        made.append([f"`{family}`", *(f"{by[name].trained:,}" if name in by else "–" for name in card.trainers)])
    return made


def _refusals(card: Card) -> list[str]:
    said: dict[str, list[str]] = {}
    for family, found in card.answers.items():
        for name, answer in found.items():
            if answer.refused is not None:
                text = " ".join(str(answer.refused["message"]).split())
                short = text if len(text) <= 200 else f"{text[:199]}…"
                said.setdefault(f"- {TITLES[name]}, at {answer.refused['stage']}: {short}", []).append(f"`{family}`")
    return [f"{line} ({', '.join(families)})" for line, families in said.items()]


def _lost(card: Card) -> list[str]:
    return [
        f"- {TITLES[name]}: {'; '.join(dict.fromkeys(_general(line) for line in card.lost[name]))}"
        for name in card.trainers
        if card.lost.get(name)
    ]


def _general(line: str) -> str:
    """A line without the value that a family gives it."""
    key, mark, rest = line.partition(": ")
    return f"{key}{rest[rest.index(';') :].replace(';', ':', 1)}" if mark and ";" in rest else line
