"""The parts of a block's prompts are where two renderings of each row alone show them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blocks.rows import rows
from workbench.bench import Bench, open
from workbench.blocks import prompts
from workbench.blocks.prompts import LocatedPrompt, locate_block
from workbench.errors import BenchError
from workbench.paths import sample_dir
from workbench.tokens.render import Renderer

TEMPLATES = {
    "plain": "{% for m in messages %}<{{ m.role }}>{{ m.content[0].text }}</>{% endfor %}",
    "by its words": "{% for m in messages %}{% if 'red' in m.content[0].text %}<red>{% endif %}<{{ m.role }}>"
    "{{ m.content[0].text }}</>{% endfor %}",
    "rewritten": "{% for m in messages %}<{{ m.role }}>{{ m.content[0].text | replace('red', 'blue') }}</>{% endfor %}",
    "trimmed": "{% for m in messages %}<{{ m.role }}>{{ m.content[0].text | trim }}</>{% endfor %}",
    "the last first": "{% for m in messages | reverse %}<{{ m.role }}>{{ m.content[0].text }}</>{% endfor %}",
    "twice": "{% for m in messages %}<{{ m.role }}>{{ m.content[0].text }}{{ m.content[0].text }}</>{% endfor %}",
    "refused": "{% for m in messages %}{{ raise_exception('red') if 'red' in m.content[0].text }}"
    "{{ m.content[0].text }}</>{% endfor %}",
}


@pytest.fixture(scope="module")
def bench() -> Bench:
    return open(model=str(sample_dir() / "demo-model"))


def talk(*texts: str) -> list[dict[str, Any]]:
    """Turns of user and assistant with these texts."""
    roles = ("user", "assistant")
    return [
        {"role": roles[number % 2], "content": [{"type": "text", "text": text}]} for number, text in enumerate(texts)
    ]


def alone(renderer: Renderer, talks: list[list[dict[str, Any]]]) -> list[LocatedPrompt | None]:
    """Each row in a block of its own, which is rendered twice."""
    return [locate_block(renderer, [one])[0] for one in talks]


def test_parts_are_where_they_are_alone(bench: Bench) -> None:
    from workbench.data.conversation import normalize

    talks = []
    for row in rows(150, seed=3, faulty=0.4):
        try:
            talks.append(list(normalize(row).messages))
        except (BenchError, TypeError, KeyError, AttributeError):
            continue
    assert len(talks) > 100
    found = locate_block(bench.renderer, talks)
    assert found == alone(bench.renderer, talks)
    for mine, located in zip(talks, found, strict=True):
        if located is not None:
            shown = [located.text[a:b] for a, b in zip(located.start, located.stop, strict=True)]
            texts = [part["text"] for message in mine for part in message["content"] if part["text"]]
            assert [texts[number] for number in located.order] == shown


@pytest.mark.parametrize("name", TEMPLATES)
def test_also_where_a_template_does_something_else_for_some_words(bench: Bench, name: str) -> None:
    mine = bench.renderer
    renderer = Renderer(mine.tokenizer, mine.processor, TEMPLATES[name])
    talks = [
        *(talk("a cat", "yes"), talk("a red cat", "no"), talk("yes", "yes"), talk(" spaces ", "red\n"), talk("", "b")),
        *(talk("a", "b", "c"), talk("<user>a</>", "<assistant>"), talk("a", "b", "red"), talk("a", "a", "a")),
    ]
    found = locate_block(renderer, talks)
    assert found == alone(renderer, talks)
    assert (found[0] is not None) == (name != "twice")


def test_rows_of_one_form_are_rendered_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[int] = []
    kept = prompts.prompts

    def counted(renderer: Renderer, talks: Any, **options: Any) -> Any:
        rendered.append(len(talks))
        return kept(renderer, talks, **options)

    monkeypatch.setattr(prompts, "prompts", counted)
    talks = [talk(f"question {number}", f"answer {number}") for number in range(30)]
    talks += [talk(f"question {number}", "yes", "and?") for number in range(10)]
    assert all(one is not None for one in locate_block(bench.renderer, talks))
    assert sum(rendered) == 40 + 2
