"""LLaMA-Factory's side: its arguments, template, data set and collator, as its SFT workflow puts them together.

Rows go through its data set at once. One that fails or is left out is noted by its number, where all of them would
stop for the first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.consumers.trainers.scripts import serving
else:
    import sys

    serving = sys.modules.get("vlmbench_serving")

NAME = "llamafactory"
PACKAGES = ("llamafactory", "transformers", "tokenizers", "torch", "datasets", "peft", "trl")
ENVIRONMENT = {"DISABLE_VERSION_CHECK": "1"}
_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_ELSEWHERE = (
    *("dataset", "dataset_dir", "eval_dataset", "val_size", "max_samples", "streaming", "tokenized_path"),
    *("do_eval", "eval_strategy", "load_best_model_at_end", "predict_with_generate", "interleave_probs"),
    *("deepspeed", "fsdp", "fsdp_config", "resume_from_checkpoint", "adapter_name_or_path", "export_dir"),
    *("flash_attn", "use_unsloth", "enable_liger_kernel", "quantization_bit", "quantization_method", "pure_bf16"),
    *("booster", "torch_compile", "optim", "use_galore", "use_apollo", "use_badam", "push_to_hub", "tf32"),
)
"""Settings about which rows, and about where and how fast it trains; none of them changes a row's labels."""


def open_side(question: dict[str, Any], stage: Any) -> Any:
    """LLaMA-Factory for the rows of a question. Raises whatever it raises."""
    from llamafactory import data, hparams, model
    from llamafactory.data.processor import SupervisedDatasetProcessor

    stage("settings")
    values = _arguments(question)
    model_args, data_args, training_args, _, _ = serving.part(hparams, "get_train_args")(values)
    stage("model")
    module = serving.part(model, "load_tokenizer")(model_args)
    template = serving.part(data, "get_template_and_fix_tokenizer")(module["tokenizer"], data_args)
    stage("data")
    serving.unhashed()
    outcomes: list[Any] = []
    _watch(SupervisedDatasetProcessor, outcomes)
    _write_rows(question)
    try:
        found = serving.part(data, "get_dataset")(template, model_args, data_args, training_args, stage="sft", **module)
        rows = found["train_dataset"]
    except Exception:
        # Where every row fails, there is no data set; each row says so.
        if len(outcomes) < len(question["content"]) or any(one is True for one in outcomes):
            raise
        rows = []
    count = len(question["content"])
    # The first example may be looked at again, to be printed.
    outcomes = outcomes[:count]
    if len(outcomes) != count or sum(one is True for one in outcomes) != len(rows):
        raise serving.InterfaceChanged(f"{len(outcomes)} of {count} rows went through its processor, {len(rows)} came")
    stage("collator")
    collator = serving.part(data, "SFTDataCollatorWith4DAttentionMask")(
        template=template, model=None, pad_to_multiple_of=8, label_pad_token_id=serving.IGNORED, **module
    )
    places = {number: sum(one is True for one in outcomes[:number]) for number in range(count)}

    def label(number: int) -> tuple[Any, Any, None]:
        outcome = outcomes[number]
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is False:
            raise serving.DroppedRow("its roles do not alternate from user to assistant")
        batch = collator([dict(rows[places[number]])])
        # A row without pictures gets one that is not attended to, and rows are padded.
        length = int(batch["attention_mask"][0].sum())
        return batch["input_ids"][0][:length], batch["labels"][0][:length], None

    resolved = {
        "path": "its data set and collator",
        "template": data_args.template,
        "mask_history": data_args.mask_history,
        "train_on_prompt": data_args.train_on_prompt,
        "cutoff_len": data_args.cutoff_len,
        "enable_thinking": data_args.enable_thinking,
    }
    return serving.Side(label, module["tokenizer"], resolved)


def _arguments(question: dict[str, Any]) -> dict[str, Any]:
    """The dictionary of its YAML, with our rows in the place of its data sets."""
    import yaml

    values: dict[str, Any] = {
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "model_name_or_path": question["model"],
    }
    if question.get("config"):
        own = yaml.safe_load(question["config"])
        values |= {key: value for key, value in own.items() if key not in _ELSEWHERE}
        values["model_name_or_path"] = question["model"] or values["model_name_or_path"]
    else:
        settings = question["settings"]
        values |= {"cutoff_len": settings.get("sequence_len", 2048)}
        if settings.get("template"):
            values["template"] = settings["template"]
        if settings.get("train_all"):
            values["train_on_prompt"] = True
    return values | {
        "dataset": "rows",
        "dataset_dir": question["scratch"],
        "output_dir": str(Path(question["scratch"]) / "out"),
        "overwrite_cache": True,
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "fp16": False,
        "preprocessing_num_workers": None,
    }


def _write_rows(question: dict[str, Any]) -> None:
    folder = Path(question["scratch"])
    if (own := serving.own_rows(question)) is not None:
        (folder / "rows.json").write_text(json.dumps(own), encoding="utf-8")
        places = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name", "subset", "split")
        apart = (*places, "folder", "num_samples")
        entry = {key: value for key, value in question["entry"].items() if key not in apart}
        text = json.dumps({"rows": entry | {"file_name": "rows.json"}})
        (folder / "dataset_info.json").write_text(text, encoding="utf-8")
        return
    rows = [{"messages": serving.tagged(row), "images": serving.pictures(row)} for row in question["content"]]
    columns = {"messages": "messages"} | ({"images": "images"} if any(row["images"] for row in rows) else {})
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    entry = {"file_name": "rows.json", "formatting": "sharegpt", "columns": columns, "tags": _TAGS}
    (folder / "dataset_info.json").write_text(json.dumps({"rows": entry}), encoding="utf-8")


def _watch(processor: Any, outcomes: list[Any]) -> None:
    """Let the processor take rows one by one, and note of each: True, False for left out, or what it raised."""
    theirs = getattr(processor, "_vlmbench_theirs", None) or serving.part(processor, "preprocess_dataset")

    def one_by_one(self: Any, examples: dict[str, list[Any]]) -> dict[str, list[Any]]:
        joined: dict[str, list[Any]] = {}
        for place in range(len(next(iter(examples.values())))):
            try:
                made = theirs(self, {key: [values[place]] for key, values in examples.items()})
            except Exception as problem:
                outcomes.append(problem)
                continue
            outcomes.append(bool(made.get("input_ids")))
            for key, values in made.items():
                joined.setdefault(key, []).extend(values)
        return joined

    processor._vlmbench_theirs = theirs
    processor.preprocess_dataset = one_by_one
