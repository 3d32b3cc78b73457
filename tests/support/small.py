"""Small configurations of any architecture: the class's own defaults with two layers in each part."""

from __future__ import annotations

from typing import Any

_LAYERS = ("num_hidden_layers", "num_layers", "depth", "encoder_layers", "decoder_layers", "n_layers")


def small_config(model_type: str) -> Any:
    """A configuration whose parts have two layers and few words, else as the class has it."""
    from transformers import AutoConfig

    config = AutoConfig.for_model(model_type)
    _shrink(config)
    return config


def _shrink(config: Any) -> None:
    for name in _LAYERS:
        if isinstance(getattr(config, name, None), int):
            setattr(config, name, 2)
    if isinstance(getattr(config, "layer_types", None), list):
        config.layer_types = config.layer_types[:2]
    if isinstance(getattr(config, "mlp_layer_types", None), list):
        config.mlp_layer_types = config.mlp_layer_types[:2]
    for name in getattr(config, "sub_configs", {}):
        if hasattr(inner := getattr(config, name, None), "model_type"):
            _shrink(inner)
