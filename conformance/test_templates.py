"""The chat templates that this axolotl bundles are recognised by their text."""

from __future__ import annotations

from conformance.environment import here
from workbench.recipe.axolotl_table import table


def test_a_text_is_recognised_to_the_letter() -> None:
    from axolotl.utils.chat_templates.base import _CHAT_TEMPLATES

    known = table(here().release)
    assert len(_CHAT_TEMPLATES) > 30
    for name, text in _CHAT_TEMPLATES.items():
        assert known.is_bundled(name, text), name
        assert not known.is_bundled(name, text + " "), name
