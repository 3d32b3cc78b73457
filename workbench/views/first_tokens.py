"""The tokens of a row before the bench is loaded: from tokenizer.json and the chat template, with no mask yet.

No torch and no transformers. Where a recipe, a model or a row needs more than that, there are none, and the bench has
the first word; it has the last in any case, because the processor expands pictures and the mask is made of its ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.consumers.settings import settings
from workbench.data.conversation import Conversation, normalize
from workbench.data.first_row import FirstRow
from workbench.paths import has_processor
from workbench.recipe.knobs import repeating_model
from workbench.recipe.path import template_choice
from workbench.tokens.light import LightTokenizer, light_tokenizer, templates_in
from workbench.tokens.render import Renderer, Rendering, media_runs
from workbench.tokens.template import choose_template
from workbench.tokens.trace import trace
from workbench.views.traced_row import TracedRow

if TYPE_CHECKING:
    from workbench.bench import Bench


def first_tokens(bench: Bench, first: FirstRow) -> TracedRow | None:
    """A row of a bench that is not loaded yet; None where two files of the model are not enough for it."""
    try:
        return _first_tokens(bench, first)
    except Exception:
        # Whatever it is, the bench will come to it and say it.
        return None


def _first_tokens(bench: Bench, first: FirstRow) -> TracedRow | None:
    options = bench.options
    recipe: dict[str, Any] = dict(bench.document.data) if bench.has_document else {}
    if recipe.get("rl"):
        # Rows of preference data are no conversations, whatever file they were given in.
        return None
    source = options["model"] or recipe.get("base_model")
    if options["model"]:
        recipe = {key: value for key, value in recipe.items() if key not in repeating_model(recipe)}
    folder = _folder(str(source or ""), options["revision"] or recipe.get("revision_of_model"), bench.recipe_dir)
    tokenizer = light_tokenizer(folder, recipe) if folder is not None else None
    if folder is None or tokenizer is None:
        return None
    made = _conversation(bench, first, tokenizer, folder)
    if made is None:
        return None
    talk, renderer = made
    prompt = renderer.prompt(talk.messages, tools=talk.tools)
    bos = tokenizer.special_tokens_map.get("bos_token")
    # A processor leaves the first token to the tokenizer, unless the template has written it.
    added = renderer.processor is not None and not (bos is not None and prompt.startswith(bos))
    encoded = tokenizer.encode(prompt, add_special_tokens=added)
    ids = np.array(encoded.ids, dtype=np.int64)
    offsets = np.array(encoded.offsets, dtype=np.int32).reshape(-1, 2)
    rendering = Rendering(prompt, prompt, ids, offsets, media_runs(ids, {}), renderer.vocabulary)
    owners = trace(rendering, talk.messages, lambda messages: renderer.prompt(messages, tools=talk.tools))
    roles = tuple(str(message.get("role", "")) for message in talk.messages)
    return TracedRow(first.index, rendering, owners, roles, bos)


def _folder(source: str, revision: str | None, beside: Path) -> Path | None:
    """The model's folder: one of the disk, or the copy of the hub's that is there."""
    if not source:
        return None
    if not Path(source).exists() and (beside / source).is_dir():
        return beside / source
    if Path(source).is_dir():
        return Path(source)
    from workbench.models import hub

    place = hub.resolve(source, revision)
    return place.folder if place.folder is not None else hub.cached(place)


class _Keys:
    """The keys of a recipe or an entry as attributes, None where they are not set: its typed form takes a while."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        return self._keys.get(name)


def _columns(entries: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """The message columns that a recipe names, as `Recipe.field_messages`."""
    named = (entry.get("field_messages") for entry in entries)
    return list(dict.fromkeys(name for name in named if name)) or None


def _conversation(
    bench: Bench, first: FirstRow, tokenizer: LightTokenizer, folder: Path
) -> tuple[Conversation, Renderer] | None:
    """The messages of the row and what renders them, as the recipe's path has them."""
    own, other = templates_in(folder)
    processed = has_processor(folder)
    row: Mapping[str, Any] = {"row": first.index, "source": str(first.file), "line": first.line}
    if not bench.has_document:
        text = own or other
        if text is None:
            return None
        talk = normalize(first.data, **row, load_media=False)
        return talk, Renderer(tokenizer, tokenizer if processed else None, text)
    recipe = _Keys(bench.document.data)
    entries, number = recipe.datasets or [], bench.options["dataset"]
    entry = _Keys(entries[number]) if number < len(entries) else None
    # What is neither of these two paths is no `FirstRow`, or has no tokenizer here.
    as_text = not recipe.processor_type
    found = settings(bench.recipe_dir, axolotl_python=bench.options["axolotl_python"])
    # Both give their keys as attributes, which is all that is asked of them.
    choice = template_choice(recipe, entry) if as_text else {}  # type: ignore[arg-type]
    template = choose_template(
        {**bench.document.data, **choice},
        tokenizer_template=own,
        processor_template=other,
        axolotl_python=found.axolotl_python,
        base_dir=bench.recipe_dir,
    )
    if template.text is None:
        return None
    if not as_text:
        talk = normalize(first.data, **row, field_messages=_columns(entries), load_media=False)
        return talk, Renderer(tokenizer, tokenizer if processed else None, template.text)
    # The other path's, which has the first row wait for Jinja's compiler otherwise.
    from workbench.data.turns import keys_of, turns_of
    from workbench.tokens.message_variables import message_variables

    column = (entry.field_messages if entry is not None else None) or "messages"
    read = message_variables(template.text, column)
    keys = keys_of(entry, read, str(recipe.tokenizer_config or recipe.base_model_config or recipe.base_model or ""))
    return turns_of(first.data, keys, **row), Renderer(
        tokenizer, None, template.text, template_options=recipe.chat_template_kwargs
    )
