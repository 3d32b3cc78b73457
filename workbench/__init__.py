"""vlmbench: see, edit, check and prove a vision-language fine-tune before the GPU-days are spent.

In a notebook or script, `workbench.open(...)` gives the bench; `__all__` is the public API. Importing this loads
nothing: each name is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from workbench.version import __version__ as __version__

if TYPE_CHECKING:
    from workbench.errors import BenchError as BenchError
    from workbench.errors import EnvironmentProblem as EnvironmentProblem
    from workbench.errors import InputError as InputError
    from workbench.errors import Where as Where
    from workbench.findings import Finding as Finding
    from workbench.findings import Fix as Fix
    from workbench.notebook import Session as Session
    from workbench.notebook import explain as explain
    from workbench.notebook import known_families as known_families
    from workbench.notebook import open as open

_HOMES = {
    "BenchError": "errors",
    "EnvironmentProblem": "errors",
    "Finding": "findings",
    "Fix": "findings",
    "InputError": "errors",
    "Session": "notebook",
    "Where": "errors",
    "explain": "notebook",
    "known_families": "notebook",
    "open": "notebook",
}
__all__ = [
    "BenchError",
    "EnvironmentProblem",
    "Finding",
    "Fix",
    "InputError",
    "Session",
    "Where",
    "__version__",
    "explain",
    "known_families",
    "open",
]


def __getattr__(name: str) -> object:
    # By name, and only when asked for: the core does not import what stands on it, and starting stays fast.
    if name in _HOMES:
        return getattr(import_module(f"workbench.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
