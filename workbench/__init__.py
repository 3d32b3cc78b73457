"""vlmbench: see, edit, check and prove a vision-language fine-tune before the GPU-days are spent.

In a notebook, `workbench.open(...)` gives the bench; see `workbench.notebook`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench.version import __version__ as __version__

if TYPE_CHECKING:
    from workbench.notebook import open as open


def __getattr__(name: str) -> Any:
    # By name, and only when asked for: the core does not import what stands on it, and starting stays fast.
    if name == "open":
        return import_module("workbench.notebook").open
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "open"]
