"""axolotl's side: from a recipe file to the labels that its trainer would get, by axolotl's own code.

Nothing here decides anything. The file is read, validated and normalised as `axolotl train` does it, tokenizer and
processor come from axolotl's loaders, and the collator from `HFCausalTrainerBuilder.build`, which is stopped where it
would have made the trainer: before it needs a model. Without a processor, rows go through axolotl's prompt strategies.

This file is also a script for the Python of the environment that trains, where there is no bench: it imports the
standard library alone until it imports axolotl. `python worker.py [--offline]` answers questions until stdin ends, one
JSON object a line; the protocol is `workbench.consumers.protocol`. Its own stdout is kept for the answers: what axolotl
prints goes to stderr. `rehearsal.py` beside it is read when the loader is asked.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SCHEMA = "vlmbench.consumer/2"
PLUGIN = "vlmbench_axolotl.RoleBoundaries"
PACKAGES = ("axolotl", "transformers", "tokenizers", "torch", "peft", "trl", "datasets", "accelerate")
_IDLE_SECONDS = 600
"""The process holds about 1 GiB: it ends when nobody has asked for so long."""
_KERNEL_SECONDS = 300
_REHEARSAL_SECONDS = 540
"""Less than the client waits, so that this process answers and goes on."""
_KNOBS = (
    *("chat_template", "processor_type", "sample_packing", "sequence_len", "excess_length_strategy", "bf16", "fp16"),
    *(
        "gradient_checkpointing",
        "gradient_checkpointing_kwargs",
        "attn_implementation",
        "model_config_type",
        "optimizer",
    ),
    *("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel", "lora_embedding_kernel"),
)
_PRECISIONS = ("bf16", "bfloat16", "fp16", "float16", "tf32")


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
    # Pictures go one by one: threads would wait for each other longer than they work.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
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
    number: int = 0

    @property
    def name(self) -> str:
        """The dataset's type."""
        kind = self.cfg.datasets[self.number].type
        return kind if isinstance(kind, str) else "user defined"

    def tokenize(self, row: dict[str, Any]) -> tuple[list[int], list[int], str]:
        """`input_ids` and `labels` of one raw row, and why it is not trained on, or "". Raises whatever axolotl raises.

        The ids are those before axolotl looks at lengths; what it cuts off or drops has the label -100.
        """
        from axolotl.utils.data.sft import _parse_dataset_type
        from axolotl.utils.data.utils import handle_long_seq_in_dataset
        from axolotl.utils.data.wrappers import get_dataset_wrapper
        from datasets import Dataset

        entry = self.cfg.datasets[self.number]
        base, style = _parse_dataset_type(entry.type)
        made, _ = get_dataset_wrapper(
            dataset_config=entry,
            tokenizer=self.tokenizer,
            cfg=self.cfg,
            dataset_base_type=base,
            dataset=Dataset.from_list([row]),
            dataset_prompt_style=style,
        )
        if not len(made):
            return [], [], f"{self.name} leaves it out"
        ids = list(made[0]["input_ids"])
        # What the wrapper makes holds the tokenizer, and each step of `datasets` would copy that: seconds for a row.
        plain = Dataset.from_dict(made.to_dict())
        left = list(handle_long_seq_in_dataset(plain, self.cfg.sequence_len, self.cfg))
        kept = list(left[0]["labels"]) if left else []
        # Dropped for its length: longer than the one, or shorter than `min_sample_len`.
        reason = "" if left else f"it has {len(ids)} tokens, sequence_len is {self.cfg.sequence_len}"
        return ids, kept + [-100] * (len(ids) - len(kept)), reason

    def collate(self, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        """The ids and labels of one raw row, `[1, L]`; see `tokenize`."""
        import numpy as np

        (row,) = rows
        ids, labels, _ = self.tokenize(row)
        return np.array([ids]), np.array([labels])


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
        with _without_a_gpus_precision(cfg):
            builder.build(total_num_steps=1)
    except _BuiltError as built:
        return built.collator
    raise AssertionError("axolotl built a trainer without asking for a collator")


@contextmanager
def _without_a_gpus_precision(cfg: Any) -> Iterator[None]:
    """On a machine without a GPU: precisions that its training arguments refuse are off. No label hangs on them."""
    import torch

    before = {} if torch.cuda.is_available() else {key: cfg[key] for key in _PRECISIONS if cfg.get(key)}
    cfg.update(dict.fromkeys(before, False))
    try:
        yield
    finally:
        cfg.update(before)


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


def versions() -> dict[str, str]:
    """The installed versions that answers depend on, each with the commit that it was installed from, if any."""
    from importlib.metadata import PackageNotFoundError, distribution

    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        commit = json.loads(package.read_text("direct_url.json") or "{}").get("vcs_info", {}).get("commit_id", "")
        found[name] = f"{package.version} ({commit[:12]})" if commit else package.version
    return found


def answer(
    recipe: Path, rows: list[int], *, dataset: int = 0, what: str = "labels", replaced: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The ids and labels that axolotl makes of these rows of a recipe's dataset, for JSON.

    `refused` says at which stage it stopped ("validate", "kernels", "collator" or "rows") and why. Where
    `role_boundaries` alone are what stops the collator, the labels they mean are given all the same, with `unwrapped`
    true. `what`: how far it goes. `replaced`: the `model` and `data` that take the place of the recipe's.
    """
    payload: dict[str, Any] = {"schema": SCHEMA, "consumer": "axolotl", "versions": versions(), "refused": None}
    # transformers' models shift the labels themselves.
    payload |= {"unwrapped": False, "rows": [], "resolved": {}, "keys": [], "label_shift": 0}
    stage = "validate"
    try:
        if replaced:
            _replace(recipe, dataset, **replaced)
        cfg = read_config(recipe)
        payload["keys"] = known_keys()
        payload["resolved"] = {"path": "multimodal" if cfg.processor_type else "text", "loader": _loader(cfg)}
        payload["resolved"] |= {"is_multimodal": bool(cfg.is_multimodal)} | _knobs(cfg)
        if what == "validate":
            return payload
        stage = "kernels"
        payload["resolved"]["kernels"] = bool(cfg.lora_qkv_kernel or cfg.lora_o_kernel)
        in_a_fork(lambda: try_lora_kernels(cfg), _KERNEL_SECONDS)
        if what == "kernels":
            return payload
        stage = "collator"
        if not cfg.processor_type:
            _answer_text_path(cfg, rows, dataset, payload)
            return payload
        try:
            theirs = _assemble(cfg, unwrap_boundaries=False)
        except TypeError as problem:
            if not cfg.role_boundaries:
                raise
            payload["refused"] = _refusal(stage, problem)
            theirs = open_recipe(recipe, unwrap_boundaries=True)
            payload["unwrapped"] = True
        payload["strategy"] = theirs.name
        payload["resolved"]["strategy"] = theirs.name
        if isinstance(theirs, AxolotlSide):
            payload["resolved"]["media_ids"] = _media_ids(theirs.strategy)
        stage = "rows"
        raw = _dataset(theirs.cfg, dataset)
        payload["count"] = len(raw)
    except Exception as problem:
        # What stops it with plain boundaries too is the cause, not the boundaries.
        return payload | {"refused": _refusal(stage, problem), "unwrapped": False, "passing": _passing(problem)}
    for index in rows:
        try:
            ids, labels = theirs.collate([raw[index]])
        except Exception as problem:
            payload["rows"].append({"row": index, "error": f"{type(problem).__name__}: {problem}"})
        else:
            payload["rows"].append({"row": index, "input_ids": ids[0].tolist(), "labels": labels[0].tolist()})
    return payload


def known_keys() -> list[str]:
    """Every key of a recipe that axolotl and its registered plugins know. Plugins are registered by then."""
    from axolotl.integrations.config import merge_input_args

    return sorted(merge_input_args()[1].model_fields)


def _knobs(cfg: Any) -> dict[str, Any]:
    """Values of the normalised configuration, as JSON has them."""
    found = {key: json.loads(json.dumps(cfg.get(key), default=str)) for key in _KNOBS if cfg.get(key) is not None}
    if cfg.gradient_checkpointing:
        kwargs = cfg.gradient_checkpointing_kwargs or {}
        found["use_reentrant"] = kwargs.get("use_reentrant")
    return found


def _loader(cfg: Any) -> str:
    """The name of the class that loads the model of a normalised configuration."""
    named = cfg.model_type
    if named and named != "AutoModelForCausalLM" and not cfg.trust_remote_code and not cfg.gptq:
        return str(named)
    return loader_class(cfg.model_config_type, is_multimodal=bool(cfg.is_multimodal))


def loader_class(model_type: str, *, is_multimodal: bool) -> str:
    """The name of the class by which axolotl's loader loads a model type where the recipe names none.

    An automatic class is followed to the one that it stands for, where transformers has one.
    """
    from axolotl.loaders.model import ModelLoader
    from axolotl.utils.dict import DictDefault
    from transformers import AutoModelForCausalLM
    from transformers.models.auto import modeling_auto

    loader = ModelLoader.__new__(ModelLoader)
    loader.model_config = SimpleNamespace(model_type=model_type)
    loader.cfg = DictDefault(is_multimodal=is_multimodal)
    loader.auto_model_loader = AutoModelForCausalLM
    loader._set_auto_model_loader()
    name = str(loader.auto_model_loader.__name__)
    known = {
        "AutoModelForImageTextToText": modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        "AutoModelForCausalLM": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    }.get(name, {})
    return str(known.get(model_type, name))


def _media_ids(strategy: Any) -> list[int]:
    """The ids that a strategy holds by name: `image_token_id`, `audio_token_id` and the like."""
    held = {value for name, value in vars(strategy).items() if name.endswith(("token_id", "_id"))}
    return sorted(value for value in held if isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _dataset(cfg: Any, number: int) -> Any:
    """The raw rows of a dataset by position, by axolotl's own loader."""
    from axolotl.utils.data.shared import load_dataset_with_config

    found = load_dataset_with_config(cfg.datasets[number], use_auth_token=False)
    if hasattr(found, "keys") and not hasattr(found, "features"):
        # Several splits: axolotl takes the one that is named, else `train`.
        found = found[cfg.datasets[number].split or "train"]
    return found if hasattr(found, "__getitem__") and hasattr(found, "__len__") else list(found)


def _answer_text_path(cfg: Any, rows: list[int], number: int, payload: dict[str, Any]) -> None:
    """Fill in the rows as axolotl tokenizes them before training, one by one: a row that fails stops no other."""
    from axolotl.loaders import load_tokenizer

    # A row is one process's work.
    cfg["dataset_num_proc"] = None
    _without_fingerprints()
    _let_the_plugin(cfg)
    theirs = TextSide(cfg, load_tokenizer(cfg), number)
    payload["strategy"] = theirs.name
    payload["resolved"]["strategy"] = theirs.name
    try:
        raw = _dataset(cfg, number)
    except Exception as problem:
        payload |= {"refused": _refusal("rows", problem), "passing": _passing(problem)}
        return
    payload["count"] = len(raw)
    for index in rows:
        try:
            ids, labels, reason = theirs.tokenize(raw[index])
        except Exception as problem:
            payload["rows"].append({"row": index, "error": f"{type(problem).__name__}: {problem}"})
        else:
            told = {"dropped": reason} if reason else {"input_ids": ids, "labels": labels}
            payload["rows"].append({"row": index} | told)


def _without_fingerprints() -> None:
    """Let `Dataset.map` give what it makes a name by chance: a hash of the tokenizer takes seconds, for every row."""
    from datasets import arrow_dataset
    from datasets.fingerprint import generate_random_fingerprint

    if hasattr(arrow_dataset, "update_fingerprint"):
        arrow_dataset.update_fingerprint = lambda *_, **__: generate_random_fingerprint()


def _replace(recipe: Path, number: int, *, model: str = "", data: str = "") -> None:
    """Write another model or another path of a dataset into the file of a question, which is a copy."""
    import yaml

    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    if model:
        content["base_model"] = model
        content.pop("revision_of_model", None)
    if data:
        entries = content.get("datasets") or [{"type": "chat_template"}]
        entry = {key: entries[number][key] for key in entries[number] if key not in _OF_A_PATH}
        entries[number] = entry | {"path": data}
        content["datasets"] = entries
    recipe.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


_OF_A_PATH = ("name", "split", "data_files", "revision", "ds_type")


def _refusal(stage: str, problem: Exception) -> dict[str, str]:
    if isinstance(problem, ForkError):
        return {"stage": stage, "type": problem.kind, "message": str(problem)}
    return {"stage": stage, "type": type(problem).__name__, "message": str(problem)}


def _passing(problem: Exception) -> bool:
    """True for what can be otherwise the next time: no network, no memory, a file that is not there."""
    return isinstance(problem, (OSError, MemoryError)) or "out of memory" in str(problem)


class ForkError(Exception):
    """An exception of a forked process: `kind` is the name of its class."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def in_a_fork(function: Callable[[], Any], seconds: int) -> Any:
    """The result of a function, as JSON has it, from a copy of this process: what it changes is changed nowhere else.

    The attention that was patched for one recipe would be taken as patched for the next. Where no process can be
    copied it is called in this one, which is `spent` then.

    Raises:
        ForkError: the function raised, or the copy ended or hung.
    """
    if not hasattr(os, "fork"):
        return function()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        signal.alarm(seconds)
        try:
            outcome = {"value": function()}
            text = json.dumps(outcome)
        except BaseException as problem:
            text = json.dumps({"raised": [type(problem).__name__, str(problem)[:4000]]})
        with os.fdopen(write, "w", encoding="utf-8") as pipe:
            pipe.write(text)
        sys.stderr.flush()
        # No exit handlers: what they would clean up is the parent's.
        os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8", errors="replace") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status or not text:
        raise ForkError("ChildProcessError", f"the process that tried it ended with status {_ending(status)}")
    answered = json.loads(text)
    if "raised" in answered:
        raise ForkError(*answered["raised"])
    return answered["value"]


def _ending(status: int) -> str:
    """The status of a process that ended, with the signal's name where one ended it."""
    code = os.waitstatus_to_exitcode(status)
    with suppress(ValueError):
        return f"{code} ({signal.Signals(-code).name})"
    return str(code)


@cache
def _rehearsal() -> ModuleType:
    """The script of the rehearsal, which lies beside this one: no import finds it in the trainer's Python."""
    spec = spec_from_file_location("vlmbench_rehearsal", Path(__file__).with_name("rehearsal.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rehearsed(recipe: Path) -> dict[str, Any]:
    """The loader's answer for a recipe, from a copy of this process, in which axolotl is imported once for all."""
    script = _rehearsal()
    with suppress(Exception):
        # What cannot be imported the copy says, as the answer.
        script.warm()
    try:
        answered: dict[str, Any] = in_a_fork(lambda: script.rehearse(recipe), _REHEARSAL_SECONDS)
    except ForkError as problem:
        refused = {"stage": "process", "type": problem.kind, "message": str(problem), "keys": []}
        return {"schema": script.SCHEMA, "versions": versions(), "refused": refused | {"environment": True, "at": ""}}
    return answered


@contextmanager
def _as_started_in(folder: str, *importable: str) -> Iterator[None]:
    """In this working directory, with these folders as the last places of modules; as it was afterwards."""
    environment, path, modules = dict(os.environ), list(sys.path), set(sys.modules)
    os.chdir(folder)
    sys.path += [one for one in importable if one not in sys.path]
    try:
        yield
    finally:
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules.get(name), "__file__", None) or ""
            # The next recipe may have another plugin of that name.
            if any(file.startswith(os.path.join(one, "")) for one in importable):
                del sys.modules[name]


def reply(question: dict[str, Any]) -> dict[str, Any]:
    """The answer to a question of the protocol."""
    replaced = {key: question[key] for key in ("model", "data") if question.get(key)}
    with tempfile.TemporaryDirectory(prefix="vlmbench-ask-") as scratch:
        recipe = Path(scratch) / "recipe.yaml"
        recipe.write_text(question["recipe"], encoding="utf-8")
        for name, text in question.get("files", {}).items():
            (Path(scratch) / name).write_text(text, encoding="utf-8")
        # As it is in training: the recipe's own folder first.
        places = [one for one in (question.get("beside"), scratch) if one]
        with _as_started_in(question["folder"], *places):
            if question["what"] == "rehearsal":
                found = {"rehearsal": rehearsed(recipe), "spent": not hasattr(os, "fork")}
                return {"schema": SCHEMA, "consumer": "axolotl", "versions": versions(), "refused": None} | found
            return answer(
                recipe, list(question["rows"]), dataset=question["dataset"], what=question["what"], replaced=replaced
            )


def serve() -> int:
    """Answer questions until stdin ends. The first line that is written says which versions answer."""
    # What axolotl prints, in C too, goes to stderr, and what it reads comes from nowhere.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    questions = os.dup(0)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)

    def say(payload: dict[str, Any]) -> None:
        answers.write(json.dumps(payload) + "\n")
        answers.flush()

    say({"schema": SCHEMA, "consumer": "axolotl", "versions": versions(), "python": sys.version.split()[0]})
    left = b""
    while True:
        while b"\n" not in left:
            if os.name == "posix" and not select.select([questions], [], [], _IDLE_SECONDS)[0]:
                return 0
            more = os.read(questions, 1 << 16)
            if not more:
                return 0
            left += more
        line, _, left = left.partition(b"\n")
        question = json.loads(line)
        try:
            payload = reply(question)
        except Exception as problem:
            # The question itself is at fault: its folder is not there, say.
            payload = {"schema": SCHEMA, "consumer": "axolotl", "versions": versions(), "rows": [], "passing": True}
            payload["refused"] = _refusal("question", problem)
        say(payload)


def main(arguments: list[str]) -> int:
    """Run as a script."""
    quiet(offline="--offline" in arguments)
    return serve()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
