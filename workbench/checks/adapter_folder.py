"""A020: an adapter that the run starts from, against the recipe and the model that it is put on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.checks.recipe_facts import ModelFacts
from workbench.checks.registry import check
from workbench.errors import InputError, Where
from workbench.files import read_limited
from workbench.findings import Edit, Emitter, Finding, Fix

if TYPE_CHECKING:
    from workbench.bench import Bench

DOES_NOT_FIT = Emitter("A020", __name__)
_KEY = "lora_model_dir"
_MOST_BYTES = 4 << 20
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# The recipe's keys, and the names in adapter_config.json that hold in their place.
_GOVERNED = {
    "lora_r": "r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_target_modules": "target_modules",
}


@check(stage="model", when=lambda model: bool(model.bench.recipe.adapter and model.bench.recipe.lora_model_dir))
def adapter_folder(model: ModelFacts) -> Iterator[Finding]:
    """A020: the folder of `lora_model_dir`, where it lies on this machine."""
    bench, where = model.bench, model.at(_KEY)
    folder = _folder(bench)
    if folder is None:
        # A hub id, or the place on another machine.
        return
    saved = _read(folder)
    if saved is None:
        text = f"{bench.recipe.lora_model_dir} has no adapter_config.json that can be read: PEFT stops at it"
        yield DOES_NOT_FIT("error", text, "Give the folder that a run has saved its adapter in.", where)
        return
    if not any((folder / name).is_file() for name in _WEIGHTS):
        text = f"{bench.recipe.lora_model_dir} has no {_WEIGHTS[0]}: PEFT stops at it"
        yield DOES_NOT_FIT("error", text, "Give the folder that a run has saved its adapter in.", where)
    yield from _governed(bench, saved)
    base, own = str(saved.get("base_model_name_or_path") or ""), str(bench.recipe.base_model or "")
    if base and own and Path(base).name.lower() != Path(own).name.lower():
        text = f"the adapter was trained on {base}, and base_model is {own}"
        yield DOES_NOT_FIT("warning", text, "Load it on the model that it was trained on.", where)
    yield from _unmatched(model, saved, where)


def _governed(bench: Bench, saved: Mapping[str, Any]) -> Iterator[Finding]:
    """Keys of the recipe that say something else than the folder, which holds."""
    data = bench.document.data
    for key, name in _GOVERNED.items():
        told, holds = data.get(key), saved.get(name)
        if told is None or holds is None or _alike(told, holds):
            continue
        shown = f"{len(holds)} names" if isinstance(holds, list) else str(holds)
        text = f"{key} has no effect: the adapter in {_KEY} has {name} {shown}, and PEFT takes its file's word"
        fix = Fix(f"{key}: {shown}", (Edit((key,), sorted(holds) if isinstance(holds, list) else holds),))
        yield DOES_NOT_FIT("warning", text, "Write the same.", bench.recipe.where((key,), key=True), fix)


def _unmatched(model: ModelFacts, saved: Mapping[str, Any], where: Where) -> Iterator[Finding]:
    """Targets of the folder that this model does not have."""
    targets = saved.get("target_modules")
    names = [name for name, _ in model.anatomy.model.named_modules() if name]
    if isinstance(targets, str):
        missing = [] if any(re.fullmatch(targets, name) for name in names) else [targets]
    elif isinstance(targets, list):
        missing = [one for one in targets if not any(name == one or name.endswith(f".{one}") for name in names)]
    else:
        return
    if missing and (isinstance(targets, str) or len(missing) == len(targets)):
        text = f"the adapter's targets are no modules of {model.anatomy.class_name}: {', '.join(missing[:3])}"
        yield DOES_NOT_FIT("error", text, "Load it on the model that it was trained on.", where)
    elif missing:
        text = f"{len(missing)} of the adapter's {len(targets)} targets are no modules of {model.anatomy.class_name}"
        text += f": {', '.join(sorted(missing)[:3])}"
        yield DOES_NOT_FIT("warning", text, "Load it on the model that it was trained on.", where)


def _folder(bench: Bench) -> Path | None:
    named = Path(str(bench.recipe.lora_model_dir))
    return next((one for one in (named, bench.recipe_dir / named) if one.is_dir()), None)


def _read(folder: Path) -> Mapping[str, Any] | None:
    try:
        saved = json.loads(read_limited(folder / "adapter_config.json", _MOST_BYTES, "The adapter cannot be read"))
    except (InputError, ValueError, RecursionError):
        return None
    return saved if isinstance(saved, dict) else None


def _alike(told: Any, holds: Any) -> bool:
    if isinstance(told, list) and isinstance(holds, list):
        return sorted(map(str, told)) == sorted(map(str, holds))
    return bool(told == holds)
