"""A015 and A016: axolotl's own loader, rehearsed without weights in the Python that trains."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.checks.adapters import language_only
from workbench.checks.model import NOT_CHECKED
from workbench.checks.recipe_facts import ModelFacts
from workbench.checks.registry import check
from workbench.findings import Edit, Emitter, Finding, Fix
from workbench.models.lora import TARGETS
from workbench.models.targets import once_each, without_gradient
from workbench.models.towers import TOWERS
from workbench.recipe.lora_kernels import ATTENTION_KERNELS, KERNELS

if TYPE_CHECKING:
    from workbench.consumers.axolotl.loader import Refusal, Rehearsal
    from workbench.models.anatomy import Anatomy
    from workbench.models.targets import Trained

STOPS = Emitter("A015", __name__)
DIFFERS = Emitter("A016", __name__)
STAGES = {
    "validate": "its validator refuses the recipe",
    "normalize": "it stops while it completes the recipe",
    "config": "it stops while it reads the model's configuration",
    "tokenizer": "it stops while it loads the tokenizer",
    "patches": "it stops while it patches the model's code",
    "kernels": "it stops while it patches the attention for its LoRA kernels",
    "settings": "it stops while it settles how to load the model",
    "model": "it stops while it builds the model",
    "embeddings": "it stops while it resizes the embeddings",
    "adapters": "it stops while it puts the adapters on the model",
    "freezing": "it stops while it freezes what is not trained",
}
# The key that is to blame where the message names none, by stage: the first that the recipe has.
_KEYS: dict[str, tuple[str, ...]] = {
    "kernels": (*KERNELS, "adapter"),
    "adapters": (*TARGETS, "adapter"),
    "freezing": ("unfrozen_parameters", "freeze_mm_modules"),
    "embeddings": ("tokens", "special_tokens", "resize_token_embeddings_to_32x"),
}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+")
_NAMED = 3


@check(stage="model", when=lambda model: model.rehearsal is not None)
def loader(model: ModelFacts) -> Iterator[Finding]:
    """A015 and A016, where axolotl was asked."""
    rehearsal = model.rehearsal
    if rehearsal is None:
        return
    if rehearsal.refused is not None:
        yield _stopped(model, rehearsal, rehearsal.refused)
        return
    for text in differences(model.anatomy, model.trained, rehearsal):
        hint = "The bench's figures of adapters and memory are not the run's; what axolotl says here holds."
        yield DIFFERS("error", text, hint, model.at(_present(model, ("adapter", "base_model"))))


def differences(anatomy: Anatomy, trained: Trained, rehearsal: Rehearsal) -> list[str]:
    """The differences of axolotl's loader from the bench in what is adapted, trained and frozen, a line each."""
    who, found = rehearsal.name, []
    if rehearsal.model_class != anatomy.class_name:
        # What it adapts has other names then.
        return [f"{who} loads {rehearsal.model_class}, the bench shows {anatomy.class_name}"]
    adapted = once_each(anatomy, rehearsal.modules)
    for what, theirs, ours in (
        ("modules", adapted, trained.modules),
        ("expert parameters", rehearsal.parameters, trained.parameters),
    ):
        if set(theirs) != set(ours):
            found.append(f"{who} adapts other {what}: {_difference(set(theirs), set(ours))}")
    dead = without_gradient(adapted, rehearsal.trained)
    if set(dead) != set(trained.dead):
        found.append(f"{who} freezes other adapters: {_difference(set(dead), set(trained.dead))}")
    counts: Counter[str] = Counter()
    for name, number in rehearsal.trained.items():
        counts[anatomy.tower_of(name)] += number
    rows = getattr(anatomy.model.get_input_embeddings(), "num_embeddings", None)
    # An adapter around the embeddings has no number of its own.
    if rehearsal.embeddings is not None and rows is not None and rehearsal.embeddings != rows:
        found.append(f"{who} makes {rehearsal.embeddings:,} rows of input embeddings, the bench shows {rows:,}")
    found += [
        f"{who} trains {counts[tower]:,} numbers of the tower {tower}, the bench shows {trained.counts.get(tower, 0):,}"
        for tower in TOWERS
        if counts[tower] != trained.counts.get(tower, 0)
    ]
    return found


