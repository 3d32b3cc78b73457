"""unsloth's side: `UnslothVisionDataCollator` of unsloth_zoo, around a model on the meta device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.consumers.trainers.scripts import serving
else:
    import sys

    serving = sys.modules.get("vlmbench_serving")

NAME = "unsloth_zoo"
PACKAGES = ("unsloth_zoo", "transformers", "tokenizers", "torch", "datasets", "trl")
ENVIRONMENT = {"UNSLOTH_ZOO_DISABLE_GPU_INIT": "1", "UNSLOTH_IS_PRESENT": "1"}


def open_side(question: dict[str, Any], stage: Any) -> Any:
    """unsloth for the rows of a question. Raises whatever it raises."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
    from unsloth_zoo import dataset_utils, vision_utils

    stage("model")
    folder = question["model"]
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder), dtype=torch.bfloat16)
    processor = AutoProcessor.from_pretrained(folder)
    stage("settings")
    settings = question["settings"]
    keywords: dict[str, Any] = {"resize": "max", "max_seq_length": settings.get("sequence_len", 2048)}
    if settings.get("assistant_only"):
        user, assistant = serving.part(dataset_utils, "get_chat_template_parts")(processor)
        keywords |= {"train_on_responses_only": True, "instruction_part": user, "response_part": assistant}
    stage("collator")
    collator = serving.part(vision_utils, "UnslothVisionDataCollator")(model, processor, **keywords)

    def label(number: int) -> tuple[Any, Any, None]:
        batch = collator([{"messages": _messages(question["content"][number])}])
        return batch["input_ids"][0], batch["labels"][0], None

    resolved = {"path": "UnslothVisionDataCollator", **keywords}
    return serving.Side(label, getattr(processor, "tokenizer", processor), resolved)


def _messages(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Messages with a picture under the key `image`, as unsloth documents them."""
    return [
        {
            "role": one["role"],
            "content": [
                {"type": "image", "image": part["path"]} if part["type"] == "image" else dict(part)
                for part in one["content"]
            ],
        }
        for one in row["messages"]
    ]
