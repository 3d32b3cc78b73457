"""The memory estimate of a 135 M model (SmolLM2's sizes in a SmolVLM) against real steps: three settings, minutes.

Not in `make bench`: `python -m tests.benchmarks.measure_step_memory`. Weights are random: only their sizes count.
"""

from __future__ import annotations

from tests.support.step_memory import measured_peak
from workbench.models.memory import estimate
from workbench.recipe.model import Recipe
from workbench.recipe.yaml.document import Document

RECIPE = """base_model: model
processor_type: AutoProcessor
adapter: lora
lora_r: 16
lora_target_modules: '.*text_model.*(q|k|v|o|gate|up|down)_proj'
datasets: [{path: rows.jsonl, type: chat_template}]
learning_rate: 0.0001
"""
CHECKPOINTING = "gradient_checkpointing: true\ngradient_checkpointing_kwargs: {use_reentrant: false}\n"
SETTINGS = ((f"{CHECKPOINTING}bf16: true\n", 512, 2), ("bf16: true\n", 256, 2), ("bf16: false\n", 512, 1))


def main() -> None:
    """Prints a line for each setting."""
    from transformers import SmolVLMConfig

    text = {
        "model_type": "llama",
        "vocab_size": 49280,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "head_dim": 64,
        "tie_word_embeddings": True,
        "pad_token_id": 2,
    }
    vision = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 128,
        "patch_size": 16,
    }
    config = SmolVLMConfig(
        text_config=text, vision_config=vision, scale_factor=2, tie_word_embeddings=True, image_token_id=49153
    )
    for more, sequence, batch in SETTINGS:
        recipe = Recipe.from_document(Document(RECIPE + more))
        told = estimate(config, recipe, sequence=sequence, batch=batch)
        real = measured_peak(config, recipe, batch, sequence)
        print(f"{sequence} × {batch}, {more.splitlines()[0]}: {told.total / 1e6:,.0f} of {real / 1e6:,.0f} MB "
              f"measured, {told.total / real:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
