"""The child process of an overfit run, started with its folder (`workbench.child_process`).

The folder holds the plan; the events, the adapter and everything else are written into it. The parent reads the events
and nothing else. It ends when the parent ends.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from workbench.errors import BenchError, InputError
from workbench.overfit.events import Writer
from workbench.overfit.failures import asked_kernel, is_of_peer, kind_of
from workbench.overfit.plan import Plan
from workbench.overfit.runs import ADAPTER, EVENTS, PLAN
from workbench.overfit.sharding import adapter_tensors, everywhere, let_generate, parted, sharded
from workbench.overfit.step_memory import step_memory

_TAIL = 20
_FEW_PARAMETERS = 20_000_000
"""Below this, handing work to several threads of a CPU costs more than it saves: ten times, where others work too."""


def main(folder: Path) -> int:
    """Run the plan in a folder; returns the exit code. Every end but a kill is an event."""
    _exit_with_parent()
    first = int(os.environ.get("RANK", "0")) == 0
    writer = Writer(folder / EVENTS) if first else None
    plan = Plan.read(folder / PLAN)
    try:
        _run(plan, folder, writer)
    except BenchError as problem:
        text = " ".join(part for part in (problem.title, problem.cause) if part)
        _say(writer, "input", text, hint=problem.hint, field=problem.where.field, row=problem.where.row)
        return 2
    except BaseException as problem:
        kind: str = kind_of(problem)
        traceback.print_exc()
        if kind == "crash" and is_of_peer(problem):
            # Another process ended first: the parent reads why in the log.
            return 1
        tail = "".join(traceback.format_exception(problem)).splitlines()[-_TAIL:]
        # The frames hold what was computed so far, and the estimate wants memory of its own.
        traceback.clear_frames(problem.__traceback__)
        more: dict[str, Any] = {"estimate": _estimate(plan)} if kind == "memory" and first else {}
        if kind == "package":
            kind, more = "input", {"hint": "Install it, or take what needs it out of the recipe."}
        elif kind == "kernel":
            more = asked_kernel(plan.recipe, str(problem))
        _say(writer, kind, f"{type(problem).__name__}: {problem}"[:500], tail="\n".join(tail), **more)
        return 1
    return 0


def _estimate(plan: Plan) -> dict[str, Any] | None:
    """The estimate of a step, where there is memory for that at least."""
    try:
        return step_memory(plan)
    except Exception:
        return None


def _say(writer: Writer | None, kind: str, message: str, **more: Any) -> None:
    if writer is not None:
        writer.write("error", kind=kind, message=message, **more)


def _run(plan: Plan, folder: Path, writer: Writer | None) -> None:
    run = _Run(plan, folder, writer)
    run.prepare()
    if sharded():
        # The model fits no device before it is shared out, which Trainer does: it is measured as training begins.
        run.train(measure=True)
    elif not run.measure(run.model):
        return
    else:
        run.train()


class _Run:
    """The run of a plan in this process: the model is made ready, measured, trained, and probed."""

    def __init__(self, plan: Plan, folder: Path, writer: Writer | None) -> None:
        from transformers import set_seed

        from workbench.fingerprint import fingerprint
        from workbench.models.weights import pick_device
        from workbench.overfit.here import recipe_here

        self.plan, self.folder, self.writer = plan, folder, writer
        self.began = monotonic()
        self.tell: Callable[..., None] = writer.write if writer is not None else lambda event, **fields: None
        self.bench = plan.open()
        self.tell(
            "start",
            version=1,
            plan={key: value for key, value in plan.to_dict().items() if key not in ("recipe", "bench")},
            fingerprint=fingerprint(self.bench, plan.rows).to_dict(),
            not_honoured=plan.not_honoured,
        )
        set_seed(plan.seed)
        self.device = pick_device(plan.device)
        if self.device == "cuda" and "LOCAL_RANK" in os.environ:
            self.device = f"cuda:{os.environ['LOCAL_RANK']}"
        self.recipe, self.replaced = recipe_here(self.bench, self.device)
        self.memory = _memory_meter(self.device)
        self.new_tokens: tuple[int, int] | None = None

    def load(self) -> Any:
        """The model as the recipe loads it, with the embeddings that its tokenizer wants, and no adapter."""
        from transformers import set_seed

        from workbench.models.embeddings import resized
        from workbench.models.weights import load_weights
        from workbench.overfit.soundness import embeddings_of

        trust = bool(self.plan.bench.get("trust_remote_code"))
        place = self.device
        if sharded():
            # transformers asks whether it is one of several before it reads the weights in the first process alone.
            from accelerate import PartialState

            PartialState()
            place = "cpu"
        fresh = load_weights(self.bench.loaded, self.recipe, device=self.device, trust_remote_code=trust, place=place)
        set_seed(self.plan.seed)
        was = embeddings_of(fresh)
        now = resized(fresh, self.recipe, len(self.bench.loaded.tokenizer))
        self.new_tokens = (was, now) if was is not None and now is not None and now > was else None
        return fresh

    def prepare(self) -> None:
        """Load the model and make of it what the recipe trains."""
        import torch

        from workbench.overfit.loss import forward_names
        from workbench.overfit.soundness import require_embeddings
        from workbench.overfit.training import Collator

        self.model, self.notes = _prepared(self.load(), self.bench, self.recipe)
        if self.device == "cpu" and sum(p.numel() for p in self.model.parameters()) < _FEW_PARAMETERS:
            torch.set_num_threads(1)
        require_embeddings(self.model, self.bench, self.plan.rows)
        self.names = forward_names(self.model)
        self.collator = Collator(self.bench, self.plan.rows, self.names)
        self.trainable = [name for name, parameter in self.model.named_parameters() if parameter.requires_grad]
        # Counted before the model is shared out, when a process has only its part.
        self.facts = {
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "trainable": sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            "adapters": _towers(self.bench, self.model),
            "frozen_by": _frozen_by(self.recipe, self.model) if not self.trainable else "",
            "vocabulary": _vocabulary(self.model),
            "dtype": str(next(self.model.parameters()).dtype).removeprefix("torch."),
        }

    def measure(self, model: Any) -> bool:
        """Measure the model before the first step; False where there is nothing to train."""
        from workbench.models.towers import media_dtype
        from workbench.overfit.checksums import checksums
        from workbench.overfit.loss import can_trim
        from workbench.overfit.probes import Examiner
        from workbench.overfit.reloading import originals
        from workbench.overfit.soundness import new_tokens
        from workbench.overfit.template_probe import template_result
        from workbench.overfit.training import to_device

        plan, bench = self.plan, self.bench
        batch = self.collator([0])
        batch.pop("rows")
        labels = batch.pop("labels").to(self.device)
        dtype = media_dtype(model)
        inputs = to_device(batch, self.device, dtype)
        why_not = can_trim(model.eval(), inputs, labels)
        if why_not:
            self.notes.append(f"logits of every position are computed: {why_not}")
        self.trim = not why_not
        self.tell(
            "loaded",
            seconds=round(monotonic() - self.began, 3),
            **self.facts,
            device=self.device,
            trimmed=self.trim,
            notes=self.notes,
            replaced=self.replaced,
            memory_of="training",
            new_tokens=new_tokens(model, bench, plan.rows, self.new_tokens),
        )
        self.examiner = Examiner(bench, plan.rows, self.collator, trim=self.trim)
        tokens, finite = _baseline(self.tell, plan, bench, model, self.examiner, (inputs, labels), self.recipe)
        if not tokens or not self.trainable or not finite:
            self.done("nothing to train" if finite else "no number before the first step", 0)
            return False
        self.before = Before({}, {})
        if plan.probes and self.here:
            result = template_result(model, bench, plan.rows, self.names, dtype, trim=self.trim)
            self.tell("probe", name="template", **result)
            self.before = Before(checksums(parted(model)), {} if sharded() else originals(model))
        return True

    @property
    def here(self) -> bool:
        """True where this process takes part in the probes: the first, or all of those that share a model."""
        return self.writer is not None or sharded()

    def train(self, *, measure: bool = False) -> None:
        """Train, and probe what came of it. `measure`: not before the model was shared out."""
        import torch

        from workbench.overfit.training import OverfitTrainer, Reporter, TrainingRows, arguments

        reporter = Reporter(self.writer, self.memory)
        trainer = OverfitTrainer(
            model=self.model,
            args=arguments(self.plan, self.recipe, str(self.folder / "trainer"), self.device),
            train_dataset=TrainingRows(len(self.plan.rows)),
            data_collator=self.collator,
            callbacks=[reporter],
            trim=not measure and self.trim,
            by_tokens=self.plan.manner["loss_by_tokens"],
        )
        reporter.trainer = trainer
        if measure:

            def begin() -> bool:
                going = self.measure(trainer.model)
                trainer.trim = self.trim
                return going

            reporter.begin = begin
        if not reporter.run():
            return
        model = trainer.accelerator.unwrap_model(trainer.model)
        steps = int(trainer.state.global_step)
        if torch.distributed.is_initialized() and not sharded():
            # The probes are the first process's alone, however long they take: nobody waits for them.
            torch.distributed.destroy_process_group()
        if self.plan.probes and self.here:
            with_gradient = everywhere(reporter.with_gradient) if sharded() else reporter.with_gradient
            without = [name for name in self.trainable if name not in with_gradient]
            _probe(self, model, without)
        self.done("steps" if steps >= self.plan.steps else "diverged", steps)

    def done(self, reason: str, steps: int) -> None:
        """Write the end."""
        self.tell("done", reason=reason, steps=steps, seconds=round(monotonic() - self.began, 3))


def _baseline(
    tell: Any, plan: Plan, bench: Any, model: Any, examiner: Any, batch: tuple[dict[str, Any], Any], recipe: Any
) -> tuple[int, bool]:
    """Measure the rows before the first step and write the event; the number of trained tokens, and if it is finite."""
    from workbench.overfit.probes import logged_factor
    from workbench.overfit.soundness import not_finite
    from workbench.overfit.training import accumulation

    before = examiner.losses(model)
    tokens = sum(len(row_loss.nll) for row_loss in before)
    mean = sum(sum(row_loss.nll) for row_loss in before) / tokens if tokens else 0.0
    by_tokens, micro_batches = plan.manner["loss_by_tokens"], accumulation(recipe)
    plain, factor = _own_loss(
        lambda: logged_factor(model, *batch, micro_batches, by_tokens=by_tokens), bool(before[0].nll)
    )
    finite = math.isfinite(mean)
    batches = {} if finite else {index: examiner.collator([place]) for place, index in enumerate(plan.rows)}
    tell(
        "baseline",
        nll=mean,
        tokens=tokens,
        rows=[{"row": row_loss.row, "tokens": len(row_loss.nll), "nll": row_loss.mean} for row_loss in before],
        direct=before[0].mean if before[0].nll else None,
        plain=plain,
        logged_factor=factor,
        why=_untrained_reason(bench, plan.rows) if not tokens else "",
        not_finite={} if finite else not_finite(model, batches),
        loss_by_tokens=by_tokens,
        micro_batches=micro_batches,
    )
    _tell_tokens(tell, bench, before, "before")
    return tokens, finite


@dataclass(frozen=True, slots=True)
class Before:
    """The weights before the first step: `frozen` ones by checksum, `trained` ones whole where no adapter has them."""

    frozen: dict[str, str]
    trained: dict[str, Any]


def _prepared(model: Any, bench: Any, recipe: Any) -> tuple[Any, list[str]]:
    """The model as the recipe trains it: frozen, with adapters, with checkpointing; and what there is to say of it."""
    from workbench.models.freeze import freeze_mm, unfrozen
    from workbench.models.lora import lora_config

    notes: list[str] = []
    model.config.use_cache = False
    config = lora_config(recipe, model)
    if config is not None:
        _refuse_frozen_tokens(bench, recipe)
        # Shared out, all is kept in one dtype, as axolotl does.
        if getattr(model, "is_quantized", False) and not sharded():
            from workbench.models.few_bits import prepared_few_bits
            from workbench.models.weights import pick_dtype

            model = prepared_few_bits(model, pick_dtype(recipe, str(model.device)))
        model = _adapted(model, config, bench, recipe)
    if recipe.unfrozen_parameters:
        keep, ranged = unfrozen((name for name, _ in model.named_parameters()), recipe.unfrozen_parameters)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name in keep
        notes += [f"{pattern}: the whole tensor is trained, not some of its rows" for pattern in ranged]
    if recipe.freeze_mm_modules:
        freeze_mm(model)
    if recipe.gradient_checkpointing and config is not None:
        model.enable_input_require_grads()
    return model, notes


def _refuse_frozen_tokens(bench: Any, recipe: Any) -> None:
    """Stop where axolotl does: at new tokens whose embeddings an adapter would leave at random."""
    from workbench.families.library import embedding_layers

    wanted = embedding_layers(bench.loaded.model_type)
    if recipe.tokens and not set(wanted) <= set(recipe.lora_modules_to_save or ()):
        names = " and ".join(wanted)
        raise InputError(
            f"tokens needs {names} in lora_modules_to_save",
            "axolotl stops here with an adapter: the embeddings of the new tokens would stay at random.",
            f"Name {names} there (A017 of `vlmbench check`).",
            recipe.where(("tokens",), key=True),
        )


def _adapted(model: Any, config: Any, bench: Any, recipe: Any) -> Any:
    """The model with the recipe's adapters. Refusals of PEFT are errors at the key that they are about."""
    from workbench.models.lora import apply_lora
    from workbench.models.targets import trained

    try:
        return apply_lora(model, config, recipe)
    except InputError:
        refusal = trained(bench.anatomy, bench.recipe).refusal if bench.loaded.auto_config is not None else None
        if refusal is not None:
            raise refusal from None
        raise


