"""From a recipe's YAML to ids and labels: the bench against axolotl's own collator, for every family with built-ins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.corpus import Corpus
from conformance.once import FULL
from conformance.pair import ALL_ROLES, FIELD, TEMPLATE_OF, Pair, parsed_once
from tests.support import processors
from tests.support.media_ids import MEDIA_IDS
from workbench.consumers.axolotl import worker

# The same schemas and contents in both, drawn twice as often in the full run.
ROWS, PICTURES, IMAGE_ROWS = (244, 80, 18) if FULL else (124, 44, 18)
WANTED_ROWS, WANTED_PICTURES = (200, 50) if FULL else (100, 30)
BATCHES = 18 if FULL else 10

MASKINGS: dict[str, dict[str, Any]] = {
    "all roles, all ends": {"dataset": {"roles_to_train": ALL_ROLES, "train_on_eos": "all"}},
    "no role": {"dataset": {"roles_to_train": []}},
    "no role, all ends": {"dataset": {"roles_to_train": [], "train_on_eos": "all"}},
    "user, last end": {"dataset": {"roles_to_train": ["user"], "train_on_eos": "last"}},
    "assistant, last end": {"dataset": {"roles_to_train": ["assistant"], "train_on_eos": "last"}},
    "assistant, no end": {"dataset": {"train_on_eos": "none"}},
    "everything": {"train_on_inputs": True},
    "empty list of boundaries": {"role_boundaries": [], "dataset": {"roles_to_train": ["assistant", "user"]}},
    "unknown role": {"dataset": {"roles_to_train": ["narrator"], "train_on_eos": "turn"}},
}


BOUNDARY_CHANGES = ({}, {"include_start": True}, {"include_end": False}, {"end": None})


class Family:
    """A pair with its corpus, and what axolotl makes of every row alone under the recipe that names the template."""

    def __init__(self, family: str, scratch: Path) -> None:
        self.pair = pair = Pair(family, scratch)
        pair.give([{"messages": []}], "nothing")
        pair.use(pair.template, "nothing", train_on_inputs=True)
        tokenizer, strategy = pair.axolotl.tokenizer, pair.axolotl.strategy
        self.masked = set(pair.masked_ids().tolist())
        self.media = self.masked - {tokenizer.pad_token_id}
        self.built_in = [
            {
                "role": boundary.role,
                "start": tokenizer.decode(boundary.start_tokens),
                "end": tokenizer.decode(boundary.end_tokens),
                "include_end": boundary.include_end,
            }
            for boundary in strategy.role_boundaries
        ]
        markers = sorted({text for one in self.built_in for text in (one["start"], one["end"])})
        literal = [tokenizer.convert_ids_to_tokens(token) for token in sorted(self.media)]
        corpus = Corpus(family, markers, literal, scratch / "pictures")
        self.made = corpus.rows(ROWS, PICTURES, field=FIELD)
        quoting = [quote(text) for text in literal]
        pair.give([one.row for one in self.made] + quoting)
        pair.give(corpus.image_rows(IMAGE_ROWS), "image")
        self.quoting = range(len(self.made), len(self.made) + len(quoting))
        pair.use(pair.template)
        self.alone = [pair.theirs([index]) for index in range(len(self.made))]
        self.good = [index for index, theirs in enumerate(self.alone) if not isinstance(theirs, Exception)]
        # A media token written out in one row shifts the pictures of the others in a batch; some processors refuse.
        self.plain = [index for index in self.good if not any(text in str(self.made[index].row) for text in literal)]
        self.shown = {index for index in self.good if self.media & set(self.alone[index][0].ravel().tolist())}
        self.mixes = not all(isinstance(pair.theirs(batch), Exception) for batch in self.batches(8, 2))
        if not self.mixes:
            self.plain.sort(key=lambda index: index not in self.shown)

    def batches(self, size: int, count: int | None = None) -> list[list[int]]:
        """Batches of rows that axolotl takes one by one, pictures and text mixed, no media token written out."""
        stops = range(0, len(self.plain) - size + 1, size)
        return [self.plain[start : start + size] for start in (stops if count is None else stops[:count])]

    def pictures_in(self, batch: list[int]) -> int:
        """Number of these rows that have picture tokens."""
        return sum(index in self.shown for index in batch)


def quote(text: str) -> dict[str, Any]:
    """A row whose user and assistant both write a media token out."""
    return {
        "messages": [
            {"role": "user", "content": f"before {text} after"},
            {"role": "assistant", "content": f"{text} at the start, {text} in the middle, at the end {text}"},
        ]
    }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", list(TEMPLATE_OF), indirect=True, scope="module")


@pytest.fixture(scope="module")
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    """Both sides of a family with its corpus."""
    with parsed_once(request.param):
        yield Family(request.param, tmp_path_factory.mktemp(request.param))


def test_every_row_alone(family: Family, record_property: Any) -> None:
    """Ids and labels of every conversation, and the same rows refused, with the recipe that names the template."""
    pair = family.pair
    pair.use(pair.template)
    same = [index for index in range(len(family.made)) if pair.same_row(index, family.alone[index])]
    pictures = sum(family.made[index].picture for index in same if index in family.shown)
    record_property(
        "figures", [pair.family, type(pair.axolotl.strategy).__name__, len(same), pictures, pair.tally.tokens]
    )
    assert len(same) >= WANTED_ROWS
    assert pictures >= WANTED_PICTURES
    assert {family.made[index].schema for index in same} == {one.schema for one in family.made}
    assert 0 < pair.tally.trained < pair.tally.tokens
    pair.use(pair.template, "image")
    assert sum(pair.same_row(index) for index in range(IMAGE_ROWS)) >= IMAGE_ROWS // 2


@pytest.mark.parametrize("masking", MASKINGS)
def test_masking_settings(family: Family, masking: str) -> None:
    """Each value of each knob, on batches; and every special token, wherever it stands, with those settings."""
    family.pair.use(family.pair.template, **MASKINGS[masking])
    for batch in family.batches(8, 3):
        assert family.pair.same_batch(batch)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding(family: Family, side: str) -> None:
    """Batches of eight, padded on either side, pictures among them."""
    pair = family.pair
    pair.use(pair.template, dataset={"roles_to_train": ALL_ROLES, "train_on_eos": "all"})
    pair.pad(side)
    same = [batch for batch in family.batches(8, BATCHES) if pair.same_batch(batch)]
    assert len(same) >= BATCHES - 3
    assert sum(family.pictures_in(batch) for batch in same) >= 30 * BATCHES // 18
    # Only Llama 3.2's processor wants pictures in every row of a batch, or in none.
    assert family.mixes == (pair.family != "llama3_2_vision")
    if family.mixes:
        assert sum(0 < family.pictures_in(batch) < len(batch) for batch in same) >= 10 * BATCHES // 18
    for start in range(0, len(family.good) - 3, 40):
        pair.same_batch(family.good[start : start + 3])


def test_media_ids(family: Family) -> None:
    """With all roles trained every media id of the strategy stands in a row, and is masked in both."""
    pair = family.pair
    if processors.TOKENIZERS is not None:
        name = "mistral3" if pair.family == "mistral_v7_tekken" else pair.family
        assert family.media >= MEDIA_IDS[name]
    pair.use(pair.template, train_on_inputs=True)
    assert set(pair.masked_ids().tolist()) == family.masked
    pair.use(pair.template, dataset={"roles_to_train": ALL_ROLES, "train_on_eos": "all"})
    pair.tally.seen.clear()
    for index in family.quoting:
        pair.same_row(index)
    for index, one in enumerate(family.made):
        if one.picture:
            pair.same_row(index)
    missing = family.media - pair.tally.seen
    assert not missing, f"no compared row holds {sorted(missing)}"


def test_axolotl_refuses_boundaries_from_a_file(family: Family) -> None:
    """A fact of 0.19.0 that the bench must tell: `role_boundaries` stop the run. When this test fails, they work."""
    pair = family.pair
    pair.use("tokenizer_default", role_boundaries=family.built_in)
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        worker.open_recipe(pair.path)


@pytest.mark.parametrize("change", BOUNDARY_CHANGES, ids=str)
def test_tokenizer_default_with_boundaries(family: Family, change: dict[str, Any]) -> None:
    """The tokenizer's own template with explicit boundaries: the base strategy, which masks the image token alone."""
    pair = family.pair
    boundaries = [{**one, **change} for one in family.built_in]
    pair.use("tokenizer_default", role_boundaries=boundaries, dataset={"roles_to_train": ["assistant", "user"]})
    compare(family, 24, 12)


