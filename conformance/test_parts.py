"""Per-part training on the text path: axolotl's own chat-template strategy gives the labels of the bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.pair import model_folder
from tests.support import processors

TEXTS = (
    ["Let me see:", " the answer", " is 4."],
    ["Wait. ", "No, ", "yes"],
    ["un", "believ", "able words"],
    ["日本", "語 text", "\n\nmore"],
    ["a", "b", "c d"],
    ["```py\n", "x = 1\n", "```"],
)
FLAGS: tuple[list[dict[str, Any]], ...] = (
    [{}, {"train": False}, {}],
    [{"train": False}, {"train": True}, {"weight": 0}],
    [{"weight": 0}, {}, {"weight": 1}],
    [{"train": True}, {}, {}],
    [{"train": False}, {"train": False}, {"train": False}],
)


def _rows() -> list[dict[str, Any]]:
    rows = []
    for number, texts in enumerate(TEXTS):
        for flags in FLAGS:
            parts = [{"type": "text", "text": text, **flag} for text, flag in zip(texts, flags, strict=True)]
            turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": parts}]
            if number % 2:
                turns += [{"role": "user", "content": parts}, {"role": "assistant", "content": "Fine."}]
            rows.append({"messages": turns})
    for learn in (True, False):
        turns = [{"role": "user", "content": "a b", "learn": learn}, {"role": "assistant", "content": "c d"}]
        rows.append({"messages": [*turns, {"role": "user", "content": "e"}, {"role": "assistant", "content": "f"}]})
        rows[-1]["messages"][1]["learn"] = not learn
    return rows


@pytest.mark.parametrize("train_on_eos", ["turn", "none"])
def test_labels_are_those_of_the_text_path(tmp_path: Path, train_on_eos: str) -> None:
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault
    from transformers import AutoTokenizer

    from workbench.bench import Bench
    from workbench.recipe.yaml.document import Document

    folder = model_folder("qwen2_5_vl")
    rows = _rows()
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    entry = {
        "path": "rows.jsonl", "type": "chat_template", "roles_to_train": ["assistant"], "train_on_eos": train_on_eos,
        "message_field_training": "learn",
    }  # fmt: skip
    known = {
        "base_model": str(folder), "chat_template": "tokenizer_default", "datasets": [entry],
        "role_boundaries": [
            {"role": "assistant", "start": "<|im_start|>assistant\n", "end": "<|im_end|>"},
            {"role": "user", "start": "<|im_start|>user\n", "end": "<|im_end|>"},
        ],
    }  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(json.dumps(known), "utf-8")
    bench = Bench(Document.from_file(tmp_path / "recipe.yaml")).load()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        tokenizer.chat_template = bench.loaded.processor_template
    tokenizer.eos_token = "<|im_end|>"
    config = DictDefault({"sequence_len": 4096, "train_on_inputs": False, "chat_template": "tokenizer_default"})
    strategy = load(tokenizer, config, DictDefault({**entry, "chat_template": "tokenizer_default"}))
    asked = 0
    for index, raw in enumerate(rows):
        theirs = strategy.tokenize_prompt(json.loads(json.dumps(raw)))
        row = bench.row(index)
        assert row.rendering.input_ids.tolist() == list(theirs["input_ids"])
        wanted = np.array(theirs["labels"])
        ours = row.mask.labels
        differing = [row.rendering.token_text(int(i)) for i in np.flatnonzero(ours != wanted)]
        assert not differing, (raw["messages"], differing)
        asked += bool(row.flags_under(bench.masking))
    assert asked == len(rows)
    assert processors.TOKENIZERS is None or asked == 32
