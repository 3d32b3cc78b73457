"""The path that a recipe takes, and the reason that is named."""

from __future__ import annotations

import pytest

from workbench.recipe.model import Recipe
from workbench.recipe.path import training_path
from workbench.recipe.yaml.document import Document

MISTRAL = "tokenizer_use_mistral_common: true\n"


@pytest.mark.parametrize(
    ("head", "kind_of_rows", "kind", "name", "reason"),
    [
        ("processor_type: AutoProcessor\n", "chat_template", "multimodal", "multimodal path", "AutoProcessor"),
        (
            f"processor_type: AutoProcessor\n{MISTRAL}",
            "chat_template",
            "multimodal",
            "multimodal path",
            "AutoProcessor",
        ),
        ("", "chat_template", "text", "text path", "no processor_type"),
        # The same search for turns in another rendering, which no template takes part in.
        (MISTRAL, "chat_template", "asked", "text path", "mistral-common renders the turns"),
        # Whose strategy it is decides first.
        (MISTRAL, "alpaca", "asked", "text path", "type: alpaca"),
        ("", "alpaca", "asked", "text path", "type: alpaca"),
        ("rl: dpo\n", "chat_template", "preference", "preference data", "rl: dpo"),
    ],
)
def test_the_path_and_its_reason(head: str, kind_of_rows: str, kind: str, name: str, reason: str) -> None:
    text = f"base_model: x\n{head}datasets:\n  - path: rows.jsonl\n    type: {kind_of_rows}\n"
    recipe = Recipe.from_document(Document(text))
    assert recipe.datasets
    path = training_path(recipe, recipe.datasets[0])
    assert (path.kind, path.name) == (kind, name)
    assert reason in path.reason
    assert path.to_dict() == {"kind": kind, "reason": path.reason, "title": f"{name}: {path.reason}"}


def test_the_benchs_own_rows_are_conversations() -> None:
    for head, kind in (("", "text"), (MISTRAL, "asked")):
        assert training_path(Recipe.from_document(Document(f"base_model: x\n{head}")), None).kind == kind
