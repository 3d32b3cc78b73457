"""The table that stands for axolotl where none is asked."""

from __future__ import annotations

from workbench.recipe.schema import schema


def table_name() -> str:
    """axolotl with the version that the table is from: "axolotl 0.19"."""
    return f"axolotl {'.'.join(schema().version.split('.')[:2])}"
