"""Awkward rows: what axolotl makes of each, against `normalize`; what it refuses, drops or moves is said, not imitated.

The strategy's own code is called on each row, and then the whole collator, on a real processor around a tokenizer that
is always at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conformance.corpus import Corpus
from conformance.pair import FIELD, Pair, parsed_once
from tests.data.awkward import AWKWARD
from tests.data.shapes import SHAPES, write_pictures
from tests.data.test_jsonl import MIXED
from workbench.consumers.axolotl import worker
from workbench.data.conversation import Conversation, RowError, normalize
from workbench.data.forms import part_modality
from workbench.data.parts import handed_over
from workbench.data.rows import RawRow
from workbench.data.sources import open_source


def raw_messages(row: dict[str, Any]) -> list[Any]:
    """The raw row's own list of messages, wherever it stands."""
    for name in ("messages", "conversations", FIELD):
        if isinstance(row.get(name), list):
            return row[name]
    return []


def strategy(**options: Any) -> Any:
    """axolotl's base strategy, for the rows alone."""
    from axolotl.processing_strategies import ProcessingStrategy

    return ProcessingStrategy(SimpleNamespace(tokenizer=SimpleNamespace()), **options)


def theirs(row: dict[str, Any], **options: Any) -> list[dict[str, Any]] | Exception:
    """The messages that axolotl hands to the chat template, or what it raises."""
    try:
        return strategy(**options)([deepcopy(row)])[0]["messages"]
    except Exception as problem:
        return problem


def ours(row: dict[str, Any], **options: Any) -> Conversation | RowError:
    """The same from the bench."""
    try:
        return normalize(deepcopy(row), **options)
    except RowError as problem:
        return problem


def comparable(value: Any) -> Any:
    """Messages with every picture as its pixels."""
    if hasattr(value, "resize"):
        return value.mode, value.size, np.asarray(value).tobytes()
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    return [comparable(item) for item in value] if isinstance(value, list) else value


def media_parts(messages: list[dict[str, Any]]) -> list[Any]:
    return [part for message in messages for part in message["content"] if part_modality(part) is not None]


def codes(conversation: Conversation) -> set[str]:
    return {finding.code for finding in conversation.findings}


@pytest.mark.parametrize("kind", MIXED)
def test_texts_beside_other_values_are_read_alike(kind: str, tmp_path: Path) -> None:
    """A text that is JSON, in a field of mixed kinds, is what it says: axolotl's own reader over the same file."""
    from axolotl.utils.dict import DictDefault

    data = tmp_path / "rows.jsonl"
    data.write_bytes(MIXED[kind])
    cfg = DictDefault(datasets=[{"path": str(data), "ds_type": "json", "type": "chat_template"}])
    assert [row.data for row in open_source(str(data))] == worker.read_rows(cfg)


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_rows_are_normalised_alike(name: str) -> None:
    """Refused by both, or the same messages; and what axolotl drops or moves is a finding."""
    row, verdict = AWKWARD[name]
    before = deepcopy(row)
    wanted, made = theirs(row), ours(row)
    assert row == before
    if isinstance(wanted, Exception):
        assert isinstance(made, RowError), f"axolotl raises {wanted!r}"
        assert type(wanted).__name__ in verdict
        return
    assert not verdict.startswith("raises")
    if isinstance(made, RowError):
        # The bench reads each picture here; axolotl passes the part on and transformers stops at it.
        assert made.finding_code == "D005", made
        return
    assert comparable(made.messages) == comparable(wanted)
    if verdict in ("drops", "moves"):
        # A placeholder that is left empty is told of when the row is rendered.
        assert made.findings or any(not handed_over(part) for part in media_parts(made.messages)), verdict


@pytest.mark.parametrize("size", [None, 24, (20, 30)], ids=str)
@pytest.mark.parametrize("resize", ["bilinear", "bicubic", "lanczos"])
def test_a_column_picture_is_resized_to_the_pixel(tmp_path: Any, size: Any, resize: str) -> None:
    """`image_size` as a number pads to a square, as a pair it stretches; the pixels are the same."""
    from PIL.Image import Resampling

    rows = Corpus("sizes", (), (), tmp_path).image_rows(18)
    for row in rows:
        wanted = theirs(row, image_size=size, image_resize_algorithm=Resampling[resize.upper()])
        made = ours(row, image_size=size, image_resize=resize)
        assert isinstance(made, Conversation)
        assert comparable(made.messages) == comparable(wanted)


