"""The chat templates that axolotl bundles, by version, as sha256: for when there is no axolotl at hand.

The data is `axolotl_templates.json`, written by `conformance/axolotl_templates.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def table() -> Mapping[str, Mapping[str, str]]:
    """Version -> name -> sha256 of the text in UTF-8, the oldest version first."""
    known: dict[str, dict[str, str]] = {}
    now: dict[str, str] = {}
    stored = json.loads(files("workbench.recipe").joinpath("axolotl_templates.json").read_text("utf-8"))
    for version, changed in stored.items():
        now = {name: digest for name, digest in (now | changed).items() if digest is not None}
        known[version] = now
    return known


def newest() -> str:
    """The newest version in the table: statements about axolotl's templates refer to it."""
    return list(table())[-1]


def is_known(name: str) -> bool:
    """True where the newest version in the table bundles a template of this name."""
    return name in table()[newest()]


def is_bundled(name: str, text: str | None) -> bool:
    """True where a text is exactly what axolotl bundles under a name, as of the newest version in the table."""
    return text is not None and table()[newest()].get(name) == _digest(text)


def bundled_in(name: str, text: str) -> tuple[str, ...]:
    """The versions that bundle just this text under this name, the oldest first."""
    return tuple(version for version, known in table().items() if known.get(name) == _digest(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
