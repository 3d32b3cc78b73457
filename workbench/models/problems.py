"""Errors that transformers raises while it loads a folder, in the bench's words."""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workbench import files
from workbench.errors import BenchError, EnvironmentProblem, InputError, Where
from workbench.models.hub import Source
from workbench.models.hub_errors import cause_chain

# The name to import, and the name to install.
PACKAGES = {
    "torchvision": "torchvision",
    "sentencepiece": "sentencepiece",
    "tiktoken": "tiktoken",
    "mistral_common": "mistral-common",
    "PIL": "pillow",
    "google.protobuf": "protobuf",
    "av": "av",
    "librosa": "librosa",
    "timm": "timm",
    "num2words": "num2words",
    "einops": "einops",
}
_NAMED = {"protobuf": "google.protobuf", "pil": "PIL", "pillow": "PIL", "mistral-common": "mistral_common"}
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NOT_FOUND = re.compile(r"packages? that (?:was|were) not found in your environment: ([\w., -]+?)\. ")
_REQUIRES = re.compile(r"requires the ([\w-]+) library", re.IGNORECASE)


def explain(error: BaseException, what: str, source: Source, path: Path, config: dict[str, Any]) -> BenchError:
    """The error as a `BenchError`: `what` is "configuration", "tokenizer" or "processor" of the model in `path`.

    A missing package, an architecture that this transformers lacks and remote code are of the environment; a broken
    file is too, in a hub model; in a user's own folder it is an `InputError` that names the file, line and column.
    """
    text = "\n".join(str(cause) for cause in cause_chain(error))
    if "trust_remote_code" in text or "custom code" in text:
        return _remote_code(source, path)
    package = _missing_package(error, text)
    if package:
        return EnvironmentProblem(
            f"the {what} of {source.text} needs the package {package}",
            f"{type(error).__name__}: {_gist(error)}",
            f"Install it: pip install {package}",
        )
    broken = _first_broken(path)
    if broken is not None:
        return broken_file(*broken, source)
    if "does not recognize this architecture" in text:
        return _unknown_architecture(source, config)
    kind = InputError if source.folder is not None else EnvironmentProblem
    return kind(
        f"the {what} of {source.text} cannot be loaded",
        f"{type(error).__name__}: {_gist(error)}",
        f"Does it load with transformers {_installed('transformers')} itself? Look at the files in {path}",
    )


def _remote_code(source: Source, path: Path) -> BenchError:
    return EnvironmentProblem(
        f"{source.text} needs code of its own",
        "Its classes are Python files in the repository, which transformers would run on this machine.",
        f"Read them first ({path}), then run again with --trust-remote-code.",
    )


def _unknown_architecture(source: Source, config: dict[str, Any]) -> BenchError:
    here = _installed("transformers")
    wanted = config.get("transformers_version")
    hint = f"It was saved with transformers {wanted}: pip install --upgrade 'transformers>={wanted}'" if wanted else ""
    return EnvironmentProblem(
        f"{source.text}: model_type {config.get('model_type')!r} is not known to transformers {here}",
        "The architecture is newer than the installed transformers, or the name is wrong.",
        hint or "Try a newer one: pip install --upgrade transformers",
    )


def _missing_package(error: BaseException, text: str) -> str | None:
    missing = [cause.name for cause in cause_chain(error) if isinstance(cause, ModuleNotFoundError) and cause.name]
    names = [name.split(".")[0] for name in missing]
    names += [match.split(".")[0] for match in _NO_MODULE.findall(text)]
    for found in _NOT_FOUND.findall(text):
        names += [name.strip() for name in found.split(",")]
    names += _REQUIRES.findall(text)
    unnamed = not names and any(isinstance(cause, ImportError) for cause in cause_chain(error))
    if unnamed or "backend tokenizer" in text:
        names += [name for name in PACKAGES if name.lower().replace("_", "-") in text.lower().replace("_", "-")]
    for name in names:
        module = _NAMED.get(name.lower(), name.lower() if name.lower() in PACKAGES else name)
        if not importable(module):
            return PACKAGES.get(module, module)
    return None


def importable(module: str) -> bool:
    """True where a module is installed; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _gist(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400] or "no message"


def _first_broken(path: Path) -> tuple[Path, Exception] | None:
    """The first JSON file at the top of a folder that does not parse. Read only after something went wrong."""
    for file in sorted(path.glob("*.json")):
        try:
            json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, OSError, RecursionError) as error:
            return file, error
    return None


_MOST_BYTES = 256 << 20
"""The largest tokenizer.json of today has 40 MB."""


def refuse_unreadable(folder: Path) -> None:
    """Stop before a library opens a file that is none, or that would take all memory.

    Raises:
        InputError: a small file of the model is a FIFO or a device, or larger than any model's.
    """
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix not in (".json", ".jinja", ".txt", ".model", ".tiktoken", ".spm"):
            continue
        files.refuse_special(file, f"{file.name} of the model cannot be read")
        if file.is_file() and file.stat().st_size > _MOST_BYTES:
            cause = f"It is larger than {_MOST_BYTES >> 20} MiB, and no model's is."
            hint = "Check the file, or copy it here again."
            raise InputError(f"{file.name} of the model is too large", cause, hint, Where(file=str(file)))


def broken_file(file: Path, error: Exception, source: Source) -> BenchError:
    """A file that cannot be read as what it is; with its line and column where they are known."""
    where = Where(file=str(file))
    cause = str(error)
    if isinstance(error, json.JSONDecodeError):
        where = Where(file=str(file), line=error.lineno, column=error.colno)
        size = file.stat().st_size if file.is_file() else 0
        cause = f"{error.msg}; the file has {size:,} bytes" + (
            " and ends there: it looks cut off." if error.pos >= len(error.doc.rstrip()) - 1 else "."
        )
    if source.folder is not None:
        return InputError(f"{file.name} is broken", cause, "Correct it, or copy it here again.", where)
    if file.is_symlink():
        where = Where(file=str(file.resolve()), line=where.line, column=where.column)
    return EnvironmentProblem(
        f"{source.text}: {file.name} is broken",
        cause,
        "Delete that file from the cache and run again; if it stays so, it is broken at the hub too.",
        where,
    )


def transformers_class(name: str, key: str) -> Any:
    """The class that a recipe key names.

    Raises:
        InputError: transformers has no such class.
    """
    import transformers

    try:
        return getattr(transformers, name)
    except AttributeError as error:
        close = difflib.get_close_matches(name, dir(transformers), n=2)
        raise InputError(
            f"{key}: transformers {transformers.__version__} has no {name}",
            hint=f"Did you mean {' or '.join(close)}?" if close else "Leave it out, or name a class of transformers.",
        ) from error
