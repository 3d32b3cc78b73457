"""A new recipe: the axolotl YAML that a careful person would begin a vision-language fine-tune with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.recipe import plugin
from workbench.recipe.axolotl_table import AxolotlTable, table
from workbench.recipe.lora_kernels import KERNELS, kernel_error, kernel_switch
from workbench.recipe.yaml.document import Document
from workbench.recipe.yaml.write import write_value

TOKENIZER_DEFAULT = "tokenizer_default"
JINJA = "jinja"
MISTRAL_COMMON = "tokenizer_use_mistral_common"
UNNAMED_ATTENTION = (
    "attn_implementation stays unset: each part of the model then takes sdpa where its class has it, else eager. One "
    "that is named has to fit every part, and the model does not load where it does not."
)


class BoundaryLike(Protocol):
    """One role's boundary in a family, as `families.Boundary` has it."""

    @property
    def role(self) -> str: ...
    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str | None: ...
    @property
    def include_start(self) -> bool: ...
    @property
    def include_end(self) -> bool: ...


class FamilyLike(Protocol):
    """The part of a family that a new recipe uses, as `families.Family` has it. `recipe`: key -> (value, why)."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def boundaries(self) -> Any: ...
    @property
    def recipe(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class RecipeLine:
    """A key with its value, and a comment above it (a sentence) or beside it (a few words)."""

    key: str
    value: Any
    above: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class RecipePart:
    """Keys that stand together, under one comment."""

    title: str
    lines: tuple[RecipeLine, ...]


def new_recipe(
    model: str,
    family: FamilyLike | None = None,
    *,
    data: str | None = None,
    template: str = TOKENIZER_DEFAULT,
    template_text: str | None = None,
    processor: bool = True,
    config: Mapping[str, Any] | None = None,
    name: str = "<recipe>",
    axolotl: AxolotlTable | None = None,
) -> Document:
    """A commented recipe for `model`, with what its family needs.

    Args:
        model: hub id or folder, as `base_model`.
        family: the model's family, or None where it is not known: then there are no role boundaries yet.
        data: a data file, folder or hub data set; None writes a file name to be replaced.
        template: "tokenizer_default", "jinja" (with `template_text`, a template or its path) or one of axolotl's, whose
            boundaries are then those of the family.
        processor: whether the model has a processor (False: text only, no multimodal keys).
        config: the model's config, which decides what a family's recipe needs for this size.
        axolotl: the table of the release that is to train it; by default of the newest.
    """
    settings = dict(family_settings(family, config))
    head = f"{family.title}: LoRA fine-tuning with axolotl." if family else "LoRA fine-tuning with axolotl."
    blocks = ["\n".join(comment_lines(head))]
    for part in _parts(model, family, settings, data, template, template_text, processor, config, axolotl or table()):
        blocks += written_part(part)
    return Document.from_text("\n\n".join([*blocks, *several_gpus(settings)]) + "\n", name)


def family_settings(
    family: FamilyLike | None, config: Mapping[str, Any] | None
) -> Iterator[tuple[str, tuple[Any, str]]]:
    """(key, (value, why)) of the family's recipe, narrowed to this config where the family can do that."""
    if family is None:
        return
    choose = getattr(family, "settings", None)
    for key, setting in (choose(config) if choose is not None else family.recipe).items():
        if isinstance(setting, Mapping) and "value" in setting:
            yield key, (setting["value"], str(setting.get("why", "")))
        elif hasattr(setting, "value"):
            yield key, (setting.value, str(getattr(setting, "why", "")))
        else:
            yield key, (setting, "")


