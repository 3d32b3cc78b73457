"""axolotl: what `axolotl train` calls with a recipe, around a model with nothing in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import watching
import yaml


def train(family: dict[str, Any], rows: list[watching.Row], folder: str) -> watching.Steps:
    """The steps of an epoch, a row a step."""
    from axolotl import train as training
    from axolotl.cli.config import load_cfg
    from axolotl.common.datasets import load_datasets
    from transformers import Trainer

    data = Path(folder, "ours.jsonl")
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = yaml.safe_load(family["recipe"])
    recipe["datasets"][0]["path"] = str(data)
    recipe |= {"output_dir": str(Path(folder, "out")), "save_strategy": "no", "gradient_checkpointing": False}
    file = Path(folder, "recipe.yaml")
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")

    class Unweighted:
        """Its loader of models, which loads none."""

        def __init__(self, *_: Any, **__: Any) -> None:
            self.model = watching.empty_model(family["model"])

        def load(self) -> tuple[Any, None]:
            return self.model, None

    training.ModelLoader = Unweighted
    steps = watching.watch(Trainer)
    cfg = load_cfg(str(file))
    try:
        training.train(cfg=cfg, dataset_meta=load_datasets(cfg=cfg))
    except watching.EndOfTraining:
        return steps
    raise AssertionError("it did not train")


if __name__ == "__main__":
    watching.run(train)
