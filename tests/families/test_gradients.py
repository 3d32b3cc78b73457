"""The measured gradients under reentrant checkpointing, as the checks read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.families import gradients
from workbench.families.library import families


def test_every_measured_family_is_known() -> None:
    for release, found in gradients.measured().items():
        assert found.keys() <= families().keys(), release
        for towers in found.values():
            # With any adapter the embeddings' output asks for a gradient.
            assert towers["language"].reentrant == towers["language"].other > 0


def test_only_towers_that_lose_some_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    towers = {"language": [4, 4], "vision": [0, 6], "audio": [3, 6]}
    told = {"0.9": {"one": {"vision": [2, 2]}}, "0.10": {"one": towers}}
    (tmp_path / "gradients.json").write_text(json.dumps(told), "utf-8")
    monkeypatch.setattr(gradients, "specs_dir", lambda: tmp_path)
    gradients.measured.cache_clear()
    try:
        assert gradients.lost("one", "0.9") == {}
        lost = {"vision": gradients.Gradients(0, 6), "audio": gradients.Gradients(3, 6)}
        assert gradients.lost("one", "0.10") == lost
        # A release that was not measured goes by the newest, which is not the last in the alphabet.
        assert gradients.lost("one", "0.11") == lost
        assert gradients.lost("another", "0.10") == {}
    finally:
        gradients.measured.cache_clear()