def _parts(
    model: str,
    family: FamilyLike | None,
    settings: dict[str, tuple[Any, str]],
    data: str | None,
    template: str,
    template_text: str | None,
    processor: bool,
    config: Mapping[str, Any] | None,
    axolotl: AxolotlTable,
) -> Iterator[RecipePart]:
    used: set[str] = set()

    def line(key: str, value: Any, above: str = "", beside: str = "") -> RecipeLine:
        """A line with the family's value and reason, or with this value and comment where the family has none."""
        used.add(key)
        if key in settings:
            value, why = settings[key]
            return RecipeLine(key, value, why or above)
        return RecipeLine(key, value, above, beside)

    def from_family(*keys: str) -> tuple[RecipeLine, ...]:
        return tuple(line(key, None) for key in keys if key in settings)

    yield RecipePart(
        "", (line("base_model", model), *from_family("revision_of_model", "trust_remote_code", MISTRAL_COMMON))
    )
    if processor:
        yield RecipePart(
            "The four keys that every multimodal run needs: the collator renders, tokenizes and masks each batch.",
            (
                line("processor_type", "AutoProcessor"),
                line("skip_prepare_dataset", True),
                line("remove_unused_columns", False),
                line("sample_packing", False),
            ),
        )
    mistral_common = bool(settings.get(MISTRAL_COMMON, (False, ""))[0])
    if not mistral_common:
        yield RecipePart("", tuple(_template(template, template_text, from_family("chat_template"))))
    used |= {"chat_template", "chat_template_jinja"}
    entry = {
        "path": data or "data.jsonl",
        "type": "chat_template",
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    yield RecipePart(
        "roles_to_train and train_on_eos are read here, from the first entry, and rule every dataset."
        if processor
        else "roles_to_train and train_on_eos are read here, not at the top level.",
        (line("datasets", [entry]), line("val_set_size", 0.0, beside="0.05 keeps 5% of the rows for evaluation")),
    )
    used.add("role_boundaries")
    named = template not in (TOKENIZER_DEFAULT, JINJA)
    if processor and family is not None and family.boundaries and not mistral_common and not named:
        yield RecipePart(
            "The markers of each role's turns. They replace all of axolotl's built-in boundaries.",
            (RecipeLine("role_boundaries", [boundary_row(row) for row in family.boundaries]),),
        )
        used.add("plugins")
        others = settings.get("plugins", ([], ""))[0]
        yield RecipePart(
            f"{plugin.STOPS}; the plugin makes plain dictionaries of the entries. `vlmbench export` writes its file, "
            f"{plugin.FILE}, beside the recipe.",
            (RecipeLine("plugins", [*others, plugin.NAME]),),
        )
    elif processor and not mistral_common and not named:
        yield RecipePart(
            "role_boundaries are missing: without them axolotl trains every token of models it does not know. "
            "`vlmbench infer` finds them from the chat template.",
            (),
        )
    yield RecipePart(
        "",
        (
            line("sequence_len", 2048, beside="rows are not cut: a longer row is a longer batch" if processor else ""),
            *from_family("image_size", "image_resize_algorithm", "processor_kwargs", "special_tokens", "tokens"),
        ),
    )
    yield RecipePart(
        "",
        (
            line("adapter", "lora"),
            line("lora_r", 16),
            line("lora_alpha", 32),
            line("lora_dropout", 0.0),
            *(from_family("lora_target_modules") or (() if "lora_target_linear" in settings else _all_linear(family))),
            *from_family("lora_target_linear", "lora_target_parameters", "lora_modules_to_save"),
            *_kernels(settings, str((config or {}).get("model_type")), axolotl),
        ),
    )
    yield RecipePart("", from_family("freeze_mm_modules", "unfrozen_parameters"))
    # Written out although axolotl has defaults for most of them: these are the keys that people change, and an export
    # adds no key that is written already.
    yield RecipePart(
        "",
        (
            line("micro_batch_size", 1),
            line("gradient_accumulation_steps", 8),
            line("num_epochs", 1),
            line("optimizer", "adamw_torch_fused"),
            line("lr_scheduler", "cosine"),
            # A text, as PyYAML reads it: a number needs the dot of 2.0e-4. axolotl converts it.
            line("learning_rate", "2e-4", beside="for LoRA; about a tenth of it for full fine-tuning"),
            line("warmup_ratio", 0.05),
            line("weight_decay", 0.0),
            line("max_grad_norm", 1.0),
        ),
    )
    workers = (
        (line("dataloader_num_workers", 2, beside="the collator reads and tokenizes pictures"),) if processor else ()
    )
    yield RecipePart("", (line("bf16", "auto"), line("tf32", "auto"), *workers))
    yield RecipePart(
        "",
        (
            line("gradient_checkpointing", True),
            # Reentrant checkpointing gives no gradients to a tower whose input asks for none.
            line("gradient_checkpointing_kwargs", {"use_reentrant": False}),
            *from_family("attn_implementation"),
        ),
    )
    if "attn_implementation" not in settings:
        yield RecipePart(UNNAMED_ATTENTION, ())
    rest = tuple(
        key for key in settings if key not in used and "." not in key and not key.startswith(("fsdp", "deepspeed"))
    )
    yield RecipePart("", from_family(*rest))
    yield RecipePart(
        "",
        (
            line("logging_steps", 1),
            line("saves_per_epoch", 1),
            line("save_total_limit", 2),
            line("output_dir", f"./outputs/{model.rstrip('/').rsplit('/', 1)[-1] or 'model'}"),
            line("seed", 42),
        ),
    )


def _kernels(settings: Mapping[str, tuple[Any, str]], model_type: str, axolotl: AxolotlTable) -> Iterator[RecipeLine]:
    """The LoRA kernels turned off, where axolotl would turn them on and stop."""
    recommended = {key: value for key, (value, _) in settings.items()}
    if (
        kernel_error({"adapter": "lora"} | recommended, model_type, axolotl.kernels) is not None
        and kernel_switch({"adapter": "lora"} | recommended) == "adapter"
    ):
        yield from (
            RecipeLine(key, False, kernels_comment(model_type, axolotl) if key == KERNELS[0] else "") for key in KERNELS
        )


def kernels_comment(model_type: str | None, axolotl: AxolotlTable) -> str:
    """The comment above the keys that turn the LoRA kernels off."""
    return (
        f"Unset, axolotl turns its LoRA kernels on, and its patch of the attention stops at {model_type} (from "
        f"the table of {axolotl.name}). The kernel for the MLP is turned off with them."
    )


def _template(template: str, text: str | None, family: tuple[RecipeLine, ...]) -> Iterator[RecipeLine]:
    if template == JINJA or (text and template == TOKENIZER_DEFAULT):
        yield RecipeLine(
            "chat_template",
            JINJA,
            "This template, a text or the path of a file, renders the rows; the tokenizer's own is not read.",
        )
        yield RecipeLine("chat_template_jinja", text or "chat_template.jinja")
    elif template == TOKENIZER_DEFAULT and family:
        yield family[0]
    elif template == TOKENIZER_DEFAULT:
        yield RecipeLine("chat_template", template, "The template that the model is served with.")
    else:
        why = "The template that axolotl bundles under this name: it writes what the model's own writes, and has "
        yield RecipeLine(
            "chat_template", template, f"{why}the same boundaries. Your own role_boundaries would need a plugin."
        )


def _all_linear(family: FamilyLike | None) -> tuple[RecipeLine, ...]:
    why = "Every linear layer, vision tower included; a pattern for the language model alone is usually better."
    return (RecipeLine("lora_target_linear", True, why if family is None else ""),)


def boundary_row(boundary: BoundaryLike) -> dict[str, Any]:
    row: dict[str, Any] = {"role": boundary.role, "start": boundary.start, "end": boundary.end}
    if boundary.end is None:
        del row["end"]
    if boundary.include_start:
        row["include_start"] = True
    if not boundary.include_end:
        row["include_end"] = False
    return row


def written_part(part: RecipePart) -> Iterator[str]:
    """The text of a part; nothing where it says nothing."""
    text = comment_lines(part.title) if part.title else []
    for line in part.lines:
        text += comment_lines(line.above) if line.above else []
        written = write_value(line.key, line.value)
        text.append(f"{written}  # {line.beside}" if line.beside and "\n" not in written else written)
    if text:
        yield "\n".join(text)


def several_gpus(settings: Mapping[str, tuple[Any, str]]) -> Iterator[str]:
    """The FSDP2 settings as a comment: written out, they would switch FSDP on."""
    layer = settings.get("fsdp_config.transformer_layer_cls_to_wrap")
    if layer is None:
        return
    rows = {
        "fsdp_version": 2,
        "fsdp_config": {
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "transformer_layer_cls_to_wrap": layer[0],
            "reshard_after_forward": True,
            "state_dict_type": "FULL_STATE_DICT",
        },
    }
    lines = [
        "For several GPUs with FSDP2:",
        *(text for key in rows for text in write_value(key, rows[key]).split("\n")),
    ]
    yield "\n".join(f"# {text}" for text in lines)


def comment_lines(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 116, break_long_words=False, break_on_hyphens=False)]