def _difference(theirs: set[str], ours: set[str]) -> str:
    parts = []
    for only, who in ((theirs - ours, "alone in axolotl"), (ours - theirs, "alone here")):
        if only:
            parts.append(
                f"{len(only):,} {who} ({', '.join(sorted(only)[:_NAMED])}{', …' if len(only) > _NAMED else ''})"
            )
    return ", ".join(parts)


def _stopped(model: ModelFacts, rehearsal: Rehearsal, refused: Refusal) -> Finding:
    if refused.environment:
        text = f"axolotl's loader was not rehearsed to the end, for want of something there: {refused.line}"
        hint = "Ask the environment in which you train; nothing is said against the recipe."
        return NOT_CHECKED("note", text, hint, model.at("base_model"))
    said = STAGES.get(refused.stage, f"it stops at the stage {refused.stage}")
    text = f"{rehearsal.name} does not load the recipe: {said}: {refused.line}"
    known = next((one for one in _KNOWN if one.stage == refused.stage and one.says.search(refused.message)), None)
    fix = known.mend(model, refused) if known is not None else None
    hint = f"Make this edit: {fix.title}." if fix is not None else "Change what the message names."
    return STOPS("error", text, hint, model.at(_blamed(model, refused, known)), fix)


def _blamed(model: ModelFacts, refused: Refusal, known: _Known | None) -> str:
    """The key of the recipe that a refusal is about, as far as can be told; else `base_model`."""
    named = [*refused.keys, *(known.keys if known is not None else ()), *_WORD.findall(refused.message)]
    return _present(model, (*named, *_KEYS.get(refused.stage, ())))


def _present(model: ModelFacts, keys: Sequence[str]) -> str:
    data = model.bench.document.data
    return next((key for key in keys if data.get(key) is not None), "base_model")


def _without_kernels(model: ModelFacts, refused: Refusal) -> Fix | None:
    data = model.bench.document.data
    # The attention's are tried first; where all of them are off, it is the layers that are not found.
    asked = [key for key in ATTENTION_KERNELS if data.get(key)] or [key for key in KERNELS if data.get(key)]
    keys = asked or [key for key in KERNELS if data.get(key) is None]
    return Fix(f"{', '.join(keys)}: false", tuple(Edit((key,), False) for key in keys)) if keys else None


def _embeddings_saved(model: ModelFacts, refused: Refusal) -> Fix | None:
    wanted = re.findall(r"`(\w+)`", refused.message.partition("include")[2])
    named = [name for name in wanted if name != "lora_modules_to_save"]
    saved = list(model.bench.recipe.lora_modules_to_save or ())
    names = [*saved, *(name for name in named if name not in saved)]
    title = f"lora_modules_to_save: {', '.join(names)}"
    return Fix(title, (Edit(("lora_modules_to_save",), names),)) if named else None


def _removed(*keys: str) -> Callable[[ModelFacts, Refusal], Fix | None]:
    def mend(model: ModelFacts, refused: Refusal) -> Fix | None:
        there = [key for key in keys if model.bench.document.data.get(key) is not None]
        return Fix(f"without {', '.join(there)}", tuple(Edit((key,), remove=True) for key in there)) if there else None

    return mend


def _anchored(model: ModelFacts, refused: Refusal) -> Fix | None:
    return language_only(model.bench, model.anatomy)[0]


@dataclass(frozen=True, slots=True)
class _Known:
    """A refusal whose cause is known: the stage, what its message says, the keys to blame and the fix."""

    stage: str
    says: re.Pattern[str]
    keys: tuple[str, ...]
    mend: Callable[[ModelFacts, Refusal], Fix | None]


_KNOWN = (
    _Known("kernels", re.compile(""), (*KERNELS, "adapter"), _without_kernels),
    _Known("config", re.compile("lora_modules_to_save"), ("tokens",), _embeddings_saved),
    _Known("normalize", re.compile("lora_modules_to_save"), ("tokens",), _embeddings_saved),
    _Known("model", re.compile("module transformers has no attribute"), ("model_type",), _removed("model_type")),
    _Known(
        "model",
        re.compile(r"does not support|attn_implementation"),
        ("attn_implementation", "flash_attention", "sdp_attention", "flex_attention"),
        _removed("attn_implementation", "flash_attention", "sdp_attention", "flex_attention", "eager_attention"),
    ),
    _Known("adapters", re.compile("[Tt]arget.*(not found|not supported)|No modules were targeted"), TARGETS, _anchored),
)
