"""Small configurations of any architecture: the class's own defaults with two layers in each part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_LAYERS = ("num_hidden_layers", "num_layers", "depth", "encoder_layers", "decoder_layers", "n_layers")


def small_config(model_type: str) -> Any:
    """A configuration whose parts have two layers, else as the class has it."""
    config = default_config(model_type)
    for part in _parts(config):
        _shrink(part)
    return config


def default_config(model_type: str) -> Any:
    """A configuration as the class has it, but for defaults of some releases that do not fit each other."""
    from transformers import AutoConfig

    return mended(AutoConfig.for_model(model_type))


def mended(config: Any) -> Any:
    """A configuration whose padding is one of its words, which some releases' defaults are not."""
    for part in _parts(config):
        if (getattr(part, "pad_token_id", None) or 0) >= (getattr(part, "vocab_size", None) or float("inf")):
            part.pad_token_id = 0
    return config


def _parts(config: Any) -> Iterator[Any]:
    yield config
    for name in getattr(config, "sub_configs", {}):
        if hasattr(inner := getattr(config, name, None), "model_type"):
            yield from _parts(inner)


def _shrink(config: Any) -> None:
    for name in _LAYERS:
        if isinstance(getattr(config, name, None), int):
            setattr(config, name, 2)
    if isinstance(getattr(config, "layer_types", None), list):
        config.layer_types = config.layer_types[:2]
    if isinstance(getattr(config, "mlp_layer_types", None), list):
        config.mlp_layer_types = config.mlp_layer_types[:2]