# How the template is named, and how many of 24 rows must come out.
TEMPLATES: dict[str, tuple[dict[str, Any], int]] = {
    "tokenizer_default": ({"template": "tokenizer_default"}, 12),
    "unset": ({"template": None}, 12),
    "jinja": ({"template": "jinja", "chat_template_jinja": "text"}, 12),
    "jinja alone": ({"template": None, "chat_template_jinja": "text"}, 12),
    "jinja from a file": ({"template": "jinja", "chat_template_jinja": "path"}, 12),
    "fallback": ({"template": "tokenizer_default_fallback_chatml"}, 12),
    "no boundaries": ({"template": "llava"}, 6),
    "another family's": ({"template": "another"}, 6),
    "text only": ({"template": "chatml"}, 0),
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_templates(family: Family, kind: str) -> None:
    """Every other way to name a template; where axolotl then has no boundaries, everything is trained in both."""
    pair = family.pair
    changes, least = dict(TEMPLATES[kind][0]), TEMPLATES[kind][1]
    template = changes.pop("template")
    if template == "another":
        template = "gemma3" if pair.template.startswith("qwen") else "qwen2_vl"
    source = pair.folder / "chat_template.jinja"
    if changes.get("chat_template_jinja") == "text":
        changes["chat_template_jinja"] = source.read_text(encoding="utf-8")
    elif changes:
        changes["chat_template_jinja"] = str(source)
    pair.use(template, **changes)
    compare(family, 24, least)


def compare(family: Family, count: int, least: int) -> None:
    """Rows alone, spread over the corpus, then a batch on either side."""
    pair = family.pair
    spread = [index * len(family.made) // count for index in range(count)]
    same = [index for index in spread if pair.same_row(index)]
    assert len(same) >= least
    for side in ("left", "right"):
        pair.pad(side)
        if same:
            pair.same_batch(same[:8])
