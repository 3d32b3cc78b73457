"""The dtypes of a quantized model that is ready for training: those that axolotl leaves."""

from __future__ import annotations

import torch

from workbench.models.few_bits import cast, prepared_few_bits
from workbench.models.load import load
from workbench.paths import sample_dir


def test_embeddings_and_norms_are_cast_back_and_the_rest_is_wide() -> None:
    from transformers import AutoModelForImageTextToText

    config = load(str(sample_dir() / "demo-model"), recipe={}).auto_config
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    names = [name for name, _ in model.named_parameters()]
    model = prepared_few_bits(model, torch.bfloat16)
    found = {name: parameter.dtype for name, parameter in model.named_parameters()}
    assert list(found) == names
    assert not any(parameter.requires_grad for parameter in model.parameters())
    narrow = {name for name, kind in found.items() if kind == torch.bfloat16}
    assert narrow == {name for name in names if "norm" in name or "embed_tokens" in name or "lm_head" in name}
    assert len(narrow) > 10
    assert all(found[name] == torch.float32 for name in names if name not in narrow)


def test_what_is_quantized_is_not_cast() -> None:
    class Params4bit(torch.nn.Parameter):
        pass

    module = torch.nn.Linear(2, 2)
    module.weight = Params4bit(torch.zeros(2, 2), requires_grad=False)
    cast(module, torch.bfloat16)
    assert (module.weight.dtype, module.bias.dtype) == (torch.float32, torch.bfloat16)
