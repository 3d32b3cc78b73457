"""`tokenizer_use_mistral_common`: mistral-common's tokenizer as axolotl wraps it, and its processor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from workbench.errors import EnvironmentProblem
from workbench.models import problems
from workbench.models.hub import Source

DUMMY_TEMPLATE = "[This is a dummy chat template]"


def load_tokenizer(path: Path, source: Source) -> Any:
    """mistral-common's tokenizer in fine-tuning mode, padding on the left. Its `chat_template` is a dummy text.

    Raises:
        EnvironmentProblem: mistral-common is not installed. InputError, EnvironmentProblem: no file that it reads.
    """
    if not problems.importable("mistral_common"):
        raise EnvironmentProblem(
            "tokenizer_use_mistral_common needs the package mistral-common",
            "The recipe asks for Mistral's own tokenizer, which is an extra of this program.",
            "Install it: pip install mistral-common",
        )
    try:
        return _tokenizer_class().from_pretrained(path, mode="finetuning", padding_side="left")
    except Exception as error:
        raise problems.explain(error, "tokenizer", source, path, {}) from error


def load_processor(path: Path, source: Source, keys: Mapping[str, Any], tokenizer: Any) -> Any:
    """Voxtral's processor where the recipe names it, else a processor that leaves pictures to the tokenizer."""
    # axolotl asks for this name of a recipe; no property of a family tells it which processor wraps mistral-common's.
    if keys.get("processor_type") != "VoxtralProcessor":
        return _processor_class()(tokenizer=tokenizer)
    voxtral = problems.transformers_class("VoxtralProcessor", "processor_type")
    try:
        processor = voxtral.from_pretrained(path, **(keys.get("processor_kwargs") or {}))
    except Exception as error:
        raise problems.explain(error, "processor", source, path, {}) from error
    processor.tokenizer = tokenizer
    return processor


@cache
def _tokenizer_class() -> type[Any]:
    from transformers.tokenization_mistral_common import MistralCommonBackend

    class FinetuningTokenizer(MistralCommonBackend):  # type: ignore[misc, unused-ignore]
        """Renders training conversations; only with `add_generation_prompt` does it take the rules of inference."""

        @property
        def chat_template(self) -> str:
            return DUMMY_TEMPLATE

        @chat_template.setter
        def chat_template(self, text: str | None) -> None: ...

        def apply_chat_template(
            self, conversation: Any, chat_template: Any = None, add_generation_prompt: bool = False, **kwargs: Any
        ) -> Any:
            from mistral_common.protocol.instruct.validator import ValidationMode

            for unknown in ("real_last_index", "add_special_tokens"):
                kwargs.pop(unknown, None)
            validator = self.tokenizer._chat_completion_request_validator
            validator._mode = ValidationMode.test if add_generation_prompt else ValidationMode.finetuning
            try:
                return super().apply_chat_template(conversation, **kwargs)
            finally:
                validator._mode = ValidationMode.finetuning

        def decode(self, token_ids: Any, **kwargs: Any) -> Any:
            return super().decode([token_ids] if isinstance(token_ids, int) else token_ids, **kwargs)

    return FinetuningTokenizer


@cache
def _processor_class() -> type[Any]:
    from transformers import BatchFeature, ProcessorMixin

    class Mistral3Processor(ProcessorMixin):  # type: ignore[misc, unused-ignore]
        """mistral-common's tokenizer expands pictures itself; this adds the sizes that the model's forward wants.

        Its name is that of axolotl's own, by which axolotl picks its strategy.
        """

        def __init__(self, tokenizer: Any) -> None:
            super().__init__(tokenizer)

        def apply_chat_template(self, conversation: Any, **kwargs: Any) -> Any:
            import torch

            options = {"padding": True, "return_tensors": "pt", "return_dict": True, "tokenize": True, **kwargs}
            batched = isinstance(conversation[0], (list, tuple)) or hasattr(conversation[0], "content")
            encoded = self.tokenizer.apply_chat_template(conversation if batched else [conversation], **options)
            if not (options["tokenize"] and options["return_dict"]):
                return encoded if batched else encoded[0]
            data = dict(encoded)
            if "pixel_values" in data:
                pixels = data["pixel_values"].to(dtype=torch.float32)
                data["pixel_values"] = pixels
                data["image_sizes"] = torch.tensor([pixels.shape[-2:]] * pixels.shape[0])
            return BatchFeature(data=data, tensor_type=options["return_tensors"])

        def __call__(self, text: Any = None, **kwargs: Any) -> Any:
            tensors = kwargs.pop("return_tensors", "pt")
            return BatchFeature(data=self.tokenizer(text, padding=True, **kwargs), tensor_type=tensors)

    return Mistral3Processor
