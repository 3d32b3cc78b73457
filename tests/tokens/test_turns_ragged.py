"""The mask of many rows of the text path is, of each row, the mask that it has alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tokens.mask import TRAIN_ON_EOS
from workbench.tokens.turns import Found, TextMasking, mask
from workbench.tokens.turns_ragged import FATES, RaggedTurns, mask_ragged

ROLES = ("assistant", "user", "tool")
MASKING = st.builds(
    TextMasking,
    roles=st.sets(st.sampled_from(ROLES)).map(tuple),
    train_on_eos=st.sampled_from(TRAIN_ON_EOS),
    train_on_eot=st.sampled_from(TRAIN_ON_EOS),
    train_on_inputs=st.sampled_from([False, False, False, True]),
    eos_id=st.none() | st.integers(0, 3),
    eot_ids=st.lists(st.integers(0, 3), max_size=2).map(tuple),
    limit=st.none() | st.integers(1, 14),
    excess=st.sampled_from(["drop", "truncate", "raise"]),
    least=st.integers(0, 4),
    packing=st.booleans(),
)


@st.composite
def row(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int, int, int]]]:
    """The ids of a row, and its turns: start, stop, role and flag. They may overlap, and may not be found."""
    ids = draw(st.lists(st.integers(0, 5), max_size=16))
    turns = []
    for _ in range(draw(st.integers(0, 4))):
        start, stop = draw(st.tuples(st.integers(0, len(ids)), st.integers(0, len(ids))))
        found = (start, stop) if start < stop else (-1, -1)
        turns.append((*found, draw(st.integers(0, len(ROLES) - 1)), draw(st.sampled_from([-1, -1, -1, 0, 1]))))
    return ids, turns


@settings(max_examples=800, deadline=None)
@given(st.lists(row(), min_size=1, max_size=4), MASKING)
def test_each_row_is_masked_as_alone(
    rows: list[tuple[list[int], list[tuple[int, int, int, int]]]], masking: TextMasking
) -> None:
    edges = np.concatenate(([0], np.cumsum([len(ids) for ids, _ in rows]))).astype(np.int64)
    ids = np.array([token for row, _ in rows for token in row], dtype=np.int64)
    columns = np.array(
        [(at, number, *turn) for at, (_, turns) in enumerate(rows) for number, turn in enumerate(turns)], dtype=np.int64
    ).reshape(-1, 6)
    made = mask_ragged(ids, edges, RaggedTurns(*columns.T, ROLES), masking)
    for number, (tokens, turns) in enumerate(rows):
        start, stop, role, flag = np.array(turns, dtype=np.int64).reshape(-1, 4).T
        names = tuple(ROLES[at] for at in role)
        nothing = ("",) * len(turns)
        found = Found(start, stop, names, flag.astype(np.int8), (None,) * len(turns), nothing, nothing)
        alone, fate, _ = mask(np.array(tokens, dtype=np.int64), found, masking)
        span = slice(int(edges[number]), int(edges[number + 1]))
        assert FATES[made.fate[number]] == fate
        assert made.mask.labels[span].tolist() == alone.labels.tolist()
        assert made.mask.keep[span].tolist() == alone.keep.tolist()
        assert made.mask.reason[span].tolist() == alone.reason.tolist()
        first = int(np.searchsorted(made.mask.spans.row, number))
        of = made.mask.span[span]
        assert np.where(of >= 0, of - first, -1).tolist() == alone.span.tolist()
        spans = made.mask.spans.take(made.mask.spans.row == number)
        for name in ("start", "content", "end", "stop", "terminated", "trained"):
            assert getattr(spans, name).tolist() == getattr(alone.spans, name).tolist()
        assert [spans.role(at) for at in range(len(spans))] == [alone.spans.role(at) for at in range(len(alone.spans))]
