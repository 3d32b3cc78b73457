"""Rows, and what is known of one: its tokens, its mask, its trace, its findings."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from workbench.answers import InspectAnswer, MaskAnswer, RowAnswer, TraceAnswer
from workbench.blocks.chosen_rows import ChosenRows
from workbench.checks.row_checks import row_findings
from workbench.data.rows import RawRow
from workbench.errors import InputError
from workbench.findings import Finding
from workbench.notebook.arguments import maybe_whole, whole, wrong
from workbench.notebook.display import RecipeResult, plain
from workbench.notebook.masks import Masks, batch_of
from workbench.notebook.open_recipe import OpenRecipe
from workbench.notebook.results import Checked, check_recipe
from workbench.notebook.row_file import conversation, is_message
from workbench.row import Row
from workbench.tokens.mask import REASON_TEXT, Reason
from workbench.tokens.trace import Owner
from workbench.views import html
from workbench.views.html_reports import first_words, rows_html
from workbench.views.inspect_json import inspect_payload, row_payload, spans_payload
from workbench.views.items import visible
from workbench.views.skeleton import safe
from workbench.views.terminal import row_view

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from PIL.Image import Image

    from workbench.bench import Bench
    from workbench.tokens.mask import Mask, Spans
    from workbench.tokens.render import Renderer
    from workbench.tokens.trace import Trace

TOKENS = 2_000
"""The most tokens of a row that are shown where no window is asked for."""
_TEXT_TOKENS = 400
_LISTED = 10
_MORE = ".window(a, b)"
_COLUMNS = [
    *("row", "source", "line", "tokens", "trained", "share", "pictures", "messages", "errors", "warnings"),
    *("reason", "begins"),
]


@dataclass(frozen=True, repr=False)
class NotebookRows(RecipeResult):
    """The rows [start, stop) of the bench's data; `stop` None: to their end. `rows[3]` is one, `rows[2:5]` are some."""

    session: OpenRecipe
    start: int = 0
    stop: int | None = None

    @overload
    def __getitem__(self, index: int) -> RowResult: ...
    @overload
    def __getitem__(self, index: slice) -> NotebookRows: ...
    def __getitem__(self, index: int | slice) -> RowResult | NotebookRows:
        """One row, or some. InputError where there is no such row."""
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise InputError("Rows are taken one after the other", f"The step is {index.step}.", "Leave it out.")
            ends = [self._end(end) for end in (index.start, index.stop)]
            stops = [self.start + ends[1] if ends[1] is not None else None, self.stop]
            known = [stop for stop in stops if stop is not None]
            return NotebookRows(self.session, self.start + (ends[0] or 0), min(known) if known else None)
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise wrong("A row", index, "its number, or a slice")
        index = operator.index(index)
        at = self.start + (index if index >= 0 else index + len(self))
        if self.stop is not None and at >= self.stop:
            cause = f"These are rows {self.start} to {self.stop - 1}."
            raise InputError(f"There is no row {at} here", cause, "Take one of these.")
        self.session.bench.row(at)
        return RowResult(self.session, at)

    def _end(self, end: Any) -> int | None:
        if end is None:
            return None
        if isinstance(end, bool) or not hasattr(end, "__index__"):
            raise wrong("An end of a slice", end, "the number of a row")
        number = operator.index(end)
        return number if number >= 0 else max(0, number + len(self))

    def __len__(self) -> int:
        """The number of rows; may read to their end. TypeError where only streaming would tell."""
        total = len(self.session.bench.rows)
        return max(0, (total if self.stop is None else min(total, self.stop)) - self.start)

    def __iter__(self) -> Iterator[RowResult]:
        for row in self.head(None):
            yield RowResult(self.session, row.index)

    def numbers(self, count: int | None) -> ChosenRows:
        """The numbers of the first `count` of these rows, or of all; some may lie behind the end of the data."""
        end = self._before(count)
        return ChosenRows(range(self.start, sys.maxsize if end is None else end))

    def _before(self, count: int | None) -> int | None:
        """The number that the first `count` of these rows lie before; None where nobody knows."""
        ends = (self.stop, None if count is None else self.start + count, self.session.bench.rows.known_length)
        return min((end for end in ends if end is not None), default=None)

    def head(self, count: int | None) -> Iterator[Row]:
        """The bench's own rows: the first `count` of these, or all."""
        for row in self.session.bench.head(self._before(count)):
            if row.index >= self.start:
                yield row

    def masks(self, count: int | None = None) -> Masks:
        """The first `count` of these rows, or all, as one padded batch; see `workbench.notebook.masks.Masks`.

        Raises:
            InputError: none of them can be rendered.
        """
        return batch_of(self.session.bench, self.head(maybe_whole("count", count, least=1)))

    def to_pandas(self) -> pd.DataFrame:
        """A line a row, index `row`.

        Columns: `source` and `line`, `tokens` and `trained` (missing where the row cannot be rendered), `share`
        trained, `pictures`, the `messages`' number, `errors` and `warnings` as their codes, `reason` why the row cannot
        be rendered, and how it `begins`.
        """
        import pandas as pd

        lines = [_line(row) for row in self.head(None)]
        frame = pd.DataFrame(lines, columns=_COLUMNS).set_index("row")
        return frame.astype(dict.fromkeys(("line", "tokens", "trained", "pictures", "messages"), "Int64"))

    def to_dict(self) -> InspectAnswer:
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


