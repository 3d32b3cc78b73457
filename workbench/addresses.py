"""The addresses of the project, in the one place where they are written; pyproject.toml has the same.

The project has no public home yet. `.example` belongs to nobody and never will, so that no stranger can put something
there; whoever publishes the project changes HOME here and in pyproject.toml, and everything follows.
"""

from __future__ import annotations

HOME = "https://vlm-workbench.example"
DOCUMENTATION = f"{HOME}/docs"


def page_of(code: str) -> str:
    """The page of a finding's code."""
    return f"{DOCUMENTATION}/codes/{code}/"
