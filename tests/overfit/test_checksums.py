"""A checksum sees every byte, needs little memory beside the tensor, and is the same for the same bytes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.overfit import checksums as module
from workbench.overfit.checksums import checksum, checksums

KINDS = [torch.float32, torch.bfloat16, torch.float16, torch.int8, torch.uint8, torch.float64]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.sampled_from(KINDS), st.integers(0, 10**6), st.integers(1, 40))
def test_one_element_that_changed_is_seen(size: int, kind: torch.dtype, place: int, chunk: int) -> None:
    before = module._CHUNK
    module._CHUNK = chunk
    try:
        tensor = torch.arange(size, dtype=torch.int64).remainder(100).to(kind)
        was = checksum(tensor)
        assert checksum(tensor.clone()) == was
        place %= size
        tensor[place] = tensor[place] + 1
        assert checksum(tensor) != was
    finally:
        module._CHUNK = before


@pytest.mark.parametrize("kind", KINDS)
def test_two_elements_that_changed_places_are_seen(kind: torch.dtype) -> None:
    tensor = torch.arange(64).to(kind)
    was = checksum(tensor)
    tensor[[3, 40]] = tensor[[40, 3]]
    assert checksum(tensor) != was


def test_the_bytes_count_and_not_where_they_lie() -> None:
    whole = torch.arange(101, dtype=torch.float32)
    assert checksum(whole[1:]) == checksum(whole[1:].clone())
    assert checksum(whole.reshape(101, 1).t()) == checksum(whole)
    matrix = torch.arange(12.0).reshape(3, 4)
    assert checksum(matrix.t()) == checksum(matrix.t().contiguous())
    assert checksum(torch.zeros(0)) == checksum(torch.zeros(0))
    # A negative zero is another zero, and NaN is itself.
    assert checksum(torch.tensor([0.0])) != checksum(torch.tensor([-0.0]))
    assert checksum(torch.tensor([float("nan")])) == checksum(torch.tensor([float("nan")]))


def test_only_what_is_frozen_is_summed_up() -> None:
    model = torch.nn.Linear(4, 3)
    model.weight.requires_grad = False
    assert set(checksums(model)) == {"weight"}


def test_a_piece_at_a_time_is_all_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 1000)
    sizes = [len(piece) for piece in module._pieces(torch.zeros(8 * 2500 + 3, dtype=torch.uint8))]
    assert sizes == [1000, 1000, 500, 3]
