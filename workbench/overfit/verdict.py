"""The verdict on a run: a pure function of its events. The same events give the same verdict, whoever reads them.

Bands come from what users of these models report: a pretrained model's first loss on new data lies below 3; a loss near
the logarithm of the vocabulary is a guess; rows that the model reproduces have a loss below 0.05, and greedy decoding
writes them letter by letter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.errors import Where
from workbench.findings import SEVERITIES, Finding, Severity, emits
from workbench.overfit.events import Event, every, last, number

Outcome = Literal["pass", "doubtful", "fail", "running"]

MEMORISED = 0.05
"""Nats per trained token below which the model reproduces the rows."""
BAND = 3.0
"""A pretrained model starts below this; multimodal Gemma starts at up to 15 and still learns, so it is no error."""
GUESSING = 0.9
"""A start above this share of ln(vocabulary) is a guess."""
SWAP = 0.5
"""Nats by which exchanged pictures must raise the loss of tokens that depend on them."""
FLAT = 0.02
"""A loss that fell by less than this share of its beginning has not moved."""
EXPLODING = 100.0
"""A gradient norm above this is reported, even where the loss still falls."""
INFLATED = 1.5
"""Trainer multiplies its logged loss by at least this before it is reported: the factor is a whole number or 1."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome`, the findings behind it (the worst first), and the figures that a person asks for first."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    first_loss: float | None
    last_loss: float | None
    final_nll: float | None
    steps: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.outcome,
            "findings": [finding.to_dict() for finding in self.findings],
            "first_loss": self.first_loss,
            "last_loss": self.last_loss,
            "final_nll": self.final_nll,
        }

    @property
    def line(self) -> str:
        """The verdict in one line."""
        if self.outcome == "running":
            return f"running, step {self.steps}"
        if self.outcome == "pass":
            return f"pass: the model reproduces these rows after {self.steps} steps ({_short(self.final_nll)} nats)"
        first = self.findings[0].message if self.findings else ""
        return f"{self.outcome}: {first}"


