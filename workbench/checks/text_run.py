"""A check of a recipe's text: no model, no tokenizer, and of the rows at most the first few.

Everything under C is found so; `vlmbench check --select C` runs nothing else, and imports no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.checks.recipe_facts import TextFacts, holds_media
from workbench.checks.recipe_text import TEXT_CHECKS
from workbench.checks.registry import chosen, codes, patterns, refuse_unknown, run
from workbench.checks.report import Report, grouped
from workbench.errors import BenchError
from workbench.recipe.axolotl_table import AxolotlTable
from workbench.recipe.model import Recipe
from workbench.recipe.refusals import in_order

if TYPE_CHECKING:
    from workbench.data.rows import RawRow
    from workbench.recipe.model import DatasetSpec
    from workbench.recipe.yaml.document import Document

_OF_THE_TEXT = "C"
_FIRST_ROWS = 4
_READ_HERE = (".jsonl", ".json", ".parquet", ".csv", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst")


def of_text_alone(select: Collection[str], ignore: Collection[str] = ()) -> bool:
    """True where codes are selected, and all of those that are not ignored are found in a recipe's text."""
    wanted, unwanted = (tuple(word.upper() for word in words) for words in (select, ignore))
    left = [code for code in codes() if code.startswith(wanted) and not (unwanted and code.startswith(unwanted))]
    return bool(wanted) and bool(left) and all(code.startswith(_OF_THE_TEXT) for code in left)


def check_text(
    document: Document,
    axolotl: AxolotlTable,
    *,
    data: str | None = None,
    dataset: int = 0,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
) -> Report:
    """Check a recipe's text, values that axolotl refuses included; no fix is offered.

    `data`: rows in place of the recipe's datasets.

    Raises:
        InputError: no code begins like one of `select` or `ignore`.
    """
    select, ignore = patterns(select), patterns(ignore)
    refuse_unknown((*select, *ignore))
    recipe, refused = Recipe.read(document)
    entries = recipe.datasets or []
    entry = entries[dataset] if dataset < len(entries) else None
    folder = document.path.parent if document.path is not None else Path()
    facts = TextFacts(document, axolotl, lambda: _has_media(recipe, facts, entry, data, folder), dataset)
    ignored = _ignored_places(recipe)
    found = [one for one in run(TEXT_CHECKS, facts) if (one.where.line, one.where.field) not in ignored]
    # A fix is offered once it was tried on the rows, and here are none.
    kept = tuple(replace(one, fix=None) for one in chosen(in_order([*refused, *found]), select, ignore))
    return Report(kept, 0, 0, 0, groups=grouped(kept))


def _ignored_places(recipe: Recipe) -> set[tuple[int | None, str | None]]:
    """The places of which M013 tells that the mask ignores them, which says more than an unknown key does."""
    from workbench.recipe.knobs import ignored_knobs

    return {(one.where.line, one.where.field) for one in ignored_knobs(recipe)}


def _has_media(recipe: Recipe, facts: TextFacts, entry: DatasetSpec | None, data: str | None, folder: Path) -> bool:
    """True where one of the first rows holds a picture, video or sound; rows elsewhere are not fetched."""
    from workbench.data.conversation import normalize
    from workbench.data.turns import keys_of, turns_of

    for row in _first_rows(entry, data, folder):
        try:
            if facts.path.kind == "text":
                named = str(recipe.tokenizer_config or recipe.base_model_config or recipe.base_model or "")
                talk = turns_of(row.data, keys_of(entry, frozenset(), named))
            else:
                columns = recipe.field_messages or None
                talk = normalize(row.data or {}, field_messages=columns, base_dir=folder, load_media=False)
        except BenchError:
            continue
        if holds_media(talk, as_text=facts.path.kind == "text"):
            return True
    return False


def _first_rows(entry: DatasetSpec | None, data: str | None, folder: Path) -> Iterator[RawRow]:
    """The first rows of files on this machine that are read without `datasets`; none of others."""
    from workbench.data.sources import open_source

    path = data or (entry.path if entry is not None else None)
    files = [path] if path else []
    if not path or not all(name.lower().endswith(_READ_HERE) for name in files):
        return
    try:
        if data is not None or entry is None:
            source = open_source(path, base_dir=None)
        else:
            source = open_source(path, split=entry.split, ds_type=entry.ds_type, base_dir=folder)
        for index in range(_FIRST_ROWS):
            row = source.row(index)
            if row.data is not None:
                yield row
    except (BenchError, IndexError):
        return
