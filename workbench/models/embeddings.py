"""The rows of the input embeddings that a recipe asks for: as many as the tokenizer has tokens."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe


def resized(model: Any, recipe: Recipe, tokens: int) -> int | None:
    """Give a model the embeddings that axolotl gives it under a tokenizer of `tokens`; the rows, None where they stay.

    They grow where the tokenizer has more, and are cut for `shrink_embeddings` alone. A head that goes with them too.
    """
    rows = _rows(model)
    wanted = -(-tokens // 32) * 32 if recipe.resize_token_embeddings_to_32x else tokens
    if rows is None or rows == wanted or (rows > wanted and not recipe.shrink_embeddings):
        return None
    # The configuration notes the new number, and this one is the caller's.
    model.config = copy.deepcopy(model.config)
    meta = model.get_input_embeddings().weight.is_meta
    # axolotl draws new rows at random; only for LLaVA it leaves it to transformers, which draws them around the mean.
    mean = bool(recipe.mean_resizing_embeddings) or getattr(model.config, "model_type", None) == "llava"
    model.resize_token_embeddings(wanted, mean_resizing=mean and not meta)
    return wanted


def _rows(model: Any) -> int | None:
    try:
        return getattr(model.get_input_embeddings(), "num_embeddings", None)
    except NotImplementedError:
        return None
