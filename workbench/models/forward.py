"""Facts of a model's forward pass in training, found by running it on tensors without data."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.models.anatomy import Anatomy

_TOKENS = 8
_KEY = "forward"


@dataclass(frozen=True, slots=True)
class ForwardFacts:
    """The result of a training step on text.

    `extra`: inputs without which the forward pass raises; zeros are what text alone has there. `accepts_count`:
    whether transformers' Trainer hands it `num_items_in_batch`; `uses_count`: whether the loss changes with it, None
    where that could not be found out. `problem`: what stopped the pass, if anything did.
    """

    extra: tuple[str, ...]
    accepts_count: bool
    uses_count: bool | None
    problem: str | None = None


def forward_facts(anatomy: Anatomy) -> ForwardFacts:
    """Run a training step of eight tokens, text alone, on a model of this anatomy; a second or two, once."""
    if _KEY not in anatomy.facts:
        anatomy.facts[_KEY] = _run(anatomy)
    found: ForwardFacts = anatomy.facts[_KEY]
    return found


def _run(anatomy: Anatomy) -> ForwardFacts:
    from workbench.models.build import as_fake_tensors, fake_tensors, meta_model

    extra: list[str] = []
    heard: list[dict[str, Any]] = []
    problem: str | None = None
    built = meta_model(anatomy.config)
    with fake_tensors():
        model = as_fake_tensors(built).train()
        own_loss = getattr(model, "loss_function", None)
        wanted = inspect.signature(model.forward).parameters
        _listen(model, heard)
        while True:
            problem = _step(model, extra, _any_keyword(wanted))
            missing = next((name for name in wanted if name.endswith("_type_ids") and name in (problem or "")), None)
            if missing is None or missing in extra:
                break
            extra.append(missing)
    return ForwardFacts(tuple(extra), trainer_passes(model), _uses(problem, heard, own_loss), problem)


def _listen(model: Any, heard: list[dict[str, Any]]) -> None:
    """Put a loss in place of the model's that keeps what it was given besides logits and labels."""

    def loss(logits: Any, labels: Any = None, vocab_size: int | None = None, **more: Any) -> Any:
        heard.append(more)
        return logits.float().mean()

    if hasattr(model, "loss_function"):
        model.loss_function = loss


def _any_keyword(wanted: Any) -> bool:
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in wanted.values())


def _step(model: Any, extra: list[str], counted: bool) -> str | None:
    import torch

    ids = torch.ones((1, _TOKENS), dtype=torch.int64)
    more = {name: torch.zeros_like(ids) for name in extra}
    count = {"num_items_in_batch": 3} if counted else {}
    try:
        model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids, use_cache=False, **more, **count)
    except Exception as problem:
        return f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
    return None


def trainer_passes(model: Any) -> bool:
    """True where Trainer passes `num_items_in_batch`: by the model's `accepts_loss_kwargs`, else by any `**kwargs`."""
    declared = getattr(model, "accepts_loss_kwargs", None)
    return _any_keyword(inspect.signature(model.forward).parameters) if declared is None else bool(declared)


def _uses(problem: str | None, heard: list[dict[str, Any]], own_loss: Any) -> bool | None:
    """True where the count changes the loss: the loss is called twice, with two counts. None where that is unknown."""
    import torch

    if problem is not None:
        return None
    if not heard or heard[-1].get("num_items_in_batch") is None:
        return False
    logits = torch.arange(24.0).reshape(1, 4, 6).sin()
    labels = torch.tensor([[0, 1, 2, 3]])
    try:
        few, many = (float(own_loss(logits=logits, labels=labels, vocab_size=6, num_items_in_batch=n)) for n in (2, 7))
    except Exception:
        return None
    return few != many
