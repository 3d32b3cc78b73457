"""The entry of a recipe's `datasets` for converted rows: their file, and none of the keys that read another shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.findings import Edit, Fix
from workbench.recipe.path import CHAT_TEMPLATE
from workbench.recipe.yaml.document import Document

_OF_THE_SHAPE = (
    "field_messages", "message_property_mappings", "message_field_role", "message_field_content", "roles",
)  # fmt: skip
_OF_THE_PLACE = ("name", "split", "data_files", "ds_type", "revision", "shards", "shards_idx")


def entry_fix(document: Document, dataset: int, out: Path | None) -> Fix | None:
    """The edits that make an entry read converted rows, in `out` or where it reads them now; None where it does.

    An entry whose `type` is another strategy's becomes one of the chat template's.
    """
    entries = document.get(("datasets",))
    entry = entries[dataset] if isinstance(entries, list) and dataset < len(entries) else None
    if not isinstance(entry, Mapping):
        return None
    edits = tuple(_edits(entry, ("datasets", dataset), out))
    return Fix("read the converted rows", edits) if edits else None


def _edits(entry: Mapping[str, object], place: tuple[str | int, ...], out: Path | None) -> Iterator[Edit]:
    if out is not None and entry.get("path") != str(out):
        yield Edit((*place, "path"), str(out))
    if entry.get("type") not in (None, CHAT_TEMPLATE):
        yield Edit((*place, "type"), CHAT_TEMPLATE)
    for key in (*_OF_THE_SHAPE, *(_OF_THE_PLACE if out is not None else ())):
        if key in entry:
            yield Edit((*place, key), remove=True)
