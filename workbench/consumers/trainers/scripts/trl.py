"""TRL's side: `SFTTrainer` itself prepares the rows and picks the collator, stopped where it becomes a Trainer.

The model is one on the meta device: its class and configuration decide the path, its weights decide nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.consumers.trainers.scripts import serving
else:
    import sys

    serving = sys.modules.get("vlmbench_serving")

NAME = "trl"
PACKAGES = ("trl", "transformers", "tokenizers", "torch", "datasets", "accelerate")
ENVIRONMENT = {"TRL_EXPERIMENTAL_SILENCE": "1"}
_ELSEWHERE = (
    *("stage", "deepspeed", "fsdp", "fsdp_config", "report_to", "push_to_hub", "hub_model_id", "output_dir"),
    *("tf32", "torch_compile", "use_liger_kernel", "resume_from_checkpoint", "quantization_config"),
    *("bf16", "fp16", "use_cpu"),
)
"""Settings about where and how fast it trains, which this machine may not have; none of them changes a label."""


class _HandedOnError(Exception):
    """Carries the keywords that SFTTrainer hands to transformers' Trainer."""

    def __init__(self, keywords: dict[str, Any]) -> None:
        super().__init__("the trainer is built")
        self.keywords = keywords


def open_side(question: dict[str, Any], stage: Any) -> Any:
    """TRL for the rows of a question. Raises whatever TRL raises."""
    import torch
    import transformers
    import trl
    from transformers import AutoConfig, AutoProcessor, Trainer

    stage("settings")
    arguments = _arguments(question, trl)
    stage("model")
    folder = question["model"]
    processor = AutoProcessor.from_pretrained(folder)
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = _class_of(config).from_config(config)
    model.name_or_path = folder
    model.config._name_or_path = folder
    trainer_class = serving.part(trl, "SFTTrainer")

    def built(rows: list[dict[str, Any]]) -> tuple[Any, Any]:
        from datasets import Dataset

        kept = Trainer.__init__

        def stop(self: Any, *positional: Any, **keywords: Any) -> None:
            raise _HandedOnError(keywords)

        Trainer.__init__ = stop
        try:
            trainer_class(
                model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=processor
            )
        except _HandedOnError as carried:
            handed = carried.keywords
        else:
            raise serving.InterfaceChanged("SFTTrainer was built without transformers' Trainer")
        finally:
            Trainer.__init__ = kept
        missing = {"data_collator", "train_dataset"} - handed.keys()
        if missing:
            raise serving.InterfaceChanged(f"SFTTrainer hands no {' and no '.join(sorted(missing))} to Trainer")
        return handed["train_dataset"], handed["data_collator"]

    stage("data")
    own = serving.own_rows(question)
    every = [_row(row) for row in question["content"]] if own is None else [_opened(row) for row in own]
    together = _together(built, every)

    def label(number: int) -> tuple[Any, Any, None]:
        if together is not None:
            (rows, collator), place = together, number
        else:
            (rows, collator), place = built([every[number]]), 0
        if place >= len(rows):
            raise serving.DroppedRow("SFTTrainer leaves it out")
        batch = collator([{key: value for key, value in rows[place].items() if value is not None}])
        return batch["input_ids"][0], batch["labels"][0], None

    resolved = {
        "path": "SFTTrainer and its collator",
        "assistant_only_loss": bool(arguments.assistant_only_loss),
        "completion_only_loss": arguments.completion_only_loss,
        "max_length": arguments.max_length,
        "transformers": transformers.__version__,
    }
    return serving.Side(label, getattr(processor, "tokenizer", processor), resolved)


def _together(built: Any, rows: list[dict[str, Any]]) -> tuple[Any, Any] | None:
    """The prepared rows and the collator of one trainer for all of them.

    None where that says nothing about each: one of them stops it, or rows are left out or joined.
    """
    try:
        prepared, collator = built(rows)
    except serving.InterfaceChanged:
        raise
    except Exception as problem:
        # What stops it at single rows too is no row's fault.
        if all(_stops_alike(built, row, problem) for row in rows[:2]):
            raise
        return None
    return (prepared, collator) if len(prepared) == len(rows) else None


def _stops_alike(built: Any, row: dict[str, Any], problem: Exception) -> bool:
    try:
        built([row])
    except Exception as alone:
        return str(alone) == str(problem)
    return False


def _arguments(question: dict[str, Any], trl: Any) -> Any:
    """The SFTConfig: of TRL's own configuration file where there is one, else of the translated settings."""
    here = {"output_dir": question["scratch"], "use_cpu": True, "bf16": False, "fp16": False, "report_to": "none"}
    config_class = serving.part(trl, "SFTConfig")
    if question.get("config"):
        import yaml

        parser_class = serving.part(trl, "TrlParser")
        kinds = tuple(serving.part(trl, name) for name in ("ScriptArguments", "ModelConfig", "DatasetMixtureConfig"))
        file = Path(question["scratch"]) / "config.yaml"
        own = yaml.safe_load(question["config"])
        file.write_text(yaml.safe_dump({k: v for k, v in own.items() if k not in _ELSEWHERE}), encoding="utf-8")
        forced = [word for key, value in here.items() for word in (f"--{key}", str(value))]
        parsed = parser_class((config_class, *kinds)).parse_args_and_config(["--config", str(file), *forced])
        return parsed[0]
    settings = question["settings"]
    if "sequence_len" in settings:
        here["max_length"] = settings["sequence_len"]
    if settings.get("assistant_only"):
        here["assistant_only_loss"] = True
    return config_class(**here)


def _class_of(config: Any) -> Any:
    """The class that loads a model of this configuration: one that sees, else one of texts."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    seeing = AutoModelForImageTextToText._model_mapping
    return AutoModelForImageTextToText if type(config) in seeing else AutoModelForCausalLM


def _opened(value: Any) -> Any:
    """A row of TRL's own data, with a picture where its column held one and not a path."""
    if isinstance(value, dict):
        if value.keys() == {"bytes", "path"} and value["bytes"] is None:
            from PIL import Image

            return Image.open(value["path"])
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """The columns that TRL documents: `images`, and `messages` with a bare part where a picture is."""
    from PIL import Image

    images = [Image.open(path) for path in serving.pictures(row)]
    messages = [
        {
            "role": one["role"],
            "content": [{"type": "image"} if c["type"] == "image" else dict(c) for c in one["content"]],
        }
        for one in row["messages"]
    ]
    return {"images": images, "messages": messages}
