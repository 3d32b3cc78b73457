"""A checksum per tensor, computed where the tensor lies: what was not to change is compared without a second copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

# Eight bytes each: two such pieces of work are what a checksum needs beside the tensor.
_CHUNK = 2**22


def checksums(model: Any) -> dict[str, str]:
    """The checksum of every frozen tensor of a model, this process's part of it where it is sharded."""
    return {
        name: checksum(local(parameter))
        for name, parameter in model.named_parameters()
        if not parameter.requires_grad and not parameter.is_meta
    }


def local(tensor: Any) -> Any:
    """The part of a tensor that this process holds."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def checksum(tensor: torch.Tensor) -> str:
    """The checksum of all bytes of a tensor; a byte that changed, or two that changed places, give another one."""
    plain = weighted = 0
    with torch.no_grad():
        data = tensor.detach()
        # A view where there can be one; a tensor that is not contiguous is copied, and those are small.
        words = data.contiguous().view(-1).view(torch.uint8) if data.numel() else data.new_zeros(0, dtype=torch.uint8)
        for number, piece in enumerate(_pieces(words)):
            place = torch.arange(len(piece), device=piece.device, dtype=torch.int64)
            plain += int(piece.sum())
            # Wraps around, which is the same everywhere.
            weighted += (number + 1) * int((piece * (2 * place + 1)).sum())
    mask = 2**64 - 1
    return f"{plain & mask:016x}{weighted & mask:016x}"


def _pieces(data: torch.Tensor) -> Iterator[torch.Tensor]:
    """The bytes as whole numbers of eight, in pieces; what is left over at the end is one more, a byte each."""
    whole = len(data) // 8 * 8
    if whole and data.data_ptr() % 8 == 0:
        yield from data[:whole].view(torch.int64).split(_CHUNK)
    elif whole:
        # The first byte does not lie on a boundary of eight.
        for piece in data[:whole].split(8 * _CHUNK):
            yield piece.clone().view(torch.int64)
    if len(data) > whole:
        yield data[whole:].to(torch.int64)
