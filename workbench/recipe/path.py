"""The path by which axolotl makes labels of a recipe's rows: its multimodal collator, or tokenizing before training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from workbench.answers import PathAnswer
    from workbench.recipe.model import DatasetSpec, Recipe

CHAT_TEMPLATE = "chat_template"
READ_ON_TEXT_PATH = ("roles_to_train", "train_on_eos", "train_on_eot", "eot_tokens", "train_on_inputs")
"""Keys that decide the labels on the text path: the last two at the top level, the others in a dataset's entry."""


@dataclass(frozen=True, slots=True)
class TrainingPath:
    """The path of a recipe, and why it is this one.

    `kind`: "multimodal" (the collator masks by markers), "text" (axolotl's chat template strategy, which the bench
    follows), "asked" (another strategy of the text path, which only axolotl can show) or "preference" (`rl`: pairs or
    judged answers, and no labels of a chat).
    """

    kind: Literal["multimodal", "text", "asked", "preference"]
    reason: str

    @property
    def name(self) -> str:
        """The path in two words; "asked" is a strategy of the text path."""
        return {"multimodal": "multimodal path", "preference": "preference data"}.get(self.kind, "text path")

    @property
    def title(self) -> str:
        """The path and its reason, for a headline."""
        return f"{self.name}: {self.reason}"

    def to_dict(self) -> PathAnswer:
        """`kind`, `reason` and `title`, for JSON."""
        return {"kind": self.kind, "reason": self.reason, "title": self.title}

    @property
    def shown(self) -> bool:
        """True where the bench shows the mask itself."""
        return self.kind in ("multimodal", "text")


def training_path(recipe: Recipe, entry: DatasetSpec | None) -> TrainingPath:
    """The path of a recipe's dataset; `entry` None: the bench's own rows, which are conversations."""
    if recipe.rl:
        return TrainingPath("preference", f"rl: {recipe.rl}")
    if recipe.multimodal:
        return TrainingPath("multimodal", f"processor_type: {recipe.processor_type}")
    kind = entry.type if entry is not None else None
    if kind is None or kind == CHAT_TEMPLATE:
        if recipe.tokenizer_use_mistral_common:
            # The same search for turns, over what mistral-common makes of a conversation: no template takes part in it.
            return TrainingPath("asked", "no processor_type; mistral-common renders the turns, without a template")
        return TrainingPath("text", "no processor_type")
    name = kind if isinstance(kind, str) else "{" + ", ".join(list(kind)[:2]) + ", …}"
    return TrainingPath("asked", f"no processor_type; type: {name}")


def template_choice(recipe: Recipe, entry: DatasetSpec | None) -> dict[str, str | None]:
    """The keys that choose the template on the text path, as a recipe's top level has them.

    A dataset's own `chat_template` wins, but for `tokenizer_default`: axolotl gives the tokenizer the template that the
    top level names, so that this is the default then. Its own `chat_template_jinja` is read beside its own
    `chat_template: jinja` alone, for axolotl fills in `tokenizer_default` first.
    """
    own = entry.chat_template if entry is not None else None
    if entry is None or not own or own == "tokenizer_default":
        return {
            "chat_template": recipe.chat_template or "tokenizer_default",
            "chat_template_jinja": recipe.chat_template_jinja,
        }
    return {"chat_template": own, "chat_template_jinja": entry.chat_template_jinja}
