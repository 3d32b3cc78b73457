"""Faults that make a run pointless before its first step: tokens without an embedding, and numbers that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import InputError, Where
from workbench.models.lora import innermost

if TYPE_CHECKING:
    from workbench.bench import Bench

_NAMED = 20
_CHUNK = 2**24


def require_embeddings(model: Any, bench: Bench, rows: Iterable[int]) -> None:
    """Check that the model has an embedding for every token of the rows.

    On a GPU one token too high ends the process with an assertion that names nothing, and takes the device with it.

    Raises:
        InputError: a token has none; the row, the token and the sizes are named.
    """
    size = embeddings_of(model)
    # The ids of media may lie beyond: a model puts its pictures in their place before it looks anything up.
    media = {value for key, value in vars(innermost(model).config).items() if "token" in key and isinstance(value, int)}
    for index in rows:
        rendering = bench.row(index).rendering
        high = [int(token) for token in rendering.input_ids if size is not None and token >= size]
        high = [token for token in high if token not in media]
        if not high:
            continue
        text = bench.loaded.tokenizer.decode([high[0]])
        raise InputError(
            f"Row {index} has a token that the model has no embedding for",
            f"Token {high[0]} ({text!r}) is beyond the {size:,} embeddings, and the tokenizer has "
            f"{len(bench.loaded.tokenizer):,} tokens: the model was not resized to them.",
            "Name new tokens in `tokens:`, so that the embeddings are resized, and embed_tokens and lm_head in "
            "lora_modules_to_save, so that they learn; or give the tokenizer that belongs to this model.",
            Where(row=index, field="tokens"),
        )


def embeddings_of(model: Any) -> int | None:
    """The number of the model's input embeddings; None where they are not a plain table."""
    try:
        table = innermost(model).get_input_embeddings()
    except NotImplementedError:
        return None
    weight = getattr(table, "weight", None)
    return int(weight.shape[0]) if weight is not None and weight.dim() == 2 else None


def new_tokens(model: Any, bench: Bench, rows: Iterable[int], grown: tuple[int, int] | None) -> dict[str, Any]:
    """The embeddings that were added for the tokenizer (`grown`: from how many to how many), and who needs them.

    Empty where there are none. `trained`: whether the run trains them; `rows`: those with such a token; `token`: one.
    """
    if grown is None:
        return {}
    table = innermost(model).get_input_embeddings()
    trained = any(parameter.requires_grad for parameter in table.parameters())
    using, token = [], ""
    for index in rows:
        ids = bench.row(index).rendering.input_ids
        high = [int(one) for one in ids if one >= grown[0]]
        if high:
            using.append(index)
            token = token or str(bench.loaded.tokenizer.decode([high[0]]))
    return {"from": grown[0], "to": grown[1], "trained": trained, "rows": using, "token": token}


def not_finite(model: Any, inputs: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The names of weights, and by row those of inputs, that hold NaN or infinity."""
    import torch

    def broken(tensor: Any, sound: Callable[[Any], Any] = torch.isfinite) -> bool:
        if not tensor.is_floating_point() or tensor.is_meta:
            return False
        flat = tensor.detach().reshape(-1)
        return any(not bool(sound(part).all()) for part in flat.split(_CHUNK))

    def a_number(part: Any) -> Any:
        return ~torch.isnan(part)

    weights = []
    # A bound that a buffer holds may well be infinite.
    kinds = [(model.named_parameters(), torch.isfinite), (model.named_buffers(), a_number)]
    for named, sound in kinds:
        weights += [name.removeprefix("base_model.model.") for name, tensor in named if broken(tensor, sound)]
    found = {
        str(row): [name for name, tensor in listed.items() if torch.is_tensor(tensor) and broken(tensor)]
        for row, listed in inputs.items()
    }
    return {"weights": weights[:_NAMED], "inputs": {row: names for row, names in found.items() if names}}
