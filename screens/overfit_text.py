"""An overfit run as text: its progress, its verdict, two runs side by side. No widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from screens.shell.story import PASS, Mark
from screens.shell.themes import Paints
from workbench.overfit.events import Event, every, last, number
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH
from workbench.views.written_turns import written_turns

if TYPE_CHECKING:
    from workbench.overfit.runs import Run
    from workbench.overfit.verdict import Verdict

_SPIN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def verdict_mark(verdict: Verdict) -> Mark:
    """The sign of a run's verdict on the tab of its screen."""
    return {
        "pass": PASS,
        "doubtful": Mark("doubtful", "warning", SEVERITY_GLYPH["warning"]),
        "fail": Mark(SEVERITY_GLYPH["error"], "error", SEVERITY_GLYPH["error"]),
    }[verdict.outcome]


STAGES = (
    ("", "preparing: which rows can be rendered, and what the recipe asks for"),
    ("process", "starting a process of its own: Python, torch, the recipe and its rows"),
    ("start", "loading the model"),
    ("loaded", "measuring the loss before the first step"),
    ("baseline", "the first step"),
)
"""The stages before the first step, by the event that was the last to come."""


def stage(events: Sequence[Event], started: bool) -> int:
    """The place in `STAGES` of what goes on; `started`: the process has been started."""
    if not events:
        return 1 if started else 0
    names = [name for name, _ in STAGES]
    return max((names.index(event["event"]) for event in events if event["event"] in names), default=2)


def stages_text(text: Text, at: int, paint: Paints) -> None:
    """Write the stages before the first step: those that are done, the one that goes on, those to come."""
    for place, (_, words) in enumerate(STAGES):
        sign, style = ("▸", paint.strong) if place == at else ("✓" if place < at else "·", paint.muted)
        text.append(f"{sign} {words}\n", style)


def next_step(verdict: Verdict | None) -> tuple[str, str]:
    """The effect of enter after a verdict, in words and as an action; empty while the run goes on."""
    if verdict is None or verdict.outcome == "running":
        return "", ""
    if verdict.outcome == "pass":
        return "goes to the export, which this run is a proof for", "app.show_screen('export')"
    if verdict.findings:
        return f"says what {verdict.findings[0].code} means and what to do", ""
    return "runs it again", "screen.start"


def written_text(text: Text, events: Sequence[Event], paint: Paints) -> None:
    """Write the turns that the model wrote beside the wanted ones, with the place where they part."""
    turns = written_turns(events)
    if not turns:
        return
    exact = sum(turn.exact and turn.stopped for turn in turns)
    text.append(f"\n\nwhat the model writes now: {exact} of {len(turns)} turns as wanted", paint.strong)
    for turn in turns:
        good = turn.exact and turn.stopped
        text.append(f"\n{'✓' if good else '✗'} {turn.place}  ", paint.bar if good else paint.severity["error"])
        if good:
            text.append(visible(turn.wanted), paint.muted)
            continue
        text.append(turn.outcome, paint.severity["error"])
        for name, whole, style in (("wanted", turn.wanted, paint.bar), ("wrote", turn.got, paint.severity["error"])):
            same, after = turn.parts(whole)
            text.append(f"\n    {name:7}", paint.muted).append(visible(same), paint.muted)
            text.append(visible(after) or "▮", style)


def verdict_text(
    text: Text,
    events: Sequence[Event],
    verdict: Verdict,
    paint: Paints,
    say: Callable[[str], str] = visible,
    key: str = "enter",
) -> None:
    """Write the verdict, what was measured, and each finding with its next step, which `say` makes safe to draw.

    `key` does what follows from the verdict.
    """
    from workbench.views.overfit import facts

    style = {"pass": paint.bar, "fail": paint.severity["error"], "doubtful": paint.severity["warning"]}
    text.append(visible(verdict.line), style.get(verdict.outcome, paint.strong))
    words, _ = next_step(verdict)
    if words:
        text.append(f"\n{key} ", paint.accent).append(words, paint.muted)
    text.append("\n")
    for line in facts(events, verdict, curve=False):
        text.append(f"\n{visible(line)}")
    for finding in verdict.findings:
        text.append(f"\n\n{SEVERITY_GLYPH[finding.severity]} {finding.code}  ", paint.severity[finding.severity])
        where = f"row {finding.where.row}: " if finding.where.row is not None else ""
        text.append(visible(f"{where}{finding.message}"))
        text.append(f"\n{say(finding.hint)}" if finding.hint else "", paint.muted)
    written_text(text, events, paint)


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


def waiting_text(rows: int, steps: int, paint: Paints, say: Callable[[str], str]) -> Text:
    """The next run, and the keys that start it and change it, which `say` knows."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    text.append(say("{overfit.start} "), paint.accent).append(f"runs {rows} rows for {steps} steps", paint.muted)
    text.append(say("   {overfit.more} {overfit.fewer} ").replace("-", "−"), paint.accent).append("steps", paint.muted)
    return text


def progress_text(
    events: Sequence[Event], steps: int, paint: Paints, *, started: bool = True, seconds: float | None = None
) -> Text:
    """A run's progress: its stage, and since how many seconds it goes on. `steps` is how many were asked for."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    done = len(every(events, "step"))
    step = last(events, "step")
    total = int(((last(events, "start") or {}).get("plan") or {}).get("steps", steps))
    probe = last(events, "probe")
    phase = "training" if step is not None else STAGES[stage(events, started)][1]
    if probe is not None:
        phase = f"testing the model: {visible(str(probe['name']))}"
    if seconds is not None:
        text.append(f"{_SPIN[int(seconds) % len(_SPIN)]} {seconds:.0f} s  ", paint.accent)
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