def _line(row: Row) -> dict[str, Any]:
    """A row's line in a table."""
    found = row_findings(row)
    codes = {
        severity: " ".join(dict.fromkeys(one.code for one in found if one.severity == severity))
        for severity in ("error", "warning")
    }
    line: dict[str, Any] = {"row": row.index, "source": row.raw.source, "line": row.raw.line}
    line |= {"errors": codes["error"], "warnings": codes["warning"]}
    if row.error is not None:
        return line | {"reason": row.error.message, "share": float("nan"), "begins": ""}
    tokens, trained = len(row.rendering), row.mask.trained
    return line | {
        "tokens": tokens,
        "trained": trained,
        "share": trained / tokens if tokens else 0.0,
        "pictures": sum(kind == "image" for kind in row.rendering.media.modality),
        "messages": len(row.conversation.messages),
        "reason": "",
        "begins": first_words(row),
    }


@dataclass(frozen=True)
class GivenRow:
    """A row that is in no file. Its rendering is kept as long as the bench renders alike."""

    raw: RawRow
    kept: list[tuple[Renderer, Row]] = field(default_factory=list, compare=False, repr=False)

    def row(self, bench: Bench) -> Row:
        """The row on this bench."""
        if not self.kept or self.kept[-1][0] is not bench.renderer:
            # A renderer is made anew whenever anything changes that it depends on.
            self.kept[:] = [(bench.renderer, Row(bench, self.raw.index, self.raw))]
        return self.kept[-1][1]


def rendered(session: OpenRecipe, given: Sequence[Mapping[str, object]] | Mapping[str, object]) -> RowResult:
    """A conversation that is in no file as a row of this bench. InputError where it is none."""
    if isinstance(given, Mapping):
        data = conversation([given]) if is_message(given) else dict(given)
    elif isinstance(given, Sequence) and given and all(isinstance(one, Mapping) for one in given):
        data = conversation(given)
    else:
        raise wrong("messages", given, 'a list of messages such as {"role": "user", "content": "…"}, or a row')
    bench = session.bench
    listed = data.get("messages")
    if bench.path.kind == "text" and isinstance(listed, list):
        # Under the names that the recipe's entry has for them.
        keys = bench.turn_keys
        names = {known: keys.mappings[known] for known in ("role", "content") if known in keys.mappings}
        messages = [{names.get(key, key): value for key, value in one.items()} for one in listed]
        data = {**{key: value for key, value in data.items() if key != "messages"}, keys.messages: messages}
    return RowResult(session, 0, None, GivenRow(RawRow(0, data, None, "", base_dir=Path())))


