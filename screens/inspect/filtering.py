"""Finding and sorting the rows that a filter lists, on the background thread, in blocks, to the end of the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len, set_cell_size

from screens.inspect.context import InspectContext
from screens.inspect.panes import PaneLayout
from screens.inspect.row_filter import ORDERS, Measures, Order, RowFilter, parse_filter, sorted_by
from screens.inspect.sample_reading import STEP_SECONDS
from screens.keys.user_keymap import key_of
from screens.shell.job_line import SHOWN_AFTER_SECONDS, JobProgress
from screens.shell.worker import Kind
from workbench.bench import Row
from workbench.data.picture_header import NeedsDecoding
from workbench.data.pictures import named_pictures
from workbench.data.sources import names_of
from workbench.errors import BenchError
from workbench.escaping import visible
from workbench.judged import JudgedRow, RowSize

if TYPE_CHECKING:
    from screens.inspect.filter_dialog import PickedRows, PickerFacts
    from workbench.blocks.known import KnownRows
    from workbench.blocks.path import Forms

_FILTER, _SORT = "filter", "sort"
_TITLE_CELLS = (40, 32, 24, 16, 10)
"""Cells of a filter's text where a title has less and less room for it."""
_PATIENCE_SECONDS = 1.5
"""A key that is held at an end of the list is told so once."""
_USUAL_ROLES = ("system", "user", "assistant", "tool")
_ENOUGH = 500
"""Rows that a filter finds in data of unknown length before it waits for the list to be scrolled."""
_SHOW_SECONDS = 0.3
"""Rows that are searched or sorted are shown so often, and less often where sorting them takes long."""
_AT_ONCE = 200
"""So many rows that a filter finds first are shown as they are found: they fill the list."""
_LABELS = {"tokens": "{:.0f}t", "pictures": "▣{:.0f}", "media": "{:.0f}m", "loss": "{:.2f}"}
"""Fields that the list does not show by itself, and how it shows them beside the rows sorted by them."""


class Hit(NamedTuple):
    """A row of a filter: its number, and the value that it is sorted by, None where it has none."""

    row: int
    key: Any = None


