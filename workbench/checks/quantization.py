"""A018 and A019: what quantized loading leaves at full size, and what it quantizes against the recipe's word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from workbench.checks.recipe_facts import ModelFacts
from workbench.checks.registry import check
from workbench.checks.row_facts import counted
from workbench.findings import Edit, Finding, Fix

_SKIP = ("bnb_config_kwargs", "llm_int8_skip_modules")
# What PEFT makes of every weight in half precision before it trains a quantized model.
_BYTES = 4


@check("A018", stage="model")
def unquantized_experts(model: ModelFacts) -> Iterator[Finding]:
    """A018: experts are three-dimensional parameters, and bitsandbytes quantizes linear layers alone."""
    recipe, anatomy = model.bench.recipe, model.anatomy
    bits = _bits(model)
    if bits is None or recipe.quantize_moe_experts or _linearized(model):
        return
    experts = [one for name, one in anatomy.model.named_parameters() if one.dim() == 3 and _of_experts(anatomy, name)]
    numbers = sum(one.numel() for one in experts)
    if not numbers:
        return
    size = f": {numbers / 1e9:,.1f} of {anatomy.parameters / 1e9:,.1f} billion numbers" if anatomy.sized else ""
    wide = not (recipe.fsdp_config or recipe.deepspeed)
    taken = f"{numbers * _BYTES / 1e9:,.1f} GB"
    memory = f", which take {taken} in 32 bits once PEFT has prepared them" if anatomy.sized and wide else ""
    size = f"{size} stay as they are" if size else ""
    text = f"the experts are not loaded in {bits} bits{size}{memory}"
    fix = Fix("quantize_moe_experts: true", (Edit(("quantize_moe_experts",), True),))
    hint = "Set quantize_moe_experts, with which axolotl quantizes them while it loads."
    yield Finding("A018", "warning", text, hint, model.at(f"load_in_{bits}bit"), fix)


def _linearized(model: ModelFacts) -> bool:
    """True where axolotl gives the experts linear layers in the place of the parameters that they have else."""
    bench = model.bench
    # axolotl's keys of this kind begin with the only model type that they are for.
    return bool(bench.document.data.get(f"{bench.loaded.model_type}_linearized_experts"))


def _of_experts(anatomy: Any, name: str) -> bool:
    return bool(anatomy.tower_of(name) == "experts")


def _bits(model: ModelFacts) -> int | None:
    """The bits in which axolotl lets bitsandbytes load the weights; None where it does not."""
    recipe = model.bench.recipe
    if recipe.adapter == "qlora" and recipe.load_in_4bit:
        return 4
    return 8 if recipe.adapter == "lora" and recipe.load_in_8bit else None


@check("A019", stage="model")
def unmatched_skips(model: ModelFacts) -> Iterator[Finding]:
    """A019: names of modules that are to stay as they are, of which no linear layer is one."""
    bench, anatomy = model.bench, model.anatomy
    named = (bench.recipe.bnb_config_kwargs or {}).get(_SKIP[1])
    if _bits(model) != 4 or not isinstance(named, list):
        return
    everything = [name for name, _ in anatomy.model.named_modules() if name]
    for index, name in enumerate(named):
        if not isinstance(name, str) or any(_skips(name, linear) for linear in anatomy.linears):
            continue
        # transformers matches from the beginning of a module's whole name, or its end.
        meant = [one for one in everything if one.rpartition(".")[2] == name and _holds_linears(one, anatomy.linears)]
        text = f"{name} is the beginning or end of no linear layer's name, so all of them are quantized"
        if meant:
            change = [*named[:index], *meant[:1], *named[index + 1 :]]
            fix = Fix(f"{name} → {meant[0]}", (Edit(_SKIP, change),))
            hint = f"Write {meant[0]}: with the whole name {counted(_count(meant[0], anatomy.linears), 'layer')} stay."
        else:
            rest = [one for one in named if one != name]
            edit = Edit(_SKIP, rest) if rest else Edit(_SKIP, remove=True)
            fix, hint = Fix(f"without {name}", (edit,)), "Remove it, or write where the module's name begins."
        where = bench.recipe.where((*_SKIP, index), key=True)
        yield Finding("A019", "warning", text, hint, where, fix)


def _skips(pattern: str, name: str) -> bool:
    """True where transformers' `should_convert_module` takes the name for a match."""
    try:
        return re.match(pattern, name) is not None or name.endswith(pattern)
    except re.error:
        return name.endswith(pattern)


def _holds_linears(name: str, linears: Any) -> bool:
    return _count(name, linears) > 0


def _count(name: str, linears: Iterable[str]) -> int:
    return sum(linear == name or linear.startswith(f"{name}.") for linear in linears)
