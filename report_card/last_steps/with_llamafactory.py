"""LLaMA-Factory: `run_exp`, what `llamafactory-cli train` calls, on the dictionary of a YAML of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import watching

watching.os.environ["DISABLE_VERSION_CHECK"] = "1"


def train(family: dict[str, Any], rows: list[watching.Row], folder: str) -> watching.Steps:
    """The steps of an epoch, a row a step."""
    from llamafactory.train.sft import workflow
    from llamafactory.train.tuner import run_exp

    steps = watching.watch(workflow.CustomSeq2SeqTrainer)
    workflow.load_model = lambda *_, **__: watching.empty_model(family["model"])
    listed = []
    for row in rows:
        messages, images = watching.tagged(row["messages"])
        listed.append({"messages": messages, "images": images})
    columns = {"messages": "messages"}
    if any(row["images"] for row in listed):
        columns["images"] = "images"
    info = {
        "ours": {
            "file_name": "ours.json",
            "formatting": "sharegpt",
            "columns": columns,
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        }
    }
    Path(folder, "ours.json").write_text(json.dumps(listed), encoding="utf-8")
    Path(folder, "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
    arguments = {
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "full",
        "model_name_or_path": family["model"],
        "template": family["settings"]["template"],
        "cutoff_len": 2048,
        "dataset": "ours",
        "dataset_dir": folder,
        "output_dir": str(Path(folder, "out")),
        "overwrite_cache": True,
        "per_device_train_batch_size": 1,
        "num_train_epochs": 1.0,
        "use_cpu": True,
        "bf16": False,
        "fp16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "disable_gradient_checkpointing": True,
    }
    watching.until_end(lambda: run_exp(arguments))
    return steps


if __name__ == "__main__":
    watching.run(train)
