"""The verdict on a run: a pure function of its events. The same events give the same verdict, whoever reads them.

Bands come from what users of these models report: a pretrained model's first loss on new data lies below 3; a loss near
the logarithm of the vocabulary is a guess; rows that the model reproduces have a loss below 0.05, and greedy decoding
writes them letter by letter. Whether a loss moved is asked of the same rows before and after. The cause comes first,
and what follows from it is left out (`causes.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.errors import Where
from workbench.findings import Finding, Severity, emits
from workbench.overfit.causes import first_causes
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
"""A loss of the same rows that changed by less than this share of its beginning has not moved."""
FALLING = 0.1
"""A loss that fell by this share over the last half of the steps would fall further with more of them."""
CERTAIN = math.log(2)
"""Nats below which a token has more than half of the probability, so that greedy decoding writes it."""
ALIKE = 1e-4
"""Nats by which a loss may change where nothing that reaches the model has changed."""
FOREIGN = 0.5
"""Nats by which rows must begin lower in the model's own template before the recipe's is blamed."""
SLOW = 1e-6
"""No optimizer learns four rows in some dozen steps at a learning rate below this."""
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
    found = first_causes(_findings(events, steps, losses))
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
        found,
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
    yield from _not_as_written(events)
    yield from _nothing_trained(events)
    yield from _weights_of_rows(events)
    yield from _adapters(events)
    yield from _not_a_number(events)
    yield from _new_tokens(events)
    yield from _beginning(events)
    yield from _course(events, steps, losses)
    final = last(events, "probe", name="final")
    if final is not None:
        nll = _unknown_rows(events, final)
        yield from _reproduced(events, steps, nll)
        yield from _stops(events, nll)
        yield from _pictures(events, nll)
        yield from _saved(events, number(final["nll"]))


def _by_row(event: Event | None) -> dict[int, tuple[int, float]]:
    """The tokens and the loss of each row of a baseline or a final probe that trains any."""
    rows = (event or {}).get("rows") or ()
    return {int(row["row"]): (int(row["tokens"]), number(row["nll"])) for row in rows if row["tokens"]}


def _mean(rows: Mapping[int, tuple[int, float]], of: Iterable[int]) -> float:
    """The loss per token over some rows."""
    chosen = [rows[row] for row in of]
    tokens = sum(count for count, _ in chosen)
    return sum(count * nll for count, nll in chosen) / tokens if tokens else math.nan


def _unknown_rows(events: Sequence[Event], final: Event) -> float:
    """The final loss of the rows that the model did not know before the first step: what was known shows nothing."""
    before, after = _by_row(last(events, "baseline")), _by_row(final)
    new = [row for row in after if row in before and before[row][1] >= MEMORISED]
    return _mean(after, new) if new else number(final["nll"])


def _same_rows(events: Sequence[Event], steps: Sequence[Event]) -> tuple[float, float]:
    """The loss of the same rows before the first step and after the last one; NaN where there is none.

    Without the probe after the last step it is the first and the last loss of each row in training.
    """
    before, after = _by_row(last(events, "baseline")), _by_row(last(events, "probe", name="final"))
    if not after:
        before, after = {}, {}
        for step in steps:
            for row, nll in (step.get("rows") or {}).items():
                before.setdefault(int(row), (1, number(nll)))
                after[int(row)] = (1, number(nll))
    shared = before.keys() & after.keys()
    return _mean(before, shared), _mean(after, shared)


@emits("R014", "R015", "R016", "R017", "R018", "R033")
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
        memory, less = _memory_text(error.get("estimate") or {})
        hint = f"Unless somebody stopped it, the system ran out of memory: see its log. {less}"
        if error.get("memory_kills") is False:
            hint = "The system counts no kill for want of memory: look for who stopped it, such as a limit of the job."
            memory = ""
        yield _finding("R016", "error", f"the process of the run was killed {after}: {message}{memory}", hint)
    elif kind == "input":
        hint = str(error.get("hint") or "") or "The log beside the events tells more."
        why = message or "the run could not begin"
        yield _finding("R017", "error", why, hint, error.get("row"), error.get("field"))
    elif kind == "kernel":
        hint = str(error.get("hint") or "Take what asks for it out of the recipe, or run on a device that has it.")
        text = f"an operation of this run cannot be done on this device: {message}"
        yield _finding("R033", "error", text, hint, field=error.get("field"))
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


@emits("R026")
def _not_as_written(events: Sequence[Event]) -> Iterator[Finding]:
    """Keys of the recipe that the run did not follow, and what it took in their place."""
    left_out = (last(events, "start") or {}).get("not_honoured") or {}
    replaced = (last(events, "loaded") or {}).get("replaced") or {}
    for keys, what, hint in (
        (left_out, "not followed here", "The full run has them: what they change is not shown by this one."),
        (
            replaced,
            "replaced here, for want of what they need",
            "Run where the full run will, to see them as they are.",
        ),
    ):
        if keys:
            text = f"{what}: " + "; ".join(f"{key} ({why})" for key, why in keys.items())
            yield _finding("R026", "note", text, hint, field=next(iter(keys)))


@emits("R025")
def _weights_of_rows(events: Sequence[Event]) -> Iterator[Finding]:
    """The uneven weight of the trained tokens, where the loss of a step is the mean of its micro batches' means."""
    baseline = last(events, "baseline") or {}
    micro_batches = int(baseline.get("micro_batches") or 1)
    rows = sorted((row for row in baseline.get("rows") or () if row["tokens"]), key=lambda row: int(row["tokens"]))
    if baseline.get("loss_by_tokens", True) or micro_batches < 2 or not rows or rows[0]["tokens"] == rows[-1]["tokens"]:
        return
    manner = ((last(events, "start") or {}).get("plan") or {}).get("manner") or {}
    who = f", as {manner['by']} has it for this model" if manner.get("by") else ""
    short, long = rows[0], rows[-1]
    text = (
        f"a step's loss is the mean over {micro_batches} micro batches of their means{who}: a trained token of row "
        f"{short['row']} ({short['tokens']} tokens) weighs {long['tokens'] / short['tokens']:.1f} times one of row "
        f"{long['row']} ({long['tokens']} tokens)"
    )
    hint = "Put rows of one length together, raise micro_batch_size, or take gradient_accumulation_steps: 1."
    yield _finding("R025", "note", text, hint, int(short["row"]), "gradient_accumulation_steps")


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
        frozen_by = str(loaded.get("frozen_by") or "")
        if not loaded["trainable"] and frozen_by:
            where = ", ".join(f"{count} in {tower}" for tower, count in towers.items() if count)
            text = f"no parameter can be trained: {frozen_by} freezes what the recipe adapts ({where or 'all of it'})"
            hint = f"Take {frozen_by} out, or adapt modules that it leaves alone, such as the language model's."
            yield _finding("R002", "error", text, hint, field=frozen_by)
        elif not loaded["trainable"]:
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


