"""The text path: ids, labels and dropped rows of axolotl's own chat template strategy are those of the bench.

Rows that the bench judges in blocks are compared by the masks of their blocks.

Recipe and rows go through axolotl's validator, loaders, `prompt_strategies.load` and what its data module does with
long rows; rows are tokenized one by one, so that one that raises does not hide the others.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from conformance.once import FULL
from conformance.pair import model_folder, parsed_once
from conformance.text_rows import KINDS, Rows, knobs
from workbench.consumers.axolotl import worker
from workbench.errors import BenchError

STOPS = {
    "gemma4": "<turn|>",
    "gemma3": "<end_of_turn>",
    "qwen3_5": "<|im_end|>",
    "qwen2_5_vl": "<|im_end|>",
    "llama3_2_vision": "<|eot_id|>",
    "mistral_v7_tekken": "</s>",
}
ROWS, RECIPES = 14, 3 if FULL else 1
TEMPLATES = (None, None, None, "tokenizer_default", "chatml", "qwen3", "llama3", "jinja")
JINJA = (
    "{%- for message in messages %}{{ '<<' + message.role + '>>\\n' + (message['content'] or '') | trim }}"
    "{%- if message.reasoning_content %}{{ '(' + message.reasoning_content + ')' }}{% endif %}"
    "{{ eos_token if message.role == 'assistant' else '\\n' }}{% endfor %}"
)


class Sides:
    """A family's two sides over one recipe after the other."""

    def __init__(self, family: str, scratch: Path) -> None:
        self.family, self.scratch = family, scratch
        self.tally: Counter[str] = Counter()
        self.bench: Any = None

    def compare(self, kind: str, seed: int) -> None:
        """One recipe over rows of one kind."""
        data = self.scratch / f"{kind}-{seed}.jsonl"
        raw = Rows(kind, seed).make(ROWS)
        data.write_text("".join(json.dumps(row) + "\n" for row in raw), "utf-8")
        top, entry = knobs(kind, seed, STOPS[self.family])
        choose = random.Random(f"template {self.family} {kind} {seed}")
        for place in (top, entry):
            name = choose.choice(TEMPLATES)
            if name is not None and (place is top or choose.random() < 0.4):
                place["chat_template"] = name
                place |= {"chat_template_jinja": JINJA} if name == "jinja" else {}
        made = {
            "base_model": str(model_folder(self.family)),
            "sequence_len": 2048,
            **top,
            "datasets": [{"path": str(data), "ds_type": "json", "type": "chat_template", **entry}],
            "micro_batch_size": 1,
            "gradient_accumulation_steps": 1,
            "num_epochs": 1,
            "learning_rate": 1e-4,
            "optimizer": "adamw_torch",
            "output_dir": str(self.scratch / "out"),
        }
        path = self.scratch / f"{kind}-{seed}.yaml"
        path.write_text(yaml.safe_dump(made, sort_keys=False), "utf-8")
        self.tally["recipes"] += 1
        place = f"{path}\n{yaml.safe_dump({**top, 'entry': entry})}"
        cfg, strategy = self._strategy(path)
        if strategy is None:
            with pytest.raises(BenchError):
                self._open(path)
            self.tally["recipes refused"] += 1
            return
        self._open(path)
        self._rows(cfg, strategy, place)

    def _strategy(self, path: Path) -> tuple[Any, Any]:
        """The configuration, and the strategy; None where axolotl refuses the recipe's end tokens."""
        from axolotl.loaders import load_tokenizer
        from axolotl.prompt_strategies import load

        cfg = worker.read_config(path)
        tokenizer = load_tokenizer(cfg)
        try:
            return cfg, load(cfg.datasets[0].type, tokenizer, cfg, cfg.datasets[0], processor=None)
        except ValueError:
            return cfg, None

    def _open(self, path: Path) -> None:
        from workbench import bench

        if self.bench is None:
            self.bench = bench.open(path)
            return
        self.bench.document.replace_text(path.read_text(encoding="utf-8"))
        self.bench.apply()

    def _rows(self, cfg: Any, strategy: Any, place: str) -> None:
        kept, together = [], self._together()
        for index, raw in enumerate(worker.read_rows(cfg)):
            told = f"row {index} {json.dumps(raw, ensure_ascii=False)[:700]}\n{place}"
            row = self.bench.row(index)
            made = _tokenized(strategy, raw)
            if isinstance(made, Exception):
                fate = None if row.error is not None else row.text_mask_under(self.bench.masking.text).fate
                assert row.error is not None or fate == "refused", f"axolotl raises {made!r}\n{told}"
                self.tally["rows refused"] += 1
                continue
            assert row.error is None, f"{row.error}\n{told}"
            ids = np.array(made["input_ids"][0])
            assert np.array_equal(row.rendering.input_ids, ids), f"input_ids\n{told}"
            ours = row.text_mask_under(self.bench.masking.text)
            assert ours.fate != "refused", f"{ours.why}\n{told}"
            if index in together:
                # What follows compares it with axolotl's.
                ours = ours._replace(mask=together[index])
                self.tally["rows in blocks"] += 1
            kept.append((index, {key: value[0] for key, value in made.items()}, ours, told))
        self._lengths(cfg, kept)

    def _together(self) -> dict[int, Any]:
        """The masks of those rows that a block of them all gives together."""
        from workbench.blocks.path import BlockPath
        from workbench.tokens.mask import Mask

        path = BlockPath(self.bench)
        facts = path.each([self.bench.peek(index) for index in range(ROWS)]).facts
        assert not path.differs, path.differs
        found: dict[int, Any] = {}
        for number, row in enumerate(facts.rows if facts is not None else ()):
            span = slice(int(facts.edges[number]), int(facts.edges[number + 1]))
            columns = (getattr(facts.mask, name)[span] for name in ("labels", "keep", "reason", "span"))
            found[row.index] = Mask(*columns, facts.spans)
        return found

    def _lengths(self, cfg: Any, kept: list[tuple[int, dict[str, Any], Any, str]]) -> None:
        """axolotl's own handling of long, short and empty rows over all of them."""
        from axolotl.utils.data.utils import handle_long_seq_in_dataset
        from axolotl.utils.trainer import process_datasets_for_packing
        from datasets import Dataset

        if not kept:
            return
        names = ("input_ids", "labels", "attention_mask")
        rows = [{"row": index, **{name: made[name] for name in names}} for index, made, _, _ in kept]
        left = handle_long_seq_in_dataset(Dataset.from_list(rows), cfg.sequence_len, cfg)
        if cfg.sample_packing:
            try:
                left, _ = process_datasets_for_packing(cfg, left, None)
            except ValueError:
                left = []
        theirs = {one["row"]: one for one in left}
        for index, _, ours, told in kept:
            one = theirs.get(index)
            if one is None:
                assert ours.fate == "dropped", f"{ours.fate} {ours.why}\n{told}"
                assert not ours.mask.keep.any(), told
                self.tally["rows dropped"] += 1
                continue
            assert ours.fate in ("kept", "cut"), f"{ours.fate} {ours.why}\n{told}"
            size = len(one["labels"])
            differ = np.flatnonzero(ours.mask.labels[:size] != np.array(one["labels"]))
            assert not len(differ), f"labels differ at {differ.tolist()}: {one['labels']}\n{told}"
            assert not ours.mask.keep[size:].any(), told
            self.tally["rows"] += 1
            self.tally["cut"] += ours.fate == "cut"
            self.tally["tokens"] += size
            self.tally["trained"] += int(ours.mask.keep.sum())