def _short(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"


def judge(events: Sequence[Event]) -> Verdict:
    """The verdict on a run's events, complete or not: a run that still goes on is `running`."""
    steps = every(events, "step")
    losses = [number(step["loss"]) for step in steps]
    final = last(events, "probe", name="final")
    ended = last(events, "done") or last(events, "error")
    found = sorted(_findings(events, steps, losses), key=lambda finding: SEVERITIES.index(finding.severity))
    outcome: Outcome = "pass"
    if any(finding.severity == "error" for finding in found):
        outcome = "fail"
    elif ended is None:
        outcome = "running"
    elif any(finding.severity == "warning" for finding in found):
        outcome = "doubtful"
    baseline = last(events, "baseline")
    first = number(baseline["nll"]) if baseline is not None else math.nan
    return Verdict(
        outcome,
        tuple(found),
        _known(first),
        _known(losses[-1]) if losses else None,
        _known(number(final["nll"])) if final is not None else None,
        len(steps),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6) if math.isfinite(value) else value


def _finding(
    code: str, severity: Severity, message: str, hint: str, row: int | None = None, field: str | None = None
) -> Finding:
    return Finding(code, severity, message, hint, Where(row=row, field=field))


def _findings(events: Sequence[Event], steps: list[Event], losses: list[float]) -> Iterator[Finding]:
    yield from _ends(events, len(steps))
    yield from _nothing_trained(events)
    yield from _adapters(events)
    yield from _beginning(events)
    yield from _course(events, steps, losses)
    final = last(events, "probe", name="final")
    if final is not None:
        yield from _memory(events, number(final["nll"]), losses)


@emits("R014", "R015", "R016", "R017", "R018")
def _ends(events: Sequence[Event], steps: int) -> Iterator[Finding]:
    """Findings on the end of a run that did not end by itself."""
    error = last(events, "error")
    if error is None:
        if last(events, "done") is not None and steps and last(events, "probe", name="final") is None:
            yield _finding(
                "R014", "warning", "the probes after the last step were not run", "Run again with the probes."
            )
        return
    kind, tail = error.get("kind"), str(error.get("tail") or "").strip().splitlines()
    message = str(error.get("message") or "")
    after = f"after step {steps}" if steps else "before the first step"
    if kind == "cancelled":
        yield _finding("R014", "warning", f"the run was cancelled {after}", "Let it run to its end.")
    elif kind == "time":
        yield _finding(
            "R014", "warning", f"the time limit was reached {after}", "Raise --max-minutes, or take fewer steps."
        )
    elif kind in ("memory", "limit"):
        memory, hint = _memory_text(error.get("estimate") or {})
        yield _finding("R015", "error", f"out of memory {after}: {message}{memory}", hint)
    elif kind == "killed":
        hint = (
            "Unless it was stopped, the system ran out of memory: see its log. Lower micro_batch_size or sequence_len."
        )
        yield _finding("R016", "error", f"the process of the run was killed {after}: {message}", hint)
    elif kind == "input":
        hint = str(error.get("hint") or "") or "The log beside the events tells more."
        yield _finding("R017", "error", message or "the run could not begin", hint, field=error.get("field"))
    else:
        shown = f" ({tail[-1][:200]})" if tail and tail[-1] not in message else ""
        yield _finding(
            "R018",
            "error",
            f"the run crashed {after}: {message}{shown}",
            "The log beside the events has the whole trace.",
        )


_LESS = {
    "weights": "load in 4 bit (adapter: qlora, load_in_4bit: true)",
    "activations": "turn on gradient_checkpointing, lower micro_batch_size, or take shorter rows",
    "logits": "lower micro_batch_size",
    "optimizer": "take optimizer: adamw_8bit, or a lower lora_r",
    "gradients": "train fewer parameters: adapters, or a lower lora_r",
    "adapters": "lower lora_r",
}


def _memory_text(estimate: Mapping[str, Any]) -> tuple[str, str]:
    """The memory a step needs by the estimate, in words, and a hint on lowering its two largest parts."""
    parts = sorted(((int(estimate.get(name) or 0), name) for name in _LESS), reverse=True)
    if not parts[0][0]:
        return "", "Lower micro_batch_size or sequence_len, turn on gradient_checkpointing, or load in 4 bit."
    largest = ", ".join(f"{name} {size / 2**20:,.0f} MiB" for size, name in parts[:3])
    total = (
        f"; a step needs about {int(estimate['total']) / 2**20:,.0f} MiB beside Python and its libraries ({largest})"
    )
    hint = "; ".join(_LESS[name] for _, name in parts[:2])
    return total, hint[0].upper() + hint[1:] + "."


@emits("R001")
def _nothing_trained(events: Sequence[Event]) -> Iterator[Finding]:
    baseline = last(events, "baseline")
    if baseline is not None and not baseline["tokens"]:
        why = str(baseline.get("why") or "")
        text = f"no token of the {len(baseline['rows'])} rows is trained" + (f": {why}" if why else "")
        yield _finding(
            "R001", "error", text, "See the rows with `vlmbench inspect`, and M001 and M002 of `vlmbench check`."
        )
        return
    for row in baseline["rows"] if baseline is not None else ():
        if not row["tokens"]:
            yield _finding(
                "R001", "warning", "no token of this row is trained", "See `vlmbench check` (M001).", row["row"]
            )


@emits("R002", "R003", "R009", "R010")
def _adapters(events: Sequence[Event]) -> Iterator[Finding]:
    loaded = last(events, "loaded")
    if loaded is not None:
        towers = loaded.get("adapters") or {}
        if not loaded["trainable"]:
            hint = "Name modules that the model has; `vlmbench families` has a pattern for each family."
            yield _finding("R002", "error", "no parameter can be trained", hint, field="lora_target_modules")
        elif towers and not towers.get("language"):
            where = ", ".join(f"{count} in {tower}" for tower, count in towers.items() if count)
            text = f"no adapter is in the language model ({where})"
            yield _finding(
                "R003",
                "error",
                text,
                "Restrict lora_target_modules to the language model.",
                field="lora_target_modules",
            )
    gradients = last(events, "probe", name="gradients")
    if gradients is not None and gradients["without"]:
        count, total = len(gradients["without"]), gradients["of"]
        some = ", ".join(gradients["without"][:3]) + (", …" if count > 3 else "")
        severity: Severity = "error" if count == total else "warning"
        text = f"{count} of {total} trained tensors never had a gradient: {some}"
        yield _finding("R009", severity, text, "They do not affect the loss: restrict lora_target_modules.")
    frozen = last(events, "probe", name="frozen")
    if frozen is not None and frozen["moved"]:
        text = f"{len(frozen['moved'])} frozen tensors changed: {', '.join(frozen['moved'][:3])}"
        yield _finding(
            "R010", "error", text, "Something trains beside the adapters; look for modules that share weights."
        )


@emits("R004", "R005", "R008", "R024")
def _beginning(events: Sequence[Event]) -> Iterator[Finding]:
    baseline, loaded = last(events, "baseline"), last(events, "loaded")
    if baseline is None or not baseline["tokens"]:
        return
    nll = number(baseline["nll"])
    if nll < MEMORISED:
        text = f"the model reproduces the rows before the first step: {nll:.2g} nats per token, less than {MEMORISED:g}"
        hint = "A run on rows that the model knows already proves nothing: take other rows (--data, --rows)."
        yield _finding("R024", "warning", text, hint)
    vocabulary = int((loaded or {}).get("vocabulary") or 0)
    guess = math.log(vocabulary) if vocabulary > 1 else math.inf
    if nll >= GUESSING * guess:
        text = f"the first loss is {nll:.2f}, a guess among {vocabulary:,} tokens has {guess:.2f}"
        hint = "The weights did not load, or the model was trained with another chat template: generate an answer."
        yield _finding("R004", "error", text, hint)
    elif nll > BAND:
        text = f"the first loss is {nll:.2f}; a pretrained model starts below {BAND:g} on most data"
        hint = "Check that template, markers and answers belong together; multimodal Gemma may start at 8 to 15."
        yield _finding("R005", "note", text, hint)
    direct, plain = number(baseline.get("direct")), number(baseline.get("plain"))
    # Two per cent leave room for the rounding of bf16.
    if math.isfinite(direct) and math.isfinite(plain) and abs(direct - plain) > 0.02 * max(1.0, abs(direct)):
        text = f"the model's own loss is {plain:.3f}, computed from its logits it is {direct:.3f}"
        yield _finding("R008", "warning", text, "Do not compare losses between tools before this is understood (A009).")
    factor = number(baseline.get("logged_factor"))
    if factor >= INFLATED:
        text = f"Trainer would log {factor:g} times the loss: the model ignores num_items_in_batch"
        yield _finding("R008", "warning", text, f"Read logged losses as divided by {factor:g} (A009).")


@emits("R006", "R007", "R011", "R012")
def _course(events: Sequence[Event], steps: list[Event], losses: list[float]) -> Iterator[Finding]:
    if not steps:
        return
    for step, loss in zip(steps, losses, strict=True):
        if math.isfinite(loss) and math.isfinite(number(step["grad_norm"])):
            continue
        bad = [int(row) for row, nll in (step.get("rows") or {}).items() if not math.isfinite(number(nll))]
        what = f"loss {step['loss']}" if not math.isfinite(loss) else f"gradient norm {step['grad_norm']}"
        where = f", row {bad[0]}" if bad else ""
        hint = "Lower learning_rate; with fp16 use bf16. If it is always the same row, inspect that row."
        yield _finding(
            "R006", "error", f"diverged at step {step['step']}: {what}{where}", hint, bad[0] if bad else None
        )
        return
    norms = [number(step["grad_norm"]) for step in steps]
    if all(norm == 0 for norm in norms):
        yield _finding(
            "R007",
            "error",
            "every gradient is zero",
            "All parameters are frozen, or none of them affects a trained token.",
        )
        return
    # The last losses scatter, and the best of three is what the model can do.
    first, end = losses[0], min(losses[-3:])
    baseline = last(events, "baseline")
    start = number(baseline["nll"]) if baseline is not None else first
    # Both bounds: the factor alone would report the noise of a small loss, the sum alone the noise of a large one.
    if max(losses[1:] or [0.0]) > max(3 * max(start, first), start + 3.0):
        text = f"the loss rose from {start:.2f} to {max(losses):.2f}"
        yield _finding("R006", "error", text, "The learning rate is too high for this model: lower it by ten times.")
    elif max(norms) > EXPLODING:
        at = norms.index(max(norms))
        text = f"the gradient norm reached {norms[at]:.0f} at step {steps[at]['step']}"
        yield _finding("R011", "warning", text, "Lower learning_rate, or set max_grad_norm: 1.0.")
    ended = last(events, "done") is not None
    if ended and len(steps) >= 10 and start > MEMORISED and end > start * (1 - FLAT):
        text = f"the loss did not move: {start:.3f} before, {losses[-1]:.3f} after {len(steps)} steps"
        rate = max(number(step["learning_rate"]) for step in steps)
        yield _finding(
            "R012", "error", text, f"learning_rate is {rate:.2g}; raise it, or check which parameters are frozen."
        )


@emits("R013", "R019", "R020", "R021", "R022", "R023")
def _memory(events: Sequence[Event], nll: float, losses: list[float]) -> Iterator[Finding]:
    # A model that has not learned the rows cannot show what its decoding, its ends and its pictures are worth.
    learned = nll < MEMORISED
    # R012 reports a loss that does not move.
    flat = bool(losses) and losses[-1] > losses[0] * (1 - FLAT)
    if not learned and math.isfinite(nll) and not flat:
        # A loss this near may only need more steps.
        severity: Severity = "warning" if nll < 10 * MEMORISED else "error"
        text = (
            f"the model does not reproduce the rows: {nll:.3f} nats per token after {len(losses)} steps, "
            f"below {MEMORISED:g} is expected"
        )
        yield _finding(
            "R013",
            severity,
            text,
            "Raise --steps or learning_rate; if the loss stays, look for equal questions with different answers.",
        )
    decode = last(events, "probe", name="decode")
    if decode is not None and learned:
        wrong = [turn for turn in decode["turns"] if not turn["exact"]]
        if wrong:
            turn = wrong[0]
            text = (
                f"{len(wrong)} of {len(decode['turns'])} trained turns are not reproduced by greedy decoding "
                f"at a loss of {nll:.3f}: "
                f"“{turn['wanted'][:40]}” became “{turn['got'][:40]}”"
            )
            hint = "The turn in training differs from the generation prompt: see T004 of `vlmbench check`."
            yield _finding("R019", "warning", text, hint, turn["row"])
    stop = last(events, "probe", name="stop")
    if stop is not None:
        if learned and stop["stopped"] < stop["of"] and not stop["trained"]:
            text = f"{stop['of'] - stop['stopped']} of {stop['of']} answers do not stop, and no end token is trained"
            yield _finding("R020", "error", text, "Set train_on_eos: turn, and see M006 of `vlmbench check`.")
        elif not stop["trained"]:
            text = "no end token is trained: the model stops only as far as it did before"
            yield _finding("R020", "error", text, "Set train_on_eos: turn, and see M006 of `vlmbench check`.")
        elif learned and stop["stopped"] < stop["of"]:
            text = f"{stop['of'] - stop['stopped']} of {stop['of']} answers do not stop where they should"
            yield _finding("R020", "error", text, "The trained end is not in generation_config.eos_token_id: see M006.")
    swap = last(events, "probe", name="swap")
    if swap is not None and swap["applicable"] and learned and number(swap["rise"]) < SWAP:
        text = (
            f"with the pictures exchanged the loss rises by {number(swap['rise']):.2f} nats on {swap['tokens']} tokens"
        )
        hint = "The answers are learned from the text alone: check that pictures reach the model and answers need them."
        yield _finding("R021", "error", text, hint)
    reload = last(events, "probe", name="reload")
    if reload is not None and reload["applicable"] and abs(number(reload["nll"]) - nll) > 0.02 * max(nll, 0.05):
        text = f"the saved adapter gives {number(reload['nll']):.4f} nats on a fresh model, the trained one {nll:.4f}"
        yield _finding(
            "R022",
            "error",
            text,
            "Some trained modules are not saved with the adapter: name them in lora_modules_to_save.",
        )
    if reload is not None and (names := reload.get("redirected")):
        some = ", ".join(names[:2]) + (", …" if len(names) > 2 else "")
        text = f"plain PEFT, and servers with it, cannot load this adapter: it is on {len(names)} wrappers ({some})"
        hint = "Restrict lora_target_modules to the language model, or merge the adapter before it is served (A002)."
        yield _finding("R023", "warning", text, hint, field="lora_target_modules")
