"""Runs in which one thing is wrong, each with the cause that its verdict must name first.

`python -m tests.overfit.sabotages [NAME …]` runs them for real, each in a process of its own on the CPU, judges them,
and writes their events anew into `recorded/`, which the suite replays in no time (`make sabotage`; a few minutes).
Left out of what is kept are the losses token by token, which no verdict reads, and the paths of the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.overfit.conftest import demo
from tests.support.environment import ROOT
from workbench.overfit.events import Event, parse
from workbench.overfit.plan import make_plan
from workbench.overfit.supervisor import Supervisor
from workbench.overfit.verdict import Verdict, judge
from workbench.paths import sample_dir

RECORDED = Path(__file__).parent / "recorded"
VISION = r"model\.vision_tower\..*\.(q|k|v|o)_proj"
# As the model's own, but for the name of the speaker that answers and the marks around it.
FOREIGN = (
    "{{ bos_token }}{% for message in messages %}{{ '<|turn>' + message.role.upper() + '<turn|>\\n' }}"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}{{ '<|image|>' }}{% elif part.type == 'text' %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<eos>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|turn>ASSISTANT<turn|>\\n' }}{% endif %}"
)
Folder = Path


@dataclass(frozen=True)
class Sabotage:
    """A fault (`edits` of the demo's recipe, another `model`, other `data`), and the verdict that it must have.

    `first` is the code of the first finding, `says` a part of its message or hint, `alone` holds where no other
    warning or error is to be beside it.
    """

    outcome: str
    first: str
    says: str
    edits: dict[Any, Any] = field(default_factory=dict)
    model: Callable[[Folder], Path] | None = None
    data: Callable[[Folder], Path] | str = "shapes-heldout.jsonl"
    rows: int = 2
    steps: int = 12
    variables: dict[str, str] = field(default_factory=dict)
    memory: int | None = None
    alone: bool = True


def weights(change: Callable[[str, Any], Any]) -> Callable[[Folder], Path]:
    """Makes the demo's model with other weights."""

    def make(folder: Folder) -> Path:
        from safetensors.torch import load_file, save_file

        model = copied(folder)
        tensors = load_file(model / "model.safetensors")
        changed = {name: change(name, tensor).contiguous() for name, tensor in tensors.items()}
        save_file(changed, model / "model.safetensors", metadata={"format": "pt"})
        return model

    return make


def copied(folder: Folder) -> Path:
    return Path(shutil.copytree(sample_dir() / "demo-model", folder / "model"))


def blind(name: str, tensor: Any) -> Any:
    return tensor * 0 if "embed_vision" in name and tensor.ndim == 2 else tensor


def broken(name: str, tensor: Any) -> Any:
    return tensor * float("nan") if name.endswith("layers.1.mlp.down_proj.weight") and "language" in name else tensor


def with_flex_attention(folder: Folder) -> Path:
    """The model itself asks for a kernel that a CPU has half of; its audio tower could not be loaded with it."""
    model = copied(folder)
    config = json.loads((model / "config.json").read_text("utf-8"))
    config |= {"audio_config": None, "attn_implementation": "flex_attention"}
    (model / "config.json").write_text(json.dumps(config), "utf-8")
    return model


def with_a_new_token(folder: Folder) -> Path:
    from transformers import AutoTokenizer

    model = copied(folder)
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(["<|shape|>"], special_tokens=True)
    template = (model / "chat_template.jinja").read_text("utf-8")
    tokenizer.save_pretrained(model)
    (model / "chat_template.jinja").write_text(template, "utf-8")
    return model


def with_the_new_token(folder: Folder) -> Path:
    pictures = folder / "pictures"
    if not pictures.exists():
        shutil.copytree(sample_dir() / "pictures", pictures)
    text = (sample_dir() / "shapes-heldout.jsonl").read_text("utf-8")
    file = folder / "rows.jsonl"
    file.write_text(text.replace('"text": "', '"text": "<|shape|>'), "utf-8")
    return file


SABOTAGES = {
    "rate too low": Sabotage("fail", "R012", "raise it", {("learning_rate",): 1e-8}),
    "rate too high": Sabotage("fail", "R006", "too high", {("learning_rate",): 0.5}, steps=20),
    "frozen": Sabotage("fail", "R002", "freeze_mm_modules", {("lora_target_modules",): VISION}),
    "wrong template": Sabotage(
        "doubtful",
        "R031",
        "tokenizer_default",
        {
            ("chat_template",): "jinja",
            ("chat_template_jinja",): FOREIGN,
            ("role_boundaries",): [
                {"role": "assistant", "start": "<|turn>ASSISTANT<turn|>", "end": "<eos>"},
                {"role": "user", "start": "<|turn>USER<turn|>", "end": "<eos>"},
            ],
        },
        rows=4,
        steps=60,
        alone=False,
    ),
    "rows known": Sabotage("doubtful", "R024", "take other rows", data="shapes.jsonl"),
    "a dead tower": Sabotage("fail", "R021", "do not reach", model=weights(blind), rows=4, steps=40),
    "weights of NaN": Sabotage("fail", "R030", "down_proj", model=weights(broken)),
    "too few steps": Sabotage("doubtful", "R013", "Take more steps", rows=4, steps=6),
    "out of memory": Sabotage("fail", "R015", "lora_r", {("lora_r",): 60_000}, memory=6 * 2**30),
    "a missing kernel": Sabotage(
        "fail",
        "R033",
        "does not support backward on CPU",
        model=with_flex_attention,
        # Not compiled, which would take minutes to come to the same end.
        variables={"TORCHDYNAMO_DISABLE": "1"},
    ),
    "a mismatched adapter": Sabotage(
        "fail",
        "R022",
        "are not in its file",
        {
            ("unfrozen_parameters",): [
                "base_model.model.model.language_model.layers.[0-9]+.self_attn.q_proj.lora_[AB]",
                "base_model.model.model.language_model.layers.[0-9]+.mlp.down_proj.base_layer.weight",
            ]
        },
        steps=30,
    ),
    "tokens not resized": Sabotage("fail", "R032", "<|shape|>", model=with_a_new_token, data=with_the_new_token),
}


def run(sabotage: Sabotage, folder: Path) -> list[Event]:
    """The events of a sabotaged run, as they are written, in a process of its own."""
    data = sabotage.data if isinstance(sabotage.data, str) else str(sabotage.data(folder))
    model = sabotage.model(folder) if sabotage.model is not None else None
    bench = demo(folder, sabotage.edits, model=model, data=data)
    run_folder = folder / "run"
    run_folder.mkdir()
    plan = make_plan(bench, rows=sabotage.rows, steps=sabotage.steps, device="cpu")
    before = dict(os.environ)
    os.environ.update(sabotage.variables)
    try:
        supervisor: Supervisor = Limited(plan, run_folder, sabotage.memory)
        return list(supervisor.events())
    finally:
        os.environ.clear()
        os.environ.update(before)


class Limited(Supervisor):
    """A supervisor whose child can have so many bytes and no more: torch itself finds out."""

    def __init__(self, plan: Any, folder: Path, memory: int | None) -> None:
        super().__init__(plan, folder)
        self._memory = memory

    @property
    def command(self) -> list[str]:
        command = super().command
        if self._memory is None:
            return command
        return ["bash", "-c", f'ulimit -v {self._memory // 1024}; exec "$@"', "bash", *command]


def kept(events: list[Event], folder: Path) -> str:
    """The events as lines, without the losses of single tokens and without the paths of this machine."""
    text = "".join(json.dumps(event) + "\n" for event in events if event["event"] != "token_nll")
    places = {str(folder): "work", str(sample_dir()): "sample_data", sys.prefix: "python", str(ROOT): "bench"}
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(json.dumps(place)[1:-1], places[place])
    return text


def recorded(name: str) -> list[Event]:
    """The events of a sabotaged run as they were recorded."""
    return list(parse(file_of(name).read_text("utf-8").splitlines(), name))


def file_of(name: str) -> Path:
    return RECORDED / f"{name.replace(' ', '-')}.jsonl"


def problems(sabotage: Sabotage, verdict: Verdict) -> list[str]:
    """The faults of a verdict on a sabotaged run; nothing where it names the cause first."""
    found = []
    if verdict.outcome != sabotage.outcome:
        found.append(f"the outcome is {verdict.outcome}, not {sabotage.outcome}")
    if not verdict.findings or verdict.findings[0].code != sabotage.first:
        return [*found, f"the first finding is not {sabotage.first}: {[one.code for one in verdict.findings]}"]
    first = verdict.findings[0]
    if sabotage.says not in f"{first.message} {first.hint}":
        found.append(f"{sabotage.says!r} is not in {first.message!r} ({first.hint!r})")
    also = [one.code for one in verdict.findings[1:] if one.severity != "note"]
    if sabotage.alone and also:
        found.append(f"beside the cause there are {also}")
    return found


def main(names: list[str]) -> int:
    """Run and record them; 0 where every verdict names its cause first."""
    bad = 0
    RECORDED.mkdir(exist_ok=True)
    for name in names or list(SABOTAGES):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary).resolve()
            events = run(SABOTAGES[name], folder)
            file_of(name).write_text(kept(events, folder), "utf-8")
        verdict = judge(recorded(name))
        wrong = problems(SABOTAGES[name], verdict)
        bad += bool(wrong)
        print(f"{'BAD' if wrong else 'ok'}  {name}: {verdict.line}", flush=True)
        for finding in verdict.findings:
            print(f"      {finding.severity} {finding.code} {finding.message} | {finding.hint}")
        for text in wrong:
            print(f"      !! {text}")
    return min(bad, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
