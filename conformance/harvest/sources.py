"""The sha256 of axolotl's own source where the bench does what that source does: equal hashes need no second proof."""

from __future__ import annotations

import hashlib
import inspect
from typing import Any


def collect() -> dict[str, str]:
    """scanner, text_path -> sha256 of the source of the functions, or of the file."""
    from axolotl import processing_strategies as axolotl
    from axolotl.prompt_strategies import chat_template

    scanner: tuple[Any, ...] = (
        axolotl.RoleBoundary,
        axolotl._compute_role_keep_mask,
        axolotl._compute_role_keep_mask_vectorized,
        axolotl._resolve_role_boundary_override,
        axolotl.ProcessingStrategy._mask_non_assistant_keep,
        axolotl.ProcessingStrategy._mask_non_assistant,
        axolotl.ProcessingStrategy.process_labels,
    )
    return {
        "scanner": _hash("".join(map(inspect.getsource, scanner))),
        "text_path": _hash(inspect.getsource(chat_template)),
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
