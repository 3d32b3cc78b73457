"""Keys of the mask that axolotl ignores: its multimodal collator does not read them, or not at their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.findings import Emitter, Finding
from workbench.recipe.yaml.nodes import KeyPath, dotted

if TYPE_CHECKING:
    from workbench.recipe.model import Recipe

NO_EFFECT = Emitter("M013", __name__)
LOADING_KEYS = frozenset(
    (
        *("base_model", "revision_of_model", "trust_remote_code", "special_tokens", "tokens", "added_tokens_overrides"),
        *("tokenizer_config", "tokenizer_type", "tokenizer_use_mistral_common"),
        *("processor_type", "processor_config", "processor_kwargs"),
    )
)
"""Keys that make the tokenizer or processor: after an edit of these the model's files are read again."""
MODEL_SOURCES = ("base_model_config", "tokenizer_config", "processor_config")
"""Keys that name where a part of the model is read from, in place of `base_model`."""
_RENDERING = frozenset(
    (
        *("chat_template", "chat_template_jinja", "chat_template_kwargs", "default_system_message"),
        *("datasets", "test_datasets", "rl", "image_size", "image_resize_algorithm", "sequence_len"),
    )
)
_COLLATOR = "axolotl's multimodal collator does not read it"
_TURN_ENDS = "Turn ends are trained as train_on_eos and the role boundaries say."
_NO_MARKERS = "without processor_type axolotl takes its text path, which finds turns without markers"
_COLUMNS = "Give the rows the columns and keys `messages`, `role` and `content`, or name the column in field_messages."
_TOP_IGNORED = {
    "eot_tokens": (_COLLATOR, _TURN_ENDS),
    "chat_template_kwargs": (_COLLATOR, "Use a chat_template_jinja that has these values written in it."),
    "default_system_message": (_COLLATOR, "Put a system message into the rows."),
    "pad_to_sequence_len": ("a multimodal batch is padded to its longest row", "Remove it."),
    "pad_to_multiple_of": ("a multimodal batch is padded to its longest row", "Remove it."),
}
_ENTRY_IGNORED = {
    "train_on_eot": (_COLLATOR, _TURN_ENDS),
    "eot_tokens": (_COLLATOR, _TURN_ENDS),
    "split_thinking": (_COLLATOR, "Write the thinking into the content where it is to be trained."),
    "message_field_training": (_COLLATOR, "Choose turns by role, with roles_to_train."),
    "message_field_training_detail": (_COLLATOR, "Choose turns by role, with roles_to_train."),
    "message_property_mappings": (_COLLATOR, _COLUMNS),
    "message_field_role": (_COLLATOR, _COLUMNS),
    "message_field_content": (_COLLATOR, _COLUMNS),
    "roles": (_COLLATOR, "Rename the roles in the rows; only human and gpt are renamed for you."),
    "drop_system_message": (_COLLATOR, "Remove the system messages from the rows."),
    "field_tools": (_COLLATOR, "Tools are not passed to the template: write them into the system message."),
    "tools": (_COLLATOR, "Tools are not passed to the template: write them into the system message."),
    "field_thinking": (_COLLATOR, "Messages keep only role and content: write the thinking into the content."),
    "template_thinking_key": (_COLLATOR, "Messages keep only role and content: write the thinking into the content."),
    "chat_template_kwargs": (_COLLATOR, "Use a chat_template_jinja that has these values written in it."),
}
FIRST_ONLY = ("roles_to_train", "train_on_eos")
_MASK_OF_ENTRY = (*FIRST_ONLY, "train_on_eot")
_ENTRY_KNOBS = (*FIRST_ONLY, *_ENTRY_IGNORED, "field_messages")


def outside_the_mask(data: dict[Any, Any]) -> dict[str, Any]:
    """The keys of a recipe that decide how rows are read and rendered: all that need more than a new mask."""
    kept = {key: value for key, value in data.items() if key in _RENDERING or key in LOADING_KEYS}
    entries = kept.get("datasets")
    if isinstance(entries, list):
        kept["datasets"] = [
            {key: value for key, value in entry.items() if key not in _MASK_OF_ENTRY}
            if isinstance(entry, dict)
            else entry
            for entry in entries
        ]
    return kept


def repeating_model(data: Mapping[Any, Any]) -> tuple[str, ...]:
    """The keys that name the same model as `base_model`: with another model they would bring back a part of it."""
    model = data.get("base_model")
    return tuple(key for key in MODEL_SOURCES if model is not None and data.get(key) == model)


