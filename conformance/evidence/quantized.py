"""A018 asked: how a tiny checkpoint of the recipe's model type is loaded in 4 bits, by axolotl's loader, on the CPU.

bitsandbytes quantizes on a CPU too. axolotl's own quantizing of experts asks whether a tensor is on a GPU, and is told
that it is; the rest is as it runs.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from workbench.consumers.axolotl import rehearsal

_TINY = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "intermediate_size_mlp": 64,
    "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_global_key_value_heads": 2,
    "head_dim": 16,
    "global_head_dim": 16,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "top_k_experts": 2,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "q_lora_rank": 32,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 16,
    "v_head_dim": 16,
}


def tiny_config(folder: Path) -> Any:
    """The configuration of a folder's model with narrow layers, few of them, and few experts."""
    from transformers import AutoConfig

    told = json.loads((folder / "config.json").read_text("utf-8"))
    text = told["text_config"]
    for key, value in _TINY.items():
        if text.get(key):
            text[key] = min(value, text[key]) if "experts" not in key else value
    for key in ("layer_types", "mlp_layer_types", "no_rope_layers"):
        if isinstance(text.get(key), list):
            text[key] = text[key][-2:]
    if text.get("moe_layers"):
        text["moe_layers"] = [0, 1]
    vision = told.get("vision_config") or {}
    for key in ("depth", "num_hidden_layers"):
        if key in vision:
            vision[key] = 1
    if "out_hidden_size" in vision:
        vision["out_hidden_size"] = 64
    kind = told.pop("model_type")
    return AutoConfig.for_model(kind, **told)


@contextmanager
def _as_on_a_gpu() -> Iterator[None]:
    """Let a tensor say that it is on a GPU while its weights are put in place."""
    import torch
    from transformers import core_model_loading

    patched = core_model_loading.set_param_for_module

    def put(*args: Any, **kwargs: Any) -> Any:
        torch.Tensor.is_cuda = property(lambda tensor: True)  # type: ignore[assignment]
        try:
            return patched(*args, **kwargs)
        finally:
            del torch.Tensor.is_cuda

    with rehearsal.replaced(core_model_loading, "set_param_for_module", put):
        yield


def loaded_in_bits(path: Path) -> dict[str, Any]:
    """`experts`: the dtypes of the experts' weights after the loader of this recipe; `refused` as in a rehearsal."""
    import torch
    from axolotl import train
    from axolotl.loaders import model as loaders
    from axolotl.loaders.patch_manager import PatchManager
    from transformers import AutoModelForImageTextToText, PreTrainedModel

    data = yaml.safe_load(path.read_text("utf-8"))
    # Sharding asks for the GPU of each rank; what bitsandbytes quantizes does not depend on it.
    data = {key: value for key, value in data.items() if not key.startswith("fsdp")}
    folder = Path(data["base_model"])
    stage = rehearsal.Stage()
    pre = PatchManager.apply_pre_model_load_patches
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        config = tiny_config(folder)
        model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            if (folder / name).is_file():
                (Path(scratch) / name).symlink_to(folder / name)
        model.save_pretrained(scratch)
        del model
        recipe = Path(scratch) / "recipe.yaml"
        recipe.write_text(yaml.safe_dump(data | {"base_model": scratch}), "utf-8")
        stack.enter_context(rehearsal.as_if_on_a_gpu())
        stack.enter_context(rehearsal.replaced(loaders.ModelLoader, "_load_adapters", lambda self: None))

        def patched(manager: Any) -> Any:
            found = pre(manager)
            stack.enter_context(_as_on_a_gpu())
            return found

        stack.enter_context(rehearsal.replaced(PatchManager, "apply_pre_model_load_patches", patched))
        cfg = rehearsal.configured(recipe, stage)
        cfg["device_map"] = "cpu"
        tokenizer = train.load_tokenizer(cfg)
        made = loaders.ModelLoader(cfg, tokenizer).load()
        made = made[0] if isinstance(made, tuple) else made
        assert isinstance(made, PreTrainedModel)
        kinds = {
            str(one.dtype).removeprefix("torch.")
            for name, one in made.named_parameters()
            if "experts" in name and one.dim() >= 2
        }
        linear = {type(one).__name__ for one in made.modules() if "Linear" in type(one).__name__}
    return {"refused": None, "experts": sorted(kinds), "linear": sorted(linear)}
