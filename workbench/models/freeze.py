"""Parameters that stay trainable, as axolotl 0.19 and 0.21 have it: `freeze_mm_modules` and `unfrozen_parameters`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from workbench.recipe.patterns import takes_rows, unfrozen_pattern

# axolotl's list. A module under another name (`vision_embedder`, `connector`) is not frozen by it: finding A011.
MM_MODULES = frozenset(
    (
        *("vision_tower", "vision_model", "vision_encoder", "embed_vision", "multi_modal_projector", "visual"),
        *("audio_tower", "audio_model", "embed_audio"),
    )
)


def is_mm(name: str) -> bool:
    """True where `freeze_mm_modules` freezes a parameter of this name."""
    return not MM_MODULES.isdisjoint(name.split("."))


def freeze_mm(model: Any) -> int:
    """Freeze a model's vision, audio and projector parameters, as far as axolotl knows their names; how many."""
    count = 0
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and is_mm(name):
            parameter.requires_grad = False
            count += 1
    return count


def unfrozen(names: Iterable[str], patterns: Sequence[str]) -> tuple[set[str], list[str]]:
    """The parameters that `unfrozen_parameters` leaves trainable, and the patterns among them that take rows only.

    A pattern is matched from the name's beginning, and a dot in it is a dot. `[a:b]` at its end takes some rows of the
    tensor; here such a tensor is whole.
    """
    ranged = [pattern for pattern in patterns if takes_rows(pattern)]
    compiled = [re.compile(unfrozen_pattern(pattern)) for pattern in patterns]
    return {name for name in names if any(pattern.match(name) for pattern in compiled)}, ranged
