"""Arguments of the notebook's functions: each is tried before anything is done with it, and a wrong one is named."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import InputError


def wrong(name: str, value: object, wanted: str) -> InputError:
    """The error for an argument of another kind than the one that is wanted."""
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:59]}…"
    return InputError(f"{name} cannot be {shown}", f"It is of type {type(value).__name__}.", f"Give {wanted}.")


def whole(name: str, value: Any, *, least: int = 0) -> int:
    """A whole number, also one of numpy's.

    Raises:
        InputError: it is none, or less than `least`.
    """
    wanted = f"a whole number from {least}"
    if isinstance(value, bool):
        raise wrong(name, value, wanted)
    try:
        number = operator.index(value)
    except TypeError:
        raise wrong(name, value, wanted) from None
    if number < least:
        raise InputError(f"{name} cannot be {number}", hint=f"Give {wanted}.")
    return number


def maybe_whole(name: str, value: Any, *, least: int = 0) -> int | None:
    """A whole number or None; see `whole`."""
    return None if value is None else whole(name, value, least=least)


def rows(name: str, value: Any) -> int | list[int]:
    """A number of rows from 1, or the numbers of rows.

    Raises:
        InputError: it is neither, or none.
    """
    if isinstance(value, list | tuple | range) and len(value):
        return [whole(f"a row of {name}", row) for row in value]
    return whole(name, value, least=1)


def positive(name: str, value: Any) -> float | None:
    """A number above 0, or None.

    Raises:
        InputError: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise wrong(name, value, "a number above 0")
    return float(value)


def file(name: str, value: Any) -> Path | None:
    """A path, or None.

    Raises:
        InputError: it is neither, or empty.
    """
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise wrong(name, value, "the path of a file")
    return Path(os.fsdecode(value))


def key(name: str, value: Any) -> str:
    """The dotted name of a key.

    Raises:
        InputError: it is no text, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise wrong(name, value, 'a key of the recipe, such as "datasets.0.path"')
    return value


def device(name: str, value: Any) -> str:
    """A device as `overfit` takes it.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, str) or not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise wrong(name, value, '"auto", "cpu", "cuda", "cuda:1" or "mps"')
    return value


def codes(name: str, value: Any) -> tuple[str, ...]:
    """Codes or beginnings of codes, as a text with commas or as several.

    Raises:
        InputError: one of them is none.
    """
    from workbench.checks.registry import patterns, refuse_unknown

    listed: Sequence[Any] = [value] if isinstance(value, str) else value
    if not isinstance(listed, Collection) or not all(isinstance(one, str) for one in listed):
        raise wrong(name, value, 'codes or beginnings of codes, such as ["M", "T007"]')
    found = patterns(listed)
    refuse_unknown(found)
    return found
