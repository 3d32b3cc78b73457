"""The strategy that axolotl picks for a recipe, and the ids that each strategy masks: asked by letting it pick.

Order, as in axolotl: the model type (or the template's name) among its registered architectures, their matchers of
processors, the template's name, the processor's class, the base strategy.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

BASE = "ProcessingStrategy"


class _PickedError(Exception):
    """Carries the class that was picked out of its own construction."""


def collect() -> dict[str, Any]:
    """registered: model type -> class, or None where the search goes on at the template; matched: processor class ->
    class of a registered architecture; templates: name -> class; processors: processor class -> class, asked last;
    masks: class -> sources of the ids that it masks besides pad.
    """
    from axolotl import processing_strategies as axolotl
    from axolotl.model_support import resolve_model_support
    from axolotl.model_support.registry import _REGISTRY, _ensure_builtins

    _ensure_builtins()
    registered = {}
    for name, support in sorted(_REGISTRY.items()):
        provider = resolve_model_support(support).strategies.processing_strategy_cls
        registered[name] = provider().__name__ if provider is not None else None
    templates = {name: picked(template=name) for name in template_names()}
    classes = processor_classes()
    matched = {one.__name__: found for one in classes if (found := matching(one)) is not None}
    processors = {one.__name__: picked(processor=one) for one in classes}
    # A strategy of another kind renders by itself: the multimodal collator has no use for it.
    used = {*registered.values(), *templates.values(), *processors.values(), BASE} - {None}
    known = {one.__name__: one for one in _subclasses(axolotl.ProcessingStrategy)}
    return {
        "registered": registered,
        "matched": dict(sorted(matched.items())),
        "templates": {name: found for name, found in templates.items() if found != BASE},
        "processors": {
            name: found for name, found in sorted(processors.items()) if found != BASE and name not in matched
        },
        "masks": {name: masked(known[name]) for name in sorted(used & known.keys())},
    }


def template_names() -> list[str]:
    """The names that axolotl bundles a template under."""
    from axolotl.utils.chat_templates.base import _CHAT_TEMPLATES

    return sorted(_CHAT_TEMPLATES)


def processor_classes() -> list[type]:
    """Every processor class of transformers, and those of axolotl's own for mistral-common."""
    import transformers
    from axolotl.utils import mistral
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    found = {}
    for name in sorted({*PROCESSOR_MAPPING_NAMES.values()}):
        try:
            found[name] = getattr(transformers, name)
        except (AttributeError, ImportError):
            continue
    for module in pkgutil.iter_modules(mistral.__path__):
        own = vars(importlib.import_module(f"{mistral.__name__}.{module.name}"))
        found |= {name: one for name, one in own.items() if name.endswith("Processor") and _is_own(one)}
    return [one for one in found.values() if isinstance(one, type)]


def _is_own(value: Any) -> bool:
    return inspect.isclass(value) and value.__module__.startswith("axolotl.")


def matching(processor: type) -> str | None:
    """The class of the registered architecture that claims a processor's class; None where none does."""
    from axolotl.model_support import get_model_support_for_processor, resolve_model_support

    support = get_model_support_for_processor(object.__new__(processor))
    provider = resolve_model_support(support).strategies.processing_strategy_cls if support is not None else None
    return provider().__name__ if provider is not None else None


def picked(*, template: str | None = None, processor: type | None = None) -> str:
    """The name of the class that axolotl picks; a processor is an empty object of its class."""
    from axolotl.processing_strategies import get_processing_strategy

    made = object.__new__(processor) if processor is not None else SimpleNamespace(tokenizer=SimpleNamespace())
    if processor is not None:
        made.__dict__["tokenizer"] = SimpleNamespace()
    with stopped():
        try:
            get_processing_strategy(made, None, template)
        except _PickedError as found:
            return str(found)
    raise AssertionError(f"axolotl built no strategy of its own for {template or processor}")


@contextmanager
def stopped() -> Iterator[None]:
    """Within: the construction of a strategy ends at once, and tells its class."""
    from axolotl.processing_strategies import ProcessingStrategy

    def stop(self: Any, *_: Any, **__: Any) -> None:
        raise _PickedError(type(self).__name__)

    kept = {one: one.__dict__["__init__"] for one in _subclasses(ProcessingStrategy) if "__init__" in one.__dict__}
    for one in kept:
        one.__init__ = stop
    try:
        yield
    finally:
        for one, init in kept.items():
            one.__init__ = init


def _subclasses(one: type) -> list[type]:
    return [one, *(each for below in one.__subclasses__() for each in _subclasses(below))]


class _Source(int):
    """An id that knows where it came from; every attribute, item and call of it is another one."""

    path: str
    known: dict[str, _Source]

    @classmethod
    def of(cls, known: dict[str, _Source], path: str) -> _Source:
        if path not in known:
            known[path] = made = cls(len(known) + 1)
            made.path, made.known = path, known
        return known[path]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Source.of(self.known, f"{self.path}.{name}")

    def convert_tokens_to_ids(self, text: Any) -> Any:
        return text if isinstance(text, _Source) else _Source.of(self.known, f"token {text}")

    def encode(self, text: Any, **_: Any) -> list[Any]:
        return [self.convert_tokens_to_ids(text)]

    def get_special_token(self, text: str) -> Any:
        return _Source.of(self.known, f"control {text}")

    def index(self, text: str) -> Any:
        return text

    def __getitem__(self, text: Any) -> Any:
        return _Source.of(self.known, f"token {text}")

    def __iter__(self) -> Iterator[Any]:
        yield self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


def masked(strategy: type) -> list[str]:
    """The sources of the ids that a strategy masks besides pad, around objects in which every look-up finds an id.

    "token TEXT": the id of this token; "processor.NAME", "tokenizer.NAME": the id, or the token, in this attribute.
    """
    import torch

    known: dict[str, Any] = {}
    processor = _Source.of(known, "processor")
    processor.tokenizer = _Source.of(known, "tokenizer")
    built = strategy(processor=processor, train_on_inputs=True)
    # Once for what it looks up while it masks, then with an id of each.
    for _ in range(2):
        ids = torch.arange(1, len(known) + 1)[None, :]
        labels = built.process_labels(ids)[0].tolist()
    names = {int(one): path for path, one in known.items()}
    return sorted(
        names[at + 1] for at, label in enumerate(labels) if label == -100 and "pad_token" not in names[at + 1]
    )
