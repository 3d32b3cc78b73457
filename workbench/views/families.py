"""`vlmbench families`: what the bench knows about each model family, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.families.evidence import Counts, Measured, measured
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.answers import FamiliesAnswer
    from workbench.families.spec import Family

_LEVEL_STYLE = {"real": "green", "derived": "cyan", "inferred": "yellow", "unverified": "red"}


SCHEMA: Final = "vlmbench.families/1"


def families_payload(families: Sequence[Family]) -> FamiliesAnswer:
    """The JSON of `vlmbench families`."""
    return {"schema": SCHEMA, "families": [family.model_dump(mode="json") for family in families]}


def families_table(families: Sequence[Family]) -> RenderableType:
    """One line per family: name, how many roles have boundaries, what axolotl has built in, and the evidence."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("family", "roles", "axolotl template", "built in", "verified", "recall", "leaked"):
        number = name in ("roles", "recall", "leaked")
        table.add_column(name, no_wrap=True, justify="right" if number else "left", overflow="ellipsis")
    known = measured()
    for family in families:
        roles = {boundary.role for boundary in family.boundaries}
        table.add_row(
            Text(family.name, style="bold"),
            Text(f"{len(roles)}" if roles else "none"),
            Text(family.axolotl.chat_template or "–"),
            Text("yes" if has_built_in(family) else "no"),
            Text(family.verified.level, style=_LEVEL_STYLE[family.verified.level]),
            *_evidence(known[family.name].spec["assistant"] if family.name in known else None),
        )
    return Group(
        table,
        Text(),
        Text("verified: real or derived tokenizer, inferred, or unverified. More: vlmbench families NAME", style="dim"),
        Text(
            "recall, leaked: the assistant's tokens and ends that these boundaries train on hard content", style="dim"
        ),
    )


def _evidence(counts: Counts | None) -> tuple[Text, Text]:
    if counts is None:
        return Text("–", style="dim"), Text("–", style="dim")
    share = (counts.recalled + counts.stopped) / (counts.content + counts.stops)
    return (
        Text(f"{share:.0%}" if share in (0, 1) else f"{share:.1%}", style="green" if share == 1 else "yellow"),
        Text(f"{counts.leaked:,}", style="yellow" if counts.leaked else "green"),
    )


def has_built_in(family: Family) -> bool:
    """True where axolotl masks this family by role without `role_boundaries`. Families share strategies."""
    from workbench.families.library import families

    strategies = (strategy for other in families().values() for strategy in other.axolotl.strategies)
    return any(strategy.built_in and strategy.name == family.axolotl.strategy for strategy in strategies)


def family_page(family: Family) -> RenderableType:
    """All that is known of one family."""
    blocks: list[RenderableType] = [Text(family.title, style="bold")]
    if family.models:
        blocks.append(Text("models     " + ", ".join(family.models), style="dim"))
    blocks.append(Text(f"template   {family.axolotl.chat_template or 'none bundled with axolotl'}", style="dim"))
    markers = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("role", "start", "ids", "end", "ids"):
        markers.add_column(name, overflow="fold")
    for boundary in family.boundaries:
        ids = boundary.ids
        markers.add_row(
            Text(boundary.role),
            Text(visible(boundary.start)),
            Text(" ".join(map(str, ids.start)) if ids else ""),
            Text(visible(boundary.end) if boundary.end is not None else "end of sequence"),
            Text(" ".join(map(str, ids.end)) if ids else ""),
        )
    if family.boundaries:
        blocks += [Text(), markers]
    if family.media:
        tokens = ", ".join(
            f"{visible(media.token)} {media.id if media.id is not None else ''}".strip() for media in family.media
        )
        blocks += [Text(), _titled("media", tokens)]
    for key, need in family.recipe.items():
        blocks.append(_titled(key, f"{need.value}", need.why))
    for problem in family.problems:
        blocks += [
            Text(),
            Text(f"! {problem.symptom}", style="yellow"),
            Text(f"  {problem.cause}"),
            Text(f"  → {problem.fix}"),
        ]
    if (figures := measured().get(family.name)) is not None:
        blocks += [Text(), _measured_table(figures)]
        if figures.row:
            blocks.append(Text(f"  {visible(figures.row)}", style="dim"))
    verified = family.verified
    level = f"{verified.level}" + (f" ({verified.tokenizer})" if verified.tokenizer else "")
    blocks += [Text(), Text.assemble(("verified   ", "dim"), (level, _LEVEL_STYLE[verified.level]))]
    blocks += [Text(f"  ✓ {line}") for line in verified.checked]
    blocks += [Text(f"  – {line}", style="dim") for line in verified.missing]
    blocks += [Text(f"  {line}", style="dim") for line in family.notes]
    return Group(*blocks)


def _measured_table(figures: Measured) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("proof corpus", "content", "ends", "leaked", "inferred: content", "ends", "leaked"):
        table.add_column(name, justify="left" if name == "proof corpus" else "right")
    for role, counts in figures.spec.items():
        both = (counts, figures.inferred.get(role, counts))
        cells = [
            Text(text, style="" if counts.whole else "yellow")
            for counts in both
            for text in (
                f"{counts.recalled:,}/{counts.content:,}",
                f"{counts.stopped}/{counts.stops}",
                f"{counts.leaked:,}",
            )
        ]
        table.add_row(Text(role), *cells)
    return table


def _titled(title: str, text: str, why: str = "") -> Text:
    line = Text.assemble((f"{title}: ", "dim"), text)
    return line.append(f"\n  {why}", style="dim") if why else line