def _tokenized(strategy: Any, raw: dict[str, Any]) -> dict[str, Any] | Exception:
    """axolotl's result for a row, as a batch of one, or the exception that it raises."""
    try:
        made: dict[str, Any] = strategy.tokenize_prompt({key: [value] for key, value in raw.items()})
    except Exception as problem:
        return problem
    return made


@pytest.mark.parametrize("family", STOPS)
def test_labels_are_those_of_the_chat_template_strategy(family: str, tmp_path: Path, record_property: Any) -> None:
    sides = Sides(family, tmp_path)
    with parsed_once(family):
        for kind in KINDS:
            for seed in range(RECIPES):
                sides.compare(kind, seed)
    tally = sides.tally
    record_property("figures", [f"text path {family}:", *(f"{tally[name]} {name}," for name in sorted(tally))])
    assert tally["rows"] >= 40 * RECIPES
    assert tally["trained"] > 0
    assert tally["rows in blocks"] >= 10 * RECIPES


def test_an_export_of_the_text_path_is_proven_by_axolotl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from conformance.test_export import in_process
    from workbench import bench
    from workbench.export import prepare

    family, kind = "gemma4", "parts"
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in Rows(kind, 99).make(8)), "utf-8")
    entry = {"path": str(data), "ds_type": "json", "type": "chat_template"}
    made = {
        "base_model": str(model_folder(family)),
        "sequence_len": 64,
        "excess_length_strategy": "truncate",
        "eot_tokens": [STOPS[family]],
        "datasets": [entry],
        "learning_rate": 1e-4,
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(made, sort_keys=False), "utf-8")
    monkeypatch.setattr(prepare, "ask", in_process)
    opened = bench.open(path)
    export = prepare.prepare_export(opened, tmp_path / "full.yaml")
    proofs = {one.step: one for one in export.proofs}
    assert proofs["consumer"].ok, proofs["consumer"].message
    assert proofs["round trip"].ok, proofs["round trip"].message
    assert export.answer is not None
    assert export.answer.strategy == "chat_template"
    assert len(export.answer.rows) == 8
    assert any(opened.row(index).text_mask_under(opened.masking.text).fate == "cut" for index in range(8))
    assert "processor_type" not in yaml.safe_load(export.composed.text)


OTHER_TYPES = {
    "alpaca": {"instruction": "Count.", "input": "", "output": "Four boxes."},
    "completion": {"text": "Four boxes."},
    "input_output": {"segments": [{"label": False, "text": "How many? "}, {"label": True, "text": "Four."}]},
}


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_other_strategies_are_asked(kind: str, tmp_path: Path) -> None:
    from conformance.test_export import in_process
    from workbench import bench
    from workbench.checks.asking import make_question
    from workbench.consumers.protocol import Asked

    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps(OTHER_TYPES[kind]) + "\n", "utf-8")
    made = {
        "base_model": str(model_folder("qwen2_5_vl")),
        "sequence_len": 64,
        "datasets": [{"path": str(data), "ds_type": "json", "type": kind}],
        "learning_rate": 1e-4,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(made, sort_keys=False), "utf-8")
    opened = bench.open(path)
    assert opened.path.kind == "asked"
    assert opened.row(0).error is not None
    question = make_question(opened, [0])
    opened.take_answer(Asked(question.recipe, question.rows, in_process(sys.executable, question)))
    row = opened.row(0)
    assert row.error is None
    trained = "".join(row.rendering.token_text(int(place)) for place in np.flatnonzero(row.mask.keep))
    assert "Four" in trained
    assert ("How many" in row.rendering.text) == (kind == "input_output")
    assert "How many" not in trained
