"""axolotl: what `axolotl train` calls with a recipe, around a model with nothing in it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import watching
import yaml

PLUGIN = Path(__file__).resolve().parents[2] / "sample_data" / "vlmbench_axolotl.py"


def train(family: dict[str, Any], rows: list[watching.Row], folder: str) -> watching.Steps:
    """The steps of an epoch, a row a step."""
    from axolotl import train as training
    from axolotl.cli.config import load_cfg
    from axolotl.common.datasets import load_datasets
    from axolotl.integrations.base import PluginManager
    from axolotl.loaders import ModelLoader
    from transformers import Trainer

    data = Path(folder, "ours.jsonl")
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = yaml.safe_load(family["recipe"])
    recipe["datasets"][0]["path"] = str(data)
    recipe |= {"output_dir": str(Path(folder, "out")), "save_strategy": "no", "gradient_checkpointing": False}
    if "role_boundaries" in recipe:
        # axolotl cannot read them from a file without it; the export writes it beside each recipe.
        shutil.copy(PLUGIN, folder)
        sys.path.insert(0, folder)
        recipe["plugins"] = ["vlmbench_axolotl.RoleBoundaries"]
    file = Path(folder, "recipe.yaml")
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")

    class Unweighted(ModelLoader):  # type: ignore[misc]
        """Its loader of models, which loads none; plugins are called before, as they are by its own."""

        def load(self) -> tuple[Any, None]:
            PluginManager.get_instance().pre_model_load(self.cfg)
            return watching.empty_model(family["model"]), None

    training.ModelLoader = Unweighted
    steps = watching.watch(Trainer)
    cfg = load_cfg(str(file))
    watching.until_end(lambda: training.train(cfg=cfg, dataset_meta=load_datasets(cfg=cfg)))
    return steps


if __name__ == "__main__":
    watching.run(train)
