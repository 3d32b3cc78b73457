"""`make trainers`: ask every trainer the same forty rows over the families, and write the page and its table."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from conformance.environment import newest
from conformance.pair import TEMPLATE_OF
from report_card.environment import TRAINERS, Place
from report_card.rows import draw_picture, rows
from tests.support import processors
from tests.support.environment import ROOT
from workbench.lanes.asking import ask_all, named
from workbench.views.html import document
from workbench.views.lanes import lanes_html, lanes_payload, lanes_text

FAMILIES = (
    *("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "gemma3", "gemma4"),
    *("llama3_2_vision", "pixtral", "mistral3", "llava_1_5"),
)
NEEDS = (
    "The report card needs Python 3.12, about 30 GB of disk for six environments (less where uv links them), and about "
    "half a minute to a minute of CPU for each trainer and family."
)
_RECIPE = """base_model: {model}
processor_type: AutoProcessor
chat_template: {template}
skip_prepare_dataset: true
remove_unused_columns: false
sample_packing: false
datasets:
  - path: {data}
    ds_type: json
    type: chat_template
    roles_to_train: [assistant]
    train_on_eos: turn
sequence_len: 2048
micro_batch_size: 1
gradient_accumulation_steps: 1
num_epochs: 1
learning_rate: 0.0002
optimizer: adamw_torch
adapter: lora
lora_r: 8
lora_alpha: 16
lora_target_linear: true
lora_mlp_kernel: false
lora_qkv_kernel: false
lora_o_kernel: false
lora_embedding_kernel: false
bf16: false
output_dir: {out}
"""


def main() -> int:
    """Build the environments one after the other, ask, and write a page a family."""
    parser = argparse.ArgumentParser(prog="python -m report_card")
    parser.add_argument("--family", action="append", choices=FAMILIES)
    parser.add_argument("--trainer", action="append", choices=("axolotl", *TRAINERS))
    chosen = parser.parse_args()
    print(NEEDS, file=sys.stderr)
    wanted = chosen.trainer or ["axolotl", *TRAINERS]
    pythons = [f"{one}={newest().ensure() if one == 'axolotl' else Place(one).ensure()}" for one in wanted]
    home = ROOT / ".trainers" / "report"
    for family in chosen.family or FAMILIES:
        _family(family, pythons, home)
    return 0


def _family(family: str, pythons: list[str], home: Path) -> None:
    from workbench.bench import open as open_bench

    scratch = home / family
    scratch.mkdir(parents=True, exist_ok=True)
    model = ROOT / ".trainers" / "models" / family
    if not (model / "config.json").is_file():
        model.parent.mkdir(parents=True, exist_ok=True)
        processors.build_processor(family, processors.tokenizer_folder(family, model.parent), model)
    data = scratch / "rows.jsonl"
    made = rows(draw_picture(home / "picture.png"))
    data.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    recipe = scratch / "recipe.yaml"
    recipe.write_text(
        _RECIPE.format(
            model=model, template=TEMPLATE_OF.get(family, "tokenizer_default"), data=data, out=scratch / "out"
        ),
        encoding="utf-8",
    )
    bench = open_bench(recipe, offline=True)
    lanes = ask_all(bench, named(pythons), range(len(made)), scratch, lambda one: print(family, one, flush=True))
    (scratch / "lanes.json").write_text(json.dumps(lanes_payload(lanes)), encoding="utf-8")
    (home / f"{family}.html").write_text(document(f"Trainers · {family}", lanes_html(lanes)), encoding="utf-8")
    print(lanes_text(lanes).split("\n\nrow ")[0])


if __name__ == "__main__":
    raise SystemExit(main())
