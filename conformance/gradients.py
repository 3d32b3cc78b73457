"""Gradients of adapters under either kind of checkpointing, by family and tower: `python -m conformance.gradients`.

A small model of each family takes one step on a row with a picture, with adapters on every linear layer: model, PEFT
and checkpointing are put together with axolotl's calls, in the environment of a release. A tensor of an adapter that
gets a gradient without reentrance and none with it is lost to it; one that gets none either way (in the last layer of a
tower whose last but one is read) is not. Writes `specs/gradients.json`, by release; `test_gradients.py` holds it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from conformance.environment import PYTHONS, ROOT, Place, here
from tests.support import processors

FILE = ROOT / "specs" / "gradients.json"
FAMILIES = tuple(name for name in processors.BUILDERS if name != "mistral_v7_tekken")
_TOWERS = ("language", "vision", "audio", "projector")


def measured(builder: str) -> tuple[str, dict[str, list[int]]]:
    """A family's name, and for each tower: tensors of adapters with a gradient under reentrant checkpointing, and else.

    A tower without adapters that learn is left out.
    """
    from transformers import AutoConfig, AutoProcessor

    from workbench.families.library import identify

    processors.ensure_num2words()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        processors.build_processor(builder, processors.fallback_folder(builder, Path(scratch)), folder)
        processor, config = AutoProcessor.from_pretrained(folder), AutoConfig.from_pretrained(folder)
        batch = _batch(processor, Path(scratch))
    family = identify(config.model_type, [type(processor).__name__], config.to_dict(), processor.tokenizer)
    assert family is not None
    lost, kept = (_alive(config, batch, reentrant=reentrant) for reentrant in (True, False))
    return family.name, {tower: [lost[tower], kept[tower]] for tower in _TOWERS if kept[tower]}


def _batch(processor: Any, folder: Path) -> dict[str, Any]:
    """A row with pictures, as the model's forward takes it: four, because SmolVLM's merges its tokens by sixteen."""
    from PIL import Image

    picture = folder / "picture.png"
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(picture)
    question = [*[{"type": "image", "path": str(picture)}] * 4, {"type": "text", "text": "How many?"}]
    talk = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": [{"type": "text", "text": "One."}]},
    ]
    batch = dict(processor.apply_chat_template(talk, tokenize=True, return_dict=True, return_tensors="pt"))
    return batch | {"labels": batch["input_ids"].clone()}


def _alive(config: Any, batch: dict[str, Any], *, reentrant: bool) -> Counter[str]:
    """The number of adapters' tensors with a gradient after one step, by tower."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    from workbench.models.anatomy import Anatomy

    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16).bfloat16()
    with torch.no_grad():
        for one in model.parameters():
            # Gates and projections that begin at zero pass no gradient on.
            if not one.any():
                one.normal_(std=0.02)
    anatomy = Anatomy(model)
    names = [
        name
        for name, part in model.named_modules()
        if type(part) is torch.nn.Linear and anatomy.tower_of(name) in _TOWERS and not re.search("gate$|router", name)
    ]
    # As they begin, the second of an adapter's two is zero, and the first would get none.
    settings = LoraConfig(r=2, target_modules="|".join(map(re.escape, names)), init_lora_weights=False)
    model.enable_input_require_grads()
    adapted = get_peft_model(model, settings)
    adapted.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    adapted.train()
    adapted(**batch, use_cache=False).loss.backward()
    found: Counter[str] = Counter()
    for name, one in adapted.named_parameters():
        if "lora_" in name and one.grad is not None and bool(one.grad.abs().sum() > 0):
            found[anatomy.tower_of(name)] += 1
    return found


def main(arguments: list[str]) -> int:
    """Measure every family in the environment of each release named (all where none is), and write the file."""
    if arguments == ["--here"]:
        print(json.dumps(dict(sorted(measured(builder) for builder in FAMILIES))))
        return 0
    known = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {}
    paths = [os.fspath(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    for release in arguments or PYTHONS:
        command = [Place(release).ensure(), "-m", "conformance.gradients", "--here"]
        ran = subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True, text=True)
        known[release] = json.loads(ran.stdout.splitlines()[-1])
    FILE.write_text(_lines(known), "utf-8")
    return 0


def _lines(known: dict[str, Any]) -> str:
    """JSON with a line for each family."""
    releases = []
    for release, families in sorted(known.items()):
        inside = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(families.items()))
        releases.append(f" {json.dumps(release)}: {{\n{inside}\n }}")
    return "{\n" + ",\n".join(releases) + "\n}\n"


if __name__ == "__main__":
    assert here is not None
    raise SystemExit(main(sys.argv[1:]))
