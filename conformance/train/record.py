"""The record of a training by transformers' Trainer, whoever made it: what it was fed, what it trained, what it got.

Both sides train with a subclass of `transformers.Trainer`, so the same few calls of that class are listened to on both.
Nothing that is computed changes, but for where the run starts: see `start.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.train.start import same_start

Batch = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


@dataclass
class Record:
    """A run as it was seen inside Trainer. Names are those of the model's parameters, adapters and all."""

    fed: list[Batch] = field(default_factory=list)
    """For each micro batch its rows: ids, and the label of each, without padding."""
    steps_of: list[int] = field(default_factory=list)
    """For each micro batch the number of the step that it belongs to, from 0."""
    micro_losses: list[float] = field(default_factory=list)
    trained: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The tensors that are trained, with their shapes."""
    adapters: frozenset[str] = frozenset()
    """The parameters of every adapter, frozen ones too."""
    losses: list[float] = field(default_factory=list)
    """Loss, gradient norm and learning rate of every step, as they were logged."""
    norms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    after: dict[str, np.ndarray] = field(default_factory=dict)
    """The trained tensors after the last step."""
    moved: frozenset[str] = frozenset()
    """Those of them that are not what they were before the first."""


@contextmanager
def recorded(vocabulary: int) -> Iterator[Record]:
    """Record the one training that is done inside. `vocabulary`: that of the weights before any resize."""
    from transformers import Trainer, TrainerCallback

    record = Record()

    class Listener(TrainerCallback):  # type: ignore[misc]
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            record.rates.append(float(kwargs["lr_scheduler"].get_last_lr()[0]))

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and "grad_norm" in logs:
                record.losses.append(float(logs["loss"]))
                record.norms.append(float(logs["grad_norm"]))

    def train(trainer: Any, *args: Any, **kwargs: Any) -> Any:
        trainer.add_callback(Listener())
        same_start(trainer.model, vocabulary)
        before = _values(trainer.model)
        record.trained = {name: one.shape for name, one in before.items()}
        record.adapters = frozenset(name for name, _ in trainer.model.named_parameters() if ".lora_" in name)
        done = begin(trainer, *args, **kwargs)
        record.after = _values(trainer.model)
        record.moved = frozenset(name for name, one in record.after.items() if not np.array_equal(one, before[name]))
        return done

    def training_step(trainer: Any, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        record.fed.append(_rows(inputs))
        record.steps_of.append(int(trainer.state.global_step))
        loss = step(trainer, model, inputs, *args, **kwargs)
        record.micro_losses.append(float(loss.detach()))
        return loss

    begin, step = Trainer.train, Trainer.training_step
    Trainer.train, Trainer.training_step = train, training_step
    try:
        yield record
    finally:
        Trainer.train, Trainer.training_step = begin, step


def _values(model: Any) -> dict[str, np.ndarray]:
    return {name: one.detach().float().numpy().copy() for name, one in model.named_parameters() if one.requires_grad}


def _rows(inputs: Any) -> Batch:
    ids, labels = inputs["input_ids"], inputs["labels"]
    mask = inputs.get("attention_mask")
    kept = [slice(None)] * len(ids) if mask is None else [row.bool() for row in mask]
    return tuple(
        (tuple(row[keep].tolist()), tuple(label[keep].tolist()))
        for row, label, keep in zip(ids, labels, kept, strict=True)
    )
