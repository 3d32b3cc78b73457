"""What `vlmbench export` says of an export: each step with its mark, and what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.views.flow import visible

if TYPE_CHECKING:
    from workbench.export.export import Export

MARKS = {True: "✓", False: "✗", None: "–"}


def proofs_text(made: Export) -> str:
    """One line a step, what to do below it where it is not proven; then what the file needs."""
    lines = []
    for one in made.proofs:
        lines.append(f"{MARKS[one.ok]} {one.step:<10}  {visible(one.message)}")
        if one.ok is not True and one.hint:
            lines.append(f"              → {visible(one.hint)}")
    lines += [f"! needs       {visible(need)}" for need in made.composed.needs]
    return "\n".join(lines)
