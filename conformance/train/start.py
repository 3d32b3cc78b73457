"""One start for both sides: what PEFT and a resize of the embeddings draw at random is filled from its own name."""

from __future__ import annotations

import hashlib
import re
from typing import Any

# Lists of other modules have lookalikes: `embed_tokens_per_layer`.
_EMBEDDINGS = re.compile(r"\b(embed_tokens|lm_head)\.")


def same_start(model: Any, vocabulary: int) -> None:
    """Fill the `lora_A` of every adapter, so that two models with the same names begin with the same weights.

    So are the rows of embeddings and heads that lie beyond the vocabulary of the weights' own configuration.
    """
    import torch

    with torch.no_grad():
        for name, one in model.named_parameters():
            if ".lora_A." in name or ".lora_embedding_A." in name:
                one.copy_(drawn(name, tuple(one.shape)))
            elif _EMBEDDINGS.search(name) and one.shape[0] > vocabulary:
                one[vocabulary:] = drawn(name, (one.shape[0] - vocabulary, *one.shape[1:]))


def drawn(name: str, shape: tuple[int, ...]) -> Any:
    """Normal values of a small spread that the name and the shape alone decide."""
    import torch

    seed = int.from_bytes(hashlib.sha256(f"{name} {shape}".encode()).digest()[:4], "big")
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.1