def test_varied_rows_are_normalised_alike_and_losses_are_said(tmp_path: Any) -> None:
    """The corpus of the collator's comparison; a loss that is seen in axolotl's messages is seen in the findings."""
    counted = {"dropped": 0, "moved": 0, "ignored": 0, "keys": 0}
    made_rows = Corpus("rows", ("<end>",), (), tmp_path).rows(300, 120, field=FIELD)
    for one in made_rows:
        wanted = theirs(one.row, field_messages=[FIELD])
        made = ours(one.row, field_messages=[FIELD])
        assert isinstance(wanted, list)
        assert isinstance(made, Conversation), made
        assert comparable(made.messages) == comparable(wanted)
        raw = raw_messages({FIELD: one.row[FIELD]} if one.row.get(FIELD) else one.row)
        if len(raw) > len(wanted):
            counted["dropped"] += 1
            assert "D002" in codes(made)
        if one.schema in ("column-moved", "column-list"):
            counted["moved"] += 1
            assert "D003" in codes(made)
        if one.schema == "column-first":
            counted["ignored"] += 1
            assert "D003" in codes(made)
        if one.schema == "extras":
            counted["keys"] += 1
            assert codes(made) & {"M013", "T001"}
    assert min(counted.values()) >= 5, counted


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both sides on one processor, for rows that JSON cannot hold in one file."""
    with parsed_once("qwen2_vl"):
        made = Pair("qwen2_vl", tmp_path_factory.mktemp("awkward"), kept=True)
        made.give([{"messages": []}], "nothing")
        made.use(made.template, "nothing", dataset={"roles_to_train": ["assistant", "user"]})
        yield made


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_rows_through_the_collator(pair: Pair, name: str) -> None:
    """Past the strategy: what the template or the processor refuses is an error here as well."""
    from workbench.row import Row

    raw = AWKWARD[name][0]
    pair.raw = [deepcopy(raw)]
    batch = pair.theirs([0])
    row = Row(pair.bench, 0, RawRow(0, deepcopy(raw), None, "awkward"))
    if isinstance(batch, Exception):
        assert row.error is not None, f"axolotl raises {batch!r}"
        assert row.error.code
        assert row.error.message
        return
    assert row.error is None, f"axolotl takes it, the bench says {row.error}"
    assert np.array_equal(row.rendering.input_ids, batch[0][0])
    assert np.array_equal(row.mask.labels, batch[1][0])


@pytest.mark.parametrize("family", ["qwen2_vl", "gemma4", "pixtral"])
def test_shapes_through_the_collator(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows with which axolotl goes on: the same ids and labels, as many pictures and placeholders as the findings say.

    Where it stops, the row has an error here; and nothing that either loses is silent.
    """
    from workbench.checks.handed_over import fates
    from workbench.checks.row_checks import check_row
    from workbench.row import Row

    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path)
    with parsed_once(family):
        pair = Pair(family, tmp_path, kept=True)
        pair.give([{"messages": []}], "nothing")
        pair.use(pair.template, "nothing")
        taken = refused = 0
        for name, raw in SHAPES.items():
            if any(word in str(raw) for word in ("http", "s3:")):
                continue
            pair.raw = [deepcopy(raw)]
            batch = pair.theirs([0])
            row = Row(pair.bench, 0, RawRow(0, deepcopy(raw), None, "shapes", base_dir=tmp_path))
            errors = [one for one in check_row(row) if one.severity == "error"]
            if isinstance(batch, Exception):
                assert errors, f"{name}: axolotl raises {batch!r}"
                refused += 1
                continue
            assert row.error is None, f"{name}: axolotl takes it, the bench says {row.error}"
            assert np.array_equal(row.rendering.input_ids, batch[0][0]), name
            assert np.array_equal(row.mask.labels, batch[1][0]), name
            known = [fate for fate in fates(row) if fate.kind == "image"]
            assert len(row.rendering.media) == sum(bool(fate.written) for fate in known), name
            assert pictures_given(pair, raw) == sum(fate.handed for fate in known), name
            taken += 1
    assert min(taken, refused) >= 12


def pictures_given(pair: Pair, raw: dict[str, Any]) -> int:
    """The number of pictures that axolotl's processor gets for a row."""
    processor, given = pair.axolotl.processor, [0]
    original = type(processor)

    def watched(self: Any, images: Any = None, *args: Any, **kwargs: Any) -> Any:
        flat = [one for some in images or [] for one in (some if isinstance(some, list) else [some])]
        given[0] = len(flat)
        return original.__call__(self, images, *args, **kwargs)

    processor.__class__ = type(original.__name__, (original,), {"__call__": watched, "__module__": original.__module__})
    try:
        pair.axolotl.collate([deepcopy(raw)])
    finally:
        processor.__class__ = original
    return given[0]
