"""The way a checkpoint is loaded for training on text alone, one of three, from transformers' own registrations.

The question is what `AutoModelForCausalLM` makes of the configuration. A class of its own for text is a causal
language model. The vision-language class itself (registered for both), or nothing while the text part has a class of
its own: the text backbone is taken out. Neither: the vision-language class is loaded as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["causal", "backbone", "direct"]


@dataclass(frozen=True, slots=True)
class Route:
    """The way a checkpoint is loaded for text: the class, and why. `dual`: registered for both kinds of model."""

    way: Way
    class_name: str | None
    dual: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"way": self.way, "class": self.class_name, "dual": self.dual, "reason": self.reason}


def route(config: Any) -> Route:
    """The way for a transformers configuration."""
    whole = _registered("MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING", type(config))
    causal = causal_class(config)
    if causal is not None and causal != whole:
        also = f", beside {whole} for pictures" if whole else ""
        return Route(
            "causal", causal, whole is not None, f"AutoModelForCausalLM gives {causal}, which is text alone{also}"
        )
    text = getattr(config, "text_config", None)
    backbone = _registered("MODEL_FOR_CAUSAL_LM_MAPPING", type(text)) if text is not None else None
    if backbone == whole:
        backbone = None
    dual = causal is not None
    reason = (
        f"AutoModelForCausalLM gives {causal}, the whole vision-language class"
        if dual
        else "AutoModelForCausalLM does not know it"
    )
    if backbone is not None:
        return Route("backbone", backbone, dual, f"{reason}; its text_config alone makes a {backbone}")
    lacks = "its text_config has no causal class" if text is not None else "it has no text_config"
    return Route("direct", whole or causal, dual, f"{reason}, and {lacks}")


def causal_class(config: Any) -> str | None:
    """The class that `AutoModelForCausalLM` makes of a configuration; None where it knows none."""
    return _registered("MODEL_FOR_CAUSAL_LM_MAPPING", type(config))


def _registered(mapping: str, kind: type) -> str | None:
    """The name of the class that a mapping of transformers' has for a configuration class."""
    from transformers.models.auto import modeling_auto

    known = getattr(modeling_auto, mapping)
    try:
        found = known[kind]
    except (KeyError, ImportError):
        return None
    return str((found[0] if isinstance(found, tuple) else found).__name__)
