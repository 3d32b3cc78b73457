"""The ten families of the report card: for each a processor's folder and the recipe that axolotl is given."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from conformance.pair import TEMPLATE_OF
from report_card.rows import draw_picture, rows
from tests.support import processors
from workbench.families.library import families

FAMILIES = (
    *("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "gemma3", "gemma4"),
    *("llama3_2_vision", "pixtral", "mistral3", "llava_1_5"),
)
SPEC_OF = {"llava_1_5": "llava"}
"""Families whose description has another name."""
_BOUNDARIES = ("llava_1_5",)
"""Families of which axolotl has no boundaries under any name: the recipe has those of our description."""
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


def template_of(family: str) -> str:
    """The `chat_template` whose strategy in axolotl finds the family's answers."""
    return {"mistral3": "mistral_v7_tekken", **TEMPLATE_OF}.get(family, "tokenizer_default")


def answer_file(home: Path, family: str, trainer: str) -> Path:
    """The file in which a trainer's answer about a family's rows is kept."""
    return home / "report" / "answers" / f"{family}-{trainer}.json"


def recipe_of(family: str, home: Path) -> Path:
    """Write the model's folder, the rows and the recipe of a family below a folder; returns the recipe."""
    scratch = home / "report" / family
    scratch.mkdir(parents=True, exist_ok=True)
    model = home / "models" / family
    if not (model / "config.json").is_file():
        model.parent.mkdir(parents=True, exist_ok=True)
        processors.build_processor(family, processors.tokenizer_folder(family, model.parent), model)
    data = scratch / "rows.jsonl"
    made = rows(draw_picture(home / "report" / "picture.png"))
    data.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    text = _RECIPE.format(model=model, template=template_of(family), data=data, out=scratch / "out")
    if family in _BOUNDARIES:
        text += _boundaries(SPEC_OF[family])
    recipe = scratch / "recipe.yaml"
    recipe.write_text(text, encoding="utf-8")
    return recipe


def _boundaries(family: str) -> str:
    """The role boundaries of a family as lines of a recipe."""
    keys = ("role", "start", "end", "include_start", "include_end")
    listed = [
        {key: value for key in keys if (value := getattr(one, key)) is not None}
        for one in families()[family].boundaries
    ]
    return yaml.safe_dump({"role_boundaries": listed}, sort_keys=False)
