"""Keys that an export adds to a recipe: none that changes what is trained, none that axolotl refuses.

Each key is tried before it is written: on the rules that axolotl's validator and Trainer follow, and, where it bears
on what has gradients, on the model without weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workbench.checks.ineffective_keys import broken
from workbench.errors import EnvironmentProblem
from workbench.export.defaults import RUN_KEYS, full_run, parameters
from workbench.recipe.lora_kernels import KERNELS, kernel_error, kernel_switch
from workbench.recipe.model import Recipe
from workbench.recipe.new import MISTRAL_COMMON, RecipeLine, family_settings, kernels_comment
from workbench.recipe.yaml.document import Document

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.models.targets import Trained

_TARGETS = ("lora_target_modules", "lora_target_linear", "lora_target_parameters")
# These decide which numbers of the model are trained.
_TRAINED = (*_TARGETS, "freeze_mm_modules", "unfrozen_parameters", "lora_modules_to_save")
_ELSEWHERE = ("chat_template", "role_boundaries", "sequence_len", "attn_implementation", "trust_remote_code")
_LANGUAGE = frozenset(("language", "experts", "embeddings", "head"))


def model_keys(bench: Bench, document: Document) -> list[RecipeLine]:
    """The keys that concern the model, in the order of a recipe, with their reasons."""
    keys = dict(document.data)
    lines = [RecipeLine(key, value, why) for key, value, why in _wanted(bench, document)]
    return list(_harmless(keys, lines, bench.axolotl.release))


def run_keys(bench: Bench, document: Document) -> list[RecipeLine]:
    """The full run's length, steps and rate where the recipe leaves them open, with the reasons."""
    recipe, settings = Recipe.from_document(document), dict(family_settings(bench.family, bench.loaded.config))
    options: dict[str, Any] = {"rows": _count(bench), "size": parameters(bench.loaded.config)}
    lines = []
    for default in full_run(recipe, document.data, **options):
        value, why = settings.get(default.key, (default.value, default.why))
        lines.append(RecipeLine(default.key, value, f"{why[:1].upper()}{why[1:].rstrip('.')}."))
    return list(_harmless(dict(document.data), lines, bench.axolotl.release))


def _harmless(data: dict[Any, Any], lines: list[RecipeLine], release: str) -> Iterator[RecipeLine]:
    """The lines that contradict neither the recipe nor each other."""
    before = broken(data, release)
    for line in lines:
        trial = data | {line.key: line.value}
        if broken(trial, release) <= before:
            data = trial
            yield line


def _wanted(bench: Bench, document: Document) -> Iterator[tuple[str, Any, str]]:
    data, recipe = document.data, Recipe.from_document(document)
    settings = dict(family_settings(bench.family, bench.loaded.config))
    adapted = recipe.adapter is not None
    # The recipe to compare with: PEFT makes no adapter without a rank.
    ranked = Document(document.text, document.name)
    if adapted and "lora_r" not in data:
        ranked.set(("lora_r",), 16)
        yield "lora_r", 16, "The rank of the adapters: a higher one can learn more and needs more memory."
    if adapted and "lora_alpha" not in data:
        yield "lora_alpha", 2 * (recipe.lora_r or 16), "Twice the rank."
    if "gradient_checkpointing" not in data:
        yield "gradient_checkpointing", True, "Saves most of the activations' memory for about a third more time."
    if _non_reentrant(bench, ranked):
        value, why = {"use_reentrant": False}, "The reentrant kind fails with shared modules."
        yield "gradient_checkpointing_kwargs", *settings.get("gradient_checkpointing_kwargs", (value, why))
    trained = {key: value for key, (value, _) in settings.items() if key in _TRAINED and key not in data}
    open_targets = adapted and not any(key in data for key in _TARGETS)
    if not adapted or not open_targets or _peft_has_targets(bench):
        # A setting of the family that trains other parameters would make a run that the overfit did not prove.
        now = _trained(bench, ranked) if trained else None
        trained = {key: value for key, value in trained.items() if _same(now, _trained(bench, ranked, key, value))}
    for key, (value, why) in settings.items():
        skip = (
            (key in data or "." in key or key in (*_ELSEWHERE, MISTRAL_COMMON, "gradient_checkpointing_kwargs"))
            or (key in RUN_KEYS or key == "bf16" or key.startswith(("fsdp", "deepspeed", "datasets")))
            or (key.startswith("lora_") and not adapted)
            or (key in _TRAINED and key not in trained)
        )
        if not skip:
            yield key, value, why
    model_type = bench.loaded.model_type
    if kernel_switch(data) == "adapter" and kernel_error(data, model_type, bench.axolotl.kernels) is not None:
        yield from (
            (key, False, kernels_comment(model_type, bench.axolotl) if key == KERNELS[0] else "") for key in KERNELS
        )


def _same(before: Trained | None, after: Trained | None) -> bool:
    """True where both train the same parameters of the model; False where that is not known."""
    if before is None or after is None or before.refusal is not None or after.refusal is not None:
        return False
    return (before.modules, before.parameters, before.counts) == (after.modules, after.parameters, after.counts)


def _trained(bench: Bench, document: Document, *more: Any) -> Trained | None:
    """The parameters that a recipe trains, with one more key and its value in `more`; None where that is not known."""
    from workbench.models.targets import trained

    if more:
        key, value = more
        document = Document(document.text, document.name)
        document.set((key,), value)
    try:
        return trained(bench.anatomy, Recipe.from_document(document))
    except EnvironmentProblem:
        return None


def _non_reentrant(bench: Bench, document: Document) -> bool:
    """True where `use_reentrant: false` can be added for gradient checkpointing.

    Where the recipe checkpoints already, this gives gradients to what had none in towers whose input asks for none. And
    4 bits under ZeRO-3 may not bear it, as axolotl warns.
    """
    data = document.data
    if "gradient_checkpointing_kwargs" in data or data.get("gradient_checkpointing", True) is False:
        return False
    if data.get("adapter") == "qlora" and "zero3" in str(data.get("deepspeed")):
        return False
    if "gradient_checkpointing" not in data:
        return True
    found = _trained(bench, document)
    return found is not None and found.refusal is None and found.counts.keys() <= _LANGUAGE


def _peft_has_targets(bench: Bench) -> bool:
    """True where PEFT has default targets for this model, for an adapter that names none."""
    from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as known

    return bench.loaded.model_type in known


def _count(bench: Bench) -> int | None:
    """The number of rows; None where the source cannot count them."""
    try:
        return bench.rows.known_length or len(bench.rows)
    except TypeError:
        return None
