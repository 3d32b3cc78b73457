"""An overfit run as text: its progress, its verdict, two runs side by side. No widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from screens.shell.story import PASS, Mark
from screens.shell.themes import Paints
from workbench.overfit.events import Event, every, last, number
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.overfit.runs import Run
    from workbench.overfit.verdict import Verdict


def verdict_mark(verdict: Verdict) -> Mark:
    """The sign of a run's verdict on the tab of its screen."""
    return {
        "pass": PASS,
        "doubtful": Mark("doubtful", "warning", SEVERITY_GLYPH["warning"]),
        "fail": Mark(SEVERITY_GLYPH["error"], "error", SEVERITY_GLYPH["error"]),
    }[verdict.outcome]


def verdict_text(text: Text, events: Sequence[Event], verdict: Verdict, paint: Paints) -> None:
    """Write the verdict, what was measured, and each finding with its next step."""
    from workbench.views.overfit import facts

    style = {"pass": paint.bar, "fail": paint.severity["error"], "doubtful": paint.severity["warning"]}
    text.append(visible(verdict.line), style.get(verdict.outcome, paint.strong))
    text.append("\n")
    for line in facts(events, verdict, curve=False):
        text.append(f"\n{visible(line)}")
    for finding in verdict.findings:
        text.append(f"\n\n{SEVERITY_GLYPH[finding.severity]} {finding.code}  ", paint.severity[finding.severity])
        where = f"row {finding.where.row}: " if finding.where.row is not None else ""
        text.append(visible(f"{where}{finding.message}"))
        text.append(f"\n{visible(finding.hint)}" if finding.hint else "", paint.muted)


def compared_text(text: Text, run: Run, other: Run, paint: Paints) -> None:
    """Write what was measured in two runs side by side, and what was changed in the recipe between them."""
    from workbench.recipe.yaml.document import diff_of
    from workbench.views.overfit import compared

    text.append(f"{'':20}{'this run':>16}", paint.strong).append(f"{'previous run':>16}", paint.media)
    for name, here, there in compared(run.events, run.verdict, other.events, other.verdict):
        text.append(f"\n{name:20}", paint.muted).append(f"{here:>16}", "" if here == there else paint.strong)
        text.append(f"{there:>16}", paint.muted)
    lines = diff_of(other.recipe, run.recipe, "recipe").splitlines()[2:]
    changed = [line for line in lines if line.startswith(("+", "-"))]
    text.append("\n\nChanges in the recipe:" if changed else "\n\nThe recipe is the same.", paint.muted)
    for line in changed:
        text.append(f"\n{visible(line)}", paint.bar if line.startswith("+") else paint.severity["error"])


def waiting_text(rows: int, steps: int, paint: Paints) -> Text:
    """The next run, and the keys that start it and change it."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    text.append("r ", paint.accent).append(f"runs {rows} rows for {steps} steps", paint.muted)
    text.append("   + − ", paint.accent).append("steps", paint.muted)
    return text


def progress_text(events: Sequence[Event], doing: str, steps: int, paint: Paints) -> Text:
    """A run's progress; `doing` says so before its first event. `steps` is how many were asked for."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    done = len(every(events, "step"))
    step = last(events, "step")
    total = int(((last(events, "start") or {}).get("plan") or {}).get("steps", steps))
    phase = doing or ("training" if step is not None else "loading the model")
    if last(events, "probe") is not None:
        phase = "testing the model"
    text.append(f"{phase}  ", paint.strong)
    if step is not None:
        filled = round(20 * done / max(1, total))
        text.append("━" * filled, paint.bar).append("━" * (20 - filled), paint.muted)
        text.append(f"  step {done} of {total}   loss {number(step['loss']):.4f}", paint.strong)
        text.append(
            f"   gradient {number(step['grad_norm']):.2f}   learning rate {number(step['learning_rate']):.2g}",
            paint.muted,
        )
        left = number(step["seconds"]) * max(0, total - done)
        text.append(f"   {int(step['memory']) / 2**30:.2f} GiB   {left:.0f} s left", paint.muted)
    return text
