"""The child process of an overfit run, started with its folder (`workbench.child_process`).

The folder holds the plan; the events, the adapter and everything else are written into it. The parent reads the events
and nothing else. It ends when the parent ends.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from pathlib import Path
from time import monotonic
from typing import Any

from workbench.errors import BenchError, InputError
from workbench.overfit.events import Writer
from workbench.overfit.plan import Plan
from workbench.overfit.runs import ADAPTER, EVENTS, PLAN
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
        _say(writer, "input", text, hint=problem.hint, field=problem.where.field)
        return 2
    except BaseException as problem:
        kind = "memory" if _is_memory(problem) else "cancelled" if isinstance(problem, KeyboardInterrupt) else "crash"
        traceback.print_exc()
        tail = "".join(traceback.format_exception(problem)).splitlines()[-_TAIL:]
        more = {"estimate": step_memory(plan)} if kind == "memory" and first else {}
        _say(writer, kind, f"{type(problem).__name__}: {problem}"[:500], tail="\n".join(tail), **more)
        return 1
    return 0


def _say(writer: Writer | None, kind: str, message: str, **more: Any) -> None:
    if writer is not None:
        writer.write("error", kind=kind, message=message, **more)


def _is_memory(problem: BaseException) -> bool:
    import torch

    message = str(problem).lower()
    return isinstance(problem, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in message


def _run(plan: Plan, folder: Path, writer: Writer | None) -> None:
    began = monotonic()
    import torch
    from transformers import set_seed

    from workbench.fingerprint import fingerprint
    from workbench.models.embeddings import resized
    from workbench.models.weights import load_weights, pick_device
    from workbench.overfit.here import recipe_here
    from workbench.overfit.loss import can_trim, forward_names
    from workbench.overfit.probes import Examiner, logged_factor, weight_hashes
    from workbench.overfit.training import (
        Collator,
        OverfitTrainer,
        Reporter,
        TrainingRows,
        accumulation,
        arguments,
        to_device,
    )

    tell = writer.write if writer is not None else (lambda event, **fields: None)
    bench = plan.open()
    tell(
        "start",
        version=1,
        plan={key: value for key, value in plan.to_dict().items() if key not in ("recipe", "bench")},
        fingerprint=fingerprint(bench, plan.rows).to_dict(),
        not_honoured=plan.not_honoured,
    )
    set_seed(plan.seed)
    device = pick_device(plan.device)
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    recipe, replaced = recipe_here(bench, device)
    memory = _memory_meter(device)

    def load() -> Any:
        trust = bool(plan.bench.get("trust_remote_code"))
        fresh = load_weights(bench.loaded, recipe, device=device, trust_remote_code=trust)
        set_seed(plan.seed)
        resized(fresh, recipe, len(bench.loaded.tokenizer))
        return fresh

    model, notes = _prepared(load(), bench, recipe)
    if device == "cpu" and sum(p.numel() for p in model.parameters()) < _FEW_PARAMETERS:
        torch.set_num_threads(1)
    names = forward_names(model)
    collator = Collator(bench, plan.rows, names)
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    batch = collator([0])
    batch.pop("rows")
    labels = batch.pop("labels").to(device)
    inputs = to_device(batch, device, next(model.parameters()).dtype)
    why_not = can_trim(model.eval(), inputs, labels)
    if why_not:
        notes.append(f"logits of every position are computed: {why_not}")
    trim = not why_not
    tell(
        "loaded",
        seconds=round(monotonic() - began, 3),
        parameters=sum(p.numel() for p in model.parameters()),
        trainable=sum(p.numel() for _, p in trainable),
        adapters=_towers(bench, model),
        vocabulary=_vocabulary(model),
        device=device,
        dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
        trimmed=trim,
        notes=notes,
        replaced=replaced,
        memory_of="training",
    )
    examiner = Examiner(bench, plan.rows, collator, trim=trim)
    before = examiner.losses(model)
    by_tokens, micro_batches = plan.manner["loss_by_tokens"], accumulation(recipe)
    tokens = _tell_baseline(
        tell,
        bench,
        before,
        lambda: logged_factor(model, inputs, labels, micro_batches, by_tokens=by_tokens),
        loss_by_tokens=by_tokens,
        micro_batches=micro_batches,
    )
    _tell_tokens(tell, bench, before, "before")
    if not tokens or not trainable:
        tell("done", reason="nothing to train", steps=0, seconds=round(monotonic() - began, 3))
        return
    frozen = weight_hashes(model) if plan.probes else {}
    reporter = Reporter(writer, memory)
    trainer = OverfitTrainer(
        model=model,
        args=arguments(plan, recipe, str(folder / "trainer"), device),
        train_dataset=TrainingRows(len(plan.rows)),
        data_collator=collator,
        callbacks=[reporter],
        trim=trim,
        by_tokens=by_tokens,
    )
    reporter.trainer = trainer
    trainer.train()
    model = trainer.accelerator.unwrap_model(trainer.model)
    steps = int(trainer.state.global_step)
    if plan.probes and writer is not None:
        _probe(tell, plan, bench, model, examiner, reporter, trainable, frozen, folder, load)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
    reason = "steps" if steps >= plan.steps else "diverged"
    tell("done", reason=reason, steps=steps, seconds=round(monotonic() - began, 3))


def _prepared(model: Any, bench: Any, recipe: Any) -> tuple[Any, list[str]]:
    """The model as the recipe trains it: frozen, with adapters, with checkpointing; and what there is to say of it."""
    from workbench.models.freeze import freeze_mm, unfrozen
    from workbench.models.lora import lora_config

    notes: list[str] = []
    model.config.use_cache = False
    config = lora_config(recipe, model)
    if config is not None:
        _refuse_frozen_tokens(bench, recipe)
        if getattr(model, "is_quantized", False):
            from peft import prepare_model_for_kbit_training

            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
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


def _tell_baseline(tell: Any, bench: Any, before: Any, own: Any, **more: Any) -> int:
    """Write the losses before the first step; gives the number of trained tokens. `own` asks for the model's own."""
    tokens = sum(len(row_loss.nll) for row_loss in before)
    mean = sum(sum(row_loss.nll) for row_loss in before) / tokens if tokens else 0.0
    plain, factor = _own_loss(own, bool(before[0].nll))
    tell(
        "baseline",
        nll=mean,
        tokens=tokens,
        rows=[{"row": row_loss.row, "tokens": len(row_loss.nll), "nll": row_loss.mean} for row_loss in before],
        direct=before[0].mean if before[0].nll else None,
        plain=plain,
        logged_factor=factor,
        why="" if tokens else _untrained_reason(bench, [row_loss.row for row_loss in before]),
        **more,
    )
    return tokens