@emits("R030")
def _not_a_number(events: Sequence[Event]) -> Iterator[Finding]:
    """A loss that is no number before the first step, which no learning rate has caused."""
    baseline, loaded = last(events, "baseline"), last(events, "loaded") or {}
    if baseline is None or not baseline["tokens"] or math.isfinite(number(baseline["nll"])):
        return
    bad = [int(row["row"]) for row in baseline["rows"] if row["tokens"] and not math.isfinite(number(row["nll"]))]
    found = baseline.get("not_finite") or {}
    weights, inputs = list(found.get("weights") or ()), dict(found.get("inputs") or {})
    text, row = f"the loss is {baseline['nll']} before the first step", None
    if weights:
        some = ", ".join(weights[:2]) + (", …" if len(weights) > 2 else "")
        hold = "holds" if len(weights) == 1 else "hold"
        text += f": {_counted(len(weights), 'weight')} of the model {hold} NaN or infinity ({some})"
        hint = "The checkpoint is damaged, or its weights do not fit the dtype: download it again, or set bf16: true."
    elif inputs:
        row = int(next(iter(inputs)))
        text += f": what the processor makes of row {row} holds NaN or infinity ({', '.join(inputs[str(row)])})"
        hint = "Look at the row's picture or sound, and at the processor's mean and standard deviation."
    elif loaded.get("dtype") == "float16":
        text += ": weights and rows are sound, so the model's numbers outgrow fp16"
        hint = "Set bf16: true and fp16: false, or run in 32 bits."
    else:
        row = bad[0] if len(bad) < len(baseline["rows"]) else None
        text += f" in {_counted(len(bad), 'row')} of {len(baseline['rows'])}; weights and inputs are sound"
        hint = "The model's own code makes it: try attn_implementation: eager, or 32 bits."
    yield _finding("R030", "error", text, hint, row)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


