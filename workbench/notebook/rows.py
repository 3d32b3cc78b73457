"""Rows, and what is known of one: its tokens, its mask, its trace, its findings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, overload

from workbench.blocks.chosen_rows import ChosenRows
from workbench.checks.row_checks import row_findings
from workbench.errors import InputError
from workbench.findings import Finding
from workbench.notebook.display import Result, plain
from workbench.notebook.open_recipe import OpenRecipe
from workbench.notebook.results import Checked, check_recipe
from workbench.tokens.mask import REASON_TEXT, Reason
from workbench.tokens.trace import Owner
from workbench.views import html
from workbench.views.html_reports import rows_html
from workbench.views.inspect_json import inspect_payload, row_payload, spans_payload
from workbench.views.items import visible
from workbench.views.skeleton import safe
from workbench.views.terminal import row_view

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.row import Row
    from workbench.tokens.mask import Mask, Spans
    from workbench.tokens.trace import Trace

TOKENS = 2_000
"""The most tokens of a row that are shown where no window is asked for."""
_TEXT_TOKENS = 400
_LISTED = 10
_MORE = ".window(a, b)"


@dataclass(frozen=True, repr=False)
class NotebookRows(Result):
    """The rows [start, stop) of the bench's data; `stop` None: to their end. `rows[3]` is one, `rows[2:5]` are some."""

    session: OpenRecipe
    start: int = 0
    stop: int | None = None

    @overload
    def __getitem__(self, index: int) -> RowResult: ...
    @overload
    def __getitem__(self, index: slice) -> NotebookRows: ...
    def __getitem__(self, index: int | slice) -> RowResult | NotebookRows:
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise InputError("Rows are taken one after the other", f"The step is {index.step}.", "Leave it out.")
            ends = [end if end is None or end >= 0 else end + len(self) for end in (index.start, index.stop)]
            stops = [self.start + ends[1] if ends[1] is not None else None, self.stop]
            known = [stop for stop in stops if stop is not None]
            return NotebookRows(self.session, self.start + (ends[0] or 0), min(known) if known else None)
        at = self.start + (index if index >= 0 else index + len(self))
        if self.stop is not None and at >= self.stop:
            cause = f"These are rows {self.start} to {self.stop - 1}."
            raise InputError(f"There is no row {at} here", cause, "Take one of these.")
        self.session.bench.row(at)
        return RowResult(self.session, at)

    def __len__(self) -> int:
        """The number of rows; may read to their end. TypeError where only streaming would tell."""
        total = len(self.session.bench.rows)
        return max(0, (total if self.stop is None else min(total, self.stop)) - self.start)

    def __iter__(self) -> Iterator[RowResult]:
        for row in self.head(None):
            yield RowResult(self.session, row.index)

    def numbers(self, count: int | None) -> ChosenRows:
        """The numbers of the first `count` of these rows, or of all; some may lie behind the end of the data."""
        end = self._end(count)
        return ChosenRows(range(self.start, sys.maxsize if end is None else end))

    def _end(self, count: int | None) -> int | None:
        ends = (self.stop, None if count is None else self.start + count, self.session.bench.rows.known_length)
        return min((end for end in ends if end is not None), default=None)

    def head(self, count: int | None) -> Iterator[Row]:
        """The bench's own rows: the first `count` of these, or all."""
        for row in self.session.bench.head(self._end(count)):
            if row.index >= self.start:
                yield row

    def to_dict(self) -> dict[str, Any]:
        """`vlmbench.inspect/1` with all of these rows."""
        return inspect_payload(self.session.bench, list(self.head(None)))

    def text(self) -> str:
        shown = [f"rows of {visible(self.session.bench.rows.name)}"]
        for row in self.head(_LISTED):
            summary = f"{row.mask.trained} of {len(row.rendering)} trained" if row.error is None else row.error.message
            shown.append(f"  {row.index}: {visible(summary)}")
        return "\n".join(shown)

    def body(self) -> str:
        total = self.session.bench.rows.known_length
        return rows_html(list(self.head(_LISTED)), self.start, total)


