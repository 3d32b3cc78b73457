"""The memory of a real training step on the CPU, as torch's own allocator reports it to its profiler."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForImageTextToText

from workbench.models.build import prepared, weight_dtype
from workbench.models.memory import precision, step_loss
from workbench.recipe.model import Recipe


def measured_peak(config: Any, recipe: Recipe, batch: int, sequence: int, positions: int | None = None) -> int:
    """Peak bytes during two steps: weights, adapters, AdamW's states, and all in between.

    Every allocation and release of torch's CPU allocator is an event of the profiler; the peak is that of their sum.
    The model has random weights of the real sizes, its real code and kernels, gradients and an optimizer.
    """
    torch.manual_seed(0)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        model = prepared(AutoModelForImageTextToText.from_config(config, dtype=weight_dtype(recipe)), recipe)
        optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-4)
        ids = torch.randint(5, 400, (batch, sequence))
        kept = sequence if positions is None else positions
        labels = torch.randint(5, 400, (batch * kept,))
        for _ in range(2):
            with torch.profiler.record_function("one step"):
                with precision(recipe):
                    loss = step_loss(model, ids, labels, kept)
                    loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                del loss
    events = sorted(profile.profiler.kineto_results.events(), key=lambda one: one.start_ns())
    begin = min(one.start_ns() for one in events if one.name() == "one step")
    now = peak = 0
    for event in events:
        if event.name() == "[memory]":
            now += event.nbytes()
            # What making the model took for a moment is no part of a step.
            peak = max(peak, now) if event.start_ns() >= begin else now
    return peak
