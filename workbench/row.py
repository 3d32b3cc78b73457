"""One row on the bench, from raw to mask, and what decides the mask."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from workbench.errors import BenchError, InputError, Where
from workbench.findings import Emitter, Finding
from workbench.recipe.start_folder import starting_folder

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from workbench.consumers.protocol import Asked
    from workbench.data.conversation import Conversation
    from workbench.data.rows import RawRow
    from workbench.data.sources import RowSource
    from workbench.recipe.model import Recipe
    from workbench.recipe.yaml.document import Document
    from workbench.tokens.boundaries import RoleBoundary
    from workbench.tokens.mask import Mask
    from workbench.tokens.parts import MessageFlags
    from workbench.tokens.render import Renderer, Rendering
    from workbench.tokens.trace import Trace


class PartFlags(NamedTuple):
    """The keys under which the text path reads a message's own training flags; see `tokens.parts.message_flags`.

    `training` and `detail` are the first dataset's `message_field_training` and `message_field_training_detail`.
    """

    training: str | None = None
    detail: str | None = None


NOT_RENDERED = Emitter("T006", __name__)


@dataclass(frozen=True)
class Masking:
    """Everything that decides the mask of a row; see `workbench.tokens.mask.scan` and `Row.mask_under`.

    `flags`: what a row's own messages and parts ask for is followed, and found under these keys; None: the multimodal
    path, which ignores it.
    """

    boundaries: tuple[RoleBoundary, ...]
    roles_to_train: tuple[str, ...]
    train_on_eos: str
    train_on_inputs: bool
    pad_id: int | None
    media_ids: tuple[int, ...]
    terminator_ids: tuple[int, ...] = ()
    flags: PartFlags | None = None

    def scan(self, input_ids: npt.ArrayLike) -> Mask:
        """Mask one row `[L]` or a batch `[B, L]` of ids by the markers alone. Of a row, ask `Row.mask_under`."""
        from workbench.tokens.mask import gate_terminators, scan

        mask = scan(
            input_ids,
            self.boundaries,
            roles_to_train=self.roles_to_train,
            train_on_eos=self.train_on_eos,
            train_on_inputs=self.train_on_inputs,
            pad_id=self.pad_id,
            media_ids=self.media_ids,
        )
        return gate_terminators(mask, input_ids, self.terminator_ids, self.train_on_eos)


@dataclass(frozen=True)
class Losses:
    """The losses of one row in a run: `nll` float32 `[L]`, in nats, NaN where nothing was measured; `nll[i]` is the
    loss of predicting token i. `input_ids` int64 `[L]` are the ids it was measured on."""

    nll: npt.NDArray[np.float32]
    input_ids: npt.NDArray[np.int64]

    def on(self, input_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32] | None:
        """The losses for a row of these ids; None where the ids are others, so that no stale figure is shown."""
        import numpy as np

        same = self.nll.shape == self.input_ids.shape and np.array_equal(self.input_ids, input_ids)
        return self.nll if same else None


class RowContext(Protocol):
    """The part of a bench that a row uses."""

    renderer: Renderer
    recipe: Recipe
    rows: RowSource
    masking: Masking
    losses: dict[int, Losses]
    asked: Asked | None

    @property
    def document(self) -> Document: ...
    @property
    def recipe_dir(self) -> Path: ...
    @property
    def image_size(self) -> int | tuple[int, int] | None: ...


@dataclass
class Row:
    """One row of the data, from raw to mask; each step is computed when it is first asked for.

    Every step of a row that cannot be shown raises the same `BenchError`; `error` gives it as a finding.
    """

    bench: RowContext = field(repr=False)
    index: int
    raw: RawRow = field(repr=False)

    @cached_property
    def where(self) -> Where:
        """The row's place: file, line and row."""
        return Where(file=self.raw.source or None, line=self.raw.line, row=self.index)

    @cached_property
    def conversation(self) -> Conversation:
        """The messages exactly as axolotl hands them to the chat template."""
        from workbench.data.conversation import normalize

        if self.raw.data is None:
            problem = self.raw.error
            raise InputError(problem.message if problem else "This row cannot be read", where=self.where)
        bench = self.bench
        return normalize(
            self.raw.data,
            row=self.index,
            source=self.raw.source,
            line=self.raw.line,
            field_messages=bench.recipe.field_messages or None,
            image_size=bench.image_size,
            image_resize=bench.recipe.image_resize_algorithm,
            base_dir=self.raw.base_dir or bench.rows.base_dir,
            started_in=lambda: starting_folder(bench.document, bench.recipe_dir),
        )

    @cached_property
    def rendering(self) -> Rendering:
        """The conversation after the chat template and the processor."""
        return self.bench.renderer.render(self.conversation.messages, where=self.where)

    @property
    def mask(self) -> Mask:
        """The trained tokens and the reason for each token, under the bench's current masking."""
        masking = self.bench.masking
        if self._masked is None or self._masked[0] is not masking:
            self._masked = (masking, self.mask_under(masking))
        return self._masked[1]

    def mask_under(self, masking: Masking) -> Mask:
        """The row's mask with any masking: by the markers, then by the training flags of its messages."""
        ids = self.rendering.input_ids
        mask = masking.scan(ids)
        if flags := self.flags_under(masking):
            from workbench.tokens.parts import apply_flags

            mask = apply_flags(mask, self.trace, ids, flags, masking.train_on_eos)
        return mask

    def flags_under(self, masking: Masking) -> list[MessageFlags]:
        """Training flags of the row's own messages and parts; [] on axolotl's multimodal path, which ignores them."""
        if masking.flags is None:
            return []
        if masking.flags not in self.flags_by_keys:
            from workbench.tokens.parts import message_flags

            found = message_flags(self.conversation.messages, self.raw_messages, **masking.flags._asdict())
            self.flags_by_keys[masking.flags] = found
        return self.flags_by_keys[masking.flags]

    @property
    def raw_messages(self) -> list[Any]:
        """The raw row's message of each message of the conversation; None where there is none."""
        from workbench.data.conversation import messages_field

        conversation = self.conversation
        column = messages_field(conversation.raw, self.bench.recipe.field_messages or None)
        listed = conversation.raw.get(column) if column else None
        listed = listed if isinstance(listed, list) else []
        return [listed[at] if at < len(listed) else None for at in conversation.origin]

    _masked: tuple[Masking, Mask] | None = field(default=None, init=False, repr=False)

    @cached_property
    def trace(self) -> Trace:
        """The message, part and characters that each token came from."""
        from workbench.tokens.trace import trace

        return trace(
            self.rendering, self.conversation.messages, self.bench.renderer.prompt, pad_id=self.bench.masking.pad_id
        )

    @cached_property
    def error(self) -> Finding | None:
        """The reason why the row cannot be shown, or None."""
        if self.raw.error is not None:
            return self.raw.error
        try:
            _ = self.rendering
        except BenchError as problem:
            return as_finding(problem, self.where)
        return None

    @property
    def nll(self) -> npt.NDArray[np.float32] | None:
        """The loss of every token `[L]` in nats, NaN where not measured; None without a run on exactly these ids."""
        losses = self.bench.losses.get(self.index)
        return losses.on(self.rendering.input_ids) if losses is not None else None

    flags_by_keys: dict[PartFlags, list[MessageFlags]] = field(default_factory=dict, init=False, repr=False)
    """The training flags of the row's own messages and parts, by the names of the flag keys they were read with."""
    checked: tuple[Masking, list[Finding]] | None = field(default=None, init=False, repr=False)
    """The findings of `workbench.checks.row_checks.row_findings`, and the masking that they hold for."""

    def raw_message(self, index: int) -> int:
        """The place in the raw row of message `index` of the conversation: axolotl drops some."""
        origin = self.conversation.origin
        return origin[index] if 0 <= index < len(origin) else index


def as_finding(problem: BenchError, where: Where) -> Finding:
    """A problem with a row as a finding. Rows that cannot be normalised bring their own code."""
    from workbench.data.conversation import RowError

    if isinstance(problem, RowError):
        return problem.finding()
    text = f"{problem.title} ({problem.cause})" if problem.cause else problem.title
    return NOT_RENDERED("error", text, problem.hint, problem.where or where)
