"""TRL: an epoch of `SFTTrainer`, with the columns that its documentation names."""

from __future__ import annotations

from typing import Any

import watching

watching.os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"


def train(family: dict[str, Any], rows: list[watching.Row], folder: str) -> watching.Steps:
    """The steps of an epoch, a row a step."""
    from datasets import Dataset
    from PIL import Image
    from transformers import AutoProcessor
    from trl import SFTConfig, SFTTrainer

    steps = watching.watch(SFTTrainer)
    listed = []
    for row in rows:
        pictures, messages = [], []
        for message in row["messages"]:
            parts = [{"type": "image"} if part["type"] == "image" else dict(part) for part in message["content"]]
            messages.append({"role": message["role"], "content": parts})
            pictures += [Image.open(part["path"]) for part in message["content"] if part["type"] == "image"]
        listed.append({"messages": messages, "images": pictures})
    arguments = SFTConfig(
        output_dir=folder,
        per_device_train_batch_size=1,
        num_train_epochs=1,
        max_length=2048,
        assistant_only_loss=True,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(
        model=watching.empty_model(family["model"]),
        args=arguments,
        train_dataset=Dataset.from_list(listed),
        processing_class=AutoProcessor.from_pretrained(family["model"]),
    )
    watching.until_end(trainer.train)
    return steps


if __name__ == "__main__":
    watching.run(train)