def _frozen_by(recipe: Any, model: Any) -> str:
    """The key of the recipe that freezes the adapters which there are; "" where there are none."""
    from workbench.models.freeze import is_mm

    adapters = [name for name, _ in model.named_parameters() if "lora_" in name or ".modules_to_save." in name]
    if recipe.unfrozen_parameters:
        return "unfrozen_parameters"
    return "freeze_mm_modules" if adapters and recipe.freeze_mm_modules and all(map(is_mm, adapters)) else ""


def _towers(bench: Any, model: Any) -> dict[str, int]:
    """The number of adapted modules in each part of the model, by the family's module prefixes."""
    family = bench.family
    prefixes = family.modules.model_dump() if family is not None and family.modules is not None else {}
    found: dict[str, int] = {}
    for name, _ in model.named_modules():
        if not name.endswith(".lora_A"):
            continue
        inner = name.removeprefix("base_model.model.").removesuffix(".lora_A")
        found[_tower(inner, prefixes)] = found.get(_tower(inner, prefixes), 0) + 1
    return found


def _tower(name: str, prefixes: dict[str, Any]) -> str:
    best, size = "", -1
    for tower, listed in prefixes.items():
        for prefix in [listed] if isinstance(listed, str) else listed or ():
            if (name == prefix or name.startswith(f"{prefix}.")) and len(prefix) > size:
                best, size = tower, len(prefix)
    if best:
        return best
    from workbench.models.freeze import is_mm

    return "vision or audio" if is_mm(name) else "language"


