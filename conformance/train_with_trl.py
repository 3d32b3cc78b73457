"""Run by TRL's own Python: train on rows with a small model, and print what each step hands to it.

`python train_with_trl.py MODEL ROWS ASSISTANT_ONLY`: ids and labels of each step as a JSON object a line.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1", TRL_EXPERIMENTAL_SILENCE="1", WANDB_DISABLED="true")


def main(model_folder: str, rows_file: str, assistant_only: bool) -> None:
    """Train one epoch, a row a step."""
    from datasets import Dataset
    from PIL import Image
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
    from trl import SFTConfig, SFTTrainer

    steps: list[dict[str, Any]] = []

    class Watched(SFTTrainer):
        def compute_loss(self, model: Any, inputs: dict[str, Any], *more: Any, **keywords: Any) -> Any:
            steps.append({name: inputs[name][0].tolist() for name in ("input_ids", "labels")})
            return super().compute_loss(model, inputs, *more, **keywords)

    with open(rows_file, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        row["images"] = [Image.open(path) for path in row["images"]]
    config = AutoConfig.from_pretrained(model_folder)
    model = AutoModelForImageTextToText.from_config(config)
    model.name_or_path = model_folder
    model.config._name_or_path = model_folder
    arguments = SFTConfig(
        output_dir=os.path.join(os.path.dirname(rows_file), "out"),
        per_device_train_batch_size=1,
        num_train_epochs=1,
        max_length=2048,
        assistant_only_loss=assistant_only,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = Watched(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoProcessor.from_pretrained(model_folder),
    )
    trainer.train()
    for step in steps:
        print("step " + json.dumps(step), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] == "yes")