def ignored_knobs(recipe: Recipe) -> list[Finding]:
    """Knobs of the recipe that axolotl does not read, or not at this place: warnings of code M013, in their order."""
    # Pydantic takes longer to import than all that reads a row.
    from workbench.recipe.refusals import in_order

    return in_order(
        NO_EFFECT(
            "warning",
            f"{dotted(path)} has no effect: {why}",
            hint,
            recipe.where(path, key=True),
        )
        for path, why, hint in _ignored(recipe, recipe.document_data)
    )


def _ignored(recipe: Recipe, data: dict[Any, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    """(path, why, what to do) for each knob without effect; a knob that asks for what happens anyway is left out."""
    for knob in dict.fromkeys((*_ENTRY_KNOBS, "tools")):
        if _asks(data.get(knob)) and knob not in type(recipe).model_fields:
            place = "the first dataset's entry" if knob in FIRST_ONLY else "a dataset's entry"
            also = (
                " (and the multimodal path ignores it there too)"
                if knob in _ENTRY_IGNORED and recipe.multimodal
                else ""
            )
            yield (knob,), "axolotl does not read it at the top level", f"It belongs into {place}{also}."
    if not recipe.multimodal and not recipe.rl and recipe.effective_boundaries is not None:
        yield ("role_boundaries",), _NO_MARKERS, "Choose turns with roles_to_train, and their ends with eot_tokens."
    if recipe.multimodal:
        for knob, (why, hint) in _TOP_IGNORED.items():
            if _asks(data.get(knob)):
                yield (knob,), why, hint
        for knob in ("excess_length_strategy", "min_sample_len"):
            if _asks(data.get(knob)) and recipe.skip_prepare_dataset:
                yield (
                    (knob,),
                    "with skip_prepare_dataset no row is measured, cut or dropped",
                    "Shorten long rows in the data.",
                )
    for section in ("datasets", "test_datasets"):
        entries = data.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                for knob, why, hint in _ignored_in_entry(recipe, entry, first=section == "datasets" and index == 0):
                    yield (section, index, knob), why, hint
                column = entry.get("field_messages") if section != "datasets" and recipe.multimodal else None
                if column and column not in (*recipe.field_messages, "messages"):
                    hint = "Name it in an entry of datasets too."
                    yield (section, index, "field_messages"), "only those of datasets are read", hint


def _ignored_in_entry(recipe: Recipe, entry: dict[Any, Any], *, first: bool) -> Iterator[tuple[str, str, str]]:
    for knob, ruling in (
        ("train_on_inputs", bool(recipe.train_on_inputs)),
        ("role_boundaries", [row.model_dump(exclude_unset=True) for row in recipe.role_boundaries or []]),
    ):
        if entry.get(knob) is not None and entry[knob] != ruling:
            yield knob, "axolotl reads it at the top level only", "Move it to the top level; it rules every dataset."
    if not recipe.multimodal:
        if not recipe.rl and entry.get("type") in (None, "chat_template"):
            yield from _ignored_as_text(entry)
        return
    if not first:
        for knob in FIRST_ONLY:
            if entry.get(knob) is not None and entry[knob] != getattr(recipe, knob):
                why = f"the first dataset's value rules every dataset ({getattr(recipe, knob)!r})"
                yield knob, why, "Set it in the first dataset, or train these datasets in runs of their own."
    for knob in ("chat_template", "chat_template_jinja"):
        if _asks(entry.get(knob)) and entry[knob] != getattr(recipe, knob):
            yield knob, "the multimodal path reads it at the top level only", f"Set {knob} at the top level."
    for knob, (why, hint) in _ENTRY_IGNORED.items():
        mapping = entry.get(knob)
        if (
            knob == "message_property_mappings"
            and isinstance(mapping, dict)
            and all(k == v for k, v in mapping.items())
        ):
            continue
        if _asks(mapping) and not (knob.startswith("message_field_") and mapping in ("role", "content")):
            yield knob, why, hint


def _ignored_as_text(entry: dict[Any, Any]) -> Iterator[tuple[str, str, str]]:
    """Keys of an entry that axolotl's schema knows and its chat template strategy does not get."""
    for knob, usual in (("field_tools", "tools"), ("field_thinking", "reasoning_content")):
        if _asks(entry.get(knob)) and entry[knob] != usual:
            hint = f"Rename it to {usual!r} in the rows" + (
                "." if knob == "field_tools" else ", or map it in message_property_mappings."
            )
            yield knob, f"axolotl does not pass it on; {usual!r} is read", hint
    if _asks(entry.get("chat_template_jinja")) and entry.get("chat_template") != "jinja":
        yield "chat_template_jinja", "it is read beside chat_template: jinja alone", "Write chat_template: jinja too."


def _asks(value: Any) -> bool:
    """True where a value turns something on: null, false and empty values do not."""
    return value is not None and value is not False and value != [] and value != {} and value != ""