def _vocabulary(model: Any) -> int:
    head = model.get_output_embeddings()
    return int(head.weight.shape[0]) if head is not None and hasattr(head, "weight") else 0


def _own_loss(ask: Any, anything: bool) -> tuple[float | None, float]:
    """The model's own loss where it gives one; some classes want more than labels for it."""
    if not anything:
        return None, 1.0
    try:
        plain, factor = ask()
    except Exception:
        return None, 1.0
    return plain, factor


def _untrained_reason(bench: Any, rows: Any) -> str:
    """The message of the checks about rows without a trained token: the marker's before that of its consequence."""
    from workbench.checks.row_checks import row_findings

    found = [
        finding for index in rows for finding in row_findings(bench.row(index)) if finding.code in ("M002", "M001")
    ]
    return next((finding.message for finding in sorted(found, key=lambda finding: finding.code, reverse=True)), "")


def _tell_tokens(tell: Any, bench: Any, losses: Any, when: str) -> None:
    for row_loss in losses:
        ids = bench.row(row_loss.row).rendering.input_ids
        nll: list[float | None] = [None] * len(ids)
        for place, value in zip(row_loss.places, row_loss.nll, strict=True):
            nll[place] = round(value, 5)
        tell("token_nll", when=when, row=row_loss.row, input_ids=ids.tolist(), nll=nll)


