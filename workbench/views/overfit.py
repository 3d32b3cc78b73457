"""An overfit run in words and as JSON: while it goes on, and its verdict."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from workbench.overfit.events import Event, every, last, number
from workbench.overfit.verdict import MEMORISED, Verdict
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

if TYPE_CHECKING:
    from workbench.answers import OverfitAnswer

SCHEMA: Final = "vlmbench.overfit/1"
_TICKS = "▁▂▃▄▅▆▇█"
_STYLE = {"pass": "bold green", "doubtful": "bold yellow", "fail": "bold red", "running": "bold"}
_SEVERITY = {"error": "red", "warning": "yellow", "note": "blue"}


class Live:
    """Shows a run on a terminal as it goes: a bar with loss and gradient norm; elsewhere a line every ten steps."""

    def __init__(self, stream: IO[str], steps: int, not_honoured: Mapping[str, str]) -> None:
        self._console = Console(file=stream, highlight=False)
        self._steps, self._left_out = steps, not_honoured
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )

    def __enter__(self) -> Live:
        for key, why in self._left_out.items():
            self._console.print(Text(visible(f"{key} is not followed here: {why}"), "dim"))
        if self._progress is not None:
            self._progress.start()
            self._task = self._progress.add_task("loading", total=None, figures="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def tell(self, event: Event) -> None:
        """Show an event."""
        name = event["event"]
        if name == "step":
            loss, norm = number(event["loss"]), number(event["grad_norm"])
            figures = f"loss {loss:.4f}  gradient {norm:.2f}"
            self._show(f"step {event['step']}/{self._steps}", figures, event["step"])
            if self._progress is None and (event["step"] % 10 == 0 or event["step"] == 1):
                self._console.print(f"step {event['step']}/{self._steps}  {figures}")
        elif name == "probe":
            self._show(f"asking: {event['name']}", "", None)
        elif name in ("loaded", "baseline"):
            self._show("training" if name == "baseline" else "measuring", "", None)

    def _show(self, what: str, figures: str, done: int | None) -> None:
        if self._progress is not None and self._task is not None:
            # `update` takes a total of None for no change, and the bar of what has no end would stand at 0 steps.
            self._progress.tasks[0].total = self._steps if done is not None else None
            self._progress.update(self._task, description=what, figures=figures, completed=done or 0)


def overfit_payload(events: Sequence[Event], verdict: Verdict, file: str) -> OverfitAnswer:
    """The JSON of `vlmbench.overfit/1`."""
    probes = {event["name"]: {k: v for k, v in event.items() if k not in _OUT} for event in every(events, "probe")}
    steps = [{k: v for k, v in event.items() if k not in ("event", "time")} for event in every(events, "step")]
    start, loaded, baseline = (last(events, name) or {} for name in ("start", "loaded", "baseline"))
    return {
        "schema": SCHEMA,
        "path": path_of(events) or None,
        **verdict.to_dict(),  # type: ignore[typeddict-item]
        "rows": (start.get("plan") or {}).get("rows", []),
        "model": {k: loaded[k] for k in ("parameters", "trainable", "adapters", "device", "dtype") if k in loaded},
        "baseline": {
            k: baseline[k] for k in ("nll", "tokens", "rows", "direct", "plain", "logged_factor") if k in baseline
        },
        "steps": steps,
        "probes": probes,
        "not_honoured": start.get("not_honoured", {}),
        "replaced": loaded.get("replaced", {}),
        "manner": (start.get("plan") or {}).get("manner", {}),
        "events": file,
    }


_OUT = ("event", "time", "name")


def path_of(events: Sequence[Event]) -> str:
    """The path whose labels were trained, in words; "" in a run that was recorded before it was told."""
    plan = (last(events, "start") or {}).get("plan") or {}
    return str(plan.get("path") or "")


def overfit_text(events: Sequence[Event], verdict: Verdict, file: str) -> str:
    """The verdict as text: the line, the curve, what was asked, the findings."""
    stream = io.StringIO()
    console = Console(file=stream, width=100, highlight=False, force_terminal=_colour(), force_jupyter=False)
    if path := path_of(events):
        console.print(Text(visible(path), "dim"))
    console.print(Text(visible(verdict.line), _STYLE[verdict.outcome]))
    for line in facts(events, verdict):
        console.print(Text(f"  {visible(line)}", "dim"))
    for finding in verdict.findings:
        text = Text(f"\n{SEVERITY_GLYPH[finding.severity]} {finding.code} ", _SEVERITY[finding.severity])
        where = f"row {finding.where.row}: " if finding.where.row is not None else ""
        text.append(visible(f"{where}{finding.message}"), "")
        console.print(text)
        if finding.hint:
            console.print(Text(f"  {visible(finding.hint)}", "dim"))
    console.print(Text(f"\nevents: {visible(file)}", "dim"))
    return stream.getvalue()


def _colour() -> bool:
    import os
    import sys

    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def facts(events: Sequence[Event], verdict: Verdict, *, curve: bool = True) -> list[str]:
    """The measurements of a run, a line each: the model, the curve, decoding, the pictures, the adapter, the time.

    `curve`: draw it behind the losses, as a line of blocks.
    """
    found = []
    loaded, done = last(events, "loaded"), last(events, "done")
    if loaded is not None:
        adapters = ", ".join(f"{count} in {tower}" for tower, count in loaded["adapters"].items())
        found.append(
            f"{loaded['trainable']:,} of {loaded['parameters']:,} parameters trained"
            + (f", adapters: {adapters}" if adapters else "")
            + f" ({loaded['dtype']}, {loaded['device']})"
        )
    losses = [number(step["loss"]) for step in every(events, "step")]
    if verdict.first_loss is not None:
        end = verdict.final_nll if verdict.final_nll is not None else verdict.last_loss
        after = f" → {end:.4f}" if end is not None else ""
        drawn = f"  {sparkline(losses)}" if curve else ""
        found.append(f"loss {verdict.first_loss:.3f}{after} nats per token{drawn}")
    decode, stop = (last(events, "probe", name=name) for name in ("decode", "stop"))
    if decode is not None and stop is not None:
        exact = sum(turn["exact"] for turn in decode["turns"])
        found.append(f"reproduced exactly: {exact} of {stop['of']} turns; {stop['stopped']} of {stop['of']} stop")
    swap = last(events, "probe", name="swap")
    if swap is not None:
        found.append(
            f"pictures exchanged: +{number(swap['rise']):.2f} nats on {swap['tokens']} of {swap['of']} tokens"
            if swap["applicable"]
            else f"pictures exchanged: not applicable, {swap['why']}"
        )
    reload = last(events, "probe", name="reload")
    if reload is not None and reload["applicable"]:
        found.append(f"saved adapter on a fresh model: {number(reload['nll']):.4f} nats per token")
    if done is not None:
        steps = every(events, "step")
        most = max((int(step["memory"]) for step in steps), default=0)
        alone = (loaded or {}).get("memory_of") == "training" and (loaded or {}).get("device") == "cpu"
        beside = " beside Python and its libraries" if alone else ""
        found.append(f"{done['steps']} steps, {number(done['seconds']):.0f} s, {most / 2**30:.2f} GiB{beside}")
    return found


def compared(
    events: Sequence[Event], verdict: Verdict, other: Sequence[Event], of: Verdict
) -> list[tuple[str, str, str]]:
    """The measurements of two runs side by side: name, this run's, the other's; only what either has."""
    found = []
    for name, here, there in zip(_MEASURED, _measured(events, verdict), _measured(other, of), strict=True):
        if here or there:
            found.append((name, here or "–", there or "–"))
    return found


_MEASURED = (
    "verdict",
    "first loss",
    "last loss",
    "trained",
    "exact turns",
    "pictures exchanged",
    "steps",
    "seconds",
    "memory",
)


def _measured(events: Sequence[Event], verdict: Verdict) -> tuple[str, ...]:
    loaded, done = last(events, "loaded") or {}, last(events, "done") or {}
    decode, swap = (last(events, "probe", name=name) or {} for name in ("decode", "swap"))
    turns, steps = decode.get("turns") or [], every(events, "step")
    end = verdict.final_nll if verdict.final_nll is not None else verdict.last_loss
    most = max((int(step["memory"]) for step in steps), default=0)
    return (
        verdict.outcome,
        f"{verdict.first_loss:.3f}" if verdict.first_loss is not None else "",
        f"{end:.4f}" if end is not None else "",
        f"{loaded['trainable']:,}" if loaded else "",
        f"{sum(turn['exact'] for turn in turns)} of {len(turns)}" if turns else "",
        f"+{number(swap['rise']):.2f} nats" if swap.get("applicable") else "",
        f"{len(steps)}" if steps else "",
        f"{number(done['seconds']):.0f}" if done else "",
        f"{most / 2**30:.2f} GiB" if most else "",
    )


def sparkline(losses: Sequence[float], width: int = 30) -> str:
    """The losses as a line of blocks, by their logarithm, from the largest down to `MEMORISED`."""
    finite = [max(loss, 1e-9) for loss in losses if math.isfinite(loss)]
    if not finite:
        return ""
    step = max(1, len(finite) / width)
    chosen = [finite[min(len(finite) - 1, int(place * step))] for place in range(min(width, len(finite)))]
    top, bottom = math.log(max(chosen)), math.log(min([*chosen, MEMORISED]))
    scale = (len(_TICKS) - 1) / (top - bottom) if top > bottom else 0.0
    return "".join(_TICKS[round((math.log(value) - bottom) * scale)] for value in chosen)
