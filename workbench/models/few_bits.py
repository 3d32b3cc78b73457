"""A quantized model made ready for training, with the dtypes that axolotl leaves."""

from __future__ import annotations

from typing import Any

from workbench.families.library import embedding_layers


def prepared_few_bits(model: Any, dtype: Any) -> Any:
    """The model frozen and prepared by PEFT, with embeddings, head and norms cast back to `dtype`.

    PEFT makes 32 bits of all that is not quantized. axolotl casts these back, by their names, so that what they hand on
    fits the attention kernels; the rest, such as a picture's first layer and the experts, stays in 32 bits.
    """
    from peft import prepare_model_for_kbit_training

    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    embeddings = embedding_layers(getattr(model.config, "model_type", None))
    for name, module in model.named_modules():
        if "norm" in name or (any(part in name for part in embeddings) and hasattr(module, "weight")):
            cast(module, dtype)
    return model


def cast(module: Any, dtype: Any) -> None:
    """Cast the floating parameters and buffers of a module; what is quantized stays."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point() and type(tensor).__name__ not in ("Params4bit", "Int8Params"):
            tensor.data = tensor.data.to(dtype)