def _probe(run: _Run, model: Any, without: list[str]) -> None:
    """Run the probes after the last step, and write their events. `without`: trained tensors without a gradient."""
    from workbench.overfit.checksums import checksums
    from workbench.overfit.probes import stop_ids, stop_result, swap_result

    tell, bench, examiner = run.tell, run.bench, run.examiner
    after = examiner.losses(model)
    tokens = sum(len(row_loss.nll) for row_loss in after)
    final = sum(sum(row_loss.nll) for row_loss in after) / tokens
    rows = [{"row": row_loss.row, "tokens": len(row_loss.nll), "nll": row_loss.mean} for row_loss in after]
    tell("probe", name="final", nll=final, tokens=tokens, rows=rows)
    _tell_tokens(tell, bench, after, "after")
    tell("probe", name="gradients", without=without, of=len(run.trainable))
    now = checksums(parted(model))
    moved = {name for name, was in run.before.frozen.items() if now.get(name) != was}
    moved = everywhere(moved) if sharded() else moved
    tell("probe", name="frozen", moved=sorted(moved), of=len(run.before.frozen))
    model.config.use_cache = True
    if hasattr(model, "gradient_checkpointing_disable"):
        model.gradient_checkpointing_disable()
    let_generate(model)
    decoded = examiner.decode(model, run.plan.decode_tokens, after)
    tell("probe", name="decode", **decoded)
    tell("probe", name="stop", **stop_result(decoded, after, bench, stop_ids(model, bench)))
    pictures, why = examiner.swapped()
    if pictures is None:
        tell("probe", name="swap", applicable=False, why=why)
    else:
        tell("probe", name="swap", **swap_result(after, examiner.losses(model, pictures)))
    tell("probe", name="reload", **_reload(run, model))


