"""Training without a forward pass: what a trainer hands to each step is noted, and the step is left out.

`python with_NAME.py QUESTION ANSWER`: the question is a file with a JSON list, an object a family: `family`, `model`,
`settings`, `recipe`, the messages of `rows` that are trained on together, and of those that must stop it `alone`. The
answer is a file with a JSON object: family -> the `steps` as ids and labels, how each of `alone` stopped it, or null,
and as what the training `failed`, if it did.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(
    CUDA_VISIBLE_DEVICES="",
    DO_NOT_TRACK="1",
    OMP_NUM_THREADS="1",
    HF_HUB_OFFLINE="1",
    HF_DATASETS_DISABLE_PROGRESS_BARS="1",
    TOKENIZERS_PARALLELISM="false",
    TRANSFORMERS_VERBOSITY="error",
    WANDB_DISABLED="true",
)
Steps = list[tuple[list[int], list[int]]]
Row = dict[str, Any]


class EndOfTraining(BaseException):
    """The trainer has gone through its data. No `except Exception` of a trainer takes it."""


def run(train: Callable[[dict[str, Any], list[Row], str], Steps]) -> None:
    """Answer the question of the command line. `train` gets a family, rows and a folder, and gives the steps."""
    question, answer = (Path(word).absolute() for word in sys.argv[1:3])
    found: dict[str, Any] = {}
    for family in json.loads(question.read_text("utf-8")):
        told: dict[str, Any] = {"steps": [], "alone": []}
        if family["rows"]:
            try:
                told["steps"] = _within(train, family, family["rows"])
            except Exception as problem:
                told["failed"] = f"{type(problem).__name__}: {problem}"[:2000]
        for row in family["alone"]:
            try:
                trained = _within(train, family, [row])
                # A StopIteration in a collator is taken for the end of the data.
                told["alone"].append(None if trained else "it ended without a step")
            except Exception as problem:
                told["alone"].append(f"{type(problem).__name__}: {problem}"[:300])
        found[family["family"]] = told
        answer.write_text(json.dumps(found), encoding="utf-8")


def _within(train: Callable[[dict[str, Any], list[Row], str], Steps], family: dict[str, Any], rows: list[Row]) -> Steps:
    with tempfile.TemporaryDirectory() as folder:
        kept = Path.cwd()
        os.environ["HF_DATASETS_CACHE"] = folder
        os.chdir(folder)
        try:
            return train(family, rows, folder)
        except Exception:
            traceback.print_exc()
            raise
        finally:
            os.chdir(kept)


def watch(kind: Any) -> Steps:
    """Let a Trainer class note its steps instead of doing them, and end where its training has ended."""
    import torch

    steps: Steps = []
    begin = getattr(kind, "_begin_of_its_own", kind.train)
    kind._begin_of_its_own = begin

    def training_step(trainer: Any, model: Any, inputs: Any, *more: Any, **keywords: Any) -> Any:
        steps.extend(unpadded(inputs))
        return torch.zeros(())

    def train(trainer: Any, *more: Any, **keywords: Any) -> Any:
        begin(trainer, *more, **keywords)
        raise EndOfTraining

    kind.training_step, kind.train = training_step, train
    return steps


def until_end(train: Callable[[], object]) -> None:
    """Train until the trainer has gone through its data.

    Raises:
        AssertionError: it came back without having trained.
    """
    try:
        train()
    except EndOfTraining:
        return
    raise AssertionError("it did not train")


def unpadded(batch: Any) -> Steps:
    """Ids and labels of a batch's rows, without what is not attended to."""
    found = []
    for place in range(len(batch["input_ids"])):
        ids, labels = batch["input_ids"][place], batch["labels"][place]
        mask = batch["attention_mask"][place].bool() if "attention_mask" in batch else ids == ids
        found.append((ids[mask].tolist(), labels[mask].tolist()))
    return found


def empty_model(folder: str) -> Any:
    """The model of a configuration, with memory for its weights and nothing in it.

    Where an older transformers cannot make one of a newer configuration, a module with that configuration is in its
    place: no model is called.
    """
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    class StandIn(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, config: Any) -> None:
            super().__init__()
            self.config, self.nothing = config, torch.nn.Linear(1, 1)

        def forward(self, input_ids: Any = None, labels: Any = None) -> Any:
            raise AssertionError("no model is called")

    config = AutoConfig.from_pretrained(folder)
    try:
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(config)
        model = model.to_empty(device="cpu")
    except (KeyError, ValueError) as problem:
        print(f"a stand-in for {folder}: {type(problem).__name__}: {problem}", file=sys.stderr)
        return StandIn(config)
    model.name_or_path = folder
    model.config._name_or_path = folder
    return model


def tagged(messages: list[dict[str, Any]]) -> tuple[list[dict[str, str]], list[str]]:
    """Messages as texts with `<image>` for each picture, and the paths of the pictures."""
    texts, paths = [], []
    for message in messages:
        text = ""
        for part in message["content"]:
            if part["type"] == "image":
                paths.append(part["path"])
                text += "<image>"
            else:
                text += part["text"]
        texts.append({"role": message["role"], "content": text})
    return texts, paths
