"""The test of a config.json for sizes: without them those of the model are transformers' defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNSIZED = "config.json names no sizes, so transformers' defaults were taken"
"""The note in place of figures that would be those of another model."""

_SIZES = frozenset(
    (
        *("hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size", "num_attention_heads", "head_dim"),
        *("num_key_value_heads", "d_model", "d_ff", "num_layers", "n_layer", "n_layers", "n_embd", "n_head", "n_heads"),
        *("dim", "encoder_layers", "decoder_layers", "ffn_dim", "hidden_dim"),
    )
)
_BESIDE = ("vision", "visual", "audio", "speech", "projector", "quantization")


def names_sizes(config: Mapping[str, Any]) -> bool:
    """True where a raw config has any size of its language model; a checkpoint may leave out default sizes.

    A config that was saved with a model names some, if only the vocabulary.
    """
    for key, value in config.items():
        if key in _SIZES and isinstance(value, (int, list)) and not isinstance(value, bool):
            return True
        beside = any(part in str(key) for part in _BESIDE)
        if isinstance(value, Mapping) and not beside and names_sizes(value):
            return True
    return False
