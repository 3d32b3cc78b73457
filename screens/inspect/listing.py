"""The rows that the list of samples has a place for: all of a source, those of a filter, or either of them sorted."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from rich.cells import cell_len

_AHEAD = 8


class Listing:
    """The rows that are listed: all of a source whose length may not be known yet, or those that a filter found."""

    def __init__(self) -> None:
        self.length: int | None = None
        self.frontier = 0
        """One more than the last row that was ever seen or asked for."""
        self.order: list[int] | None = None
        """The rows of a filter, ascending but for those that are sorted; None without one."""
        self.sorted_by = ""
        """The order of the rows in words; empty for that of the data."""
        self.labels: Mapping[int, str] = {}
        """The values that rows are sorted by, as texts, where the list does not show them anyway."""
        self._places: dict[int, int] | None = None
        self.searched = 0
        self.complete = True
        self.stopped = False

    @property
    def rows(self) -> int:
        """Number of places: all rows, or those reached and some more, or those that a filter found."""
        if self.order is not None:
            return len(self.order)
        return self.length if self.length is not None else self.frontier + _AHEAD

    @property
    def last(self) -> int:
        """The last place that is known to hold a row."""
        return (self.rows if self.length is not None or self.order is not None else self.frontier) - 1

    def row_at(self, place: int) -> int:
        """The row at a place of the list."""
        return place if self.order is None else self.order[place]

    def between(self, top: int, height: int) -> list[int]:
        """The rows at so many places from `top` on."""
        return [self.row_at(place) for place in range(top, min(self.rows, top + height))]

    def sort(self, order: list[int], labels: Mapping[int, str]) -> None:
        """List these rows in this order, in place of those listed."""
        self.order, self.labels, self._places = order, labels, None

    @property
    def largest(self) -> int:
        """A number no smaller than that of any row listed."""
        if self.sorted_by:
            return max(0, self.searched - 1)
        return self.row_at(self.rows - 1) if self.rows else 0

    def progress(self, room: int) -> str:
        """The rows of a filter and of how many, or how far its search is; the longest text for which there is room."""
        found, searched, length = len(self.order or ()), self.searched, self.length
        if self.complete:
            by = f" · {self.sorted_by}" if self.sorted_by else ""
            words = [f"{found:,} of {searched:,} rows{by}", f"{found:,} of {searched:,}{by}", f"{found:,}{by}"]
        elif self.stopped:
            words = [f"{found:,} of {searched:,}, stopped"]
        elif length and self.sorted_by:
            words = [f"{self.sorted_by} {100 * searched // length}%…", f"{100 * searched // length}%…"]
        elif length:
            words = [f"{found:,} found, {100 * searched // length}%…"]
        else:
            by = f"{self.sorted_by} " if self.sorted_by else ""
            words = [f"{by}{found:,} found of {searched:,}…", f"{by}{searched:,}…", f"{by.strip() or f'{found:,}'}…"]
        return next((text for text in words if cell_len(text) <= room), words[-1])

    def has_room(self, bottom: int) -> bool:
        """True where a filter that is not done lists fewer rows than this."""
        return self.order is not None and not self.complete and not self.stopped and bottom > self.rows

    def place_of(self, index: int) -> int:
        """The place of a row, or where it would be; the first one for a row that a sorted list has not."""
        if self.order is None or not self.sorted_by:
            return index if self.order is None else bisect_left(self.order, index)
        if self._places is None:
            self._places = {row: place for place, row in enumerate(self.order)}
        return self._places.get(index, 0)

    def lists(self, index: int) -> bool:
        """True for a row that is listed."""
        place = self.place_of(index)
        return place < self.rows and self.row_at(place) == index

    def round_from(self, index: int, direction: int) -> Iterator[int]:
        """The other rows that are listed, from one on or back, round the end, and the row itself at last.

        The end of a source of unknown length may be told by `end_at` on the way.
        """
        place = self.place_of(index)
        # From between two rows of a filter the next one is that at this place.
        listed = self.lists(index)
        if direction > 0:
            for at in itertools.count(place + listed):
                if (self.length is not None or self.order is not None) and at >= self.rows:
                    break
                yield self.row_at(at)
            yield from (self.row_at(at) for at in range(min(place, self.rows)))
        else:
            yield from (self.row_at(at) for at in range(min(place, self.rows) - 1, -1, -1))
            yield from (self.row_at(at) for at in range(self.last, place - (not listed), -1))
        yield index