@dataclass(frozen=True, repr=False)
class _RowResult(Result):
    session: OpenRecipe
    index: int
    shown: html.Window | None = None

    @property
    def row(self) -> Row:
        """The core's row; see `workbench.row.Row`."""
        return self.session.bench.row(self.index)

    def window(self, a: int, b: int) -> Self:
        """The same result, showing tokens [a, b)."""
        if not 0 <= a < b:
            raise InputError(f"Tokens {a} to {b} are no window", hint="Give 0 <= a < b.")
        return replace(self, shown=(a, b))

    @property
    def title(self) -> str:
        return f"row {self.index} · {self.session.bench.title}"

    def text(self) -> str:
        row, window = self.row, self.shown or (0, _TEXT_TOKENS)
        text = plain(row_view(row, 100, marks=True, window=window))
        total = len(row.rendering) if row.error is None else 0
        inside = (window[0], min(window[1], total))
        return text if inside[1] - inside[0] >= total else f"{text}\n{html.window_note(inside, total, _MORE)}"

    @property
    def _window(self) -> html.Window:
        return self.shown or (0, TOKENS)


class RowResult(_RowResult):
    """A row as it will be trained: every token, turn by turn, and what is wrong with it."""

    def mask(self) -> MaskResult:
        """The trained tokens, and the reason for each token."""
        return MaskResult(self.session, self.index, self.shown)

    @property
    def trace(self) -> TraceResult:
        """The message and part that every token came from, whatever the markers say."""
        return TraceResult(self.session, self.index, self.shown)

    @property
    def findings(self) -> list[Finding]:
        """The findings about this row alone, the worst first."""
        return row_findings(self.row)

    def check(self) -> Checked:
        """Check the recipe and this row."""
        return check_recipe(self.session, lambda: ChosenRows((self.row.index,)))

    def to_dict(self) -> dict[str, Any]:
        """The row as `rows[]` of `vlmbench.inspect/1` has it."""
        return row_payload(self.row)

    def body(self) -> str:
        drawn = html.row_section(self.row, window=self._window, more=_MORE, key=html.legend())
        return f"{drawn}{html.boundaries(self.session.bench, [self.row])}"


class MaskResult(_RowResult):
    """The mask of a row: `labels`, `input_ids`, `keep` are arrays `[L]`."""

    @property
    def mask(self) -> Mask:
        """The core's mask; see `workbench.tokens.mask.Mask`."""
        return self.row.mask

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The labels `[L]` as the trainer gets them, -100 where nothing is trained."""
        return self.mask.labels

    @property
    def input_ids(self) -> npt.NDArray[np.int64]:
        """The ids `[L]`."""
        return self.row.rendering.input_ids

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """True at each trained token, `[L]`."""
        return self.mask.keep

    @property
    def trained(self) -> int:
        """The number of trained tokens."""
        return self.mask.trained

    @property
    def spans(self) -> Spans:
        """Every match of a role boundary."""
        return self.mask.spans

    def to_dict(self) -> dict[str, Any]:
        """`row`, `trained`, `input_ids`, `labels` and `spans` as `rows[]` of `vlmbench.inspect/1` has them."""
        return {
            "row": self.index,
            "trained": self.trained,
            "input_ids": self.input_ids.tolist(),
            "labels": self.labels.tolist(),
            "spans": spans_payload(self.spans),
        }

    def body(self) -> str:
        row = self.row
        if row.error is not None:
            return html.row_section(row)
        counts = [
            [
                safe(REASON_TEXT[reason]),
                f"{count:,}",
                "trained" if row.mask.keep[row.mask.reason == reason].any() else "",
            ]
            for reason in Reason
            if (count := int((row.mask.reason == reason).sum()))
        ]
        tokens = html.tokens(row, window=self._window, more=_MORE)
        reasons = html.table(("reason", "tokens", ""), counts, numbers=("tokens",))
        return f"{html.row_title(row)}{html.legend()}{tokens}{reasons}"


class TraceResult(_RowResult):
    """The trace of a row: the owner of every token, found without any marker."""

    @property
    def trace(self) -> Trace:
        """The core's trace; see `workbench.tokens.trace.Trace`."""
        return self.row.trace

    def to_dict(self) -> dict[str, Any]:
        """`row`, and of each of `tokens` the `index`, `id`, `text` and `owner` as `vlmbench.inspect/1` has them."""
        payload = row_payload(self.row)
        keys = ("index", "id", "text", "owner")
        return {"row": self.index, "tokens": [{key: token[key] for key in keys} for token in payload["tokens"]]}

    def body(self) -> str:
        row = self.row
        if row.error is not None:
            return html.row_section(row)
        tokens = html.tokens(row, window=self._window, more=_MORE, owners=True)
        kinds = ((kind, int((row.trace.kind == kind).sum())) for kind in Owner)
        facts = " · ".join(f"{kind.name.lower()} {count:,}" for kind, count in kinds if count)
        return f'<h2>{safe(html.place(row))}</h2><p class="facts">{facts}</p>{tokens}'
