"""The row that the panes show, as columns. Whoever draws it imports this and no more: it is drawn before a bench is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.bench import Row
    from workbench.findings import Finding
    from workbench.tokens.boundaries import RoleBoundary
    from workbench.tokens.mask import Mask
    from workbench.tokens.render import Rendering
    from workbench.tokens.trace import Trace
    from workbench.tokens.turns import TextMasking
    from workbench.views.items import Glyphs, Turn


@dataclass(frozen=True)
class RowView:
    """One row: what was rendered, its mask and trace `[L]`, and what the panes need beside them.

    `roles[m]` is the role of message `m`. `built_in` names the strategy whose boundaries these are, or is empty where
    the recipe writes its own. `source` is the bench's row; `nll` what a run measured (see `Row.nll`); `pictures[run]`
    the picture of a media run. `path` is the recipe's path with its reason, `text` what decides the mask on the text
    path; None on the multimodal one. `unread` are the recipe's boundaries in short, where its path does not read them.
    `preliminary`: tokens from tokenizer.json while the processor is still loading; nothing is known of the mask.
    """

    index: int
    rendering: Rendering
    mask: Mask
    trace: Trace
    drawn: Glyphs
    roles: tuple[str, ...]
    turns: list[Turn]
    findings: list[Finding]
    boundaries: tuple[RoleBoundary, ...]
    roles_to_train: tuple[str, ...]
    train_on_eos: str
    built_in: str
    source: Row | None = None
    nll: npt.NDArray[np.float32] | None = None
    pictures: Mapping[int, Any] = field(default_factory=dict)
    path: str = ""
    text: TextMasking | None = None
    unread: tuple[str, ...] = ()
    preliminary: bool = False
