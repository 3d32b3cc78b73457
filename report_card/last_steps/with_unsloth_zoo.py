"""unsloth: an epoch of transformers' `Trainer` with `UnslothVisionDataCollator` and a list of conversations.

unsloth's notebooks hand both to `SFTTrainer`, which unsloth changes to take a list; without a GPU unsloth does not
start.
"""

from __future__ import annotations

from typing import Any

import watching

watching.os.environ.update(UNSLOTH_ZOO_DISABLE_GPU_INIT="1", UNSLOTH_IS_PRESENT="1")


def train(family: dict[str, Any], rows: list[watching.Row], folder: str) -> watching.Steps:
    """The steps of an epoch, a row a step."""
    from transformers import AutoProcessor, Trainer, TrainingArguments
    from unsloth_zoo.dataset_utils import get_chat_template_parts
    from unsloth_zoo.vision_utils import UnslothVisionDataCollator

    steps = watching.watch(Trainer)
    listed = []
    for row in rows:
        messages = []
        for message in row["messages"]:
            parts = [
                {"type": "image", "image": part["path"]} if part["type"] == "image" else dict(part)
                for part in message["content"]
            ]
            messages.append({"role": message["role"], "content": parts})
        listed.append({"messages": messages})
    processor = AutoProcessor.from_pretrained(family["model"])
    model = watching.empty_model(family["model"])
    user, assistant = get_chat_template_parts(processor)
    trainer = Trainer(
        model=model,
        data_collator=UnslothVisionDataCollator(
            model,
            processor,
            max_seq_length=2048,
            resize="max",
            train_on_responses_only=True,
            instruction_part=user,
            response_part=assistant,
        ),
        train_dataset=listed,
        processing_class=processor,
        args=TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=1,
            num_train_epochs=1,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            remove_unused_columns=False,
        ),
    )
    watching.until_end(trainer.train)
    return steps


if __name__ == "__main__":
    watching.run(train)