@emits("R032")
def _new_tokens(events: Sequence[Event]) -> Iterator[Finding]:
    """Tokens whose embeddings were added at random, because the model has none, and that nothing trains."""
    new = (last(events, "loaded") or {}).get("new_tokens") or {}
    if not new or new["trained"] or not new["rows"]:
        return
    count, rows = int(new["to"]) - int(new["from"]), list(new["rows"])
    text = (
        f"{_counted(len(rows), 'row')} of the run use {'a token' if count == 1 else 'tokens'} that the model has no "
        f"embedding for (“{str(new['token'])[:30]}”): {count:,} beyond its {int(new['from']):,} "
        f"{'was' if count == 1 else 'were'} added at random, and nothing trains {'it' if count == 1 else 'them'}"
    )
    hint = (
        "Put the embeddings and the head into lora_modules_to_save, or give the tokenizer that belongs to this model."
    )
    yield _finding("R032", "error", text, hint, rows[0], "lora_modules_to_save")


@emits("R004", "R005", "R008", "R024", "R031")
def _beginning(events: Sequence[Event]) -> Iterator[Finding]:
    baseline, loaded = last(events, "baseline"), last(events, "loaded")
    if baseline is None or not baseline["tokens"]:
        return
    nll = number(baseline["nll"])
    rows = _by_row(baseline)
    known = [row for row, (_, loss) in rows.items() if loss < MEMORISED]
    if nll < MEMORISED:
        text = f"the model reproduces the rows before the first step: {nll:.2g} nats per token, less than {MEMORISED:g}"
        hint = "A run on rows that the model knows already proves nothing: take other rows (--data, --rows)."
        yield _finding("R024", "warning", text, hint)
    elif known:
        text = f"the model reproduces {len(known)} of {_counted(len(rows), 'row')} before the first step"
        yield _finding("R024", "note", text, "The verdict goes by the others.")
    template = last(events, "probe", name="template")
    if template is not None and template["applicable"]:
        given, own = number(template["recipe"]), number(template["own"])
        if given - own > FOREIGN:
            text = (
                f"the answers begin at {given:.2f} nats per token in the recipe's chat_template and at {own:.2f} in "
                "the model's own: the model was trained with its own"
            )
            hint = "Set chat_template: tokenizer_default, unless the model is to learn another template."
            yield _finding("R031", "warning", text, hint, field="chat_template")
    vocabulary = int((loaded or {}).get("vocabulary") or 0)
    guess = math.log(vocabulary) if vocabulary > 1 else math.inf
    if nll >= GUESSING * guess:
        text = f"the first loss is {nll:.2f}, a guess among {vocabulary:,} tokens has {guess:.2f}"
        hint = (
            "The weights did not load, or the model was trained with another chat template or, as the demo's was, on "
            "nothing like these rows: generate an answer."
        )
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
    rate = max(number(step["learning_rate"]) for step in steps)
    for step, loss in zip(steps, losses, strict=True):
        if math.isfinite(loss) and math.isfinite(number(step["grad_norm"])):
            continue
        text, hint, row = _divergence(events, step, loss, rate)
        yield _finding("R006", "error", text, hint, row)
        return
    norms = [number(step["grad_norm"]) for step in steps]
    if all(norm == 0 for norm in norms):
        hint = "All parameters are frozen, or none of them affects a trained token."
        yield _finding("R007", "error", "every gradient is zero", hint)
        return
    baseline = last(events, "baseline")
    start = number(baseline["nll"]) if baseline is not None else losses[0]
    before, after = _same_rows(events, steps)
    ended = last(events, "done") is not None and len(steps) >= 10
    lower = f"learning_rate is {rate:.2g}, which is too high for this model: lower it by ten times."
    # Both bounds: the factor alone would report the noise of a small loss, the sum alone the noise of a large one.
    if max(losses[1:] or [0.0]) > max(3 * max(start, losses[0]), start + 3.0):
        yield _finding("R006", "error", f"the loss rose from {start:.2f} to {max(losses):.2f}", lower)
    elif ended and after > before * (1 + FLAT) and after > MEMORISED and rate >= SLOW:
        text = f"the rows are worse than before the first step: {before:.3f} nats per token then, {after:.3f} now"
        yield _finding("R006", "error", text, lower)
    elif max(norms) > EXPLODING:
        at = norms.index(max(norms))
        text = f"the gradient norm reached {norms[at]:.0f} at step {steps[at]['step']}"
        yield _finding("R011", "warning", text, "Lower learning_rate, or set max_grad_norm: 1.0.")
    if ended and before > MEMORISED and (1 - FLAT) * before <= after <= (1 + FLAT) * before:
        text = f"the loss did not move: {before:.3f} before, {after:.3f} on the same rows after {len(steps)} steps"
        raise_it = f"learning_rate is {rate:.2g}: raise it" + (
            "; LoRA learns at 1e-5 to 1e-3." if rate < SLOW else " by ten times; if it stays, adapt more modules."
        )
        yield _finding("R012", "error", text, raise_it, field="learning_rate")


