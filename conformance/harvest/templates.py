"""The chat templates that axolotl bundles, as the sha256 of their texts."""

from __future__ import annotations

import hashlib


def collect() -> dict[str, str]:
    """Name -> sha256 of the text in UTF-8, as the installed axolotl would render with it."""
    from axolotl.utils.chat_templates.base import _CHAT_TEMPLATES

    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(_CHAT_TEMPLATES.items())}
