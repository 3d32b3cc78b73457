"""Rows of a data set, judged, and the store of them that whoever looks at many rows fills and reads.

A result holds for the rows, the template and the settings that it was made with. The store of a bench is of the rows
and the template of one `Bench.apply`; the settings are its key.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from workbench.findings import Finding

SETTINGS_KEPT = 4
"""Settings whose results are kept: undoing an edit finds those of before."""
ROWS_KEPT = 150_000
"""Rows of which results are kept, some 90 MB; beyond, those that came first are forgotten, and before them the results
of other settings."""


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One row of a data set, judged: its size, what of it is trained, and its findings.

    `tokens`, `trained`, `media` count tokens, -1 where the row has no rendering; `pictures` counts pictures. `form` is
    the form that T002 and T004 are looked for by; None where the row has no conversation.
    """

    index: int
    tokens: int
    trained: int
    media: int
    pictures: int
    findings: tuple[Finding, ...]
    form: tuple[Any, ...] | None
    alone: bool
    """True where the row was checked alone."""
    like: tuple[Finding, ...] = ()
    """The findings of another row of the same structure, which this one has as well: the numbers and excerpts in them
    are the other row's."""
    by_role: dict[str, int] = field(default_factory=dict)
    """Trained tokens by the role of their turn; see `workbench.tokens.by_role`."""
    matched: frozenset[str] = frozenset()
    """The roles whose markers are in it."""

    @property
    def roles(self) -> set[str]:
        """The roles of its messages; none where it has no rendering."""
        return {str(role) for role, _ in self.form or ()} if self.tokens >= 0 else set()


class RowSize(NamedTuple):
    """The numbers of a row that no check is needed for, as `JudgedRow` has them."""

    tokens: int
    trained: int
    pictures: int
    media: int


class KnownResults:
    """The results of rows by number, for one settings, without T002 and T004; `parts` are those, where looked for."""

    def __init__(self) -> None:
        self._rows: OrderedDict[int, JudgedRow] = OrderedDict()
        self.parts: dict[int, tuple[Finding, ...]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, index: int) -> JudgedRow | None:
        """The result of a row, where it is known."""
        return self._rows.get(index)

    def put(self, result: JudgedRow) -> None:
        """Keep a result, in place of an older one of the row."""
        self._rows[result.index] = result
        if len(self._rows) > ROWS_KEPT:
            gone, _ = self._rows.popitem(last=False)
            self.parts.pop(gone, None)


class RowJudge(Protocol):
    """Whoever judges rows for a store, once it was made; see `workbench.blocks.known`."""

    @property
    def differs(self) -> str: ...


class RowResults:
    """The store of a bench: what is known of its rows, by the last few settings. `judge` fills it."""

    def __init__(self) -> None:
        self._by_settings: OrderedDict[Hashable, KnownResults] = OrderedDict()
        self.judge: RowJudge | None = None

    def of(self, settings: Hashable) -> KnownResults:
        """The results for these settings, which are now the last used."""
        known = self._by_settings.setdefault(settings, KnownResults())
        self._by_settings.move_to_end(settings)
        while len(self._by_settings) > 1 and (len(self._by_settings) > SETTINGS_KEPT or self._rows > ROWS_KEPT):
            self._by_settings.popitem(last=False)
        return known

    def there(self, settings: Hashable) -> KnownResults | None:
        """The results for these settings, if there are any. For another thread than the one that fills the store."""
        return self._by_settings.get(settings)

    @property
    def _rows(self) -> int:
        return sum(map(len, self._by_settings.values()))

    def settings(self) -> list[Hashable]:
        """The settings that results are kept for, the last used first."""
        return list(reversed(self._by_settings))

    def forget(self) -> None:
        """Drop every result."""
        self._by_settings.clear()
