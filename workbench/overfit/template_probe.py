"""The loss of the same answers in the recipe's chat template and in the model's own, before the first step.

A model that was trained with its own template finds its answers likely there, and unlikely in another one. Compared are
the tokens of the trained messages' content, which the trace finds without a marker; what templates write around them is
left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workbench.errors import BenchError
from workbench.overfit.loss import trained_nll, with_type_ids
from workbench.overfit.training import to_device
from workbench.tokens.mask import IGNORE
from workbench.tokens.render import Renderer, Rendering
from workbench.tokens.trace import Owner, trace

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench.bench import Bench
    from workbench.row import Row


def template_result(
    model: Any, bench: Bench, rows: Sequence[int], names: frozenset[str], dtype: Any, *, trim: bool
) -> dict[str, Any]:
    """The mean loss of the answers' tokens in both templates, or why it was not compared."""
    own = _own_template(bench)
    if own is None:
        return {"applicable": False, "why": "the model has no chat template of its own"}
    if own == bench.template.text or bench.template.text is None:
        return {"applicable": False, "why": "the recipe uses the model's own chat template"}
    was = bench.renderer
    other = Renderer(was.tokenizer, was.processor, own, was.media_kinds, was.template_options)
    sums = {was: [0.0, 0], other: [0.0, 0]}
    model.eval()
    for index in rows:
        row = bench.row(index)
        for renderer, total in sums.items():
            try:
                ids, labels = _answers(row, renderer, bench.masking.pad_id)
                made = renderer.features([row.conversation.messages], tensors=True, tools=[row.conversation.tools])
            except BenchError as problem:
                return {
                    "applicable": False,
                    "why": f"the model's own chat template refuses row {index}: {problem.title}",
                }
            inputs = with_type_ids({key: value for key, value in made.items() if torch.is_tensor(value)}, names)
            if not np.array_equal(inputs["input_ids"][0].numpy(), ids):
                return {"applicable": False, "why": f"row {index} is padded"}
            with torch.no_grad():
                inputs = to_device(inputs, model.device, dtype)
                nll, _ = trained_nll(model, inputs, torch.from_numpy(labels[None]).to(model.device), trim=trim)
            total[0] += float(nll.sum())
            total[1] += len(nll)
    (given, tokens), (in_own, own_tokens) = sums[was], sums[other]
    if not tokens or not own_tokens:
        return {"applicable": False, "why": "no content of an answer is trained"}
    return {"applicable": True, "recipe": given / tokens, "own": in_own / own_tokens, "tokens": tokens}


def _own_template(bench: Bench) -> str | None:
    """The template that the tokenizer or the processor brings; None where neither does."""
    own = bench.loaded.tokenizer_template
    return own if own is not None else bench.loaded.processor_template


def _answers(row: Row, renderer: Renderer, pad_id: int | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The ids of a row in a template, and labels for the content of the messages that the recipe trains."""
    owned = row.trace.message[row.mask.keep & (row.trace.kind == Owner.CONTENT)]
    messages, tools = row.conversation.messages, row.conversation.tools

    def prompt(talk: Sequence[Any]) -> str:
        return renderer.prompt(talk, tools=tools)

    rendering: Rendering = renderer.render(messages, tools=tools, where=row.where)
    found = trace(rendering, messages, prompt, pad_id=pad_id)
    keep = (found.kind == Owner.CONTENT) & np.isin(found.message, np.unique(owned))
    return rendering.input_ids, np.where(keep, rendering.input_ids, IGNORE)