def _divergence(events: Sequence[Event], step: Event, loss: float, rate: float) -> tuple[str, str, int | None]:
    """The text, the hint and the row of a step whose loss or gradient is no number."""
    bad = [int(row) for row, nll in (step.get("rows") or {}).items() if not math.isfinite(number(nll))]
    what = f"loss {step['loss']}" if not math.isfinite(loss) else f"gradient norm {step['grad_norm']}"
    text = f"diverged at step {step['step']}: {what}" + (f", row {bad[0]}" if bad else "")
    loaded = last(events, "loaded") or {}
    if loaded.get("dtype") == "float16":
        return text, "fp16 overflows here: set bf16: true and fp16: false, or run in 32 bits.", bad[0] if bad else None
    if step["step"] == 1:
        # The weights are those of the baseline, which had a loss.
        hint = "The backward pass makes it: try attn_implementation: eager, and look at this row."
        return text, hint, bad[0] if bad else None
    return text, f"learning_rate is {rate:.2g}: lower it by ten times.", None


@emits("R013", "R019")
def _reproduced(events: Sequence[Event], steps: Sequence[Event], nll: float) -> Iterator[Finding]:
    """Findings on rows that are not learned, and on turns that are, yet are not written."""
    if not math.isfinite(nll):
        return
    if nll >= MEMORISED:
        text = f"the rows are not learned after {len(steps)} steps: {nll:.3f} nats per token, {MEMORISED:g} is expected"
        hint = "Raise learning_rate or adapt more modules; look for equal questions with different answers too."
        if _falls(steps):
            text = f"not learned yet: {nll:.3f} nats per token after {len(steps)} steps, and the loss still falls"
            hint = f"Take more steps (--steps {2 * max(1, len(steps))}); below {MEMORISED:g} is expected."
        # A loss this near may only need more steps.
        yield _finding("R013", "warning" if nll < 10 * MEMORISED else "error", text, hint)
        return
    decode = last(events, "probe", name="decode")
    wrong = [turn for turn in decode["turns"] if not turn["exact"]] if decode is not None else []
    total = len(decode["turns"]) if decode is not None else 0
    # A turn with a token that has less than half of the probability need not be written yet.
    unsure = [turn for turn in wrong if number(turn.get("worst")) >= CERTAIN]
    if unsure:
        turn = unsure[0]
        text = (
            f"not learned yet: {len(unsure)} of {total} trained turns have a token of {number(turn['worst']):.2f} nats "
            f"(“{str(turn.get('worst_text') or '')[:20]}”) at a mean of {nll:.3f}"
        )
        yield _finding("R013", "warning", text, f"Take more steps (--steps {2 * max(1, len(steps))}).", turn["row"])
    # Greedy decoding writes what has more than half of the probability, if it is asked for as it was trained.
    foreign = [turn for turn in wrong if turn not in unsure]
    if foreign:
        turn = foreign[0]
        text = (
            f"{len(foreign)} of {total} trained turns are not reproduced by greedy decoding "
            f"at a loss of {nll:.3f}: “{turn['wanted'][:40]}” became “{turn['got'][:40]}”"
        )
        hint = "The turn in training differs from the generation prompt: see T004 of `vlmbench check`."
        yield _finding("R019", "warning", text, hint, turn["row"])


