"""Output of `vlmbench export`: who proved it, each step with its mark, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.views.items import visible

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.export.prepare import Export
    from workbench.export.readiness import Proof

MARKS = {True: "✓", False: "✗", None: "–"}


Outcome = Literal["pass", "doubtful", "fail"]
"""In the words, and so the colours, of an overfit's verdict: proven by the trainer, proven here alone, not proven."""


def outcome(made: Export) -> Outcome:
    """The state of an export: proven by axolotl ("pass"), by the bench alone ("doubtful"), or not ("fail")."""
    return "fail" if made.proven_by is None else "pass" if made.validated else "doubtful"


def proof_line(made: Export) -> str:
    """The state of an export in one line."""
    if made.proven_by is None:
        return f"not proven, {len(made.missing)} missing"
    return f"proven by {visible(made.proven_by)}" if made.validated else "proven here; axolotl not asked"


def path_line(made: Export) -> str:
    """The path that the exported recipe takes; "" where it is not known."""
    return visible(made.path.title) if made.path is not None else ""


def proofs_text(made: Export) -> str:
    """One line a step, what to do below it where it is not proven; then what the file needs."""
    lines = []
    for proof in made.proofs:
        lines.append(f"{MARKS[proof.ok]} {proof.step:<10}  {visible(proof.message)}")
        if proof.ok is not True and proof.hint:
            lines.append(f"              → {visible(proof.hint)}")
    lines += [f"! needs       {visible(requirement)}" for requirement in made.composed.requirements]
    return "\n".join(lines)


def written_text(made: Export, written: Path) -> str:
    """A sentence that names the written file and the files beside it."""
    beside = f", with {visible(', '.join(made.composed.files))} beside it" if made.composed.files else ""
    return f"wrote {visible(str(written))}{beside}"


@dataclass(frozen=True, slots=True)
class State:
    """One of the three states of proof. `current`: the recipe is in it; `missing`: the steps that it still lacks."""

    name: str
    outcome: Outcome
    current: bool
    means: str
    missing: tuple[Proof, ...]


def states(made: Export) -> tuple[State, State, State]:
    """The three states of proof, the least first; each of the later needs what those before it need."""
    here = tuple(proof for proof in made.proofs if proof.step not in BY_TRAINER and proof.ok is False)
    asked = tuple(proof for proof in made.proofs if proof.step in BY_TRAINER and proof.ok is not True)
    now = outcome(made)
    trainer = made.proven_by if made.validated and made.proven_by else "axolotl"
    return (
        State("unproven", "fail", now == "fail", "written with --unvalidated alone, and the file says so", ()),
        State(
            "proven here", "doubtful", now == "doubtful", "rows without an error, and an overfit run that passed", here
        ),
        State(
            f"proven by {visible(trainer)}",
            "pass",
            now == "pass",
            "axolotl itself takes the file, loads it as shown and gives the same labels",
            (*here, *asked),
        ),
    )


BY_TRAINER = ("consumer", "loader")
"""The steps that the trainer itself is asked for."""
