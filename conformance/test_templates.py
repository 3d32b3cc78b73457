"""The stored table of bundled chat templates is what this axolotl bundles."""

from __future__ import annotations

from importlib.metadata import version

from conformance import axolotl_templates
from workbench.recipe.bundled_templates import is_bundled, table


def test_the_stored_templates_are_axolotls() -> None:
    assert table()[version("axolotl")] == axolotl_templates.collect()


def test_the_file_says_each_thing_once() -> None:
    assert axolotl_templates.FILE.read_text("utf-8") == axolotl_templates.written(table())


def test_a_text_is_recognised_to_the_letter() -> None:
    from axolotl.utils.chat_templates.base import _CHAT_TEMPLATES

    assert len(_CHAT_TEMPLATES) > 30
    for name, text in _CHAT_TEMPLATES.items():
        assert is_bundled(name, text), name
        assert not is_bundled(name, text + " "), name
