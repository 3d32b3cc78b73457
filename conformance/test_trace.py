"""The sentinel trace on every chat template that axolotl and trl ship, exceptions listed with their reason."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tokens.test_trace_templates import outcome


def _templates(package: str, *folders: str) -> list[Path]:
    found = find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return sorted(Path(found.submodule_search_locations[0]).joinpath(*folders).glob("*.jinja"))


AXOLOTL = _templates("axolotl", "utils", "chat_templates", "templates")
TRL = _templates("trl", "chat_templates")

# The template takes thinking out of an answer, or writes it in its own way.
REWRITES_THINKING = {"thinking": ["assistant: rewritten", "assistant: rewritten"]}
REWRITES_LAST_THINKING = {"thinking": ["assistant: rewritten"]}
# A tool's answer is written as JSON inside JSON, or loses its edges; or there is no such role, and it is left out.
ESCAPES_TOOL = {"tool": ["tool: rewritten"]}
DROPS_TOOL = {"tool": ["tool: lost"]}
# The system message is written before the last message, if that is the user's: in training it never is.
DROPS_SYSTEM = {"system": ["system: lost"]}

EXCEPTIONS: dict[str, dict[str, list[str]]] = {
    **dict.fromkeys(
        ("alpaca", "command_a", "deepseek_v2", "gemma4", "gemma4_unified", "metharme", "phi_3", "phi_35", "phi_4"),
        DROPS_TOOL,
    ),
    **dict.fromkeys(("diffusion_gemma", "diffusion_gemma_training"), DROPS_TOOL),
    **dict.fromkeys(("phi3", "phi3_5", "phi3_5_training", "phi3_training"), DROPS_TOOL),
    **dict.fromkeys(("command_a_rag", "command_a_tool_use", "llama3_2_vision", "llama4"), ESCAPES_TOOL),
    **dict.fromkeys(("llama3_1", "llama3_2"), ESCAPES_TOOL),
    **dict.fromkeys(("mistral_v2v3", "mistral_v3_tekken", "pixtral"), DROPS_SYSTEM),
    **dict.fromkeys(("lfm2_2_5", "lfm2_2_5_vl"), REWRITES_LAST_THINKING),
    **dict.fromkeys(("nemotron_3_5_lightning", "nemotron_3_5_lightning_training"), REWRITES_LAST_THINKING),
    **dict.fromkeys(("deepseek_r1_distill", "deepseek_v3", "deepseekv3", "deepseekv3_training"), REWRITES_THINKING),
    **dict.fromkeys(("exaone4", "qwen3_5", "glm4moe", "glm4moe_training"), REWRITES_THINKING | ESCAPES_TOOL),
    **dict.fromkeys(("qwen3", "qwen3_training", "qwen3_6", "qwen3_6_training"), REWRITES_THINKING),
    **{f"qwen3_5_{kind}": REWRITES_THINKING for kind in ("nothink", "nothink_training", "think", "think_training")},
    **{f"nemotron_3_{size}": REWRITES_LAST_THINKING for size in ("nano", "super", "ultra")},
    **{f"nemotron_3_{size}_training": REWRITES_LAST_THINKING for size in ("nano", "super", "ultra")},
}


@pytest.mark.parametrize("file", AXOLOTL + TRL, ids=lambda file: f"{file.parts[-3]}/{file.stem}")
def test_the_trace_is_exact(file: Path) -> None:
    bad, taken, most = outcome(file.read_text("utf-8"))
    assert taken >= 10
    assert most <= 8
    assert bad == EXCEPTIONS.get(file.stem, {})


def test_there_are_templates_enough() -> None:
    assert len(AXOLOTL) == 36
    assert len({file.read_text("utf-8") for file in AXOLOTL + TRL}) >= 60
    untouched = [file for file in AXOLOTL + TRL if file.stem not in EXCEPTIONS]
    assert len(untouched) >= 40
