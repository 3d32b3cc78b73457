"""axolotl's side: from a recipe file to the collator that its trainer would get, by axolotl's own code.

Nothing here decides anything. The file is read, validated and normalised as `axolotl train` does it, tokenizer and
processor come from axolotl's loaders, and the collator from `HFCausalTrainerBuilder.build`, which is stopped where it
would have made the trainer: before it needs a model.

This file is also a script for the Python of the environment that trains, where there is no bench: it imports the
standard library alone until it imports axolotl. `python worker.py QUESTION ANSWER`, both JSON files:
`{"recipe": path, "rows": [index, …]}` gives `vlmbench.consumer/1`.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SCHEMA = "vlmbench.consumer/1"
PLUGIN = "vlmbench_axolotl.RoleBoundaries"


def quiet(*, offline: bool) -> None:
    """Turn off telemetry, progress output and caches; with `offline` no network. Call it before axolotl is imported."""
    cache = tempfile.mkdtemp(prefix="axolotl-datasets-")
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ.update(
        AXOLOTL_DO_NOT_TRACK="1",
        AXOLOTL_LOG_LEVEL="ERROR",
        DO_NOT_TRACK="1",
        HF_DATASETS_CACHE=cache,
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        TOKENIZERS_PARALLELISM="false",
        TRANSFORMERS_VERBOSITY="error",
        TRL_EXPERIMENTAL_SILENCE="1",
        WANDB_DISABLED="true",
    )
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"


@dataclass(frozen=True, slots=True)
class AxolotlSide:
    """A recipe as axolotl runs it: its configuration, tokenizer, processor and multimodal collator."""

    cfg: Any
    tokenizer: Any
    processor: Any
    collator: Any

    @property
    def strategy(self) -> Any:
        """The processing strategy that axolotl picked."""
        return self.collator.processing_strategy

    @property
    def name(self) -> str:
        """The strategy's name."""
        return type(self.strategy).__name__

    def collate(self, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        """`input_ids` and `labels` of a batch of raw rows, `[B, L]`. Raises whatever axolotl raises."""
        batch = self.collator(rows)
        return batch["input_ids"].numpy(), batch["labels"].numpy()


@dataclass(frozen=True, slots=True)
class TextSide:
    """A recipe of axolotl's text path, whose rows are tokenized before training by the strategy of their type."""

    cfg: Any
    tokenizer: Any

    @property
    def name(self) -> str:
        """The dataset's type."""
        return str(self.cfg.datasets[0].type)

    def collate(self, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        """`input_ids` and `labels` of one raw row, `[1, L]`. Raises whatever axolotl raises.

        The ids are those before axolotl looks at lengths; what it cuts off or drops has the label -100.
        """
        import numpy as np
        from axolotl.utils.data.sft import _parse_dataset_type
        from axolotl.utils.data.utils import handle_long_seq_in_dataset
        from axolotl.utils.data.wrappers import get_dataset_wrapper
        from datasets import Dataset

        entry = self.cfg.datasets[0]
        base, style = _parse_dataset_type(entry.type)
        made, _ = get_dataset_wrapper(
            dataset_config=entry,
            tokenizer=self.tokenizer,
            cfg=self.cfg,
            dataset_base_type=base,
            dataset=Dataset.from_list(rows),
            dataset_prompt_style=style,
        )
        (whole,) = list(made)
        left = list(handle_long_seq_in_dataset(made, self.cfg.sequence_len, self.cfg))
        ids = np.array([whole["input_ids"]])
        labels = np.full_like(ids, -100)
        if left:
            kept = left[0]["labels"]
            labels[0, : len(kept)] = kept
        return ids, labels


class _BuiltError(Exception):
    """Carries the collator out of the builder."""

    def __init__(self, collator: Any) -> None:
        super().__init__("the collator is built")
        self.collator = collator


def validate(path: Path) -> Any:
    """The recipe as axolotl's validator lets it pass; no model is asked for. Raises ValueError where it does not."""
    import yaml
    from axolotl.cli.config import gpu_capabilities
    from axolotl.utils.config import prepare_plugins, validate_config
    from axolotl.utils.dict import DictDefault

    cfg = DictDefault(yaml.safe_load(path.read_text(encoding="utf-8")))
    cfg.axolotl_config_path = str(path)
    # A plugin that lies beside the recipe is found as it is by `axolotl train`, which is started there.
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.append(folder)
    prepare_plugins(cfg)
    capabilities, env_capabilities = gpu_capabilities()
    return validate_config(cfg, capabilities=capabilities, env_capabilities=env_capabilities)


def read_config(path: Path) -> Any:
    """The recipe as `axolotl.cli.config.load_cfg` gives it, without its log files and trackers."""
    from axolotl.utils.config import normalize_cfg_datasets, normalize_config

    cfg = validate(path)
    normalize_config(cfg)
    normalize_cfg_datasets(cfg)
    return cfg


def read_rows(cfg: Any) -> list[dict[str, Any]]:
    """The raw rows of the first dataset, by axolotl's own loader: what `skip_prepare_dataset` hands to the collator."""
    from axolotl.utils.data.shared import load_dataset_with_config

    return list(load_dataset_with_config(cfg.datasets[0], use_auth_token=False))


def build_collator(cfg: Any, tokenizer: Any, processor: Any) -> Any:
    """The collator of `HFCausalTrainerBuilder.build`, with the training arguments that it makes itself."""
    from axolotl.core.builders.causal import HFCausalTrainerBuilder

    class StoppedBuilder(HFCausalTrainerBuilder):  # type: ignore[misc]
        def build_collator(self, training_args: Any, is_eval: bool = False, **kwargs: Any) -> Any:
            raise _BuiltError(super().build_collator(training_args, is_eval=False, **kwargs))

    builder = StoppedBuilder(cfg, SimpleNamespace(config=SimpleNamespace()), tokenizer, processor)
    try:
        builder.build(total_num_steps=1)
    except _BuiltError as built:
        return built.collator
    raise AssertionError("axolotl built a trainer without asking for a collator")


def open_recipe(path: Path, *, unwrap_boundaries: bool = False) -> AxolotlSide | TextSide:
    """A recipe file as axolotl would train it. Raises whatever axolotl raises.

    axolotl 0.17 to 0.21 cannot take `role_boundaries` from any file: they ask an entry for `model_dump`, every name is
    an attribute of their own dictionaries, and they call None. `unwrap_boundaries` makes plain dictionaries of the
    entries, and changes nothing else. The bench's plugin does the same where the recipe lists it.
    """
    return _assemble(read_config(path), unwrap_boundaries)


def _assemble(cfg: Any, unwrap_boundaries: bool) -> AxolotlSide | TextSide:
    from axolotl.loaders import load_processor, load_tokenizer

    _let_the_plugin(cfg)
    if unwrap_boundaries and cfg.role_boundaries:
        cfg["role_boundaries"] = [dict(boundary) for boundary in cfg.role_boundaries]
    tokenizer = load_tokenizer(cfg)
    if not cfg.processor_type and not cfg.rl:
        # One row at a time needs no processes beside this one.
        cfg["dataset_num_proc"] = None
        return TextSide(cfg, tokenizer)
    processor = load_processor(cfg, tokenizer) if cfg.is_multimodal else None
    return AxolotlSide(cfg, tokenizer, processor, build_collator(cfg, tokenizer, processor))


def _let_the_plugin(cfg: Any) -> None:
    """Call the bench's plugin where axolotl calls all of them: before the model is loaded. Others may want a GPU."""
    if PLUGIN not in (cfg.plugins or ()):
        return
    from axolotl.integrations.base import PluginManager

    ours = PluginManager.get_instance().plugins.get(PLUGIN)
    if ours is not None:
        ours.pre_model_load(cfg)


def try_lora_kernels(cfg: Any) -> None:
    """Rewrite the attention for the LoRA kernels as axolotl's loader does, and back. Raises whatever axolotl raises.

    Nothing is done where a normalised configuration has them off.
    """
    if not (cfg.lora_qkv_kernel or cfg.lora_o_kernel):
        return
    from axolotl.loaders.patch_manager import PatchManager
    from axolotl.loaders.utils import load_model_config
    from axolotl.monkeypatch.lora_kernels import get_attention_cls_from_config

    attention = get_attention_cls_from_config(cfg)
    forward, patched = attention.forward, "_original_forward" in vars(attention)
    try:
        PatchManager(cfg, load_model_config(cfg))._apply_self_attention_lora_patch()
    finally:
        attention.forward = forward
        if not patched and "_original_forward" in vars(attention):
            # Left in place, it would make a second try say that all is done.
            del attention._original_forward


def answer(recipe: Path, rows: list[int]) -> dict[str, Any]:
    """The ids and labels that axolotl makes of these rows of a recipe's first dataset, for JSON.

    `refused` says at which stage it stopped ("validate", "kernels", "collator" or "rows") and why. Where
    `role_boundaries` alone are what stops the collator, the labels they mean are given all the same, with `unwrapped`
    true.
    """
    from importlib.metadata import version

    payload: dict[str, Any] = {"schema": SCHEMA, "versions": {}, "refused": None, "unwrapped": False, "rows": []}
    for package in ("axolotl", "transformers", "torch"):
        payload["versions"][package] = version(package)
    stage = "validate"
    try:
        cfg = read_config(recipe)
        stage = "kernels"
        try_lora_kernels(cfg)
        stage = "collator"
        try:
            theirs = _assemble(cfg, unwrap_boundaries=False)
        except TypeError as problem:
            if not cfg.role_boundaries:
                raise
            payload["refused"] = _refusal(stage, problem)
            theirs = open_recipe(recipe, unwrap_boundaries=True)
            payload["unwrapped"] = True
        payload["strategy"] = theirs.name
        stage = "rows"
        raw = read_rows(theirs.cfg)
        payload["count"] = len(raw)
    except Exception as problem:
        # What stops it with plain boundaries too is the cause, not the boundaries.
        payload |= {"refused": _refusal(stage, problem), "unwrapped": False}
        return payload
    for index in rows:
        try:
            ids, labels = theirs.collate([raw[index]])
        except Exception as problem:
            payload["rows"].append({"row": index, "error": f"{type(problem).__name__}: {problem}"})
        else:
            payload["rows"].append({"row": index, "input_ids": ids[0].tolist(), "labels": labels[0].tolist()})
    return payload


def _refusal(stage: str, problem: Exception) -> dict[str, str]:
    return {"stage": stage, "type": type(problem).__name__, "message": str(problem)}


def main(arguments: list[str]) -> int:
    """Read the question, ask axolotl, write the answer."""
    question = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    quiet(offline=bool(question.get("offline")))
    payload = answer(Path(question["recipe"]), list(question["rows"]))
    Path(arguments[1]).write_text(json.dumps(payload), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
