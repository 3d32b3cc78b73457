"""The configuration file of another trainer: TRL, LLaMA-Factory or ms-swift, told from an axolotl recipe by its keys.

TRL and LLaMA-Factory read YAML; ms-swift is given arguments, in a shell script or as YAML or JSON. Nothing is run.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import InputError, Where
from workbench.files import read_limited
from workbench.recipe.yaml.read import MAX_BYTES, Parsed

TITLES = {
    "axolotl": "axolotl",
    "trl": "TRL",
    "llamafactory": "LLaMA-Factory",
    "ms-swift": "ms-swift",
    "unsloth_zoo": "unsloth",
    "nemo_automodel": "NeMo AutoModel",
}
"""Trainers by the name of their package, as their makers write them."""
_LLAMAFACTORY = {
    *("stage", "finetuning_type", "dataset_dir", "media_dir", "cutoff_len", "template", "lora_target"),
    *("mask_history", "train_on_prompt", "image_max_pixels"),
}
_TRL = {
    *("dataset_name", "datasets", "dataset_train_split", "max_length", "assistant_only_loss", "completion_only_loss"),
    *("dataset_text_field", "use_peft", "lora_r", "lora_target_modules", "chat_template_path"),
}
_SWIFT = {
    *("tuner_type", "train_type", "dataset", "split_dataset_ratio", "loss_scale", "template", "target_modules"),
    *("torch_dtype", "lora_rank", "freeze_vit", "max_length"),
}
_COMMAND = re.compile(r"(?:^|[\s;&|/])(swift|trl)\s+(\w+)(?=\s)")


@dataclass(frozen=True, slots=True)
class TrainerFile:
    """A file of another trainer. `values`: its settings by the trainer's names; `folder`: where it lies."""

    trainer: str
    path: Path
    values: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The trainer's name as its makers write it."""
        return TITLES[self.trainer]

    @property
    def model(self) -> str:
        """The model: a hub id, or the path of a folder, which may lie beside the file.

        Raises:
            InputError: the file names none.
        """
        key = "model" if self.trainer == "ms-swift" else "model_name_or_path"
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            raise InputError(
                f"This {self.title} file names no model",
                "",
                f"Write {key}, or give --model.",
                Where(str(self.path), field=key),
            )
        return self.beside(value)

    def beside(self, name: str) -> str:
        """A path as an absolute one where it is found from the working directory, or from the file's folder or one
        above it; else the name as it is."""
        if os.path.isabs(name):
            return name
        for folder in (Path.cwd(), *self.path.absolute().parents):
            if (folder / name).exists():
                return str((folder / name).absolute())
        return name

    def where(self, field: str) -> Where:
        """The place of a setting."""
        return Where(str(self.path), field=field)


def read_trainer_file(path: str | os.PathLike[str]) -> TrainerFile | None:
    """The file of another trainer; None where it is an axolotl recipe, or nothing that is known.

    Raises:
        InputError: the file cannot be read, or is one for another kind of training than supervised fine-tuning.
    """
    file = Path(path)
    data = read_limited(file, MAX_BYTES, "The recipe cannot be opened", shown=str(file))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Who reads it as a recipe says at which byte.
        return None
    if file.suffix in (".sh", ".bash") or text.startswith("#!"):
        found = _of_script(text, file)
    else:
        try:
            values = Parsed(text, str(file)).data
        except InputError:
            return None
        trainer = trainer_of(values)
        found = TrainerFile(trainer, file, values) if trainer else None
    if found is not None:
        _refuse_other_training(found)
    return found


def trainer_of(values: Mapping[Any, Any]) -> str:
    """The trainer whose settings these are; "" where they are axolotl's, or nobody's."""
    keys = {key for key in values if isinstance(key, str)}
    if "base_model" in keys:
        return ""
    if "model_name_or_path" in keys:
        if keys & _LLAMAFACTORY:
            return "llamafactory"
        return "trl" if keys & _TRL else ""
    return "ms-swift" if isinstance(values.get("model"), str) and keys & _SWIFT else ""


def _of_script(text: str, file: Path) -> TrainerFile | None:
    """The first `swift sft` or `trl sft` of a shell script, with its options. Variables stay as they are written."""
    joined = re.sub(r"\\\r?\n", " ", text)
    for line in joined.splitlines():
        found = _COMMAND.search(line) if not line.lstrip().startswith("#") else None
        if found is None:
            continue
        try:
            words = shlex.split(line[found.end() :], comments=True)
        except ValueError as problem:
            hint = "Correct the quotes of this command."
            raise InputError("The command cannot be read", str(problem), hint, Where(str(file))) from None
        values = _options(words, file)
        trainer = "ms-swift" if found[1] == "swift" else "trl"
        return TrainerFile(trainer, file, values | {"stage": found[2]})
    return None


def _options(words: list[str], file: Path) -> dict[str, Any]:
    """Words such as `--key value value` by key; a `--config` file gives those that the command does not."""
    values: dict[str, Any] = {}
    key = ""
    for word in words:
        if word in ("|", ">", "2>&1", "&", "&&", ";"):
            break
        if word.startswith("--"):
            key, mark, value = word[2:].partition("=")
            key = key.replace("-", "_")
            values[key] = value if mark else True
        elif key:
            before = values[key]
            values[key] = word if before is True else [*([before] if isinstance(before, str) else before), word]
    config = values.pop("config", None)
    if isinstance(config, str):
        place = TrainerFile("trl", file, {}).beside(config)
        inner = Parsed(
            read_limited(Path(place), MAX_BYTES, "The configuration cannot be opened").decode("utf-8", "replace"), place
        )
        values = {**inner.data, **values}
    return values


def _refuse_other_training(file: TrainerFile) -> None:
    """Stop at files for preference training and the like: their rows have no labels of a chat."""
    stage = str(file.values.get("stage", "sft"))
    kind = file.values.get("rlhf_type") or (stage if stage != "sft" else "")
    if kind:
        raise InputError(
            f"This {file.title} file trains by {kind}",
            "Masks are shown of supervised fine-tuning (sft).",
            "Give a file for sft.",
            file.where("rlhf_type" if file.values.get("rlhf_type") else "stage"),
        )
