"""The scanner's meaning, told token by token: slow, obvious, and independent of the vectorised one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from workbench.tokens.boundaries import RoleBoundary


def _here(ids: Sequence[int], at: int, marker: Sequence[int]) -> bool:
    return bool(marker) and tuple(ids[at : at + len(marker)]) == tuple(marker)


def keep(
    ids: Sequence[int], boundaries: Sequence[RoleBoundary], roles: Collection[str], train_on_eos: str
) -> list[bool]:
    """A bool per token of one row: True where it is trained."""
    trained = [False] * len(ids)
    last_end: tuple[int, int] | None = None
    at = 0
    while at < len(ids):
        matching = [b for b in boundaries if _here(ids, at, b.start)]
        if not matching:
            at += 1
            continue
        longest = max(len(b.start) for b in matching)
        boundary = next(b for b in matching if len(b.start) == longest)
        content = at + longest
        end = next((i for i in range(content, len(ids)) if _here(ids, i, boundary.end)), None)
        stop = len(ids) if end is None else end + len(boundary.end)
        if boundary.role in roles:
            if boundary.include_start:
                trained[at:content] = [True] * longest
            close = len(ids) if end is None else end
            trained[content:close] = [True] * (close - content)
        if end is not None and boundary.include_end:
            mine = boundary.role in roles
            if train_on_eos == "all" or (train_on_eos == "turn" and mine):
                trained[end:stop] = [True] * len(boundary.end)
            if train_on_eos == "last" and mine:
                last_end = (end, stop)
        at = end if end is not None and not boundary.include_end else stop
    if last_end is not None:
        for index in range(*last_end):
            trained[index] = True
    return trained
