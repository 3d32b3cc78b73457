"""Training on a few rows with transformers' Trainer, on the bench's own labels, each step written as an event."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from workbench.models.towers import media_dtype
from workbench.overfit.checksums import local
from workbench.overfit.knobs import SCHEDULERS
from workbench.overfit.loss import trained_nll, with_type_ids

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.overfit.events import Writer
    from workbench.overfit.plan import Plan
    from workbench.recipe.model import Recipe


class TrainingRows(Dataset):  # type: ignore[misc]
    """The rows of a plan, as places in it: the collator renders them."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> int:
        return place


class Collator:
    """Rows to a batch: what the processor gives, the bench's labels, and which rows they are."""

    def __init__(self, bench: Bench, rows: Sequence[int], names: frozenset[str]) -> None:
        self._bench, self._rows, self._names = bench, rows, names

    def __call__(self, places: Sequence[int]) -> dict[str, Any]:
        indices = [self._rows[place] for place in places]
        talks = [self._bench.row(index).conversation for index in indices]
        inputs = self.inputs([talk.messages for talk in talks], tools=[talk.tools for talk in talks])
        labels = torch.from_numpy(self._bench.labels(indices, inputs["input_ids"].numpy()))
        return {**inputs, "labels": labels, "rows": torch.tensor(indices)}

    def inputs(
        self, conversations: Sequence[Any], *, prompt: bool = False, tools: Sequence[Any] = ()
    ) -> dict[str, Any]:
        """The model's inputs for conversations; with `prompt`, up to where an answer would begin.

        `tools[i]` is what the template gets beside conversation i.
        """
        made = self._bench.renderer.features(conversations, add_generation_prompt=prompt, tensors=True, tools=tools)
        return with_type_ids({key: value for key, value in made.items() if torch.is_tensor(value)}, self._names)


def to_device(batch: dict[str, Any], device: Any, dtype: Any) -> dict[str, Any]:
    """A batch on the model's device; pixels and sound in a dtype, that of the tower which takes them."""
    return {
        key: value.to(device, dtype=dtype if value.is_floating_point() else None) if torch.is_tensor(value) else value
        for key, value in batch.items()
    }


