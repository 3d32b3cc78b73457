"""ms-swift's side: its arguments, its loader of data sets, and `encode` of its template in training mode.

`encode` is its last step for a row without a model: its collator builds one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.consumers.trainers.scripts import serving
else:
    import sys

    serving = sys.modules.get("vlmbench_serving")

NAME = "ms-swift"
PACKAGES = ("ms-swift", "transformers", "tokenizers", "torch", "datasets", "qwen-vl-utils")
ENVIRONMENT = {"USE_HF": "1"}
_ELSEWHERE = (
    *("dataset", "val_dataset", "streaming", "packing", "deepspeed", "stage", "train_type", "cached_dataset"),
    *("attn_impl", "device_map", "max_memory", "quant_method", "quant_bits", "adapters", "resume_from_checkpoint"),
    *("fsdp", "bf16", "fp16", "tf32", "torch_compile", "use_liger_kernel", "use_ray", "push_to_hub", "use_hf"),
    *("eval_strategy", "load_best_model_at_end", "optim", "dataset_num_proc", "lazy_tokenize"),
)
"""Arguments about which rows, and about where and how fast it trains; none of them changes a row's labels."""


def open_side(question: dict[str, Any], stage: Any) -> Any:
    """ms-swift for the rows of a question. Raises whatever it raises."""
    from swift import arguments

    stage("settings")
    own = _own(question)
    values: dict[str, Any] = {
        "model": question["model"],
        "tuner_type": "lora",
        "torch_dtype": "float32",
        "split_dataset_ratio": 0.0,
        "strict": True,
        "dataset_shuffle": False,
        "load_from_cache_file": False,
        "report_to": ["none"],
        "output_dir": str(Path(question["scratch"]) / "out"),
        "dataset": [_write(question, range(len(question["content"])), "rows")],
    }
    args = _parsed(serving.part(arguments, "SftArguments"), own | values, given=bool(question.get("config")))
    stage("model")
    from swift.model import register

    # Its default runs the code that comes with a model.
    serving.part(register, "ModelLoader").default_trust_remote_code = bool(question.get("trust"))
    _, processor = args.get_model_processor(load_model=False)
    template = args.get_template(processor)
    template.set_mode("train")
    stage("data")
    serving.unhashed()
    rows = _loaded(args, question)

    def label(number: int) -> tuple[Any, Any, Any]:
        row = rows[number]
        if isinstance(row, Exception):
            raise row
        try:
            found = template.encode(dict(row))
        except Exception as problem:
            if type(problem).__name__ == "MaxLengthError":
                raise serving.DroppedRow(str(problem)) from problem
            raise
        missing = {"input_ids", "labels"} - found.keys()
        if missing:
            raise serving.InterfaceChanged(f"encode gives no {' and no '.join(sorted(missing))}")
        return found["input_ids"], found["labels"], found.get("loss_scale")

    resolved = {
        "path": "Template.encode in training mode",
        "template": args.template,
        "template_backend": getattr(template, "template_backend", ""),
        "model_type": args.model_type,
        "loss_scale": args.loss_scale,
        "max_length": args.max_length,
        "trust_remote_code": bool(question.get("trust")),
    }
    return serving.Side(label, getattr(processor, "tokenizer", processor), resolved)


def _own(question: dict[str, Any]) -> dict[str, Any]:
    """The arguments that come from its own file, or from the translated settings."""
    settings = question["settings"]
    if question.get("config"):
        import yaml

        own = yaml.safe_load(question["config"])
        return {key: value for key, value in own.items() if key not in _ELSEWHERE}
    found = {"max_length": settings.get("sequence_len", 2048), "truncation_strategy": "delete"}
    found |= {key: settings[key] for key in ("model_type", "template") if settings.get(key)}
    if settings.get("train_all"):
        found["loss_scale"] = "all"
    return found


def _parsed(kind: Any, values: dict[str, Any], *, given: bool) -> Any:
    """The arguments; those of a file are read as its command reads them, for a script holds texts alone."""
    if not given:
        return kind(**values)
    from swift import utils

    words: list[str] = []
    for key, value in values.items():
        if value is None:
            continue
        listed = value if isinstance(value, list) else [value]
        words += [f"--{key}", *(one if isinstance(one, str) else json.dumps(one) for one in listed)]
    found, rest = serving.part(utils, "parse_args")(kind, words)
    if rest:
        raise ValueError(f"ms-swift does not know {' '.join(rest)}")
    return found


def _write(question: dict[str, Any], numbers: Any, name: str) -> str:
    file = Path(question["scratch"]) / f"{name}.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for number in numbers:
            row = question["content"][number]
            if (own := row.get("raw")) is not None:
                lines.write(json.dumps(own) + "\n")
                continue
            lines.write(json.dumps({"messages": serving.tagged(row), "images": serving.pictures(row)}) + "\n")
    return str(file)


def _loaded(args: Any, question: dict[str, Any]) -> list[Any]:
    """Each row as its loader hands it on: all at once, or one by one where one of them stops or leaves the others."""
    count = len(question["content"])
    try:
        rows, _ = args.load_dataset()
        if len(rows) == count:
            return list(rows)
    except Exception:
        if count == 1:
            raise
    found: list[Any] = []
    for number in range(count):
        args.dataset = [_write(question, [number], f"row-{number}")]
        try:
            rows, _ = args.load_dataset()
            found.append(rows[0] if len(rows) else serving.DroppedRow("its loader leaves it out"))
        except Exception as problem:
            found.append(problem)
    return found
