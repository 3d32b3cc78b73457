"""Folders that ship with the bench: family specs and the embedded demo.

In a wheel both folders sit inside the package; in a checkout they sit beside it.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def _shipped(name: str) -> Traversable:
    package = files("workbench")
    inside = package / name
    if inside.is_dir():
        return inside
    return Path(str(package)).parent / name


def specs_dir() -> Traversable:
    """The folder of family specs, one YAML file each."""
    return _shipped("specs")


def sample_dir() -> Path:
    """The folder of the embedded demo: recipe, conversations, pictures and model."""
    return Path(str(_shipped("sample_data")))
