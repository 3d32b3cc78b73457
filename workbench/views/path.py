"""The path of a recipe in words, for every face: which it is, and what decides the mask there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row
    from workbench.tokens.turns import TextMasking

NOT_READ = "not read on the text path, which finds turns without markers"
_LONGEST = 2000


def mask_facts(bench: Bench) -> list[str]:
    """The path, and what decides the mask of the rows, one fact a piece."""
    masking, facts = bench.masking, [bench.path.title]
    if not bench.path.shown:
        answer = bench.asked.answer if bench.asked is not None else None
        return [*facts, f"labels asked of {answer.name}"] if answer is not None and answer.rows else facts
    facts.append(f"template {bench.template.source}")
    roles = ", ".join(masking.roles_to_train) or "nothing"
    trains = f"trains {'everything (train_on_inputs)' if masking.train_on_inputs else roles}"
    if masking.text is None:
        return [*facts, f"strategy {bench.strategy.name}", trains, f"train_on_eos {masking.train_on_eos}"]
    return [*facts, trains, *end_facts(masking.text)]


def end_facts(text: TextMasking) -> list[str]:
    """The end tokens that the text path trains, and where."""
    facts = [f"train_on_eos {text.train_on_eos} ({'no EOS token' if text.eos_id is None else text.eos_id})"]
    if text.eot_ids != (text.eos_id,):
        ids = " ".join(map(str, text.eot_ids)) or "no token"
        facts.append(f"train_on_eot {text.train_on_eot} ({ids})")
    return facts


def without_boundaries(bench: Bench) -> str:
    """The line in the place of the role boundaries, where there are none that count."""
    if bench.path.kind == "text":
        kept = bench.recipe.effective_boundaries
        named = f"role_boundaries ({len(kept)}) are {NOT_READ}" if kept else f"role_boundaries: {NOT_READ}"
        return f"{named}; {bench.path.reason}"
    return "no role boundaries: everything is trained" if bench.path.shown else bench.path.title


def preference_texts(row: Row) -> list[tuple[str, str]]:
    """Prompt, answers and judgement of a row of preference data, each with its column's name; [] for other rows."""
    from workbench.data.preference import texts

    if row.bench.path.kind != "preference" or row.raw.data is None:
        return []
    found = texts(row.raw.data)
    return [(name, text if len(text) <= _LONGEST else text[:_LONGEST] + "…") for name, text in found]


def preference_lines(pieces: Sequence[tuple[str, str]]) -> str:
    """Those texts below each other, made safe to draw."""
    lines = []
    for name, text in pieces:
        lines += [f"{visible(name)}:", *(f"  {visible(line)}" for line in text.splitlines())]
    return "\n".join(lines)