class OverfitTrainer(Trainer):  # type: ignore[misc]
    """Trainer with the loss computed outside the model.

    `by_tokens`: it is divided by the trained tokens of the whole step; else each micro batch by its own, and the step's
    is their mean, as axolotl has it for some releases and models.
    """

    def __init__(self, *args: Any, trim: bool, by_tokens: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trim = trim
        # Trainer counts the tokens of a step where this is true, and else divides by the number of micro batches.
        self.model_accepts_loss_kwargs = by_tokens
        self.seen: dict[int, list[float]] = {}
        self.means: list[float] = []
        self.tokens = 0

    @property
    def loss_of_step(self) -> float:
        """The loss of the micro batches that were seen since it was cleared, divided as the training divides it."""
        every = (
            [nll for values in self.seen.values() for nll in values] if self.model_accepts_loss_kwargs else self.means
        )
        return sum(every) / len(every) if every else 0.0

    def clear(self) -> None:
        """Forget the micro batches that were seen."""
        self.seen.clear()
        self.means.clear()
        self.tokens = 0

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        rows, labels = inputs.pop("rows"), inputs.pop("labels")
        inputs = to_device(inputs, labels.device, self._dtype)
        nll, row_of = trained_nll(model, inputs, labels, trim=self.trim)
        values = nll.detach().cpu()
        for place, row in enumerate(rows.tolist()):
            self.seen.setdefault(row, []).extend(values[(row_of == place).cpu()].tolist())
        self.tokens += len(nll)
        self.means.append(float(values.mean()) if len(values) else 0.0)
        if not len(nll):
            # Nothing of this batch is trained; a loss that depends on nothing still has to have a gradient.
            return sum((p.sum() * 0.0 for p in model.parameters() if p.requires_grad), start=nll.sum())
        if num_items_in_batch is None:
            return nll.mean()
        loss = nll.sum() / num_items_in_batch
        return loss * self.accelerator.num_processes if self.args.average_tokens_across_devices else loss

    @cached_property
    def _dtype(self) -> Any:
        return media_dtype(self.model)


class _Ended(Exception):
    """The end of a training that has nothing to train, from within Trainer."""


class Reporter(TrainerCallback):  # type: ignore[misc]
    """Writes a step event after every step, notes which tensors ever had a gradient, and stops at the first NaN."""

    def __init__(self, writer: Writer | None, memory: Any) -> None:
        self._writer, self._memory = writer, memory
        self.trainer: OverfitTrainer | None = None
        self.begin: Callable[[], bool] | None = None
        """Called when the model is where it is trained; False ends the training before the first step."""
        self.with_gradient: set[str] = set()
        self._began = monotonic()
        self._norm = math.nan
        self._rate = math.nan

    def run(self) -> bool:
        """Train to the end; False where `begin` ended it."""
        assert self.trainer is not None
        try:
            self.trainer.train()
        except _Ended:
            return False
        return True

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.begin is not None and not self.begin():
            raise _Ended

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert self.trainer is not None
        self.trainer.clear()
        self._began = monotonic()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert self.trainer is not None
        total = 0.0
        for name, parameter in self.trainer.model.named_parameters():
            # Of a tensor that is shared out a process has its part, which may be nothing.
            if parameter.grad is not None and (gradient := local(parameter.grad.detach())).numel():
                largest = float(gradient.abs().max())
                total = max(total, largest) if largest == largest else math.nan
                if largest > 0:
                    self.with_gradient.add(name)
        rates = self.trainer.lr_scheduler.get_last_lr() if self.trainer.lr_scheduler is not None else [math.nan]
        self._rate = float(rates[0])

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        assert self.trainer is not None
        if logs is None or "grad_norm" not in logs:
            return
        seconds = monotonic() - self._began
        rows = {row: sum(nll) / len(nll) for row, nll in self.trainer.seen.items() if nll}
        loss = self.trainer.loss_of_step
        if self.trainer.args.world_size > 1:
            # The rows of the other processes are not seen here; what Trainer logs is the mean over all.
            loss = float(logs.get("loss", loss))
        norm = float(logs["grad_norm"])
        if self._writer is not None:
            self._writer.write(
                "step",
                step=state.global_step,
                loss=loss,
                logged=logs.get("loss"),
                grad_norm=norm,
                learning_rate=self._rate,
                tokens=self.trainer.tokens,
                seconds=round(seconds, 4),
                memory=self._memory(),
                rows={str(row): nll for row, nll in rows.items()},
            )
        if not math.isfinite(loss) or not math.isfinite(norm):
            control.should_training_stop = True


def accumulation(recipe: Recipe) -> int:
    """The micro batches of a step; axolotl goes by `batch_size` only where the other key is null."""
    if recipe.gradient_accumulation_steps:
        return recipe.gradient_accumulation_steps
    return max(1, (recipe.batch_size or 0) // (recipe.micro_batch_size or 1))


def warmup(recipe: Recipe, steps: int) -> int:
    """The steps in which the rate rises: axolotl's for a run of `steps`, at most a tenth of them.

    What a full run spends on it would be all of a short one.
    """
    if recipe.warmup_steps is not None:
        wanted = recipe.warmup_steps
    elif recipe.warmup_ratio is not None:
        wanted = int(recipe.warmup_ratio * steps)
    else:
        wanted = min(int(0.03 * steps), 100)
    return min(2 if wanted == 1 else wanted, steps // 10)


def arguments(plan: Plan, recipe: Recipe, folder: str, device: str) -> TrainingArguments:
    """Trainer's arguments for a recipe's own settings, over the steps of the plan, in the plan's manner."""
    scheduler = recipe.lr_scheduler or "cosine"
    checkpointing = bool(recipe.gradient_checkpointing)
    kwargs = {**(recipe.gradient_checkpointing_kwargs or {}), "use_reentrant": plan.manner["use_reentrant"]}
    optimizer_args = recipe.optim_args
    if isinstance(optimizer_args, dict):
        optimizer_args = ",".join(f"{key}={value}" for key, value in optimizer_args.items())
    on_gpu = device.startswith("cuda")
    return TrainingArguments(
        output_dir=folder,
        max_steps=plan.steps,
        per_device_train_batch_size=recipe.micro_batch_size or 1,
        gradient_accumulation_steps=accumulation(recipe),
        learning_rate=recipe.learning_rate if recipe.learning_rate is not None else 2e-4,
        optim=recipe.optimizer or "adamw_torch_fused",
        optim_args=optimizer_args or None,
        lr_scheduler_type=scheduler if scheduler in SCHEDULERS else "cosine",
        lr_scheduler_kwargs=(recipe.lr_scheduler_kwargs or {}) if scheduler in SCHEDULERS else {},
        warmup_steps=warmup(recipe, plan.steps),
        weight_decay=recipe.weight_decay or 0.0,
        max_grad_norm=recipe.max_grad_norm if recipe.max_grad_norm is not None else 1.0,
        adam_beta1=recipe.adam_beta1 or 0.9,
        adam_beta2=recipe.adam_beta2 or 0.999,
        adam_epsilon=recipe.adam_epsilon or 1e-8,
        gradient_checkpointing=checkpointing,
        gradient_checkpointing_kwargs=kwargs if checkpointing else None,
        bf16=on_gpu and bool(recipe.bf16 is True or recipe.bf16 == "auto"),
        fp16=on_gpu and bool(recipe.fp16),
        tf32=True if on_gpu and recipe.tf32 is True else None,
        use_cpu=device == "cpu",
        # Several processes on CPUs communicate through gloo; on GPUs torch chooses.
        ddp_backend="gloo" if device == "cpu" and int(os.environ.get("WORLD_SIZE", "1")) > 1 else None,
        seed=plan.seed,
        data_seed=plan.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        label_names=["labels"],
    )
