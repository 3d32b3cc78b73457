"""`tokenizer_use_mistral_common` on the multimodal path: the strategy that axolotl picks, and its labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.evidence import stand_ins
from conformance.evidence.asked import forked
from workbench.bench import open as opened
from workbench.consumers.axolotl import worker


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


TALKS = (
    (said("user", "What is it?"), said("assistant", "A table.")),
    (said("system", "Be brief."), said("user", "And there?"), said("assistant", "A chair.")),
    (
        *(said("system", "Name the colour."), said("user", "Which one?"), said("assistant", "[INST] is red.")),
        *(said("user", "\nAnd now? 你好"), said("assistant", " blue\n\n")),
    ),
)


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"roles_to_train": ["user", "assistant"], "train_on_eos": "last"},
        {"roles_to_train": ["system"], "train_on_eos": "none"},
    ],
    ids=["plain", "two_roles", "system"],
)
def test_ids_and_labels_are_axolotls(knobs: dict[str, Any], tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in TALKS), "utf-8")
    recipe = {
        "base_model": str(stand_ins.folder("mistralai/Mistral-Small-3.1-24B-Instruct-2503")),
        "tokenizer_use_mistral_common": True,
        "processor_type": "AutoProcessor",
        "skip_prepare_dataset": True,
        "remove_unused_columns": False,
        "sample_packing": False,
        "learning_rate": 0.0002,
        "micro_batch_size": 1,
        "num_epochs": 1,
        "datasets": [{"path": str(rows), "ds_type": "json", "type": "chat_template", **knobs}],
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), "utf-8")
    answer = forked(lambda: worker.answer(path, list(range(len(TALKS)))), tmp_path)
    assert answer.get("refused") is None
    bench = opened(path)
    bench.asks = False
    assert bench.strategy.class_name == answer["strategy"] == "Mistral3ProcessingStrategy"
    for theirs in answer["rows"]:
        row = bench.row(theirs["row"])
        assert row.rendering.input_ids.tolist() == theirs["input_ids"]
        assert row.mask.labels.tolist() == theirs["labels"]
        assert 0 < row.mask.trained < len(row.rendering) or knobs.get("roles_to_train") == ["system"]
