"""The form of each event of a run: a line that has another form is refused before anything judges it.

Fields that are not listed pass as they are, and so does an event of an unknown name; a field that the verdict or a view
reads has its line here. Nothing is converted: what passes is what stood in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Number = Finite | Literal["nan", "inf", "-inf"]
"""A measurement; JSON has no NaN and no infinity, so these are written as texts."""
Count = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Text = Annotated[str, Field(strict=True)]
Truth = Annotated[bool, Field(strict=True)]
Row = Annotated[str, Field(strict=True, pattern=r"^[0-9]{1,18}$")]


class _Event(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())

    time: Number | None = None


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


class _Plan(_Part):
    rows: list[Count] = []
    steps: Count | None = None
    manner: dict[str, Any] = {}
    path: Text = ""


class Start(_Event):
    """The first event."""

    plan: _Plan | None = None
    fingerprint: dict[str, Any] | None = None
    not_honoured: dict[str, Text] = {}


class _NewTokens(_Part):
    from_: Count | None = Field(None, alias="from")
    to: Count | None = None
    trained: Truth | None = None
    rows: list[Count] = []
    token: Text = ""

    @model_validator(mode="after")
    def _whole(self) -> _NewTokens:
        # Empty where no embedding was added.
        if self.model_fields_set and None in (self.from_, self.to, self.trained):
            raise ValueError("embeddings that were added have `from`, `to` and `trained`")
        return self


class ModelLoaded(_Event):
    """The model is there."""

    parameters: Count
    trainable: Count
    adapters: dict[str, Count]
    device: Text
    dtype: Text
    vocabulary: Count | None = None
    notes: list[Text] = []
    replaced: dict[str, Text] = {}
    memory_of: Text | None = None
    frozen_by: Text | None = None
    new_tokens: _NewTokens | None = None


class _RowLoss(_Part):
    row: Count
    tokens: Count
    nll: Number | None


class _NotFinite(_Part):
    weights: list[Text] = []
    inputs: dict[Row, list[Text]] = {}


class Baseline(_Event):
    """The losses before the first step."""

    nll: Number
    tokens: Count
    rows: list[_RowLoss]
    direct: Number | None = None
    plain: Number | None = None
    logged_factor: Number | None = None
    why: Text | None = None
    loss_by_tokens: Truth | None = None
    micro_batches: Count | None = None
    not_finite: _NotFinite | None = None


class TokenNll(_Event):
    """The loss of every token of a row."""

    when: Text
    row: Count
    input_ids: list[Count]
    nll: list[Number | None]

    @model_validator(mode="after")
    def _as_long(self) -> TokenNll:
        if len(self.nll) != len(self.input_ids):
            raise ValueError(f"{len(self.nll)} losses of {len(self.input_ids)} tokens")
        return self


class Step(_Event):
    """An optimizer step."""

    step: Count
    loss: Number
    grad_norm: Number
    learning_rate: Number
    seconds: Number
    memory: Count
    tokens: Count | None = None
    logged: Number | None = None
    rows: dict[Row, Number | None] | None = None


class Probe(_Event):
    """A probe after the last step; a name that is not known is passed over."""

    name: Text


class Final(Probe):
    """The losses after the last step."""

    nll: Number
    tokens: Count | None = None
    rows: list[_RowLoss] = []


class _Turn(_Part):
    row: Count
    wanted: Text
    got: Text
    exact: Truth
    stopped: Truth


class OwnTemplate(Probe):
    """The answers' loss in the recipe's chat template and in the model's own."""

    applicable: Truth
    recipe: Number | None = None
    own: Number | None = None

    @model_validator(mode="after")
    def _whole(self) -> OwnTemplate:
        if self.applicable and None in (self.recipe, self.own):
            raise ValueError("an applicable probe has `recipe` and `own`")
        return self


class Decode(Probe):
    """The answers of greedy decoding."""

    turns: list[_Turn]


class Stop(Probe):
    """The number of answers that end."""

    of: Count
    stopped: Count
    trained: Count
    nll: Number | None = None


class WithoutGradient(Probe):
    """Tensors that never had a gradient."""

    without: list[Text]
    of: Count


class Frozen(Probe):
    """Frozen tensors that moved."""

    moved: list[Text]
    of: Count | None = None


class Swap(Probe):
    """The losses with the pictures exchanged."""

    applicable: Truth
    why: Text | None = None
    rise: Number | None = None
    tokens: Count | None = None
    of: Count | None = None

    @model_validator(mode="after")
    def _whole(self) -> Swap:
        if self.applicable and None in (self.rise, self.tokens, self.of):
            raise ValueError("an applicable probe has `rise`, `tokens` and `of`")
        if not self.applicable and self.why is None:
            raise ValueError("a probe that is not applicable has a `why`")
        return self


class Reload(Probe):
    """The losses of the saved adapter on a fresh model."""

    applicable: Truth
    nll: Number | None = None
    redirected: list[Text] | None = None
    missing: list[Text] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Reload:
        if self.applicable and self.nll is None:
            raise ValueError("an applicable probe has an `nll`")
        return self


class Done(_Event):
    """The end of a run that came to it by itself."""

    steps: Count
    seconds: Number
    reason: Text | None = None


class Error(_Event):
    """The end of a run that did not."""

    kind: Text
    message: Text | None = None
    tail: Text | None = None
    hint: Text | None = None
    field: Text | None = None
    row: Count | None = None
    memory_kills: Truth | None = None
    estimate: dict[str, Count] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Error:
        if self.estimate and "total" not in self.estimate:
            raise ValueError("an `estimate` has a `total`")
        return self


_FORMS: dict[str, type[_Event]] = {
    "start": Start,
    "loaded": ModelLoaded,
    "baseline": Baseline,
    "token_nll": TokenNll,
    "step": Step,
    "probe": Probe,
    "done": Done,
    "error": Error,
}
_PROBES: dict[str, type[Probe]] = {
    "final": Final,
    "template": OwnTemplate,
    "decode": Decode,
    "stop": Stop,
    "gradients": WithoutGradient,
    "frozen": Frozen,
    "swap": Swap,
    "reload": Reload,
}


def faults(event: dict[str, Any]) -> Iterator[str]:
    """The faults in the form of an event, a sentence each; nothing where it has the right one."""
    form = _FORMS.get(str(event["event"]))
    if form is Probe and isinstance(event.get("name"), str):
        form = _PROBES.get(event["name"], Probe)
    if form is None:
        return
    try:
        form.model_validate(event)
    except ValidationError as problem:
        found: dict[str, str] = {}
        for error in problem.errors(include_url=False):
            # The members of a union are tried one by one; the first says enough.
            place = ".".join(str(step) for step in error["loc"] if step not in _UNION)
            found.setdefault(place, error["msg"].removeprefix("Value error, "))
        for place, message in found.items():
            yield f"`{place}`: {message[:1].lower()}{message[1:]}" if place else message


_UNION = frozenset(("constrained-float", "float", "literal['nan','inf','-inf']", "[key]"))
