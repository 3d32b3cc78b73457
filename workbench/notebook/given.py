"""Arguments of `workbench.open`: a recipe, a model or data, each in any of the forms that Python has for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.errors import BenchError, InputError
from workbench.notebook import row_file
from workbench.notebook.arguments import wrong
from workbench.notebook.model_files import Model, as_folder, is_model
from workbench.notebook.row_file import Data, as_source

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.recipe.yaml.document import Document

Openable: TypeAlias = Model | Data
"""The first argument of `open`: a recipe as a file or a dict, or what `model` and `data` take."""

_ROWS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst", ".parquet", ".arrow", ".csv")
_MODEL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
_ROW_KEYS = {"messages", "conversations"}
WANTED = (
    "a recipe (a file or a dict), a folder of a model, a tokenizer, a processor, a configuration, "
    "rows, one conversation, or a table of datasets, pyarrow or pandas"
)


@dataclass(frozen=True, slots=True)
class Given:
    """The recipe, the model and the data. `recipe` is a file's path or the recipe's values."""

    recipe: Path | Mapping[str, Any] | None
    model: str | None
    data: str | None

    def bench(self, **options: Any) -> Bench:
        """The bench of all three, not loaded yet."""
        from workbench.bench import Bench, prepare

        if isinstance(self.recipe, Mapping):
            return Bench(_document(self.recipe), model=self.model, data=self.data, **options)
        return prepare(self.recipe, model=self.model, data=self.data, **options)


def sort_out(first: object, model: object, data: object, split: str | None) -> Given:
    """The recipe, the model and the data of these arguments; what the first one is goes by its form.

    Raises:
        InputError: an argument is none of them, or stands twice.
    """
    if split is not None and not isinstance(split, str):
        raise wrong("split", split, "the name of a split")
    recipe: Path | Mapping[str, Any] | None = None
    kind = _kind(first) if first is not None else None
    if kind == "recipe":
        recipe = first if isinstance(first, Mapping) else Path(os.fsdecode(first))  # type: ignore[arg-type]
    elif kind == "model":
        model = _only(first, model, "model")
    elif kind == "data":
        data = _only(first, data, "data")
    if data is None and split is not None:
        raise wrong("split", split, "it together with data that has splits")
    return Given(
        recipe,
        as_folder(model) if model is not None else None,
        as_source(data, split=split) if data is not None else None,  # type: ignore[arg-type]
    )


def _only(first: object, second: object, name: str) -> object:
    if second is not None:
        raise InputError(f"The {name} is given twice", hint=f"Leave out {name}=, or the first argument.")
    return first


def _kind(first: object) -> str:
    if isinstance(first, str | os.PathLike):
        return _kind_of_path(os.fsdecode(first))
    if is_model(first):
        return "model"
    if isinstance(first, Mapping):
        tables = bool(first) and all(hasattr(one, "to_parquet") for one in first.values())
        is_row = row_file.is_message(first) or (bool(_ROW_KEYS & set(first)) and "base_model" not in first)
        return "data" if tables or is_row else "recipe"
    if hasattr(first, "to_parquet") or hasattr(first, "to_pylist") or isinstance(first, list | tuple):
        return "data"
    raise wrong("the first argument of open", first, WANTED)


def _kind_of_path(text: str) -> str:
    path = Path(text)
    if path.is_dir() and any((path / name).is_file() for name in _MODEL_FILES):
        return "model"
    if text.endswith(_ROWS):
        return "data"
    if not path.exists() and text.count("/") == 1 and not text.endswith((".yaml", ".yml")):
        cause = "A hub id can be a model's or a data set's."
        raise InputError(f"There is no recipe {text}", cause, f'Give model="{text}", or data="{text}".')
    return "recipe"


def _document(values: Mapping[Any, Any]) -> Document:
    from workbench.recipe.yaml.document import Document
    from workbench.recipe.yaml.write import write_value

    lines = []
    for key, value in values.items():
        if not isinstance(key, str):
            raise wrong("A key of the recipe", key, "a text")
        try:
            lines.append(write_value(key, value))
        except BenchError:
            raise
        except (TypeError, ValueError, RecursionError) as problem:
            raise InputError(
                f"{key} has no form as YAML", f"{problem}.", "Give texts, numbers, lists, dicts."
            ) from None
    return Document("\n".join([*lines, ""]) if lines else "", "recipe")
