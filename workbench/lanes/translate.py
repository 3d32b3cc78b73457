"""An axolotl recipe as settings of other trainers, and what of it cannot be said to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workbench.paths import specs_dir
from workbench.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Translation:
    """Settings for one trainer. `lost`: lines about what the recipe says and this trainer cannot be told."""

    settings: dict[str, Any]
    lost: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def names() -> dict[str, dict[str, dict[str, str]]]:
    """Family -> trainer -> what the trainer calls its template and type of model, as `specs/trainers.json` has them."""
    found: dict[str, dict[str, dict[str, str]]] = json.loads((specs_dir() / "trainers.json").read_text("utf-8"))
    return found


def translate(recipe: Recipe, trainer: str, family: str) -> Translation:
    """The settings by which a trainer comes nearest to a recipe."""
    roles = set(recipe.roles_to_train)
    settings: dict[str, Any] = {"sequence_len": recipe.sequence_len}
    settings |= names().get(family, {}).get(trainer, {})
    lost = []
    if recipe.train_on_inputs:
        settings["train_all"] = True
    elif roles == {"assistant"}:
        settings["assistant_only"] = True
    elif {"assistant", "user"} <= roles:
        settings["train_all"] = True
        lost.append(f"roles_to_train {', '.join(sorted(roles))}: it can train everything or answers alone")
    else:
        settings["assistant_only"] = True
        lost.append(f"roles_to_train {', '.join(sorted(roles)) or 'none'}: it trains answers")
    if recipe.train_on_eos != "turn":
        lost.append(f"train_on_eos: {recipe.train_on_eos}")
    if recipe.image_size is not None:
        lost.append("image_size")
    if recipe.chat_template not in (None, "tokenizer_default"):
        lost.append(f"chat_template: {recipe.chat_template}; it has its own, or takes the model's")
    if recipe.role_boundaries:
        lost.append("role_boundaries: it finds turns in its own way")
    if trainer == "nemo_automodel":
        settings = {}
        lost.append(f"sequence_len: {recipe.sequence_len}")
    if trainer in ("llamafactory", "ms-swift") and not settings.get("template"):
        lost.append("no template of its own is known for this family")
    return Translation(settings, tuple(lost))
