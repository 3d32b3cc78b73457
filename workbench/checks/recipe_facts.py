"""Subjects of the checks of a recipe and of its model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.data.forms import part_modality
from workbench.data.row_notes import BAD_PICTURES
from workbench.errors import BenchError, Where
from workbench.recipe.axolotl_table import AxolotlTable
from workbench.recipe.model import Recipe
from workbench.recipe.path import TrainingPath, training_path
from workbench.recipe.yaml.nodes import KeyPath
from workbench.recipe.yaml.read import Parsed

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.consumers.axolotl.loader import Rehearsal
    from workbench.data.conversation import Conversation
    from workbench.models.anatomy import Anatomy
    from workbench.models.targets import Trained
    from workbench.recipe.yaml.document import Document
    from workbench.row import Row

_FIRST_ROWS = 4


@dataclass(frozen=True, eq=False)
class TextFacts:
    """The text of a recipe, and the table of the axolotl that is to read it.

    `sees_media` is true where the first rows hold pictures or sound; it is asked only where a check must know.
    `dataset` is the entry of `datasets` that is shown.
    """

    document: Document
    axolotl: AxolotlTable
    sees_media: Callable[[], bool] = lambda: False
    dataset: int = 0

    @cached_property
    def recipe(self) -> Recipe:
        """The typed recipe, without the values that axolotl refuses."""
        return Recipe.read(self.document)[0]

    @cached_property
    def path(self) -> TrainingPath:
        """The path by which axolotl makes the labels of the dataset that is shown."""
        entries = self.recipe.datasets or []
        return training_path(self.recipe, entries[self.dataset] if self.dataset < len(entries) else None)

    @property
    def data(self) -> dict[str, Any]:
        """The recipe's values."""
        return self.document.data

    @property
    def parsed(self) -> Parsed:
        """The text as it was read, with the places of its values."""
        return self.document.parsed

    def get(self, path: KeyPath, default: Any = None) -> Any:
        """The value at a path, or `default`."""
        return self.document.get(path, default)

    def where(self, path: KeyPath, *, key: bool = False) -> Where:
        """The place of a value, or of its key."""
        return self.document.where(path, key=key)


def holds_media(talk: Conversation, *, as_text: bool) -> bool:
    """True where a conversation holds a picture, video or sound.

    `as_text`: it was made for the text path, where parts have become texts, and what is none has left its finding.
    """
    if as_text and any(finding.code == BAD_PICTURES.code for finding in talk.findings):
        return True
    contents = (message.get("content") for message in talk.messages)
    return any(part_modality(part) is not None for content in contents if isinstance(content, list) for part in content)


@dataclass(frozen=True, eq=False)
class RecipeFacts:
    """A recipe with its bench. `few`: rows that show how the template ends turns; None for the first of the data."""

    bench: Bench
    few: Iterable[Row] | None = None

    @property
    def document(self) -> Document:
        return self.bench.document

    def rows(self) -> Iterator[Row]:
        """A few rows that can be shown."""
        if self.few is not None:
            yield from self.few
            return
        for index in range(_FIRST_ROWS):
            try:
                row = self.bench.row(index)
            except BenchError:
                return
            if row.error is None:
                yield row

    @cached_property
    def has_media(self) -> bool:
        """True where one of the first rows holds a picture, video or sound."""
        for index in range(_FIRST_ROWS):
            try:
                talk = self.bench.row(index).conversation
            except BenchError:
                continue
            if holds_media(talk, as_text=self.bench.path.kind == "text"):
                return True
        return False


@dataclass(frozen=True, eq=False)
class ModelFacts:
    """A recipe's model, built without weights, and what the recipe trains of it.

    `rehearsal` is what axolotl's own loader says of it; None where that was not asked.
    """

    bench: Bench
    anatomy: Anatomy
    trained: Trained
    rehearsal: Rehearsal | None = None

    def at(self, key: str) -> Where:
        """The place of a key of the recipe."""
        return self.bench.recipe.where((key,), key=True)


@dataclass(frozen=True)
class RowsSeen:
    """The rows that were checked: how many, the `roles` of their messages, and whether they were all.

    `matched` are the roles whose boundaries found a turn in one of them.
    """

    bench: Bench
    roles: Collection[str]
    rows: int
    all_of_them: bool
    matched: Collection[str] = ()
