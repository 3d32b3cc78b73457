"""The bench in a notebook: `bench = workbench.open("config.yaml")`, and everything that is asked of it shows itself."""

from __future__ import annotations

from workbench.notebook.knowledge import explain, known_families
from workbench.notebook.session import Session, open

__all__ = ["Session", "explain", "known_families", "open"]