def _tell_tokens(tell: Any, bench: Any, losses: Any, when: str) -> None:
    for row_loss in losses:
        ids = bench.row(row_loss.row).rendering.input_ids
        nll: list[float | None] = [None] * len(ids)
        for place, value in zip(row_loss.places, row_loss.nll, strict=True):
            nll[place] = round(value, 5)
        tell("token_nll", when=when, row=row_loss.row, input_ids=ids.tolist(), nll=nll)


def _probe(
    tell: Any,
    plan: Plan,
    bench: Any,
    model: Any,
    examiner: Any,
    reporter: Any,
    trainable: Any,
    frozen: dict[str, str],
    folder: Path,
    load: Any,
) -> None:
    """Run the probes after the last step, and write their events."""
    from peft import PeftModel

    from workbench.models.lora import wrapped_linear_redirected
    from workbench.overfit.probes import stop_ids, stop_result, swap_result, weight_hashes

    after = examiner.losses(model)
    tokens = sum(len(row_loss.nll) for row_loss in after)
    final = sum(sum(row_loss.nll) for row_loss in after) / tokens
    rows = [{"row": row_loss.row, "tokens": len(row_loss.nll), "nll": row_loss.mean} for row_loss in after]
    tell("probe", name="final", nll=final, tokens=tokens, rows=rows)
    _tell_tokens(tell, bench, after, "after")
    without = [name for name, _ in trainable if name not in reporter.with_gradient]
    tell("probe", name="gradients", without=without, of=len(trainable))
    now = weight_hashes(model)
    tell("probe", name="frozen", moved=[name for name, was in frozen.items() if now.get(name) != was], of=len(frozen))
    model.config.use_cache = True
    if hasattr(model, "gradient_checkpointing_disable"):
        model.gradient_checkpointing_disable()
    decoded = examiner.decode(model, plan.decode_tokens, after)
    tell("probe", name="decode", **decoded)
    tell("probe", name="stop", **stop_result(decoded, after, bench, stop_ids(model, bench)))
    pictures, why = examiner.swapped()
    if pictures is None:
        tell("probe", name="swap", applicable=False, why=why)
    else:
        tell("probe", name="swap", **swap_result(after, examiner.losses(model, pictures)))
    if not isinstance(model, PeftModel):
        tell("probe", name="reload", applicable=False, why="nothing was adapted")
        return
    model.save_pretrained(str(folder / ADAPTER))
    # A fresh model shows what was saved; the trained one has all it learned, saved or not. The adapter is loaded as
    # axolotl loads it, and modules that plain PEFT would refuse are reported.
    with wrapped_linear_redirected() as redirected:
        fresh = PeftModel.from_pretrained(load(), str(folder / ADAPTER)).to(model.device)
    again = examiner.losses(fresh)
    nll = sum(sum(row_loss.nll) for row_loss in again) / tokens
    tell("probe", name="reload", applicable=True, nll=nll, redirected=redirected)


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
