from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tokens import oracle
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.mask import IGNORE, TRAIN_ON_EOS, Reason, gate_terminators, scan

TOKENS = st.integers(0, 5)
MARKER = st.lists(TOKENS, min_size=1, max_size=3).map(tuple)
BOUNDARY = st.builds(
    RoleBoundary,
    role=st.sampled_from(["assistant", "user", "system"]),
    start=MARKER,
    end=st.lists(TOKENS, max_size=2).map(tuple),
    include_start=st.booleans(),
    include_end=st.booleans(),
)
ROLES = st.sets(st.sampled_from(["assistant", "user", "system"]))
# A Gemma-like row: user 1 2 … 9, assistant 1 3 … 9.
USER = RoleBoundary("user", (1, 2), (9,))
ASSISTANT = RoleBoundary("assistant", (1, 3), (9,))
ROW = [0, 1, 2, 50, 51, 9, 8, 1, 3, 60, 61, 9, 8]


@settings(max_examples=1500, deadline=None)
@given(st.lists(TOKENS, max_size=24), st.lists(BOUNDARY, min_size=1, max_size=4), ROLES, st.sampled_from(TRAIN_ON_EOS))
def test_equals_the_scan_told_token_by_token(ids, boundaries, roles, eos):
    mask = scan(ids, boundaries, roles_to_train=roles, train_on_eos=eos)
    assert mask.keep.tolist() == oracle.keep(ids, boundaries, roles, eos)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(TOKENS, min_size=12, max_size=12), min_size=1, max_size=4),
    st.lists(BOUNDARY, min_size=1, max_size=3),
    ROLES,
    st.sampled_from(TRAIN_ON_EOS),
)
def test_a_batch_is_its_rows(rows, boundaries, roles, eos):
    batch = scan(rows, boundaries, roles_to_train=roles, train_on_eos=eos, pad_id=0, media_ids=(4,))
    for index, ids in enumerate(rows):
        alone = scan(ids, boundaries, roles_to_train=roles, train_on_eos=eos, pad_id=0, media_ids=(4,))
        mine = batch.row(index)
        for name in ("labels", "keep", "reason", "span"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(alone, name), err_msg=name)
        for name in ("boundary", "start", "content", "end", "stop", "terminated", "trained"):
            np.testing.assert_array_equal(getattr(mine.spans, name), getattr(alone.spans, name), err_msg=name)


@settings(max_examples=500, deadline=None)
@given(st.lists(TOKENS, max_size=24), st.lists(BOUNDARY, min_size=1, max_size=4), ROLES, st.sampled_from(TRAIN_ON_EOS))
def test_spans_and_reasons_tell_the_same_story(ids, boundaries, roles, eos):
    mask = scan(ids, boundaries, roles_to_train=roles, train_on_eos=eos)
    spans = mask.spans
    for index in range(len(spans)):
        boundary = boundaries[int(spans.boundary[index])]
        start, content, end, stop = (int(getattr(spans, n)[index]) for n in ("start", "content", "end", "stop"))
        assert tuple(ids[start:content]) == boundary.start
        assert tuple(ids[end:stop]) == (boundary.end if spans.terminated[index] else ())
        assert spans.terminated[index] or stop == len(ids)
        assert spans.trained[index] == (boundary.role in roles)
        assert set(mask.span[start:end].tolist()) <= {index}
    for token, reason in enumerate(mask.reason.tolist()):
        assert (mask.span[token] < 0) == (reason == Reason.OUTSIDE)
        assert mask.keep[token] == (reason in {Reason.CONTENT, Reason.START, Reason.END})
        assert mask.labels[token] == (ids[token] if mask.keep[token] else IGNORE)


def test_assistant_content_and_its_end_are_trained():
    mask = scan(ROW, [USER, ASSISTANT])
    assert np.flatnonzero(mask.keep).tolist() == [9, 10, 11]
    user, assistant = [7, 7, 6, 6, 8], [7, 7, 1, 1, 3]
    assert mask.reason.tolist() == [0, *user, 0, *assistant, 0]
    assert mask.span.tolist() == [-1, 0, 0, 0, 0, 0, -1, 1, 1, 1, 1, 1, -1]
    assert [mask.spans.role(i) for i in range(2)] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("eos", "expected"), [("turn", [9, 10, 11]), ("all", [5, 9, 10, 11]), ("none", [9, 10]), ("last", [9, 10, 11])]
)
def test_train_on_eos(eos, expected):
    assert np.flatnonzero(scan(ROW, [USER, ASSISTANT], train_on_eos=eos).keep).tolist() == expected


