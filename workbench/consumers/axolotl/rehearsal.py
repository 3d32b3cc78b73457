"""axolotl's loader, rehearsed: from a recipe file to the model with its adapters, without weights and without a GPU.

axolotl's own code runs all the way: validator, normalisation, tokenizer, patches, `ModelLoader.load` and freezing, with
transformers' `from_pretrained` inside. What is imitated is what this machine lacks: a GPU's capabilities, bf16, flash
attention, and the weights, which are one empty file; every parameter stays on the meta device.

Two things cannot be seen so: the sizes of parameters that are quantized, and keys of a checkpoint that fit no module.

This file runs inside the Python of the environment that trains, beside `worker.py`, which answers for a recipe in a
copy of its own process: axolotl's patches stay in the process that made them. It imports the standard library alone
until it imports axolotl.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

SCHEMA = "vlmbench.rehearsal/1"
# A GPU on which nothing is refused for its age.
CAPABILITIES = {"bf16": True, "fp8": True, "tf32": True, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_90"}
_LACKS = ("CUDA", "No GPU", "AMP is not supported", "no NVIDIA driver", "is not installed", "pip install")


class Stage:
    """The stage that is under way; after an exception, the innermost that it came out of."""

    def __init__(self) -> None:
        self.name = "import"
        self._failed = False

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Name the stage for what runs inside."""
        outer, self.name = self.name, name
        try:
            yield
        except BaseException:
            self._failed = True
            raise
        finally:
            if not self._failed:
                self.name = outer

    def within(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as a stage."""

        @functools.wraps(function)
        def staged(*args: Any, **kwargs: Any) -> Any:
            with self.at(name):
                return function(*args, **kwargs)

        return staged


def without_gpu() -> None:
    """Hide the GPUs from what is to come, in this process too: it may have looked for them before.

    One thread, because the threads of the process that this one was copied from are not in it.
    """
    import torch

    os.environ.update(CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1")
    torch.set_num_threads(1)
    torch.cuda.is_available = lambda: False
    torch.cuda.device_count = lambda: 0


def warm() -> None:
    """Import what every rehearsal needs, so that forked processes have it."""
    from importlib import import_module

    for module in ("axolotl.cli.config", "axolotl.loaders.model", "axolotl.train"):
        import_module(module)


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute with another value, where the owner has it; set back afterwards."""
    if not hasattr(owner, name):
        yield
        return
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def without_weights(scratch: Path) -> Iterator[None]:
    """Let `from_pretrained` run without a checkpoint, and leave every parameter on the meta device."""
    import torch
    from safetensors.torch import save_file
    from transformers import PreTrainedModel, modeling_utils

    empty = scratch / "empty.safetensors"
    save_file({}, empty, metadata={"format": "pt"})
    resize = PreTrainedModel.resize_token_embeddings

    def resized(model: Any, *args: Any, **kwargs: Any) -> Any:
        with torch.device("meta"):
            return resize(model, *args, **kwargs | {"mean_resizing": False})

    meta = {"": torch.device("meta")}
    with ExitStack() as stack:
        for owner, name, value in (
            (modeling_utils, "_get_resolved_checkpoint_files", lambda *args, **kwargs: ([str(empty)], None)),
            (modeling_utils, "check_and_set_device_map", lambda device_map: dict(meta)),
            (modeling_utils, "log_state_dict_report", lambda *args, **kwargs: None),
            # What these two fill is what a checkpoint would; 4-bit parameters would be lost in it.
            (PreTrainedModel, "_move_missing_keys_from_meta_to_device", lambda *args, **kwargs: None),
            (PreTrainedModel, "_initialize_missing_keys", lambda *args, **kwargs: None),
            (PreTrainedModel, "resize_token_embeddings", resized),
        ):
            stack.enter_context(replaced(owner, name, value))
        yield


@contextmanager
def as_if_on_a_gpu() -> Iterator[None]:
    """Let the loader believe in bf16 and flash attention, and in CUDA where it patches single models for it."""
    import torch
    from axolotl.loaders.patch_manager import PatchManager
    from axolotl.utils import config
    from transformers import modeling_flash_attention_utils, modeling_utils

    patches = PatchManager._apply_model_specific_patches

    def on_cuda(manager: Any) -> Any:
        with replaced(torch.cuda, "is_available", lambda: True):
            return patches(manager)

    matrix = getattr(modeling_flash_attention_utils, "FLASH_ATTENTION_COMPATIBILITY_MATRIX", {})
    with ExitStack() as stack:
        stack.enter_context(replaced(config, "is_torch_bf16_gpu_available", lambda: True))
        stack.enter_context(replaced(PatchManager, "_apply_model_specific_patches", on_cuda))
        stack.enter_context(replaced(modeling_utils, "lazy_import_flash_attention", lambda *args, **kwargs: None))
        for entry in matrix.values():
            before = entry["general_availability_check"]
            entry["general_availability_check"] = lambda *args, **kwargs: True
            stack.callback(entry.__setitem__, "general_availability_check", before)
        yield


@contextmanager
def staged(stage: Stage) -> Iterator[None]:
    """Let the parts of axolotl's loader name the stage while they run."""
    import torch
    from axolotl import train
    from axolotl.loaders import model
    from axolotl.loaders.patch_manager import PatchManager

    load_adapter, load_processor = model.load_adapter, train.load_processor

    def optional(*args: Any, **kwargs: Any) -> Any:
        # The collator's answer tells of a processor that cannot be had; the loader goes on without.
        try:
            return load_processor(*args, **kwargs)
        except Exception:
            return None

    def on_meta(*args: Any, **kwargs: Any) -> Any:
        with torch.device("meta"):
            return load_adapter(*args, **kwargs)

    parts = (
        (train, "load_tokenizer", "tokenizer"),
        (model, "load_model_config", "config"),
        (PatchManager, "apply_pre_model_load_patches", "patches"),
        (PatchManager, "_apply_self_attention_lora_patch", "kernels"),
        (model.ModelLoader, "_apply_pre_model_load_setup", "settings"),
        (model.ModelLoader, "_build_model", "model"),
        (model.ModelLoader, "_resize_token_embeddings", "embeddings"),
        (model.ModelLoader, "_load_adapters", "adapters"),
        (PatchManager, "apply_post_model_load_patches", "kernels"),
        (train, "freeze_layers_except", "freezing"),
        (train, "freeze_mm_modules", "freezing"),
    )
    with ExitStack() as stack:
        stack.enter_context(replaced(model, "load_adapter", on_meta))
        stack.enter_context(replaced(train, "load_processor", optional))
        for owner, name, told in parts:
            if hasattr(owner, name):
                stack.enter_context(replaced(owner, name, stage.within(told, getattr(owner, name))))
        yield


def configured(path: Path, stage: Stage) -> Any:
    """The recipe as `axolotl.cli.config.load_cfg` gives it, on a GPU, without its log files and trackers."""
    import torch
    import yaml
    from axolotl.cli import config as cli
    from axolotl.utils.config import normalize_cfg_datasets, normalize_config, prepare_plugins, validate_config
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.trainer import prepare_optim_env

    with stage.at("validate"):
        cfg = DictDefault(yaml.safe_load(path.read_text(encoding="utf-8")))
        cfg.axolotl_config_path = str(path)
        # A plugin that lies beside the recipe is found as it is by `axolotl train`, which is started there.
        if (folder := str(path.resolve().parent)) not in sys.path:
            sys.path.append(folder)
        prepare_plugins(cfg)
        cfg = validate_config(
            cfg,
            capabilities=dict(CAPABILITIES),
            env_capabilities={"torch_version": str(torch.__version__).split("+", maxsplit=1)[0]},
        )
    with stage.at("normalize"):
        prepare_optim_env(cfg)
        normalize_config(cfg)
        normalize_cfg_datasets(cfg)
        if hasattr(cli, "plugin_set_cfg"):
            cli.plugin_set_cfg(cfg)
    return cfg


def rehearse(path: Path) -> dict[str, Any]:
    """The result of loading a recipe, for JSON.

    `refused` is None, or {stage, type, message, environment, keys}: `environment` is true where this machine is what
    lacks something, `keys` are the recipe's keys that the validator names. Else `loader` and `model_class` are names
    of classes; `modules` and `parameters` the names of what has an adapter; `trained` the number of values of each
    trained parameter, `frozen` the adapters' parameters that are not trained; `attention` the backend of each part
    that is a model of its own, by name ("" is the whole); `embeddings` the number of rows of the input embeddings;
    `loss_by_tokens` is how its trainer divides a step's loss, or null where no trainer could be made.
    """
    from importlib.metadata import version

    payload: dict[str, Any] = {"schema": SCHEMA, "versions": {}, "refused": None}
    stage = Stage()
    try:
        for package in ("axolotl", "transformers", "torch", "peft"):
            payload["versions"][package] = version(package)
        without_gpu()
        warm()
        with tempfile.TemporaryDirectory() as scratch, as_if_on_a_gpu(), without_weights(Path(scratch)), staged(stage):
            payload |= _loaded(configured(path, stage), stage)
    except Exception as problem:
        payload["refused"] = _refusal(stage.name, problem)
    return payload


def _loaded(cfg: Any, stage: Stage) -> dict[str, Any]:
    from axolotl import train
    from axolotl.loaders.model import ModelLoader
    from transformers import PreTrainedModel

    if cfg.get("qlora_sharded_model_loading"):
        # The first rank would send the others their parts, of the same model; here there is one process.
        cfg["qlora_sharded_model_loading"] = False
        if cfg.get("fsdp_config"):
            cfg["fsdp_config"]["cpu_ram_efficient_loading"] = False
        os.environ.pop("FSDP_CPU_RAM_EFFICIENT_LOADING", None)
    loaders: list[Any] = []
    build = ModelLoader._build_model

    def remembered(loader: Any) -> Any:
        loaders.append(loader)
        return build(loader)

    with stage.at("model"), replaced(ModelLoader, "_build_model", remembered):
        model = train.setup_model_and_tokenizer(cfg)[0]
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    tuner = getattr(model, "base_model", None) if base is not model else None
    named = dict(model.named_parameters())
    marks = ("lora_", ".modules_to_save.", "trainable_tokens_")
    adapted = [name for name in named if any(mark in name for mark in marks)]
    entry = base.get_input_embeddings() if hasattr(base, "get_input_embeddings") else None
    loader = loaders[0]
    kwargs = cfg.gradient_checkpointing_kwargs or {}
    return {
        "loader": loader.model_type if loader.model_type else loader.auto_model_loader.__name__,
        "model_class": type(base).__name__,
        "modules": list(dict.fromkeys(getattr(tuner, "targeted_module_names", ()))),
        "parameters": list(dict.fromkeys(getattr(tuner, "targeted_parameter_names", ()))),
        "trained": {name: parameter.numel() for name, parameter in named.items() if parameter.requires_grad},
        "frozen": [name for name in adapted if not named[name].requires_grad],
        "use_reentrant": kwargs.get("use_reentrant") if cfg.gradient_checkpointing else None,
        "attention": {
            name: str(getattr(part.config, "_attn_implementation", None))
            for name, part in base.named_modules()
            if isinstance(part, PreTrainedModel)
        },
        "embeddings": getattr(entry, "num_embeddings", None),
        "loss_by_tokens": _trainers_answer(model),
    }


def loss_by_tokens(model: Any, folder: str) -> bool:
    """True where axolotl's trainer divides the loss of a step by all its trained tokens.

    False where it takes the mean over the micro batches of their means: then a token of a short row weighs more. The
    trainer itself decides when it is made; the model may be on the meta device.
    """
    from axolotl.core.trainers.base import AxolotlTrainer
    from axolotl.core.training_args import AxolotlTrainingArguments

    class Elsewhere(AxolotlTrainingArguments):  # type: ignore[misc]
        # What has no data cannot be moved to a device.
        place_model_on_device = False

    arguments = Elsewhere(output_dir=folder, report_to=[], use_cpu=True)
    return bool(AxolotlTrainer(model=model, args=arguments).model_accepts_loss_kwargs)


def _trainers_answer(model: Any) -> bool | None:
    """The answer of `loss_by_tokens`; None where no trainer can be made here, which says nothing of the recipe."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            return loss_by_tokens(model, folder)
    except Exception:
        return None


def _refusal(stage: str, problem: Exception) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError

    message = str(problem)
    # A part of axolotl that is not there is a name that the recipe has wrong.
    misnamed = "No module named 'axolotl" in message
    lacks = isinstance(problem, (ImportError, PackageNotFoundError, OSError)) and not misnamed
    errors = problem.errors() if hasattr(problem, "errors") and callable(problem.errors) else ()
    keys = [str(one["loc"][0]) for one in errors if isinstance(one, dict) and one.get("loc")]
    if errors:
        message = "; ".join(str(one.get("msg", "")).removeprefix("Value error, ") for one in errors) or message
    frames = traceback.extract_tb(problem.__traceback__)
    return {
        "stage": stage,
        "type": type(problem).__name__,
        "message": message,
        "environment": lacks or any(word in message for word in _LACKS) or stage == "import",
        "keys": keys,
        "at": f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "",
    }
