"""Folders: those that the bench ships, those of its state (working copies, runs, …) and cache; and a model's own."""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_APP = "vlmbench"
PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")


def has_processor(path: Path) -> bool:
    """True where a model's folder describes a processor: it holds one of a processor's files."""
    return any((path / name).is_file() for name in PROCESSOR_FILES)


def specs_dir() -> Traversable:
    """The folder of family specs, one YAML file each."""
    return _shipped("specs")


def sample_dir() -> Path:
    """The folder of the embedded demo: recipe, conversations, pictures and model."""
    return Path(str(_shipped("sample_data")))


def _shipped(name: str) -> Traversable:
    """A folder that ships with the bench: inside the package in a wheel, beside it in a checkout."""
    package = files("workbench")
    inside = package / name
    if inside.is_dir():
        return inside
    return Path(str(package)).parent / name


def state_dir() -> Path:
    """The folder of everything kept: `VLMBENCH_STATE`, or the platform's own. Not created."""
    if chosen := os.environ.get("VLMBENCH_STATE"):
        return Path(chosen)
    from platformdirs import user_state_path

    return user_state_path(_APP, appauthor=False)


def cache_dir() -> Path:
    """The folder of what can be made again: `VLMBENCH_CACHE`, or the platform's own. Not created."""
    if chosen := os.environ.get("VLMBENCH_CACHE"):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path(_APP, appauthor=False)


def recipe_key(name: str, path: Path | None = None) -> str:
    """A folder name for one recipe: readable, and different for recipes of one name in different places."""
    whole = str(path.resolve()) if path is not None else name
    stem = "".join(char if char.isalnum() or char in "-_." else "-" for char in (path or Path(name)).stem)[:40]
    return f"{stem.strip('.-') or 'recipe'}-{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def recipe_dir(name: str, path: Path | None = None) -> Path:
    """The folder of one recipe's state: runs, working copy, what the screens showed. Not created."""
    return state_dir() / "recipes" / recipe_key(name, path)
