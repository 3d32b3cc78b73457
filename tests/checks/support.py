"""Benches around the real processors, from a recipe's text and rows, without loading anything twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.processors import TOKENIZERS
from workbench.bench import Bench
from workbench.data.rows import RawRow
from workbench.findings import Finding
from workbench.recipe.yaml.document import Document
from workbench.row import Row

HEAD = "base_model: here\nprocessor_type: AutoProcessor\nskip_prepare_dataset: true\n"

QWEN = """chat_template: tokenizer_default
role_boundaries:
  - role: assistant
    start: "<|im_start|>assistant\\n"
    end: "<|im_end|>"
  - role: user
    start: "<|im_start|>user\\n"
    end: "<|im_end|>"
  - role: system
    start: "<|im_start|>system\\n"
    end: "<|im_end|>"
"""
SETS = "datasets:\n  - path: rows.jsonl\n    type: chat_template\n"
FIXED_QWEN = QWEN.replace("assistant\\n", "assistant")

needs_real = pytest.mark.skipif(TOKENIZERS is None, reason="the real tokenizers are not at hand")
Make = Callable[..., Bench]


def said(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]}


def row(*turns: Any) -> dict[str, Any]:
    """A row of user and assistant in turn, from texts or lists of parts."""
    roles = ("user", "assistant")
    return {
        "messages": [said(roles[i % 2], *(turn if isinstance(turn, list) else [turn])) for i, turn in enumerate(turns)]
    }


def bench_of(model: Any, folder: Path, recipe: str, rows: Sequence[dict[str, Any]], **options: Any) -> Bench:
    """A loaded bench on `recipe` (its file is recipe.yaml in `folder`) and `rows`."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    file = folder / "recipe.yaml"
    # Last, so that the lines before them keep their numbers: what every recipe should say.
    usual = {"learning_rate": "0.0002", "freeze_mm_modules": "true"}
    more = "".join(f"{key}: {value}\n" for key, value in usual.items() if key not in recipe)
    file.write_text(recipe + more, "utf-8")
    bench = Bench(Document.from_file(file), **options)
    bench.loaded = model
    bench.family = bench._identify()
    bench.apply()
    return bench


def boundaries_of(family: str) -> str:
    """The recipe's keys for a family's own boundaries, with the tokenizer's template."""
    import yaml

    from workbench.families.library import family as known

    rows = [row.as_recipe() for row in known(family).boundaries]
    return "chat_template: tokenizer_default\n" + yaml.safe_dump({"role_boundaries": rows}, sort_keys=False)


def row_of(bench: Bench, raw: dict[str, Any]) -> Row:
    """A row of the bench's data as if it stood alone in its file, without the columns that others have."""
    return Row(bench, 0, RawRow(0, raw, None, "rows.jsonl", base_dir=bench.recipe_dir))


def of(findings: Sequence[Finding], code: str) -> list[Finding]:
    return [finding for finding in findings if finding.code == code]


def bad(findings: Sequence[Finding]) -> list[str]:
    """The codes of errors and warnings, but for what axolotl itself cannot start."""
    return sorted(one.code for one in findings if one.severity != "note" and one.code != "A012")
