"""The memory of a recipe's training step, from the configuration alone.

The step is rehearsed: the model's own code runs forward and backward on tensors that have shapes and no data
(`FakeTensorMode`), with the recipe's adapters, freezing, precision and checkpointing, and every storage is counted
while it lives. So no constant is fitted to any model. Pictures count as the tokens they become; the towers that make
them are not rehearsed, which leaves out little where they are frozen: then they keep nothing for the backward pass.
Masks that a kernel would do without for real rows are there in the rehearsal, so long rows come out a tenth too high in
a model as small as the demo.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import EnvironmentProblem
from workbench.models.build import adapted_meta_model, as_fake_tensors, fake_tensors
from workbench.models.sizes import UNSIZED

if TYPE_CHECKING:
    from workbench.models.load import Loaded
    from workbench.recipe.axolotl_table import AxolotlTable
    from workbench.recipe.model import Recipe

# Bytes of optimizer state for each trained parameter; None: as many as the parameter itself has, twice over.
_STATES: dict[str, float] = {
    "sgd": 0.0,
    **dict.fromkeys(("adagrad", "lion_32bit", "paged_lion_32bit", "rmsprop"), 4.0),
    **dict.fromkeys(("lion_8bit", "paged_lion_8bit", "rmsprop_bnb_8bit"), 1 + 4 / 256),
    **dict.fromkeys(("adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit", "ademamix_8bit"), 2 * (1 + 4 / 256)),
    **dict.fromkeys(("adamw_torch_8bit", "ao_adamw_8bit", "ao_adamw_fp8"), 2 * (1 + 4 / 256)),
    **dict.fromkeys(("adamw_torch_4bit", "ao_adamw_4bit"), 2 * (0.5 + 4 / 128)),
    "q_galore_adamw8bit": 2 * (1 + 4 / 256),
}
# NF4 with double quantization: 4 bits, an 8-bit scale for 64 values, and a 32-bit one for 256 of those.
_NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes at the peak of a step. `gradients` and `optimizer` are those of trained parameters, adapters included.

    `activations` is what the forward pass keeps and the backward pass adds at the peak; `logits` what the head, the
    loss and their gradients add to it. `batch` rows of `sequence` tokens, of which `positions` a row reach the head.
    """

    weights: int
    adapters: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    batch: int
    sequence: int
    positions: int
    trainable: int
    parameters: int

    @property
    def total(self) -> int:
        """The sum of all parts, without the memory of a GPU's runtime."""
        return self.weights + self.adapters + self.gradients + self.optimizer + self.activations + self.logits

    def to_dict(self) -> dict[str, int]:
        return asdict(self) | {"total": self.total}


def estimate(
    config: Any,
    recipe: Recipe,
    *,
    sequence: int | None = None,
    batch: int | None = None,
    positions: int | None = None,
    tokens: int | None = None,
    axolotl: AxolotlTable | None = None,
) -> MemoryEstimate:
    """The memory of one training step on a device, in bytes.

    Args:
        config: a transformers configuration of an image-text-to-text or causal language model.
        recipe: adapter, freezing, precision, quantization, optimizer and checkpointing are read from it.
        sequence: tokens a row; by default the recipe's `sequence_len`.
        batch: rows a step; by default `micro_batch_size`.
        positions: at how many positions of a row the head is asked for logits; by default at all of them.
        tokens: how many the tokenizer has; the embeddings grow with it.
        axolotl: the release whose kind of checkpointing is taken; by default the newest.

    Raises:
        EnvironmentProblem: the model's code cannot run without data. InputError: the LoRA targets match nothing.
    """
    from workbench.models.lora import innermost

    sequence = sequence or recipe.sequence_len
    batch = batch or recipe.micro_batch_size or 1
    kept = sequence if positions is None else min(positions, sequence)
    model = adapted_meta_model(config, recipe, axolotl, tokens=tokens)
    with fake_tensors():
        model = as_fake_tensors(model)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        own = {
            id(parameter)
            for name, parameter in model.named_parameters()
            if any(mark in name for mark in ("lora_", "modules_to_save", "trainable_tokens_"))
        }
        adapters = sum(_bytes(parameter) for parameter in model.parameters() if id(parameter) in own)
        base = [parameter for parameter in model.parameters() if id(parameter) not in own]
        linear = _quantizable(model)
        weights = sum(_stored(parameter, id(parameter) in linear, recipe) for parameter in base) + sum(
            map(_bytes, model.buffers())
        )
        gradients = sum(map(_bytes, trained))
        peak = _rehearsed(model, recipe, batch, sequence, kept)
        trims = "logits_to_keep" in inspect.signature(innermost(model).forward).parameters
        small = _rehearsed(model, recipe, batch, sequence, 1) if kept > 1 and trims else peak
        logits = max(0, peak - small)
        counts = (
            sum(parameter.numel() for parameter in trained),
            sum(parameter.numel() for parameter in model.parameters()),
        )
    activations = max(0, peak - logits - gradients)
    states = round(sum(_states(parameter, recipe.optimizer) for parameter in trained))
    return MemoryEstimate(
        round(weights), adapters, gradients, states, activations, logits, batch, sequence, kept, *counts
    )


