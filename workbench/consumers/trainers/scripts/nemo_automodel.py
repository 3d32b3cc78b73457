"""NeMo AutoModel's side: the collate function that it has for the class of the processor.

Its labels are those of the next position, and the last id is cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.consumers.trainers.scripts import serving
else:
    import sys

    serving = sys.modules.get("vlmbench_serving")

NAME = "nemo_automodel"
PACKAGES = ("nemo_automodel", "transformers", "tokenizers", "torch", "datasets", "qwen-vl-utils")
ENVIRONMENT: dict[str, str] = {}
_TAKES_PATHS = ("qwen2_5_collate_fn",)


def open_side(question: dict[str, Any], stage: Any) -> Any:
    """NeMo AutoModel for the rows of a question. Raises whatever it raises."""
    from nemo_automodel.components.datasets.vlm import collate_fns
    from transformers import AutoProcessor

    stage("model")
    processor = AutoProcessor.from_pretrained(question["model"])
    stage("collator")
    table = serving.part(collate_fns, "COLLATE_FNS")
    name = type(processor).__name__
    collate = table[name] if name in table else table["default"]

    def label(number: int) -> tuple[Any, Any, None]:
        paths = collate.__name__ in _TAKES_PATHS
        messages = [_message(one, paths=paths) for one in question["content"][number]["messages"]]
        batch = collate([{"conversation": messages}], processor)
        return batch["input_ids"][0], batch["labels"][0], None

    resolved = {"path": f"{collate.__name__} for {name}"}
    return serving.Side(label, getattr(processor, "tokenizer", processor), resolved, label_shift=1)


def _message(message: dict[str, Any], *, paths: bool) -> dict[str, Any]:
    from PIL import Image

    content = [
        {"type": "image", "image": part["path"] if paths else Image.open(part["path"])}
        if part["type"] == "image"
        else dict(part)
        for part in message["content"]
    ]
    return {"role": message["role"], "content": content}
