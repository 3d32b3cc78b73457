"""The overfit run on a GPU: `make gpu`, some minutes on one card, not in the suite.

Each check is a `vlmbench overfit` of its own, as a user starts it, and is judged by what it wrote: `ok`, `BAD`, or
`skip` where this machine lacks what it is about. Exit code 0 where nothing is bad, 1 where something is, and 3 where
there is no GPU: then nothing was run, and nothing is known. `--rehearse` runs on the CPU what a CPU can do, to try the
checks themselves; it proves nothing of a GPU and ends with 3 as well, or with 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.environment import ROOT
from workbench.overfit.events import Event, every, last, number, read
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document

NO_GPU = 3
# The estimate counts the step's tensors; an allocator rounds up, and kernels take room to work in.
NEAR = (0.75, 1.35)
LIMIT_SECONDS = 600
# Limits a child's share of the GPU, so that memory runs out at a known size.
SHARE = """
import os, sys
share = os.environ.get("VLMBENCH_GPU_SHARE")
if share and "workbench.overfit.runner" in " ".join(sys.orig_argv):
    import torch
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, float(share) / whole))
"""
GIB = 2**30


@dataclass
class Ran:
    """A run that ended: the JSON of the command, its events, and what it said where there is no JSON."""

    told: dict[str, Any]
    events: list[Event]
    said: str = ""

    @property
    def verdict(self) -> str:
        return str(self.told.get("verdict", "none"))

    @property
    def codes(self) -> list[str]:
        return [str(one["code"]) for one in self.told.get("findings", ())]

    @property
    def peak(self) -> float:
        """The most bytes that a step needed."""
        return max((number(step["memory"]) for step in every(self.events, "step")), default=0.0)

    @property
    def first(self) -> float:
        return number(self.told.get("first_loss"))

    def loaded(self, key: str) -> Any:
        return (last(self.events, "loaded") or {}).get(key)

    def probe(self, name: str) -> Event:
        return last(self.events, "probe", name=name) or {}

    def __str__(self) -> str:
        steps = every(self.events, "step")
        seconds = sum(number(step["seconds"]) for step in steps) / max(1, len(steps))
        what = f"{self.verdict}, {self.loaded('dtype')} on {self.loaded('device')}, first loss {self.first:.3f}"
        figures = f"at the end {self.told.get('final_nll')}, peak {self.peak / GIB:.2f} GiB, {seconds:.3f} s a step"
        return f"{what}, {figures}, findings {self.codes or 'none'}" + (f", said: {self.said}" if self.said else "")


@dataclass
class Box:
    """The machine, a folder to work in, and the runs that were made, by name."""

    folder: Path
    device: str
    gpus: int
    packages: frozenset[str] = frozenset()
    runs: dict[str, Ran] = field(default_factory=dict)

    @property
    def cuda(self) -> bool:
        return self.device.startswith("cuda")

    def overfit(self, name: str, edits: dict[str, Any], *arguments: str, device: str = "", share: float = 0.0) -> Ran:
        """One `vlmbench overfit` of the demo with some keys changed. `share`: so many bytes of the GPU and no more."""
        document = Document((sample_dir() / "demo.yaml").read_text("utf-8"))
        document.set(("base_model",), str(sample_dir() / "demo-model"))
        document.set(("datasets", 0, "path"), str(sample_dir() / "shapes-heldout.jsonl"))
        for key, value in edits.items():
            document.set((key,), value)
        recipe = self.folder / f"{name}.yaml"
        recipe.write_text(document.text, "utf-8")
        out = self.folder / name
        command = [sys.executable, "-m", "workbench.cli", "overfit", str(recipe), "--format", "json"]
        command += ["--out", str(out), "--device", device or self.device, *arguments]
        environment = {**os.environ, "VLMBENCH_STATE": str(self.folder / "state"), "HF_HUB_OFFLINE": "1"}
        paths = [str(self.folder / "site"), str(ROOT), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        if share:
            environment["VLMBENCH_GPU_SHARE"] = str(share)
        try:
            ran = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
            )
            said, output = (ran.stderr.strip().splitlines() or [""])[-1][:200], ran.stdout
        except subprocess.TimeoutExpired:
            said, output = f"no end after {LIMIT_SECONDS} seconds", ""
        try:
            told = json.loads(output)
        except ValueError:
            told = {}
        file = out / "events.jsonl"
        events = read(file) if file.is_file() and file.stat().st_size else []
        self.runs[name] = made = Ran(told, events, "" if told else said)
        return made


Problems = list[str]
Check = Callable[[Box], "Problems | str"]


def in_bf16(box: Box) -> Problems:
    """bf16 on the device: the first loss is the CPU's to bf16's precision, the saved adapter's the trained one's."""
    own = box.overfit("in_bf16", {"bf16": "auto"}, "--steps", "60")
    plain = box.overfit("on_the_cpu", {"bf16": False}, "--steps", "1", device="cpu")
    return judged_bf16(own, plain, cuda=box.cuda)


def judged_bf16(own: Ran, plain: Ran, *, cuda: bool = True) -> Problems:
    found = [] if own.verdict == "pass" else [f"the verdict is {own.verdict}"]
    if cuda and own.loaded("dtype") != "bfloat16":
        found.append(f"the weights are {own.loaded('dtype')}")
    if not abs(own.first - plain.first) <= 0.05 * plain.first:
        found.append(f"the first loss is {own.first:.3f}, on the CPU {plain.first:.3f}")
    final, again = number(own.told.get("final_nll")), number(own.probe("reload").get("nll"))
    if not abs(final - again) <= 0.02 * max(final, 0.05):
        found.append(f"the saved adapter gives {again:.4f}, the trained one {final:.4f}")
    return found


def in_four_bits(box: Box) -> Problems | str:
    """4 bits, where bitsandbytes is installed: really quantized, and the pixels are not integers."""
    if not box.cuda or "bitsandbytes" not in box.packages:
        return "no bitsandbytes" if box.cuda else "no GPU"
    ran = box.overfit("in_four_bits", {"adapter": "qlora", "load_in_4bit": True, "bf16": True}, "--steps", "60")
    return judged_bits(ran, box.runs["in_bf16"])


def in_eight_bits(box: Box) -> Problems | str:
    """8 bits, likewise."""
    if not box.cuda or "bitsandbytes" not in box.packages:
        return "no bitsandbytes" if box.cuda else "no GPU"
    ran = box.overfit("in_eight_bits", {"load_in_8bit": True, "bf16": True}, "--steps", "60")
    return judged_bits(ran, box.runs["in_bf16"])


def judged_bits(ran: Ran, wide: Ran) -> Problems:
    found = [] if ran.verdict in ("pass", "doubtful") else [f"the verdict is {ran.verdict}"]
    replaced = ran.loaded("replaced") or {}
    if {"adapter", "load_in_4bit", "load_in_8bit"} & replaced.keys():
        found.append("the weights are not quantized, though bitsandbytes and a GPU are here")
    if not ran.first <= 2 * wide.first + 1:
        found.append(f"the first loss is {ran.first:.3f}, in bf16 {wide.first:.3f}: do pixels have the weights' dtype?")
    if ran.probe("frozen").get("moved"):
        found.append("frozen weights moved")
    return found


def with_flash_attention(box: Box) -> Problems | str:
    """Flash attention where it is installed; where it is not, another takes its place and the verdict says so."""
    model = made(box, "without_audio", audio_config=None)
    edits = {"base_model": str(model), "attn_implementation": "flash_attention_2", "bf16": True}
    ran = box.overfit("with_flash_attention", edits, "--steps", "10")
    return judged_flash(ran, installed=box.cuda and "flash_attn" in box.packages)


def judged_flash(ran: Ran, *, installed: bool) -> Problems:
    if not every(ran.events, "step"):
        return [f"no step was made: {ran.told.get('findings') or ran.said}"]
    replaced = "attn_implementation" in (ran.loaded("replaced") or {})
    if installed and replaced:
        return ["flash attention is installed, and was replaced"]
    if not installed and not (replaced and "R026" in ran.codes):
        return ["flash attention was replaced, and the verdict does not say so"]
    return []


def its_memory(box: Box) -> Problems | str:
    """A model of some billion numbers: the estimate beside what a step takes."""
    if not box.cuda:
        return "no GPU"
    ran = box.overfit("big", big(box), "--steps", "6")
    estimate = subprocess.run(
        [sys.executable, "-c", ESTIMATE, str(box.folder / "big")], capture_output=True, text=True, check=False, cwd=ROOT
    )
    try:
        said = float(estimate.stdout.split()[-1])
    except (IndexError, ValueError):
        return [f"there is no estimate: {estimate.stderr[-200:]}"]
    return judged_memory(ran, said)


ESTIMATE = """
import sys
from pathlib import Path
from workbench.overfit.plan import Plan
from workbench.overfit.step_memory import step_memory
print(step_memory(Plan.read(Path(sys.argv[1]) / "plan.json"))["total"])
"""


def judged_memory(ran: Ran, estimate: float) -> Problems:
    if not ran.peak:
        return [f"no step was made: {ran.told.get('findings') or ran.said}"]
    ratio = estimate / ran.peak
    if NEAR[0] <= ratio <= NEAR[1]:
        return []
    return [f"{estimate / GIB:.2f} GiB are estimated, {ran.peak / GIB:.2f} were taken"]


def one_copy(box: Box) -> Problems | str:
    """The same with room for a step and not for a second model: the saved adapter is loaded all the same."""
    if not box.cuda or not box.runs["big"].peak:
        return "no run to compare with"
    share = 1.25 * box.runs["big"].peak
    return judged_one_copy(box.overfit("one_copy", big(box), "--steps", "4", share=share))


def judged_one_copy(ran: Ran) -> Problems:
    if ran.probe("reload"):
        return []
    error = last(ran.events, "error") or {}
    when = "once it was trained" if every(ran.events, "step") else "before the first step"
    return [f"the adapter was not loaded: {error.get('kind')} {when}: {error.get('message')}"]


def out_of_memory(box: Box) -> Problems | str:
    """With room for the weights alone: a verdict that says what takes the memory."""
    if not box.cuda or not box.runs["big"].peak:
        return "no run to compare with"
    weights = number(box.runs["big"].loaded("parameters")) * 2
    return judged_out_of_memory(box.overfit("out_of_memory", big(box), "--steps", "4", share=1.02 * weights))


def judged_out_of_memory(ran: Ran) -> Problems:
    if ran.codes[:1] != ["R015"]:
        return [f"the first finding is {(ran.codes or ['none'])[0]}"]
    text = str(ran.told["findings"][0]["message"])
    return [] if "a step needs about" in text else ["the verdict does not say what a step needs"]


def the_last_device(box: Box) -> Problems | str:
    """The last of several devices, of which the run sees no other."""
    if box.gpus < 2:
        return f"{box.gpus} GPU"
    ran = box.overfit("the_last_device", {"bf16": "auto"}, "--steps", "4", device=f"cuda:{box.gpus - 1}")
    return [] if ran.loaded("device") == "cuda" and every(ran.events, "step") else [f"it ran on {ran.loaded('device')}"]


def under_the_launcher(box: Box) -> Problems | str:
    """As many processes as there are devices, which share the model out where there are several."""
    count = box.gpus if box.cuda else 2
    edits: dict[str, Any] = {"micro_batch_size": 1, "bf16": "auto"}
    arguments = ("--steps", "20", "--launcher", "accelerate", "--num-processes", str(count))
    ran = box.overfit("under_the_launcher", edits, *arguments)
    alone = box.overfit("alone", {**edits, "micro_batch_size": count}, "--steps", "20")
    return judged_launcher(ran, alone)


def judged_launcher(ran: Ran, alone: Ran) -> Problems:
    steps, others = every(ran.events, "step"), every(alone.events, "step")
    if len(steps) < 20:
        return [f"{len(steps)} of 20 steps were made: {ran.told.get('findings') or ran.said}"]
    found = []
    if not abs(ran.first - alone.first) <= 0.05 * alone.first:
        found.append(f"the first loss is {ran.first:.3f}, of one process {alone.first:.3f}")
    loss, other = number(steps[0]["loss"]), number(others[0]["loss"]) if others else float("nan")
    if not abs(loss - other) <= 0.1 * max(other, 0.1):
        found.append(f"the first step's loss is {loss:.3f}, of one process {other:.3f}")
    if ran.probe("frozen").get("moved"):
        found.append("frozen weights moved")
    return found


CHECKS: tuple[Check, ...] = (
    in_bf16,
    in_four_bits,
    in_eight_bits,
    with_flash_attention,
    its_memory,
    one_copy,
    out_of_memory,
    the_last_device,
    under_the_launcher,
)


def made(box: Box, name: str, *, text: dict[str, Any] | None = None, **keys: Any) -> Path:
    """The demo's model with other values in its configuration; with `text`, of random weights in that shape."""
    folder = box.folder / f"model-{name}"
    if folder.is_dir():
        return folder
    shutil.copytree(sample_dir() / "demo-model", folder)
    config = json.loads((folder / "config.json").read_text("utf-8")) | keys
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if text is None:
        return folder
    import torch
    from transformers import AutoModelForImageTextToText, Gemma4Config

    (folder / "model.safetensors").unlink()
    inner = {key: value for key, value in config["text_config"].items() if key not in _PER_LAYER} | text
    known = {key: value for key, value in config.items() if key not in ("model_type", "transformers_version")}
    with torch.device(box.device):
        model = AutoModelForImageTextToText.from_config(
            Gemma4Config(**known | {"text_config": inner}), dtype="bfloat16"
        )
    model.save_pretrained(folder)
    del model
    if box.cuda:
        torch.cuda.empty_cache()
    return folder


