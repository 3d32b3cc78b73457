"""An overfit step against a bare torch loop and against plain Trainer, at a vocabulary of 262,144 and 2,048 tokens.

Targets: at most 1.1 times the bare loop's time, at most half of plain Trainer's memory. Each contender trains the same
small Gemma 3 in a process of its own. The bare loop asks for all logits, as one that is quickly written does; it is
also timed with trimmed ones. `python -m tests.benchmarks.bench_overfit [STEPS]`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from tests.benchmarks.page import record

VOCABULARY, TOKENS, TRAINED = 262_144, 2048, 128
CONTENDERS = ("nothing", "bare", "bare, trimmed", "trainer", "vlmbench")


def model() -> Any:
    """A body so small that the head is what counts."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        use_cache=False,
    )
    made = Gemma3ForCausalLM(config)
    made.get_input_embeddings().weight.requires_grad = False
    return made


def batch() -> dict[str, Any]:
    """One row; the last tokens of it are trained."""
    import torch

    ids = torch.randint(0, VOCABULARY, (1, TOKENS), generator=torch.Generator().manual_seed(0))
    labels = torch.full_like(ids, -100)
    labels[:, -TRAINED:] = ids[:, -TRAINED:]
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}


def loop(steps: int, *, trim: bool) -> list[float]:
    """A loop as one writes it without any library."""
    import torch

    from workbench.overfit.loss import trained_nll

    net, row = model(), batch()
    labels = row.pop("labels")
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-3)
    times = []
    for _ in range(steps):
        begin = perf_counter()
        loss = trained_nll(net, row, labels, trim=True)[0].mean() if trim else net(**row, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(perf_counter() - begin)
    return times


def trained(steps: int, *, ours: bool) -> list[float]:
    """Trainer, plain or with the bench's loss and events."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from workbench.overfit.events import Writer
    from workbench.overfit.training import OverfitTrainer, Reporter, TrainingRows

    times: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            self.begin = perf_counter()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            times.append(perf_counter() - self.begin)

    row = batch()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=1,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
            logging_steps=1,
            remove_unused_columns=False,
        )
        if not ours:
            trainer: Any = Trainer(
                model=model(),
                args=arguments,
                train_dataset=TrainingRows(8),
                data_collator=lambda _: dict(row),
                callbacks=[Clock()],
            )
        else:
            reporter = Reporter(Writer(Path(folder) / "events.jsonl"), lambda: 0)
            trainer = OverfitTrainer(
                model=model(),
                args=arguments,
                train_dataset=TrainingRows(8),
                data_collator=lambda _: {**row, "rows": torch.tensor([0])},
                callbacks=[Clock(), reporter],
                trim=True,
                by_tokens=True,
            )
            reporter.trainer = trainer
        trainer.train()
    return times


def main(steps: int) -> None:
    """Print milliseconds a step and the memory above what the model alone takes."""
    found = {}
    for name in CONTENDERS:
        command = [sys.executable, "-m", "tests.benchmarks.bench_overfit", str(steps), name]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        found[name] = json.loads(ran.stdout.splitlines()[-1])
    alone = found.pop("nothing")["peak"]
    for name, one in found.items():
        print(f"{name}: {one['ms']:.0f} ms a step, {(one['peak'] - alone) / 1024:.0f} MiB above the model")
    mine = found["vlmbench"]
    bare, trimmed = (mine["ms"] / found[name]["ms"] for name in ("bare", "bare, trimmed"))
    record("overfit step", trimmed, f"{mine['ms']:.0f} ms, the loop {found['bare, trimmed']['ms']:.0f} ms")
    print(f"time: {bare:.2f}× the bare loop, {trimmed:.2f}× trimmed")
    ratio = (mine["peak"] - alone) / (found["trainer"]["peak"] - alone)
    above, theirs = ((one["peak"] - alone) / 1024 for one in (mine, found["trainer"]))
    record("overfit memory", ratio, f"{above:,.0f} of {theirs:,.0f} MiB")
    print(f"memory above the model: {ratio:.2f}× plain Trainer; in all {mine['peak'] / found['trainer']['peak']:.2f}×")


def one(steps: int, name: str) -> None:
    """Run one contender and print its times and memory as JSON on the last line."""
    if name == "nothing":
        model()
        times = [0.0]
    elif name.startswith("bare"):
        times = loop(steps, trim="trimmed" in name)
    else:
        times = trained(steps, ours=name == "vlmbench")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"ms": 1000 * median(times[1:] or times), "peak": peak}))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        one(int(sys.argv[1]), sys.argv[2])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