def estimate_of(
    loaded: Loaded, recipe: Recipe, axolotl: AxolotlTable | None = None, **sizes: int | None
) -> MemoryEstimate:
    """The memory of a step of a loaded model; see `estimate`.

    Raises:
        EnvironmentProblem: its config.json names no sizes, or as `estimate` does.
    """
    if not loaded.sized:
        raise EnvironmentProblem("The memory of a step is not known", f"{UNSIZED}.", "Add the model's own config.json.")
    return estimate(loaded.auto_config, recipe, tokens=len(loaded.tokenizer), axolotl=axolotl, **sizes)


def _rehearsed(model: Any, recipe: Recipe, batch: int, sequence: int, kept: int) -> int:
    """Peak bytes that a forward and backward pass has beside the model, gradients included."""
    import torch

    ids = torch.zeros((batch, sequence), dtype=torch.int64)
    labels = torch.zeros((batch * kept,), dtype=torch.int64)
    try:
        with counted() as count, precision(recipe):
            loss = step_loss(model, ids, labels, kept)
            loss.backward()
    except Exception as problem:
        raise EnvironmentProblem(
            "The memory of this model cannot be estimated",
            f"Its code does not run on tensors without data: {(str(problem).splitlines() or [''])[0][:200]}",
            "`vlmbench overfit` measures it.",
        ) from problem
    finally:
        model.zero_grad(set_to_none=True)
    return count.peak


def step_loss(model: Any, ids: Any, labels: Any, kept: int) -> Any:
    """The mean cross entropy at the last `kept` positions, in float32, as transformers computes it.

    The positions go in as an index, as an overfit run has them: at a mere number Gemma 4 leaves other work out too.
    """
    import torch

    more = {"logits_to_keep": torch.arange(ids.shape[1] - kept, ids.shape[1])} if kept < ids.shape[1] else {}
    logits = model(input_ids=ids, use_cache=False, **more).logits
    return torch.nn.functional.cross_entropy(logits.float().view(-1, logits.shape[-1]), labels)


def precision(recipe: Recipe) -> Any:
    """Autocast, where the recipe's training runs under it."""
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16) if recipe.bf16 else nullcontext()


class _Count:
    """Bytes of the storages that live now, and the most that lived at once."""

    def __init__(self) -> None:
        self.now = self.peak = 0
        self.seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def add(self, tensors: Iterable[Any]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage in self.seen:
                continue
            size = storage.nbytes()
            self.seen.add(storage)
            self.now += size
            weakref.finalize(storage, self._free, size)
        self.peak = max(self.peak, self.now)

    def _free(self, size: int) -> None:
        self.now -= size


@contextmanager
def counted() -> Iterator[_Count]:
    """Counts every storage that is made inside, views and writes in place not again."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    count = _Count()

    class Counting(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, function: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
            before = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, torch.Tensor)]
            made = function(*args, **(kwargs or {}))
            known = {tensor.untyped_storage()._cdata for tensor in before}
            count.add(
                tensor
                for tensor in tree_leaves(made)
                if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in known
            )
            return made

    with Counting():
        yield count


def _bytes(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def _quantizable(model: Any) -> set[int]:
    """The ids of the weights that bitsandbytes quantizes: those of linear layers, but for the head's."""
    import torch

    return {
        id(module.weight)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "lm_head" not in name
    }


def _stored(weight: Any, linear: bool, recipe: Recipe) -> float:
    """Bytes of a base weight as it is loaded: those of linear layers are smaller in a quantized model."""
    if linear and recipe.load_in_4bit and recipe.adapter == "qlora":
        return float(weight.numel() * _NF4)
    if linear and recipe.load_in_8bit and recipe.adapter:
        return float(weight.numel() + 4 * weight.shape[0])
    if weight.dim() >= 3 and _prepared_for_few_bits(recipe):
        # Experts are no linear layers: they stay, and PEFT makes 32 bits of what is not quantized.
        return float(weight.numel() * (_NF4 if recipe.quantize_moe_experts and weight.dim() == 3 else 4))
    return _bytes(weight)


def _prepared_for_few_bits(recipe: Recipe) -> bool:
    quantized = (recipe.load_in_4bit and recipe.adapter == "qlora") or (
        recipe.load_in_8bit and recipe.adapter == "lora"
    )
    return bool(quantized and not recipe.fsdp_config and not recipe.deepspeed)


def _states(parameter: Any, optimizer: str | None) -> float:
    """Bytes of optimizer state: AdamW's two moments in the parameter's dtype, unless the optimizer keeps others."""
    name = optimizer or ""
    if name in _STATES:
        return float(parameter.numel() * _STATES[name])
    if name == "adafactor":
        rows = (
            sum(parameter.shape[-2:]) * (parameter.numel() // max(1, parameter.shape[-1] * parameter.shape[-2]))
            if parameter.dim() > 1
            else parameter.numel()
        )
        return float(4 * rows)
    return float(2 * _bytes(parameter))