def _falls(steps: Sequence[Event]) -> bool:
    """True where the loss of the same rows fell over the last half of the steps; few steps are always too few."""
    if len(steps) < 10:
        return True
    middle = len(steps) // 2
    early: dict[str, float] = {}
    late: dict[str, float] = {}
    for place, step in enumerate(steps):
        for row, nll in (step.get("rows") or {}).items():
            (early if place < middle else late)[row] = number(nll)
    rows = early.keys() & late.keys()
    if not rows:
        was, now = number(steps[middle - 1]["loss"]), number(steps[-1]["loss"])
    else:
        was, now = (sum(losses[row] for row in rows) for losses in (early, late))
    return now < was * (1 - FALLING)


@emits("R020")
def _stops(events: Sequence[Event], nll: float) -> Iterator[Finding]:
    # A model that has not learned the rows cannot show what its ends are worth.
    learned, stop = nll < MEMORISED, last(events, "probe", name="stop")
    if stop is None:
        return
    if not stop["trained"]:
        text = "no end token is trained: the model stops only as far as it did before"
        if learned and stop["stopped"] < stop["of"]:
            text = f"{stop['of'] - stop['stopped']} of {stop['of']} answers do not stop, and no end token is trained"
        yield _finding("R020", "error", text, "Set train_on_eos: turn, and see M006 of `vlmbench check`.")
    elif learned and stop["stopped"] < stop["of"]:
        text = f"{stop['of'] - stop['stopped']} of {stop['of']} answers do not stop where they should"
        yield _finding("R020", "error", text, "The trained end is not in generation_config.eos_token_id: see M006.")


@emits("R021")
def _pictures(events: Sequence[Event], nll: float) -> Iterator[Finding]:
    swap = last(events, "probe", name="swap")
    if swap is None or not swap["applicable"]:
        return
    largest = number(swap.get("largest"))
    if largest < ALIKE:
        # This is true whether the rows are learned or not.
        text = "the pictures do not reach the answers: with others in their place no token's loss changes"
        hint = "The vision tower or its projector gives nothing, or pixel values do not arrive: look at their weights."
        yield _finding("R021", "error", text, hint)
    elif nll < MEMORISED and number(swap["rise"]) < SWAP:
        rise = f"{number(swap['rise']):.2f} nats on {swap['tokens']} tokens"
        text = f"with the pictures exchanged the loss rises by {rise}"
        hint = "The answers are learned from the text alone: check that pictures reach the model and answers need them."
        yield _finding("R021", "error", text, hint)


@emits("R022", "R023")
def _saved(events: Sequence[Event], nll: float) -> Iterator[Finding]:
    reload = last(events, "probe", name="reload")
    if reload is None:
        return
    again, missing = number(reload.get("nll")), list(reload.get("missing") or ())
    differs = reload["applicable"] and not abs(again - nll) <= 0.02 * max(nll, 0.05) and math.isfinite(nll)
    if differs or missing:
        text = f"the saved adapter gives {again:.4f} nats on the model as it was, the trained one {nll:.4f}"
        hint = "Some trained modules are not saved with the adapter: name them in lora_modules_to_save."
        if missing:
            some = ", ".join(missing[:2]) + (", …" if len(missing) > 2 else "")
            text += f": {_counted(len(missing), 'tensor')} that {'was' if len(missing) == 1 else 'were'} trained "
            text += f"{'is' if len(missing) == 1 else 'are'} not in its file ({some})"
            hint = "Name their modules in lora_modules_to_save, or leave them frozen."
        # A loss that stays the same all the same is luck of these rows.
        yield _finding("R022", "error" if differs else "warning", text, hint)
    if names := reload.get("redirected"):
        some = ", ".join(names[:2]) + (", …" if len(names) > 2 else "")
        text = f"plain PEFT, and servers with it, cannot load this adapter: it is on {len(names)} wrappers ({some})"
        hint = "Restrict lora_target_modules to the language model, or merge the adapter before it is served (A002)."
        yield _finding("R023", "warning", text, hint, field="lora_target_modules")
