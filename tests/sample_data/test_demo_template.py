"""The demo model's chat template renders what Gemma 4's does.

The renders in `template_renders.json` were made with Gemma 4's own template. Where that template is at hand, beside the
repository, both are rendered again and compared, and so is the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoProcessor, AutoTokenizer, PreTrainedTokenizerBase

from tests.sample_data.template_cases import CASES, Case

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "sample_data" / "demo-model"
REAL = ROOT.parent / "shared" / "tokenizers" / "gemma4"
EXPECTED: dict[str, str] = json.loads(Path(__file__).with_name("template_renders.json").read_text(encoding="utf-8"))


def render(tokenizer: PreTrainedTokenizerBase, case: Case, template: str | None = None) -> str:
    """The text that transformers renders for a case."""
    switches: dict[str, Any] = {"tokenize": False, "chat_template": template, **case.switches}
    return tokenizer.apply_chat_template(case.messages, tools=case.tools, **switches)


@pytest.fixture(scope="module")
def demo() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(DEMO)


def test_every_case_has_a_render() -> None:
    assert len(CASES) >= 60
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize("name", CASES)
def test_renders_as_stored(demo: PreTrainedTokenizerBase, name: str) -> None:
    assert render(demo, CASES[name]) == EXPECTED[name]


@pytest.mark.skipif(not REAL.is_dir(), reason="Gemma 4's own template is not at hand")
@pytest.mark.parametrize("name", CASES)
def test_renders_as_gemma4(demo: PreTrainedTokenizerBase, name: str) -> None:
    real = (REAL / "chat_template.jinja").read_text(encoding="utf-8")
    expected = render(demo, CASES[name], real)
    assert render(demo, CASES[name]) == expected
    assert EXPECTED[name] == expected


@pytest.mark.parametrize("arguments", ['{"a": 1}', "", 7])
def test_refuses_arguments_that_are_not_parsed(demo: PreTrainedTokenizerBase, arguments: Any) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": arguments}}
    with pytest.raises(Exception, match="mapping"):
        render(demo, Case([{"role": "assistant", "content": "", "tool_calls": [call]}]))


def test_processor_and_tokenizer_hold_the_same_template(demo: PreTrainedTokenizerBase) -> None:
    processor = AutoProcessor.from_pretrained(DEMO)
    assert processor.chat_template == demo.chat_template == processor.tokenizer.chat_template
