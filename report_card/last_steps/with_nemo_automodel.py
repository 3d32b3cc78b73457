"""NeMo AutoModel: the loader that its recipe for vision makes of the sections `dataset` and `dataloader` of its YAML.

Its labels are those of the next position and its last id is cut off, as they come here too.
"""

from __future__ import annotations

from typing import Any

import watching

ROWS: list[watching.Row] = []


def dataset(**_: Any) -> list[dict[str, Any]]:
    """A data set as its documentation has users write one: a function that is named as `_target_`."""
    from PIL import Image

    found = []
    for row in ROWS:
        conversation = []
        for message in row["messages"]:
            parts = [
                {"type": "image", "image": Image.open(part["path"])} if part["type"] == "image" else dict(part)
                for part in message["content"]
            ]
            conversation.append({"role": message["role"], "content": parts})
        found.append({"conversation": conversation})
    return found


def train(family: dict[str, Any], rows: list[watching.Row], folder: str) -> watching.Steps:
    """The batches of an epoch, a row a batch."""
    from nemo_automodel.components.config.loader import ConfigNode
    from nemo_automodel.recipes._typed_config import RecipeConfig

    ROWS[:] = rows
    loader = RecipeConfig.resolve_vlm_dataloader(
        ConfigNode({"_target_": dataset}),
        ConfigNode({"_target_": "torchdata.stateful_dataloader.StatefulDataLoader", "num_workers": 0}),
    )
    built = loader.build(pretrained_model_name_or_path=family["model"], dp_rank=0, dp_world_size=1, batch_size=1)
    steps: watching.Steps = []
    for batch in built.dataloader:
        steps += watching.unpadded(batch)
    return steps


if __name__ == "__main__":
    watching.run(train)
