"""Models: where they lie, and what of them the bench needs. Never weights.

`load` gives tokenizer, processor and configuration as axolotl would have them; `Progress` is what it reports meanwhile.
Importing this package imports neither torch nor transformers.
"""

from __future__ import annotations

from workbench.models.hub import Progress, Source, resolve
from workbench.models.load import Loaded, load

__all__ = ["Loaded", "Progress", "Source", "load", "resolve"]
