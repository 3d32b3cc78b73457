"""Keys that axolotl has removed or renamed: each word of its validators is given to them as a key.

`removed`: the validator stops at every value of the key, and says that it is no longer supported. `renamed`: its value
stands under another key afterwards, or the schema or the log says that the key is deprecated, and which one of the same
type to use.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

GONE = re.compile(r"no longer supported|been removed|been deprecated", re.IGNORECASE)
USE = re.compile(r"deprecated\b.*?\buse `?(\w+)`?(?: instead|$)", re.IGNORECASE | re.DOTALL)
VALUES = (37, 2, True, "steps", {"type": "linear"}, ["full_shard"])
BASE = {
    "base_model": "org/model",
    "datasets": [{"path": "rows.jsonl", "type": "chat_template"}],
    "learning_rate": 1e-4,
    "micro_batch_size": 1,
    "gradient_accumulation_steps": 1,
}


def collect() -> dict[str, Any]:
    """removed: names; renamed: old -> new."""
    removed, renamed = [], {}
    before, _, _ = answer("base_model", "org/model")
    said = deprecations()
    for key in candidates():
        answers = [(value, *answer(key, value)) for value in VALUES]
        # A key of which one value has gone and another is taken is still there.
        if any(key in stopped and GONE.search(stopped) for _, _, stopped, _ in answers):
            if all(stopped for _, _, stopped, _ in answers):
                removed.append(key)
            continue
        for value, after, _, lines in answers:
            gone = key not in after and value is not True
            moved = [name for name in after if gone and after[name] == value != before.get(name)]
            told = [found[1] for line in [*lines, said.get(key, "")] if key in line and (found := USE.search(line))]
            new = next((name for name in (*moved, *told) if _replaces(key, name)), None)
            if new is not None:
                renamed[key] = new
                break
    return {"removed": removed, "renamed": renamed}


def _replaces(key: str, new: str) -> bool:
    """True where one key takes the place of another: not as a second name of the same field, nor for other values."""
    from axolotl.utils.schemas.config import AxolotlInputConfig

    fields = AxolotlInputConfig.model_fields
    if new not in fields or new == key or fields[new].alias == key:
        return False
    return key not in fields or fields[key].annotation == fields[new].annotation


def deprecations() -> dict[str, str]:
    """Key -> "KEY is deprecated: " with what the schema says of it."""
    from axolotl.utils.schemas.config import AxolotlInputConfig

    fields = AxolotlInputConfig.model_fields
    return {key: f"{key} is deprecated: {field.deprecated}" for key, field in fields.items() if field.deprecated}


def candidates() -> list[str]:
    """Every word in quotes, or with a type, in the text of axolotl's schemas."""
    import axolotl.utils.schemas as schemas

    texts = [file.read_text("utf-8") for file in sorted(Path(schemas.__path__[0]).glob("*.py"))]
    quoted = {word for text in texts for word in re.findall(r'"([a-z][a-z0-9_]{3,})"', text)}
    typed = {word for text in texts for word in re.findall(r"^    ([a-z][a-z0-9_]{3,}):", text, re.MULTILINE)}
    return sorted(quoted | typed)


def answer(key: str, value: Any) -> tuple[dict[str, Any], str, list[str]]:
    """The recipe as validated (empty where it is refused), why it is refused, and the lines that are logged."""
    from axolotl.utils.schemas.config import AxolotlInputConfig

    with logged() as lines:
        try:
            return AxolotlInputConfig(**deepcopy(BASE | {key: value})).model_dump(exclude_none=True), "", lines
        except Exception as problem:
            return {}, str(problem), lines


@contextmanager
def logged() -> Iterator[list[str]]:
    """The lines that axolotl logs within."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler, logger = Kept(), logging.getLogger("axolotl")
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.WARNING)
    try:
        yield lines
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
