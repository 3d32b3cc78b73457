"""One row on the bench, from raw to mask, and what decides the mask."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from workbench.data.row_notes import CORRECT_ROW
from workbench.errors import BenchError, InputError, Where
from workbench.findings import Emitter, Finding
from workbench.recipe.start_folder import starting_folder
from workbench.unexpected import placed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from workbench.consumers.protocol import Asked
    from workbench.data.conversation import Conversation
    from workbench.data.rows import RawRow
    from workbench.data.sources import RowSource
    from workbench.data.turns import TurnKeys
    from workbench.recipe.model import Recipe
    from workbench.recipe.path import TrainingPath
    from workbench.recipe.yaml.document import Document
    from workbench.tokens.boundaries import RoleBoundary
    from workbench.tokens.mask import Mask
    from workbench.tokens.render import Message, Renderer, Rendering
    from workbench.tokens.sentinels import LocatedParts
    from workbench.tokens.trace import Place, Trace
    from workbench.tokens.turns import Found, RowMask, TextMasking


NOT_RENDERED = Emitter("T006", __name__)
NOT_SHOWN = Emitter("D011", __name__)


class NotShown(InputError):
    """Rows whose labels are made by axolotl in a way that the bench does not follow: no mask is shown, and none is
    wrong."""


def not_shown(path: TrainingPath, where: Where) -> NotShown:
    """The reason why the rows of a path have no mask here."""
    if path.kind == "preference":
        title = f"preference data ({path.reason}): trained by comparing answers, without a mask like a chat's"
        return NotShown(title, hint="`vlmbench inspect` shows prompt, chosen and rejected as text.", where=where)
    title = f"asked of axolotl, not shown by the bench: {path.title}"
    hint = "With --axolotl-python PATH, `vlmbench inspect --plain` asks axolotl for the labels of these rows."
    return NotShown(title, hint=hint, where=where)


class MaskKnobs(TypedDict):
    """The settings of a mask beside its markers."""

    roles_to_train: tuple[str, ...]
    train_on_eos: str
    train_on_inputs: bool
    pad_id: int | None
    media_ids: tuple[int, ...]


@dataclass(frozen=True)
class Masking:
    """Everything that decides the mask of a row; see `workbench.tokens.mask.scan` and `Row.mask_under`.

    `text`: the masking of the text path, where markers, padding and media decide nothing; None: the multimodal path.
    """

    boundaries: tuple[RoleBoundary, ...]
    roles_to_train: tuple[str, ...]
    train_on_eos: str
    train_on_inputs: bool
    pad_id: int | None
    media_ids: tuple[int, ...]
    terminator_ids: tuple[int, ...] = ()
    text: TextMasking | None = None

    @property
    def knobs(self) -> MaskKnobs:
        """The settings beside the markers, as `scan` and `scan_ragged` of `workbench.tokens.mask` take them."""
        return {
            "roles_to_train": self.roles_to_train,
            "train_on_eos": self.train_on_eos,
            "train_on_inputs": self.train_on_inputs,
            "pad_id": self.pad_id,
            "media_ids": self.media_ids,
        }

    def scan(self, input_ids: npt.ArrayLike) -> Mask:
        """Mask one row `[L]` or a batch `[B, L]` of ids by the markers alone. Of a row, ask `Row.mask_under`."""
        from workbench.tokens.mask import gate_terminators, scan

        mask = scan(input_ids, self.boundaries, **self.knobs)
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
    path: TrainingPath
    turn_keys: TurnKeys
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
        with placed(self.where):
            return self._normalized()

    def measured(self) -> Row:
        """This row with the headers of its pictures in their place, to be given a rendering; itself where it has none.

        Raises:
            NeedsDecoding: a header does not tell enough.
            BenchError: as `conversation` does.
        """
        from workbench.data.picture_header import headers_of

        with placed(self.where):
            talk = self._normalized(headers_only=True)
        other = replace(self) if headers_of(talk.messages) else self
        other.__dict__["conversation"] = talk
        return other

    def _normalized(self, *, headers_only: bool = False) -> Conversation:
        from workbench.data.conversation import normalize

        if self.raw.data is None:
            problem = self.raw.error
            hint = (problem.hint if problem else "") or CORRECT_ROW
            raise InputError(problem.message if problem else "This row cannot be read", hint=hint, where=self.where)
        bench = self.bench
        if self._asked is not None:
            from workbench.data.conversation import Conversation

            return Conversation(self.index, [], [], [], self.raw.data, self.raw.source, self.raw.line)
        if bench.path.kind == "text":
            from workbench.data.turns import turns_of

            return turns_of(self.raw.data, bench.turn_keys, row=self.index, source=self.raw.source, line=self.raw.line)
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
            headers_only=headers_only,
        )

    @cached_property
    def rendering(self) -> Rendering:
        """The conversation after the chat template and the processor."""
        if self._asked is not None:
            return self.bench.renderer.of_ids(self._asked[0])
        if not self.bench.path.shown:
            raise not_shown(self.bench.path, self.where)
        talk = self.conversation
        with placed(self.where):
            return self.bench.renderer.render(talk.messages, tools=talk.tools, where=self.where)

    @property
    def _asked(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
        """The ids and labels that axolotl gave for this row, on a path that the bench does not follow."""
        asked = self.bench.asked
        if self.bench.path.kind != "asked" or asked is None or asked.answer is None:
            return None
        if self.index in asked.answer.dropped:
            cause = asked.answer.dropped[self.index]
            raise InputError(f"{asked.answer.name} drops this row", cause, CORRECT_ROW, self.where)
        found = asked.answer.rows.get(self.index)
        if isinstance(found, str):
            raise InputError(f"{asked.answer.name} raises at this row", found, CORRECT_ROW, self.where)
        return found

    def prompt(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> str:
        """The text that the template writes for other messages in this row's place. Raises what the template raises."""
        renderer, tools = self.bench.renderer, self.conversation.tools
        return renderer.prompt(messages, add_generation_prompt=add_generation_prompt, tools=tools)

    def beginning(self, count: int, *, add_generation_prompt: bool = False) -> str | None:
        """The text that the template writes for the first messages alone; None where it refuses them.

        It is kept: no mask changes it.
        """
        asked = count, add_generation_prompt
        if asked not in self._beginnings:
            messages = self.conversation.messages[:count]
            try:
                self._beginnings[asked] = self.prompt(messages, add_generation_prompt=add_generation_prompt)
            except Exception:
                self._beginnings[asked] = None
        return self._beginnings[asked]

    _beginnings: dict[tuple[int, bool], str | None] = field(default_factory=dict, init=False, repr=False)

    @property
    def mask(self) -> Mask:
        """The trained tokens and the reason for each token, under the bench's current masking."""
        masking = self.bench.masking
        if self._masked is None or self._masked[0] is not masking:
            self._masked = (masking, self.mask_under(masking))
        return self._masked[1]

    def mask_under(self, masking: Masking) -> Mask:
        """The row's mask with any masking: by its markers, or on the text path by its turns."""
        if self._asked is not None:
            from workbench.tokens.mask import asked_mask

            return asked_mask(*self._asked)
        if masking.text is None:
            return masking.scan(self.rendering.input_ids)
        return self.text_mask_under(masking.text).mask

    def text_mask_under(self, masking: TextMasking) -> RowMask:
        """The row's mask on the text path, and what becomes of the row there."""
        from workbench.tokens.turns import mask

        return mask(self.rendering.input_ids, self.turns, masking)

    def turn_text(self, index: int) -> str:
        """The text of a turn, on the text path."""
        return self._turn_texts[index]

    @cached_property
    def _turn_texts(self) -> tuple[str, ...]:
        return tuple(str(turn.get("content") or "") for turn in self.conversation.messages)

    @cached_property
    def turns(self) -> Found:
        """The turns of the conversation in its tokens, as axolotl's text path finds them."""
        from workbench.tokens.turns import TurnFinder

        bench, talk = self.bench, self.conversation
        renderer, rendering = bench.renderer, self.rendering
        finder = TurnFinder(
            talk.messages,
            rendering.prompt,
            rendering.offsets if renderer.is_fast else None,
            render=self.prompt,
            encode=lambda turns, last: renderer.turn_ids(turns, tools=talk.tools, last=last),
            pieces=renderer.pieces,
            thinking=bench.turn_keys.thinking,
            skip_system=bench.turn_keys.skip_system,
        )
        return finder.find(len(rendering))

    @property
    def raw_messages(self) -> list[Any]:
        """The raw row's message of each message of the conversation; None where there is none."""
        from workbench.data.conversation import messages_field

        conversation = self.conversation
        column = messages_field(conversation.raw, self.bench.recipe.field_messages or None)
        listed = conversation.raw.get(column) if column else None
        listed = listed if isinstance(listed, list) else []
        return [listed[at] if 0 <= at < len(listed) else None for at in conversation.origin]

    _masked: tuple[Masking, Mask] | None = field(default=None, init=False, repr=False)

    @cached_property
    def trace(self) -> Trace:
        """The message, part and characters that each token came from."""
        from workbench.tokens.trace import trace

        with placed(self.where):
            pad_id, talk = self.bench.masking.pad_id, self.conversation
            return trace(self.rendering, talk.messages, self.prompt, pad_id=pad_id, located=self.located)

    @cached_property
    def texts(self) -> dict[int, list[str]]:
        """The texts that each message hands over, in order; no entry for a message without."""
        from workbench.tokens.sentinels import text_parts

        texts: dict[int, list[str]] = {}
        for part in text_parts(self.conversation.messages):
            texts.setdefault(part.message, []).append(part.text)
        return texts

    @cached_property
    def text_places(self) -> dict[int, list[Place]]:
        """The places of each message's texts in the rendering; no entry for a message that has none there."""
        places: dict[int, list[Place]] = {}
        for place in self.trace.places:
            if not place.media:
                places.setdefault(place.message, []).append(place)
        return places

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

    located: Sequence[LocatedParts] | None = field(default=None, init=False, repr=False)
    """The texts of the conversation in the prompt, where whoever rendered the row has found them already."""

    checked: tuple[Masking, list[Finding]] | None = field(default=None, init=False, repr=False)
    """The findings of `workbench.checks.row_checks.row_findings`, and the masking that they hold for."""

    def raw_message(self, index: int) -> int:
        """The place in the raw row of message `index` of the conversation: axolotl drops some.

        -1 for a system turn that axolotl makes of the `system` column.
        """
        origin = self.conversation.origin
        return origin[index] if 0 <= index < len(origin) else index


def as_finding(problem: BenchError, where: Where) -> Finding:
    """A problem with a row as a finding. Rows that cannot be normalised bring their own code."""
    from workbench.data.conversation import RowError

    if isinstance(problem, RowError):
        return problem.finding()
    if isinstance(problem, NotShown):
        return NOT_SHOWN("warning", problem.title, problem.hint, problem.where or where)
    text = f"{problem.title} ({problem.cause})" if problem.cause else problem.title
    return NOT_RENDERED("error", text, problem.hint, problem.where or where)
