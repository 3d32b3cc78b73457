"""Logits for trained positions alone give the loss that all of them give, on every architecture that is at hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.support import processors
from workbench.overfit.loss import can_trim, forward_names, trained_columns, trained_nll, with_type_ids

FAMILIES = [
    *("gemma3", "gemma4", "gemma4_unified", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "llama4"),
    *("llama3_2_vision", "pixtral", "mistral3", "smolvlm2", "internvl"),
]


def tiny(family: str, folder: Any) -> Any:
    from transformers import AutoConfig, AutoModelForImageTextToText

    torch.manual_seed(0)
    return AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder)).eval()


def batch(model: Any) -> tuple[dict[str, Any], torch.Tensor]:
    """Two rows of text, the second padded, each with trained stretches of its own."""
    # A stand-in's vocabulary can be a dozen of tokens.
    size = min(90, model.get_output_embeddings().weight.shape[0])
    ids = torch.randint(min(20, size // 2), size, (2, 24), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 18:] = 0
    labels = torch.full_like(ids, -100)
    labels[0, 5:9], labels[0, 20:24] = ids[0, 5:9], ids[0, 20:24]
    labels[1, 12:18] = ids[1, 12:18]
    return with_type_ids({"input_ids": ids, "attention_mask": mask}, forward_names(model)), labels


@pytest.mark.parametrize("family", FAMILIES)
def test_trimmed_logits_give_the_same_loss(family: str, processor_folder: Any) -> None:
    model = tiny(family, processor_folder(family))
    inputs, labels = batch(model)
    assert can_trim(model, inputs, labels) == ""
    with torch.no_grad():
        trimmed, rows = trained_nll(model, inputs, labels, trim=True)
        whole, same_rows = trained_nll(model, inputs, labels, trim=False)
        own = float(model(**inputs, labels=labels, use_cache=False).loss)
    assert rows.tolist() == same_rows.tolist() == [0] * 8 + [1] * 6
    torch.testing.assert_close(trimmed, whole, rtol=1e-4, atol=1e-4)
    assert float(trimmed.mean()) == pytest.approx(own, rel=1e-3)


def test_gradients_are_the_same_too(processor_folder: Any) -> None:
    found = []
    for trim in (True, False):
        model = tiny("qwen2_5_vl", processor_folder("qwen2_5_vl"))
        inputs, labels = batch(model)
        trained_nll(model, inputs, labels, trim=trim)[0].mean().backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(gradient, found[1][name], rtol=1e-3, atol=1e-5)


def test_a_model_that_takes_no_index_says_so() -> None:
    class Plain(torch.nn.Module):
        def forward(self, input_ids: Any, attention_mask: Any = None, use_cache: bool = False) -> Any:
            raise AssertionError("it is not called")

    labels = torch.tensor([[-100, 5, 6]])
    assert "takes no logits_to_keep" in can_trim(Plain(), {"input_ids": labels}, labels)


def test_a_model_that_takes_numbers_alone_says_so() -> None:
    class Numbers(torch.nn.Module):
        def forward(self, input_ids: Any, logits_to_keep: int = 0, use_cache: bool = False) -> Any:
            return torch.zeros(1, 3, 9)[:, -int(logits_to_keep) :]

    labels = torch.tensor([[-100, 5, 6, 7]])
    assert "refuses an index tensor" in can_trim(Numbers(), {"input_ids": labels}, labels)


def test_the_columns_are_those_before_a_trained_token() -> None:
    labels = torch.tensor([[-100, -100, 7, 8], [9, -100, -100, 3]])
    assert trained_columns(labels).tolist() == [1, 2]
    nll, rows = trained_nll(None, {}, torch.full((2, 4), -100), trim=True)
    assert len(nll) == len(rows) == 0


def test_every_family_with_a_tiny_model_is_here() -> None:
    other = {"gemma3n", "mistral_v7_tekken", "llava_1_5"}
    assert set(FAMILIES) | other == set(processors.BUILDERS)