def test_last_is_the_last_trained_turn_that_was_closed():
    row = [1, 3, 60, 9, 1, 3, 61, 9, 1, 3, 62]
    assert np.flatnonzero(scan(row, [ASSISTANT], train_on_eos="last").keep).tolist() == [2, 6, 7, 10]


def test_a_shared_token_closes_one_turn_and_opens_the_next():
    user = RoleBoundary("user", (1,), (4,), include_end=False)
    assistant = RoleBoundary("assistant", (4,), (9,))
    mask = scan([1, 50, 4, 60, 9], [user, assistant])
    assert np.flatnonzero(mask.keep).tolist() == [3, 4]
    assert mask.span.tolist() == [0, 0, 1, 1, 1]


def test_an_unterminated_span_swallows_the_rest_and_says_so():
    mask = scan([1, 3, 60, 1, 2, 50], [USER, ASSISTANT])
    assert len(mask.spans) == 1
    assert not mask.spans.terminated[0]
    assert np.flatnonzero(mask.keep).tolist() == [2, 3, 4, 5]


def test_pad_and_media_are_masked_wherever_they_stand():
    mask = scan(ROW, [USER, ASSISTANT], pad_id=9, media_ids=(60,))
    assert np.flatnonzero(mask.keep).tolist() == [10]
    assert mask.reason[11] == Reason.PAD
    assert mask.reason[9] == Reason.MEDIA
    assert mask.reason[5] == Reason.PAD


def test_no_boundaries_and_train_on_inputs_train_everything_but_pad_and_media():
    for mask, reason in (
        (scan(ROW, [], pad_id=0), Reason.NO_BOUNDARIES),
        (scan(ROW, [USER], train_on_inputs=True, roles_to_train=(), pad_id=0), Reason.ALL_INPUTS),
    ):
        assert np.flatnonzero(~mask.keep).tolist() == [0]
        assert set(mask.reason[1:].tolist()) == {reason}


def test_no_role_trains_nothing():
    assert scan(ROW, [USER, ASSISTANT], roles_to_train=[]).trained == 0


def test_ids_beyond_the_table_and_negative_ones_never_match():
    mask = scan([-1, 1, 3, 10**9, 9], [ASSISTANT], pad_id=0)
    assert np.flatnonzero(mask.keep).tolist() == [3, 4]
    assert mask.reason[0] == Reason.OUTSIDE


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0)])
def test_empty_arrays_keep_their_shape(shape):
    mask = scan(np.zeros(shape, dtype=np.int64), [USER, ASSISTANT], pad_id=0)
    assert mask.labels.shape == mask.reason.shape == mask.span.shape == shape
    assert len(mask.spans) == 0


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="turn, all, none, last"):
        scan(ROW, [USER], train_on_eos="never")
    with pytest.raises(ValueError, match=r"\[L\] or \[B, L\]"):
        scan(np.zeros((1, 1, 1)), [USER])


def test_the_input_is_left_alone():
    ids = np.array(ROW)
    scan(ids, [USER, ASSISTANT], pad_id=9)
    assert ids.tolist() == ROW


@pytest.mark.parametrize(
    ("eos", "expected"), [("turn", [2, 3, 5, 6]), ("all", [2, 3, 5, 6]), ("none", [2, 5]), ("last", [2, 5, 6])]
)
def test_turn_ends_inside_spans_are_gated_after_the_scan(eos, expected):
    row, boundary = [1, 3, 60, 9, 7, 61, 9], RoleBoundary("assistant", (1, 3))
    media = scan(row, [boundary], train_on_eos=eos, media_ids=(7,))
    gated = gate_terminators(media, row, (9, 8), eos)
    assert np.flatnonzero(gated.keep).tolist() == expected
    assert np.flatnonzero(gated.labels != IGNORE).tolist() == expected
    batch = gate_terminators(scan([row, row], [boundary], train_on_eos=eos, media_ids=(7,)), [row, row], (9, 8), eos)
    np.testing.assert_array_equal(batch.keep, [gated.keep, gated.keep])
