"""Fields whose values are of different kinds, read as the JSON builder of `datasets` (4.8 to 5.2) reads them.

Such a field is kept as JSON text. A text that is valid JSON already is taken for one that was encoded before: in a file
where some contents are texts and some are lists of parts, the content "7" comes back as the number 7, and axolotl drops
a message whose content is no text. Objects and lists keep the texts inside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workbench.data.row_notes import BAD_CONTENT, type_name
from workbench.errors import Where
from workbench.findings import Finding

Path = tuple[str | int, ...]
"""Keys from the row inwards; 0 stands for every item of a list."""
_SPEECH = ("content", "value")


class Mixed:
    """The fields of a file that are kept as JSON and hold texts, and its rows as they come back.

    `rows`: those of the first 10 MiB, which decide.
    """

    def __init__(self, rows: Sequence[dict[str, Any]] = ()) -> None:
        self._paths = tuple(_mixed_paths(rows))
        self._told = False

    def as_read(self, row: dict[str, Any], findings: list[Finding], where: Where) -> dict[str, Any]:
        """The row as `datasets` hands it out; the row itself stays. The first message that this costs is a finding."""
        for path in self._paths:
            changed: list[tuple[str, Any]] = []
            row = _as_read(row, path, changed)
            if changed and not self._told and path[-1] in _SPEECH:
                self._told = True
                text, value = changed[0]
                name = ".".join("[]" if step == 0 else str(step) for step in path).replace(".[]", "[]")
                findings.append(
                    BAD_CONTENT(
                        "error",
                        f"`{name}` holds texts in some rows and other values in others, so `datasets` reads texts that "
                        f"are JSON as what they say: {text[:40]!r} is {type_name(value)} now, and axolotl drops "
                        "messages whose content is no text",
                        'Write every content as a list of parts: [{"type": "text", "text": …}].',
                        where,
                    )
                )
        return row


def _mixed_paths(rows: Sequence[dict[str, Any]]) -> Iterator[Path]:
    pending: list[tuple[Path, list[Any]]] = [((), list(rows))]
    while pending:
        path, values = pending.pop()
        values = [value for value in values if value is not None]
        kinds = {float if type(value) is int else type(value) for value in values}
        if kinds == {dict}:
            # Objects with different keys are each kept whole.
            if not path or all(value.keys() == values[0].keys() for value in values):
                keys = dict.fromkeys(key for value in values for key in value)
                pending += [((*path, key), [value[key] for value in values if key in value]) for key in keys]
        elif kinds == {list}:
            pending.append(((*path, 0), [item for value in values for item in value]))
        elif len(kinds) > 1 and str in kinds:
            yield path


def _as_read(value: Any, path: Path, changed: list[tuple[str, Any]]) -> Any:
    if not path:
        if not isinstance(value, str):
            return value
        parsed = _parsed(value)
        if parsed != value:
            changed.append((value, parsed))
        return parsed
    if path[0] == 0:
        return [_as_read(item, path[1:], changed) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _as_read(value[path[0]], path[1:], changed)}


def _parsed(text: str) -> Any:
    # The feature that `datasets` gives such a field; its parser takes some texts that `json` does not. Imported here
    # because a file without mixed fields needs none of it.
    from datasets import Json

    try:
        return Json().decode_example(text)
    except Exception:  # as the JSON builder does
        return text
