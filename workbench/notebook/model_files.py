"""A tokenizer, a processor or a configuration that is already in Python, kept as the folder of a model without weights.

The overfit run's own process, and axolotl where it is asked, read the same folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, cast

from workbench.errors import InputError
from workbench.notebook.arguments import wrong
from workbench.paths import state_dir

Part = Literal["processor", "tokenizer", "configuration", "model"]


class Savable(Protocol):
    """A tokenizer, a processor or a configuration of transformers, as far as it is needed here."""

    def save_pretrained(self, save_directory: str, /) -> object: ...


Model: TypeAlias = str | os.PathLike[str] | Savable | Sequence[Savable]
"""The model that `open` takes: a hub id, a folder, or a tokenizer, a processor, a configuration, or several."""

WANTED = "a hub id, a folder, or a tokenizer, a processor or a configuration of transformers"
_CLASSES: dict[str, Part] = {
    "ProcessorMixin": "processor",
    "PreTrainedTokenizerBase": "tokenizer",
    "PreTrainedConfig": "configuration",
    "PretrainedConfig": "configuration",
    "PreTrainedModel": "model",
}
_SMALL = ("config.json", "generation_config.json")


def part_of(value: object) -> Part | None:
    """The part of a model that an object of transformers is; None for everything else. Nothing is imported."""
    return next((_CLASSES[base.__name__] for base in type(value).__mro__ if base.__name__ in _CLASSES), None)


def is_model(value: object) -> bool:
    """True for a part of a model, and for several in a list or tuple."""
    if isinstance(value, list | tuple):
        return bool(value) and all(part_of(one) is not None for one in value)
    return part_of(value) is not None


def as_folder(model: object) -> str:
    """The folder or hub id of a model: a text or path as it is, else the folder that its parts are written to.

    The folder is named after what it holds. Where no configuration is given, that of the folder that the tokenizer was
    loaded from is taken, if it is on this machine.

    Raises:
        InputError: it is no model, two parts of one kind, a model with its weights, or no tokenizer is among them.
    """
    if isinstance(model, str | os.PathLike):
        return os.fsdecode(model)
    parts = _parts(model)
    folder = state_dir() / "models"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".model.", dir=folder))
    except OSError as problem:
        raise _not_kept(problem, folder) from None
    try:
        _write(parts, made)
        target = folder / _digest(made)
        if not target.is_dir():
            os.replace(made, target)
        return str(target)
    except OSError as problem:
        raise _not_kept(problem, folder) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _not_kept(problem: OSError, folder: Path) -> InputError:
    cause = f"{problem.strerror or problem} ({folder})."
    return InputError("The model's files cannot be kept", cause, "VLMBENCH_STATE names another folder.")


def _parts(model: object) -> dict[Part, Savable]:
    found: dict[Part, Savable] = {}
    for one in model if isinstance(model, list | tuple) else [model]:
        part = part_of(one)
        if part is None:
            raise wrong("model", one, WANTED)
        if part == "model":
            cause = "The bench looks at a model without its weights, and trains it in a process of its own."
            raise InputError("A loaded model is not taken", cause, "Give its folder or hub id, or its processor.")
        if part in found:
            raise InputError(f"There are two of a kind: {part}", hint="Give one of each.")
        found[part] = cast(Savable, one)
    if not found.keys() & {"processor", "tokenizer"}:
        cause = "A configuration has no vocabulary, and nothing can be rendered."
        raise InputError("No tokenizer is given", cause, "Give model=[configuration, processor], or a folder.")
    return found


def _write(parts: dict[Part, Savable], folder: Path) -> None:
    order: tuple[Part, ...] = ("processor", "tokenizer", "configuration")
    for part in order:
        if part not in parts:
            continue
        try:
            # A tokenizer beside a processor is written last of the two, and is the one that is used.
            parts[part].save_pretrained(str(folder))
        except Exception as problem:
            cause = " ".join(str(problem).split())[:300]
            raise InputError(f"This {part} cannot be saved", cause, "Give the model's folder or hub id.") from None
    if "configuration" not in parts:
        home = next((home for one in parts.values() for home in _homes(one)), None)
        for name in _SMALL if home is not None else ():
            if home is not None and (home / name).is_file():
                shutil.copyfile(home / name, folder / name)


def _homes(part: object) -> Iterator[Path]:
    """Folders on this machine that a part was loaded from."""
    for holder in (part, getattr(part, "tokenizer", None)):
        name = getattr(holder, "name_or_path", None)
        if not isinstance(name, str) or not name:
            continue
        if (Path(name) / _SMALL[0]).is_file():
            yield Path(name)
            continue
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            kept = try_to_load_from_cache(name, _SMALL[0])
        except HFValidationError:
            continue
        if isinstance(kept, str):
            yield Path(kept).parent


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:16]