def _reload(run: _Run, model: Any) -> dict[str, Any]:
    """Save the adapter, and measure the rows with it on the base as it was."""
    from peft import PeftModel

    from workbench.overfit.reloading import put_back, unsaved

    folder = run.folder / ADAPTER
    if not isinstance(model, PeftModel):
        return {"applicable": False, "why": "nothing was adapted"}
    if sharded():
        tensors = adapter_tensors(model)
        if run.writer is None:
            return {}
        model.save_pretrained(str(folder), state_dict=tensors)
        why = "the model is shared out over several devices; the adapter was saved, and what it holds compared"
        return {"applicable": False, "why": why, "missing": unsaved(folder, run.trainable)}
    model.save_pretrained(str(folder))
    # The base as it was shows what was saved; the trained model has all it learned, saved or not. The adapter is loaded
    # as axolotl loads it, and modules that plain PEFT would refuse are reported.
    fresh, redirected = put_back(model, folder, run.before.trained, run.load)
    again = run.examiner.losses(fresh)
    nll = sum(sum(row_loss.nll) for row_loss in again) / sum(len(row_loss.nll) for row_loss in again)
    missing = unsaved(folder, run.trainable)
    return {"applicable": True, "nll": nll, "redirected": redirected, "missing": missing}


def _memory_meter(device: str) -> Any:
    """A function that gives the most bytes that the model and its training needed so far.

    On a CPU these are the process's, without what Python and the libraries have before a model is loaded.
    """
    if device.startswith("cuda"):
        import torch

        return lambda: int(torch.cuda.max_memory_allocated())
    import peft  # noqa: F401 - with the rest of what a run imports, before the first measurement
    import psutil

    process = psutil.Process()
    before, most = int(process.memory_info().rss), [0]

    def meter() -> int:
        most[0] = max(most[0], int(process.memory_info().rss) - before)
        return most[0]

    return meter


def _exit_with_parent() -> None:
    """End when the pipe from the parent closes, which it does however the parent ends."""
    if os.environ.get("VLMBENCH_SUPERVISED") != "1":
        return

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(143)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
