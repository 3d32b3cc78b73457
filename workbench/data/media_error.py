"""The error for a picture that cannot be read, and how a reference to one is shown."""

from __future__ import annotations

import re

from workbench.errors import InputError


class MediaError(InputError):
    """A picture that cannot be read (finding D005)."""


def shorten(text: str, limit: int = 80) -> str:
    """A reference fit for a message: base64 is not printed in full, and of a long path the file's name stays."""
    if len(text) <= limit:
        return text
    name = re.search(r"[/\\][^/\\]{1,40}\.\w{1,5}\Z", text)
    if name is not None:
        return f"{text[: limit - 1 - len(name[0])]}…{name[0]}"
    return f"{text[: limit - 20]}… ({len(text)} characters)"
