"""Values of a raw row as JSON, the same for the same content: for hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def json_text(value: Any) -> str:
    """A value as JSON, keys in order; bytes and pictures are a hash of their content, other objects their `repr`."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return hashlib.sha256(value).hexdigest()
    if hasattr(value, "tobytes") and hasattr(value, "size"):
        return [str(value.size), hashlib.sha256(value.tobytes()).hexdigest()]
    return value.item() if hasattr(value, "item") else repr(value)
