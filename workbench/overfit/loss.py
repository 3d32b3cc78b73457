"""The loss of trained positions alone: only they need logits, which is what makes a large vocabulary fit."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from workbench.models.lora import innermost
from workbench.tokens.mask import IGNORE

Batch = Mapping[str, Any]
# What Gemma-like models want in training beside the ids; all zeros say that every token is text.
_TYPE_IDS = ("token_type_ids", "mm_token_type_ids")


def forward_names(model: Any) -> frozenset[str]:
    """The names that the forward of a model takes, below any adapter around it."""
    inner = innermost(model)
    return frozenset(inspect.signature(inner.forward).parameters)


def with_type_ids(inputs: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The inputs with type ids for a batch of text alone, where the model takes them and the processor gave none."""
    media = any(name.startswith(("pixel", "image", "video", "audio", "input_features")) for name in inputs)
    for name in _TYPE_IDS:
        if name in names and name not in inputs and not media:
            inputs[name] = torch.zeros_like(inputs["input_ids"])
    return inputs


def trained_columns(labels: torch.Tensor) -> torch.Tensor:
    """The positions `[n]` whose logits predict a trained token of any row of the labels `[B, L]`."""
    return (labels[:, 1:] != IGNORE).any(dim=0).nonzero().squeeze(1)


def trained_nll(model: Any, inputs: Batch, labels: torch.Tensor, *, trim: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The negative log-likelihood of every trained token of a batch, in nats, and the row each belongs to: two `[m]`.

    `trim`: ask the head for the trained positions alone (`logits_to_keep`, an index tensor); else for all of them.
    The order is row by row, by position. Without a trained token both are empty, and nothing is computed.
    """
    columns = trained_columns(labels)
    if not len(columns):
        return labels.new_zeros(0, dtype=torch.float32), labels.new_zeros(0)
    if trim:
        logits = model(**inputs, logits_to_keep=columns, use_cache=False).logits
    else:
        logits = model(**inputs, use_cache=False).logits[:, columns]
    target = labels[:, columns + 1]
    wanted = target != IGNORE
    nll = torch.nn.functional.cross_entropy(logits[wanted].float(), target[wanted], reduction="none")
    return nll, wanted.nonzero()[:, 0]


def can_trim(model: Any, inputs: Batch, labels: torch.Tensor) -> str:
    """The reason why a model cannot compute logits at chosen positions alone, or "" where it can: tried on a batch."""
    if "logits_to_keep" not in forward_names(model):
        return "its forward takes no logits_to_keep"
    columns = trained_columns(labels)
    if not len(columns):
        return ""
    try:
        with torch.no_grad():
            some = model(**inputs, logits_to_keep=columns[:2], use_cache=False).logits
    except Exception as problem:
        return f"it refuses an index tensor: {type(problem).__name__}"
    if some.shape[1] != len(columns[:2]):
        return f"it gives {some.shape[1]} positions where {len(columns[:2])} were asked for"
    return ""