@dataclass(frozen=True, repr=False)
class _RowResult(RecipeResult):
    session: OpenRecipe
    index: int
    shown: html.Window | None = None
    given: GivenRow | None = None

    @property
    def row(self) -> Row:
        """The core's row; see `workbench.row.Row`."""
        bench = self.session.bench
        return bench.row(self.index) if self.given is None else self.given.row(bench)

    def window(self, a: int, b: int) -> Self:
        """The same result, showing tokens [a, b)."""
        first, end = whole("The first token", a), whole("The end of the window", b)
        if first >= end:
            raise InputError(f"Tokens {first} to {end} are no window", hint="Give 0 <= a < b.")
        return replace(self, shown=(first, end))

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
        return MaskResult(self.session, self.index, self.shown, self.given)

    @property
    def trace(self) -> TraceResult:
        """The message and part that every token came from, whatever the markers say."""
        return TraceResult(self.session, self.index, self.shown, self.given)

    @property
    def images(self) -> list[Image]:
        """The pictures as the processor gets them, upright, in RGB, resized where the recipe does, in their order.

        Raises:
            InputError: one cannot be read.
        """
        from PIL.Image import Image

        from workbench.data.media import MediaError, load_picture
        from workbench.data.pictures import PICTURE_KEYS

        row = self.row
        contents = (message.get("content") for message in row.conversation.messages)
        parts = [part for content in contents if isinstance(content, list) for part in content]
        pictures = [part for part in parts if isinstance(part, dict) and part.get("type") == "image"]
        values = [next((part[key] for key in PICTURE_KEYS if part.get(key) is not None), None) for part in pictures]
        base_dir = row.raw.base_dir or row.bench.rows.base_dir
        try:
            return [one if isinstance(one, Image) else load_picture(one, base_dir) for one in values if one is not None]
        except MediaError as problem:
            raise InputError(problem.title, problem.cause, problem.hint, row.where) from None

    @property
    def findings(self) -> list[Finding]:
        """The findings about this row alone, the worst first."""
        return row_findings(self.row)

    def to_pandas(self) -> pd.DataFrame:
        """A line a token, index `index`: `id`, `text`, `label`, `trained`, `reason`, `owner`, `message`, `role`.

        A row that cannot be rendered has no line.
        """
        import pandas as pd

        payload = row_payload(self.row)
        lines = [
            {
                "index": token["index"],
                "id": token["id"],
                "text": token["text"],
                "label": label,
                "trained": token["trained"],
                "reason": token["reason"],
                "owner": token["owner"]["kind"],
                "message": token["owner"].get("message"),
                "role": token["owner"].get("role", ""),
            }
            for token, label in zip(payload["tokens"], payload["labels"], strict=True)
        ]
        columns = ["index", "id", "text", "label", "trained", "reason", "owner", "message", "role"]
        return pd.DataFrame(lines, columns=columns).astype({"message": "Int64"}).set_index("index")

    def check(self) -> Checked:
        """Check the recipe and this row."""
        return check_recipe(self.session, self.alone)

    def alone(self) -> ChosenRows | Sequence[Row]:
        """This row for a check: by its number, or itself where it is in no file."""
        return [self.row] if self.given is not None else ChosenRows((self.row.index,))

    def to_dict(self) -> RowAnswer:
        """The row as `rows[]` of `vlmbench.inspect/1` has it."""
        return row_payload(self.row)

    def body(self) -> str:
        drawn = html.row_section(self.row, window=self._window, more=_MORE, key=html.legend(), pictures=True)
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

    def to_dict(self) -> MaskAnswer:
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

    def to_dict(self) -> TraceAnswer:
        """`row`, and of each of `tokens` the `index`, `id`, `text` and `owner` as `vlmbench.inspect/1` has them."""
        tokens = row_payload(self.row)["tokens"]
        return {
            "row": self.index,
            "tokens": [
                {"index": one["index"], "id": one["id"], "text": one["text"], "owner": one["owner"]} for one in tokens
            ],
        }

    def body(self) -> str:
        row = self.row
        if row.error is not None:
            return html.row_section(row)
        tokens = html.tokens(row, window=self._window, more=_MORE, owners=True)
        kinds = ((kind, int((row.trace.kind == kind).sum())) for kind in Owner)
        facts = " · ".join(f"{kind.name.lower()} {count:,}" for kind, count in kinds if count)
        return f'<h2>{safe(html.place(row))}</h2><p class="facts">{facts}</p>{tokens}'
