"""All model checks at the sizes of Gemma 4 31B and 26B-A4B, no weights. Target: 10 s and 1.5 GB for the process.

`python -m tests.benchmarks.bench_model`. The configurations are written from the published sizes.
"""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.page import record

_LAYERS = ["sliding_attention"] * 5 + ["full_attention"]
_VISION = {
    "num_hidden_layers": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 72,
}
SIZES = {
    "31B": {
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "num_hidden_layers": 60,
        "layer_types": _LAYERS * 10,
        "num_attention_heads": 32,
        "num_key_value_heads": 16,
        "head_dim": 256,
        "global_head_dim": 512,
        "num_global_key_value_heads": 4,
        "attention_k_eq_v": True,
        "vocab_size": 262144,
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 0,
    },
    "26B-A4B": {
        "hidden_size": 2816,
        "intermediate_size": 2112,
        "num_hidden_layers": 30,
        "layer_types": _LAYERS * 5,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 256,
        "global_head_dim": 512,
        "num_global_key_value_heads": 2,
        "attention_k_eq_v": True,
        "enable_moe_block": True,
        "num_experts": 128,
        "top_k_experts": 8,
        "moe_intermediate_size": 704,
        "vocab_size": 262144,
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 0,
    },
}
RECIPE = {
    "lora_target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "attn_implementation": "flash_attention_2",
    "gradient_checkpointing": True,
}


def check(size: str) -> None:
    """Load the demo, put this size in its place, run every model check, and print what it took."""
    import resource
    import time

    begun = time.perf_counter()
    from dataclasses import replace

    from transformers import Gemma4Config

    from workbench.bench import open as open_bench
    from workbench.checks.recipe_checks import model_findings as model_checks

    bench = open_bench()
    config = Gemma4Config(text_config=SIZES[size], vision_config=_VISION)
    bench.loaded = replace(bench.loaded, auto_config=config, config=config.to_dict())
    for key, value in RECIPE.items():
        bench.document.set((key,), value)
    bench.apply()
    loaded = time.perf_counter()
    findings = list(model_checks(bench))
    took, peak = time.perf_counter() - loaded, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    if size == "31B":
        record("model checks", took, f"{bench.anatomy.parameters / 1e9:.1f} G parameters")
        record("model memory", peak, "of the whole process")
    told = " ".join(f"{one.code}" for one in findings)
    print(
        f"{size}: {bench.anatomy.parameters / 1e9:.1f} G parameters, checks {took:.1f} s, whole process "
        f"{time.perf_counter() - begun:.1f} s, peak {peak:.2f} GiB; found {told}"
    )


def main() -> None:
    """Each size in a process of its own."""
    for size in SIZES:
        subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_model", size], check=True)


if __name__ == "__main__":
    check(sys.argv[1]) if len(sys.argv) > 1 else main()