class Sorting:
    """The rows that were found so far, in their order."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._hits: list[Hit] = []
        self._lacking: list[int] = []
        self._labels: dict[int, str] = {}
        self._next = 0.0

    def add(self, hits: Sequence[Hit]) -> None:
        """Take in what a block found, in the order of the data."""
        form = _LABELS.get(self._order.field, "")
        for hit in hits:
            if hit.key is None:
                self._lacking.append(hit.row)
                continue
            self._hits.append(hit)
            if form:
                self._labels[hit.row] = form.format(hit.key)

    def due(self, complete: bool) -> bool:
        """True where it is time to show them."""
        return complete or monotonic() >= self._next

    def rows(self) -> tuple[list[int], dict[int, str]]:
        """All rows in their order, equal ones in that of the data, those without a value last; and their labels."""
        began = monotonic()
        # Sorted from the last time, but for the new ones at its end, which stand behind their equals.
        self._hits.sort(key=lambda hit: hit.key, reverse=self._order.descending)
        order = [hit.row for hit in self._hits] + self._lacking
        now = monotonic()
        self._next = now + max(_SHOW_SECONDS, 10 * (now - began))
        return order, dict(self._labels)


class Filtering:
    """The part of the inspect screen that holds the filter of the samples."""

    def __init__(self, context: InspectContext, layout: PaneLayout) -> None:
        self._context = context
        self._layout = layout
        self._samples = context.panes.samples
        self._filter = RowFilter()
        self._forms: Forms | None = None
        self._by: tuple[Any, ...] = ()
        """All that rows were found by since the search began; empty where a part of them was found by something else.
        """
        self._request = 0
        self._searched = self._from = self._hits = 0
        self._began = 0.0
        self.under_way = False
        """True while rows are searched."""
        self._left: int | None = None
        """The row in view when a filter was set that may not list it."""
        self._told = -_PATIENCE_SECONDS
        self.text = ""
        """The filter as it was typed; empty without one."""
        self.last = ""
        """The filter that was taken away last, as it was typed."""
        context.filter_forms = self._forms_of_title
        self._samples.ended = self._say_end

    def set(self, text: str, *, go: bool = False) -> None:
        """List only the rows of a filter; all of them for an empty one.

        With `go` the first of them is shown, if the row in view is none of them.

        Raises:
            InputError: the filter cannot be read; then nothing changes.
        """
        self._filter = parse_filter(text)
        self.text = text if self._filter else ""
        self._left = self._context.row if go and self._filter.chooses else None
        self._begin()
        if self._filter:
            self._layout.show_samples()

    def pick(self) -> None:
        """Pick filter, order and columns in a dialog; they stay as they are where it is left."""
        from screens.inspect.filter_dialog import FilterDialog

        samples = self._samples

        def picked(answer: PickedRows | None) -> None:
            if answer is None:
                return
            samples.columns = answer.columns
            if answer.text != self.text:
                self.set(answer.text, go=True)

        self._context.screen.app.push_screen(FilterDialog(self.text, samples.columns, self._facts()), picked)

    def _facts(self) -> PickerFacts:
        """The roles, files and codes that there are, as far as they are known."""
        from screens.inspect.filter_dialog import PickerFacts

        context, bench = self._context, self._context.bench
        roles = [*_USUAL_ROLES, *(context.view.roles if context.view is not None else ())]
        roles += [boundary.role for boundary in bench.masking.boundaries if boundary.role]
        story = getattr(context.screen.app, "story", None)
        report = story.report_of(bench.document.text) if story is not None else None
        codes: Counter[str] = Counter()
        if report is not None:
            # A row can have a code for two causes: no fewer than the most of one.
            for group in report.groups:
                if group.finding.where.row is not None:
                    codes[group.code] = max(codes[group.code], group.rows)
            rows = f", of {report.rows:,} rows"
        else:
            codes = +self._samples.known.codes
            rows = f", of {len(self._samples.known):,} rows seen"
        known = dict(sorted(codes.items()))
        return PickerFacts(
            tuple(dict.fromkeys(roles)), names_of(bench.rows), known, rows, losses=bool(bench.losses)
        )  # fmt: skip

    def clear(self) -> None:
        """List every row again; the filter comes back with the next question for one."""
        if not self.text:
            return
        self.last = self.text
        self.set("")
        self._context.say(f"Every row again; {self._key('rows.filter')} and enter bring the filter back")

    def _key(self, action: str) -> str:
        return key_of(action, getattr(self._context.screen.app, "keys", {}))

    def _forms_of_title(self) -> tuple[str, ...]:
        """The filter, how many rows it lists, and the key that takes it away; from the longest form to the shortest."""
        if not self._filter:
            return ()
        listing, text, key = self._samples.listing, visible(self.text), self._key("rows.stop")
        found, row = len(listing.order or ()), self._context.row
        if not self._filter.chooses:
            by, does = listing.sorted_by, "stops" if self.under_way else "as in the data"
            return f"sorted: {by} · {key} {does}", f"{by} · {key}", f"{by}"
        listed = listing.lists(row)
        many = f"{found:,} of {listing.searched:,}{'' if listing.complete else '…'}"
        match = f"{'' if listed else 'not among '}{many} {'match' if listed else 'that match'}"
        cut = [_cut(text, cells) for cells in _TITLE_CELLS]
        does = "stops" if self.under_way else "lists all"
        return (
            f"{match} {text} · {key} {does}",
            *(f"{match} {one} · {key} {does}" for one in cut[:1]),
            *(f"{match} {one} · {key}" for one in cut),
            f"{many} {text} · {key}",
            *(f"{many} {one} · {key}" for one in cut),
            f"{many} · {key}",
            many,
        )

    def _say_end(self, step: int) -> None:
        """Say that a step leads to no other row, and by which filter; not at every press of a key that is held."""
        now, told, self._told = monotonic(), self._told, monotonic()
        if now - told < _PATIENCE_SECONDS:
            return
        listing, end = self._samples.listing, "last" if step > 0 else "first"
        if not self._filter:
            self._context.say(f"This is the {end} row")
        elif not self._filter.chooses:
            self._context.say(f"This is the {end} row, {listing.sorted_by}")
        elif not listing.rows:
            self._context.say(f"No row matches {visible(self.text)}; {self._key('rows.stop')} lists all")
        else:
            so_far = "" if listing.complete else " so far"
            which = "only row that matches" if listing.rows == 1 else f"{end} of {listing.rows:,} rows that match"
            matching = f"{which} {visible(self.text)}{so_far}"
            self._context.say(f"This is the {matching}; {self._key('rows.stop')} lists all")

    def next_order(self) -> None:
        """Sort the rows by the next order: the worst first, by share, tokens, pictures, loss, as the data has them."""
        orders = [order for order in ORDERS if order is None or order.field != "loss" or self._context.bench.losses]
        now = self._filter.order
        order = orders[(orders.index(now) + 1) % len(orders)] if now in orders else None
        self.set(sorted_by(self.text, order))
        # Home is the first of them, and enter goes back to its tokens.
        self._samples.focus()
        if order is None:
            self._context.say("Rows as the data has them")
        elif order.field == "code":
            self._context.say("Rows by their worst finding: errors first, by code")
        else:
            self._context.say(f"Rows sorted by {order.field}, {'most' if order.descending else 'least'} first")

    def follow(self) -> None:
        """Take note of an edit: rows may be found by it before `go_on` comes, even if it is undone until then."""
        # At every keystroke: without a search there is nothing to compare.
        if self._by and self._by != self._found_by():
            self._by = ()

    def _found_by(self) -> tuple[Any, ...]:
        """All that decides what is found, beside the filter; what was there before while the text cannot be read."""
        bench = self._context.bench
        if self._context.editing.problem is not None:
            return self._by
        return bench.results, bench.masking, bench.asked, repr(bench.document.parsed.data)

    def go_on(self, *, again: bool) -> None:
        """Search further, or from the beginning where rows that were found may have become others."""
        if not self._filter:
            return
        if again and (self._samples.emptied or not self._by or self._by != self._found_by()):
            self._begin()
        elif self._searched and self._samples.has_room:
            start, self._searched = self._searched, 0
            self._submit(start)

    def stop(self) -> None:
        """End the search; the rows found so far stay listed, and what was judged is known to the next one."""
        if self.under_way:
            self._request += 1
            self._end()
            self._list([], None, False)

    def _begin(self) -> None:
        self._request += 1
        self._searched, self._forms, self._hits = 0, None, 0
        # Of a search that begins while the text cannot be read, nothing is known.
        self._by = ()
        self._end()
        if not self._filter:
            self._samples.unfilter()
            self._context.show_title()
            return
        order = self._filter.order
        self._by = self._found_by()
        self._samples.filter(order.title if order is not None else "")
        self._submit(0)

    def _submit(self, start: int) -> None:
        self.under_way, self._began, self._from = True, monotonic(), start
        self._context.background.submit(Kind.FILTER, self._search(self._filter, self._request, start))

    def _search(self, wanted: RowFilter, request: int, start: int) -> Iterator[None]:
        """Search from row `start` on. Where nobody knows how many rows there are, it pauses after `_ENOUGH` of them.

        Sorting needs them all, and does not pause.
        """
        from workbench.blocks.known import KnownRows, Pace, read_rows
        from workbench.blocks.path import Forms

        bench = self._context.bench
        known, pace = KnownRows(bench), Pace(STEP_SECONDS)
        forms = self._forms = self._forms or Forms()
        index, total = start, 0
        sorting = Sorting(wanted.order) if wanted.order is not None else None
        waiting: list[int] = []
        due = 0.0
        whole = sorting is not None or bench.rows.known_length is not None
        while request == self._request and (whole or total < _ENOUGH):
            size = pace.size if whole else min(pace.size, _ENOUGH)
            with pace.block(size):
                rows = read_rows(bench, range(index, index + size))
                found = _holding(wanted, rows, known, forms)
            index, total = index + len(rows), total + len(found)
            complete = len(rows) < size
            if sorting is None:
                waiting += [hit.row for hit in found]
                if complete or (found and total <= _AT_ONCE) or monotonic() >= due:
                    self._context.tell(self._found, request, waiting, index, complete)
                    waiting, due = [], monotonic() + _SHOW_SECONDS
            else:
                sorting.add(found)
                if sorting.due(complete):
                    self._context.tell(self._sorted, request, *sorting.rows(), index, complete)
            if complete:
                return
            yield
        if request == self._request:
            self._context.tell(self._found, request, waiting, index, False)
            self._context.tell(self._paused, request, index)

    def _sorted(self, request: int, order: list[int], labels: dict[int, str], searched: int, complete: bool) -> None:
        if request == self._request:
            self._progress(len(order), searched, complete)
            self._list(order, searched, complete, labels)

    def _paused(self, request: int, searched: int) -> None:
        if request == self._request:
            self._searched = searched
            self._end()
            self._list([], searched, False)

    def failed(self) -> None:
        """The search ended before its time; what it found stays."""
        self._end()
        self._list([], None, False)

    def _list(
        self, found: list[int], searched: int | None, complete: bool, labels: dict[int, str] | None = None
    ) -> None:
        """List what was found, and say above the tokens how many rows there are now."""
        self._samples.found(found, searched, complete, labels)
        self._go()
        self._context.show_title()

    def _go(self) -> None:
        """Show the first row of the filter, once it is known that the row in view is none of them."""
        listing, row = self._samples.listing, self._context.row
        known = listing.complete or (not listing.sorted_by and listing.searched > row)
        # Whoever went on meanwhile stays there.
        if self._left != row or not known or not listing.rows:
            return
        self._left = None
        if not listing.lists(row):
            self._samples.post_message(self._samples.RowChosen(listing.row_at(0)))

    def _found(self, request: int, found: list[int], searched: int, complete: bool) -> None:
        if request == self._request:
            self._hits += len(found)
            self._progress(self._hits, searched, complete)
            self._list(found, searched, complete)

    def _end(self) -> None:
        self.under_way = False
        self._context.show_job(_FILTER, None)

    def _progress(self, found: int, searched: int, complete: bool) -> None:
        """Say how far the search is, once it takes longer than a moment."""
        if complete:
            self._end()
            return
        seconds = monotonic() - self._began
        if seconds > SHOWN_AFTER_SECONDS:
            length = self._context.bench.rows.known_length
            # One that goes on began at a later row.
            name = _FILTER if self._filter.chooses else _SORT
            job = JobProgress.since(name, searched, length, seconds, start=self._from, found=found)
            self._context.show_job(_FILTER, job)


def _cut(text: str, cells: int) -> str:
    return text if cell_len(text) <= cells else f"{set_cell_size(text, cells - 1).rstrip()}…"


def _holding(wanted: RowFilter, rows: Sequence[Row], known: KnownRows, forms: Forms) -> list[Hit]:
    """The rows of a filter; a row that nobody can judge is one to look at."""
    try:
        said = [row for row in rows if wanted.is_from(row.raw.source) and wanted.says(row.raw.data)]
        if wanted.roles:
            said = [row for row in said if wanted.has_roles(_roles(row))]
        if wanted.needs_loss:
            said = [row for row in said if row.index in row.bench.losses]
        if not wanted.judges:
            return [Hit(row.index) for row in said]
        hits = []
        results = known.judged(said, forms) if wanted.needs_findings else known.measured(said)
        for row, result in zip(said, results, strict=True):
            findings = known.findings(row, result) if isinstance(result, JudgedRow) else ()
            measures = _measures(row, result)
            if wanted.holds(measures, findings):
                hits.append(Hit(row.index, wanted.key(row.index, measures, findings)))
        return hits
    except Exception:
        if len(rows) == 1:
            return [Hit(rows[0].index)]
        return [hit for row in rows for hit in _holding(wanted, [row], known, forms)]


def _roles(row: Row) -> set[str]:
    """The roles of a row's messages, whose pictures are not opened; none where it is no conversation."""
    try:
        messages = row.measured().conversation.messages
    except NeedsDecoding:
        messages = row.conversation.messages
    except BenchError:
        return set()
    return {str(message.get("role", "")) for message in messages}


def _measures(row: Row, result: JudgedRow | RowSize) -> Measures:
    """The numbers of a row, by field; those that it has."""
    found: dict[str, float] = {}
    if result.tokens >= 0:
        found["share"], found["tokens"] = 100 * result.trained / max(1, result.tokens), result.tokens
        found["pictures"], found["media"] = max(0, result.pictures), max(0, result.media)
    else:
        # One too many is why some rows cannot be rendered: they are among those that one looks for.
        found["pictures"] = named_pictures(row.raw.data)
    if row.index in row.bench.losses and (nll := row.nll) is not None:
        measured = nll[nll == nll]
        if len(measured):
            found["loss"] = float(measured.mean())
    return found
