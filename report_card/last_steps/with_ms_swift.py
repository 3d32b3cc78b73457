"""ms-swift: `sft_main`, what `swift sft` calls, around the dummy model that it has for want of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import watching

watching.os.environ["USE_HF"] = "1"


def train(family: dict[str, Any], rows: list[watching.Row], folder: str) -> watching.Steps:
    """The steps of an epoch, a row a step; the batch is that of `Template.data_collator`."""
    from swift.arguments import SftArguments
    from swift.pipelines import sft_main
    from swift.pipelines.train.sft import SwiftSft
    from swift.trainers import TrainerFactory

    class Unweighted(SftArguments):
        """Its arguments, whose model is the one without weights."""

        def get_model_processor(self, **keywords: Any) -> Any:
            return super().get_model_processor(**keywords, return_dummy_model=True)

    file = Path(folder, "ours.jsonl")
    with file.open("w", encoding="utf-8") as lines:
        for row in rows:
            messages, images = watching.tagged(row["messages"])
            lines.write(json.dumps({"messages": messages, "images": images}) + "\n")
    SwiftSft.args_class = Unweighted
    arguments = Unweighted(
        model=family["model"],
        model_type=family["settings"]["model_type"],
        template=family["settings"]["template"],
        dataset=[str(file)],
        split_dataset_ratio=0.0,
        tuner_type="full",
        torch_dtype="float32",
        max_length=2048,
        strict=True,
        num_train_epochs=1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        gradient_checkpointing=False,
        load_from_cache_file=False,
        report_to=["none"],
        save_strategy="no",
        eval_strategy="no",
        output_dir=str(Path(folder, "out")),
    )
    steps = watching.watch(TrainerFactory.get_trainer_cls(arguments))
    watching.until_end(lambda: sft_main(arguments))
    return steps


if __name__ == "__main__":
    watching.run(train)
