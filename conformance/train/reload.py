"""An adapter that axolotl saved, loaded back onto a fresh model as the bench loads an adapter."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def reloaded(base: Path, saved: Path) -> dict[str, np.ndarray]:
    """The parameters of a folder that axolotl wrote, by name: an adapter on the base model, or a whole model."""
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, AutoTokenizer
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    from workbench.models.lora import wrapped_linear_redirected

    adapter = (saved / "adapter_config.json").is_file()
    source = base if adapter else saved
    multimodal = type(AutoConfig.from_pretrained(source)) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    kind = AutoModelForImageTextToText if multimodal else AutoModelForCausalLM
    model = kind.from_pretrained(source)
    if adapter:
        if (size := len(AutoTokenizer.from_pretrained(saved))) > model.get_input_embeddings().weight.shape[0]:
            model.resize_token_embeddings(size)
        with wrapped_linear_redirected():
            model = PeftModel.from_pretrained(model, str(saved), is_trainable=True)
    return {name: one.detach().float().numpy() for name, one in model.named_parameters()}
