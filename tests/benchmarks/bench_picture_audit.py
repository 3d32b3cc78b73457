"""The block path over rows with pictures against axolotl's collator on the same rows, a core each.

Target: 30 times with photographs, as cameras and screens make them; for small pictures 10 times.

Both sides have one thread, and their time is that on a processor: other processes do not change the ratio.

`python -m tests.benchmarks.bench_picture_audit [ROWS]` in the conformance environment; where axolotl is not at hand the
peer is the processor alone. JPEG pictures from a pool, each pool once; Qwen2.5-VL's own picture sizes.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.page import record

# One core, on both sides.
os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}

from tests.benchmarks.bench_check import TEXT
from tests.support import processors
from workbench.bench import Bench, open
from workbench.blocks.path import BlockPath

FAMILY, POOL, BLOCK = "qwen2_5_vl", 60, 1000
SCALES = {"audit pictures": 2.0, "audit small pictures": 1.0}
"""The length of the edges of each target's pictures: 0.4 to 4.9 and 0.1 to 1.2 megapixels."""
PIXELS = {"shortest_edge": 4 * 28 * 28, "longest_edge": 16_384 * 28 * 28}


def model(scratch: Path) -> Path:
    """The family's processor with the picture sizes of the real one."""
    source = processors.tokenizer_folder(FAMILY, scratch)
    folder = processors.build_processor(FAMILY, source, scratch / "model")
    for name in ("processor_config.json", "preprocessor_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        config = json.loads(path.read_text("utf-8"))
        config.get("image_processor", config)["size"] = PIXELS
        path.write_text(json.dumps(config), "utf-8")
    return folder


def write_rows(scratch: Path, count: int, scale: float) -> Path:
    """Write pictures and rows; gives the file of the rows."""
    from PIL import Image

    draw, words = random.Random(0), TEXT.split()
    for number in range(POOL):
        size = int(scale * draw.randint(320, 1280)), int(scale * draw.randint(320, 960))
        small = Image.effect_noise((size[0] // 8, size[1] // 8), 90).convert("RGB")
        small.resize(size, Image.Resampling.BICUBIC).save(scratch / f"{number}.jpg", quality=90)
    data = scratch / "rows.jsonl"
    with data.open("w", encoding="utf-8") as stream:
        for _ in range(count):
            said = [" ".join(draw.choices(words, k=draw.randint(10, 60))) for _ in range(2)]
            talk = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), said, strict=True)]
            row = {"messages": talk, "images": [str(scratch / f"{draw.randrange(POOL)}.jpg")]}
            stream.write(json.dumps(row) + "\n")
    return data


def recipe(scratch: Path, folder: Path, data: Path) -> Path:
    """A multimodal recipe that axolotl accepts."""
    import yaml

    path = scratch / "recipe.yaml"
    keys: dict[str, Any] = {
        "base_model": str(folder),
        "processor_type": "AutoProcessor",
        "skip_prepare_dataset": True,
        "remove_unused_columns": False,
        "sample_packing": False,
        "chat_template": "qwen2_vl",
        "datasets": [{"path": str(data), "type": "chat_template", "ds_type": "json", "field_messages": "messages"}],
        "sequence_len": 8192,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "num_epochs": 1,
        "optimizer": "adamw_torch",
        "lr_scheduler": "cosine",
        "learning_rate": 1e-4,
        "output_dir": str(scratch / "out"),
    }
    path.write_text(yaml.safe_dump(keys), "utf-8")
    return path


def peer(bench: Bench, path: Path) -> tuple[str, Callable[[int], tuple[int, int]]]:
    """The peer's name, and its (tokens, trained) of a row."""
    if find_spec("axolotl") is not None:
        from workbench.consumers.axolotl import worker

        worker.quiet(offline=True)
        side: Any = worker.open_recipe(path, unwrap_boundaries=True)
        raw = worker.read_rows(side.cfg)

        def collated(index: int) -> tuple[int, int]:
            ids, labels = side.collate([raw[index]])
            return ids.size, int((labels != -100).sum())

        return "axolotl's collator", collated

    def processed(index: int) -> tuple[int, int]:
        row = bench.peek(index)
        messages = row.conversation.messages
        picture = {"type": "image", "path": row.raw.data["images"][0]} if row.raw.data else {}
        parts = [picture if part["type"] == "image" else part for part in messages[0]["content"]]
        ids = bench.renderer.encode_batch([[{**messages[0], "content": parts}, *messages[1:]]])
        return ids.size, -1

    return "the processor", processed


def main(name: str, count: int) -> None:
    """Print the rate of both, their ratio, and in how many rows tokens or trained tokens differ."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        folder = model(scratch)
        path = recipe(scratch, folder, write_rows(scratch, count, SCALES[name]))
        bench = open(path)
        judge = BlockPath(bench)
        some = min(count, 60)
        who, ask = peer(bench, path)
        ask(0)
        began = time.process_time()
        asked = [ask(index) for index in range(some)]
        theirs = some / (time.process_time() - began)
        began = time.process_time()
        results = [
            result
            for first in range(0, count, BLOCK)
            for result in judge.judge([bench.peek(index) for index in range(first, min(count, first + BLOCK))])
        ]
        ours = count / (time.process_time() - began)
    record(name, ours / theirs, f"{ours:,.0f} rows/s, {who} {theirs:,.1f} rows/s")
    differ = sum(
        (tokens, trained) != (one.tokens, one.trained if trained >= 0 else -1)
        for (tokens, trained), one in zip(asked, results, strict=False)
    )
    print(f"{name}, {count} rows: {who} {theirs:.1f} rows/s, blocks {ours:.0f} rows/s ({ours / theirs:.0f}×)")
    media, reason = sum(one.media for one in results) / count, judge.reason or judge.uncounted or judge.differs
    print(
        f"{differ} of {some} rows differ; {media:.0f} soft tokens a row; {judge.proved_pictures} rows in full {reason}"
    )


if __name__ == "__main__":
    for pool in SCALES:
        main(pool, int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