_PER_LAYER = ("per_layer_config", "rope_parameters", "rope_scaling")
_SIZES: dict[str, Any] = {
    "hidden_size": 2560,
    "intermediate_size": 10240,
    "num_hidden_layers": 24,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "num_global_key_value_heads": 2,
    "head_dim": 256,
    "global_head_dim": 256,
    "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 4,
    "num_kv_shared_layers": 0,
    "vocab_size": 262_144,
    "hidden_size_per_layer_input": 0,
    "sliding_window": 512,
    "use_double_wide_mlp": False,
}


def big(box: Box) -> dict[str, Any]:
    """The recipe's changes for a model of three billion random numbers."""
    return {"base_model": str(made(box, "big", text=_SIZES)), "micro_batch_size": 4, "bf16": True}


def packages() -> frozenset[str]:
    return frozenset(name for name in ("bitsandbytes", "flash_attn") if find_spec(name) is not None)


def outcomes(box: Box, checks: tuple[Check, ...] = CHECKS) -> Iterator[tuple[str, str, str]]:
    """Of each check: its mark, its name, and what there is to say."""
    for check in checks:
        name = check.__name__
        try:
            result = check(box)
        except Exception as problem:
            result = [f"the check itself stopped: {type(problem).__name__}: {problem}"]
        ran = box.runs.get("big" if check is its_memory else name)
        if isinstance(result, str):
            yield "skip", name, result
        else:
            yield "BAD" if result else "ok", name, "; ".join([*result, str(ran) if ran is not None else ""])


def main(arguments: list[str]) -> int:
    """Run the checks; the exit code as above."""
    import torch

    rehearse = "--rehearse" in arguments
    gpus = int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    if not gpus and not rehearse:
        print("no GPU here: not run")
        return NO_GPU
    bad, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(SHARE, "utf-8")
        box = Box(folder, "cpu" if rehearse else "cuda", 0 if rehearse else gpus, packages())
        what = "a rehearsal on the CPU" if rehearse else f"{gpus} × {torch.cuda.get_device_name(0)}"
        print(f"{what}, torch {torch.__version__}, with {', '.join(sorted(box.packages)) or 'neither'}", flush=True)
        for mark, name, text in outcomes(box):
            bad += mark == "BAD"
            print(f"{mark:4} {time.monotonic() - began:5.0f} s  {name}: {text}", flush=True)
    return 1 if bad else NO_GPU if rehearse else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
