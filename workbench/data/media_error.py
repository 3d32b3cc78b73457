"""The error for a picture that cannot be read, and how a reference to one is shown."""

from __future__ import annotations

from workbench.errors import InputError


class MediaError(InputError):
    """A picture that cannot be read (finding D005)."""


def shorten(text: str, limit: int = 80) -> str:
    """A reference fit for a message: base64 is not printed in full."""
    return text if len(text) <= limit else f"{text[: limit - 20]}… ({len(text)} characters)"
