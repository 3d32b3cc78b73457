"""The table of the evidence, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Entry = dict[str, Any]


def table(entries: Iterable[Entry], release: str) -> str:
    """By example: each finding, the question that was asked, the answers before and after the fix."""
    found = sorted(entries, key=lambda one: str(one["example"]))
    return "\n".join(_lines(found, release)) + "\n"


def _lines(entries: list[Entry], release: str) -> Iterator[str]:
    findings = [one for entry in entries for one in entry.get("findings", ())]
    shown = sum(one["shown"] for one in findings)
    yield f"# axolotl {release}'s examples: what shows each finding"
    yield ""
    yield f"{len(entries)} examples, {len(findings)} errors and warnings, {shown} shown by an asked run."
    kept, were = _exports(entries)
    yield f"Accepted by the validator: {were} as they are, {kept} of those as they are exported."
    yield ""
    yield "| example | finding | asked | before | after | shown |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for entry in entries:
        name = entry["example"]
        if said := entry.get("without") or entry.get("error") or entry.get("problem"):
            what = "not opened" if entry.get("problem") else "not examined"
            yield f"| {name} | {what}: {_cell(said)} | validator | {_cell(entry.get('refused', ''))} | | |"
            continue
        if not entry["findings"]:
            yield f"| {name} | none | validator | {_cell(entry['refused'] or 'accepted')} | | |"
        for one in entry["findings"]:
            what = f"{one['severity']} {one['code']} {one['field'] or ''}".strip()
            cells = (
                what,
                one["question"] or "no question",
                one["before"],
                one["after"],
                "yes" if one["shown"] else "NO",
            )
            yield f"| {name} | {' | '.join(map(_cell, cells))} |"


def _exports(entries: list[Entry]) -> tuple[int, int]:
    """The number that the validator accepted, and of how many of those it accepts the export."""
    accepted = [entry for entry in entries if entry.get("refused") == "" and "export" in entry]
    return sum(entry["export"] == "" for entry in accepted), len(accepted)


def _cell(text: Any) -> str:
    line = " ".join(str(text).split()).replace("|", "\\|")
    return line if len(line) <= 160 else f"{line[:159]}…"
