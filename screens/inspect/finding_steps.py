"""From finding to finding: through those of the shown row, then on to the next row that has one, round all rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING

from screens.inspect.comparison import Comparison
from screens.inspect.context import InspectContext
from screens.inspect.edits import RecipeEdits
from screens.inspect.filtering import Filtering
from screens.inspect.reason_line import ReasonShown, Wish
from screens.inspect.rows import RowReader
from screens.inspect.sample_reading import STEP_SECONDS, samples_of
from screens.keys.user_keymap import key_of
from screens.shell.explanation import Explanation
from screens.shell.job_line import JobProgress
from screens.shell.worker import Kind
from workbench.checks.report import cause
from workbench.findings import SEVERITIES, Finding, worst
from workbench.views.items import visible
from workbench.views.row_view import Sample

if TYPE_CHECKING:
    from workbench.checks.report import Report

_SAY_SECONDS = 0.1
_SEEKING = "next finding"


class FindingSteps:
    """The part of the inspect screen that goes from finding to finding and says what the one in front is about."""

    def __init__(
        self,
        context: InspectContext,
        rows: RowReader,
        edits: RecipeEdits,
        filtering: Filtering,
        comparison: Comparison,
    ) -> None:
        self._context, self._rows, self._edits, self._filtering = context, rows, edits, filtering
        self._comparison = comparison
        self._grid, panes = context.panes.grid, context.panes
        panes.reason.wanted, panes.grid.explained = self._wish, self.explain
        panes.problem.explained = self.explain
        panes.findings.chosen, panes.boundaries.chosen = self.visit, self.visit_boundary
        self._at: tuple[Finding, int] | None = None
        """The finding that was gone to, and the token that the cursor was put on."""
        self._causes: tuple[Report, dict[tuple[str, ...], int]] | None = None
        self._request = 0
        self.looking = False
        """True while the next row with a finding is looked for."""

    # The finding in front

    def in_row(self) -> list[tuple[int, Finding]]:
        """The findings of the shown row with their tokens, in order; one without tokens stands at its message."""
        context = self._context
        # A finding about the whole row points nowhere: it is a place of its own where no other is.
        points = any(f.where.tokens and f.severity != "note" and not self._is_whole(f) for f in context.findings)
        found = [
            (self._token(finding), SEVERITIES.index(finding.severity), number, finding)
            for number, finding in enumerate(context.findings)
            if finding.where.row is not None
            and (finding.severity != "note" or finding.where.tokens is not None)
            and not (points and self._is_whole(finding))
        ]
        return [(token, finding) for token, _, _, finding in sorted(found, key=lambda entry: entry[:3])]

    def _token(self, finding: Finding) -> int:
        view = self._context.view
        if finding.where.tokens is not None:
            return finding.where.tokens[0]
        turns = view.turns if view is not None else []
        return next((turn.start for turn in turns if turn.message == finding.where.message), 0)

    @property
    def pointed(self) -> Finding | None:
        """The finding that was gone to, else the one under the cursor, else the worst of the row, as the list has it.

        One of the recipe comes before it where it is worse.
        """
        context, here = self._context, self._grid.at.covered
        if self._at is not None and self._at[0] in context.findings and self._at[1] == self._grid.at.cursor:
            return self._at[0]
        under = [
            finding
            for finding in context.findings
            if finding.where.tokens and finding.where.tokens[0] <= here[0] < finding.where.tokens[1]
        ]
        # The narrowest that covers the cursor; a whole row covers every place of it and points to none.
        narrow = [finding for finding in under if not self._is_whole(finding)]
        if narrow:
            return min(narrow, key=lambda finding: _length(finding))
        mine = worst(finding for finding in context.findings if finding.where.row is not None)
        others = [finding for finding in context.findings if finding.where.row is None]
        recipe = worst([*others, *(finding for finding in context.bench.findings if finding.severity != "note")])
        found = [one for one in (mine, recipe) if one is not None]
        return min(found, key=lambda one: SEVERITIES.index(one.severity), default=None)

    def _is_whole(self, finding: Finding) -> bool:
        view = self._context.view
        return view is not None and finding.where.tokens == (0, len(view.rendering))

    def show(self) -> None:
        """Write the reason line."""
        context = self._context
        finding, places = self.pointed, self.in_row()
        mine = getattr(context.screen.app, "keys", {})
        keys = (key_of("edit.fix", mine), key_of("grid.next-finding", mine), key_of("grid.explain", mine))
        if finding is None:
            note = "✓ nothing found in this row" if context.view is not None else ""
            context.panes.reason.show(
                ReasonShown(None, place="goes to the next row with a finding", keys=keys, note=note)
            )
            return
        order = [known for _, known in places]
        place = f"{order.index(finding) + 1} of {len(order)} here" if finding in order and len(order) > 1 else ""
        context.panes.reason.show(ReasonShown(finding, self._shared(finding), place, keys))

    def _shared(self, finding: Finding) -> str:
        """The number of rows with the finding: of all of them once they were checked, else of those that were seen."""
        context = self._context
        story = getattr(context.screen.app, "story", None)
        report = story.report_of(context.bench.document.text) if story is not None else None
        if finding.where.row is None:
            return "the recipe"
        if report is not None and (rows := self._rows_of(report, finding)):
            return f"{rows:,} of {report.rows:,} rows"
        having, seen = context.panes.samples.known.sharing(cause(finding))
        length = context.bench.rows.known_length
        if seen < 2 or not having:
            return ""
        return f"{having:,} of {seen:,} rows" + ("" if seen == length else " seen")

    def _rows_of(self, report: Report, finding: Finding) -> int:
        """The number of rows of a report that have a finding; its causes are worked out once."""
        if self._causes is None or self._causes[0] is not report:
            self._causes = report, {cause(group.finding): group.rows for group in report.groups}
        return self._causes[1].get(cause(finding), 0)

    # Going

    def next(self) -> None:
        self._step(1)

    def previous(self) -> None:
        self._step(-1)

    def _step(self, direction: int) -> None:
        places = self.in_row()
        at = self._at
        known = [number for number, (_, finding) in enumerate(places) if at is not None and finding == at[0]]
        if known and at is not None and at[1] == self._grid.at.cursor:
            number = known[0] + direction
        else:
            cursor = self._grid.at.cursor
            tokens = [token for token, _ in places]
            ahead = [n for n, token in enumerate(tokens) if (token > cursor if direction > 0 else token < cursor)]
            beyond = len(places) if direction > 0 else -1
            number = (ahead[0] if direction > 0 else ahead[-1]) if ahead else beyond
        if 0 <= number < len(places):
            self._go(*places[number])
        else:
            self._look_further(direction)

    def visit(self, finding: Finding) -> None:
        """Go to a finding: its token in a row, or its line of the recipe."""
        if finding.where.row == self._context.row and self._context.view is not None:
            self._go(self._token(finding), finding)
        elif finding.where.row is not None:
            self._rows.visit(finding.where)
        else:
            self._edits.go(finding.where.line or 1, finding.where.column or 1)

    def row_shown(self) -> None:
        """Say what is wrong with a row that has come, here, in the form and in the editor."""
        self.show()
        self._edits.judge()

    def _wish(self, wish: Wish) -> None:
        if wish == "next":
            self.next()
        elif wish == "fix":
            self._edits.fix()
        elif wish == "explain":
            self.explain()
        elif (finding := self.pointed) is not None:
            self.visit(finding)

    def _go(self, token: int, finding: Finding) -> None:
        if self._context.view is not None:
            self._grid.go(token, unfold=True)
        self._at = (finding, self._grid.at.cursor)
        self.show()

    def visit_boundary(self, index: int) -> None:
        """Go to the next span of a boundary, round the row; or to a message of its role that no span covers."""
        view = self._context.view
        if view is None or not 0 <= index < len(view.boundaries):
            return
        spans, cursor = view.mask.spans, self._grid.at.cursor
        starts = spans.start[spans.boundary == index].tolist()
        role = view.boundaries[index].role
        if not starts:
            starts = [turn.start for turn in view.turns if turn.role == role]
        if starts:
            self._grid.go(next((start for start in starts if start > cursor), starts[0]), unfold=True)
        else:
            self._context.say(f"This row has no message of {visible(role)}")

    def leave(self) -> None:
        """End a search for rows; or drop the selection, or the marks of the search in the row; or list every row; or
        stop comparing."""
        marked, comparison = self._grid.at.anchor is not None or len(self._grid.drawing.matches), self._comparison
        if self.looking or self._filtering.under_way or self._context.stops:
            self.stop()
        elif self._filtering.text and not marked:
            self._filtering.clear()
        elif comparison.other and not marked:
            comparison.leave()
        else:
            self._grid.action_select("none")

    def open_row(self) -> None:
        """Go to the tokens of the row; where it has none, there is only its finding to open."""
        if self._grid.display:
            self._grid.focus()
        else:
            self.explain()

    def explain(self) -> None:
        """Open the page of the finding in front."""
        finding = self.pointed
        if finding is None:
            self._context.say("There is no finding here to explain")
            return
        self._context.screen.app.push_screen(Explanation(finding, mend=partial(self._edits.fix_one, finding)))

    # On to another row

    def _look_further(self, direction: int) -> None:
        self._request += 1
        self.looking = True
        self._context.background.submit(Kind.SEEK, self._seeking(self._request, direction, self._context.row))

    def stop(self) -> None:
        """End the search for the next finding, and the filter's; what was learned of the rows on the way stays."""
        self._filtering.stop()
        for stop in [*self._context.stops.values()]:
            stop()
        if self.looking:
            self._request += 1
            self._found(self._request, 0, None)

    def _seeking(self, request: int, direction: int, start: int) -> Iterator[None]:
        """Read rows in blocks until one has a finding."""
        from workbench.blocks.known import Pace

        context, samples = self._context, self._context.panes.samples
        began, seen, pace = monotonic(), 0, Pace(STEP_SECONDS)
        said = began
        ahead = samples.listing.round_from(start, direction)
        while request == self._request and (block := list(islice(ahead, pace.size))):
            with pace.block(len(block)):
                known = self._samples(block)
            yield
            for index in block:
                if (sample := known.get(index)) is not None and sample.severity:
                    context.tell(self._found, request, direction, index)
                    return
            seen += len(known)
            if monotonic() - said > _SAY_SECONDS:
                said = monotonic()
                context.tell(self._say_progress, request, seen, said - began)
        context.tell(self._found, request, direction, None)

    def _samples(self, indices: Sequence[int]) -> dict[int, Sample]:
        """The samples of some rows, those that are not known read; fewer where the source ends."""
        context, samples = self._context, self._context.panes.samples
        known = {index: samples.known[index] for index in indices if index in samples.known}
        unknown = [index for index in indices if index not in known]
        read = samples_of(context, unknown)
        for sample in read:
            context.tell(samples.put, sample)
            known[sample.index] = sample
        if len(read) < len(unknown):
            # The source, whose length was not known, ends here.
            context.tell(samples.end_at, min(index for index in unknown if index not in known))
        return known

    def _say_progress(self, request: int, seen: int, seconds: float) -> None:
        if request != self._request:
            return
        length = self._context.bench.rows.known_length
        self._context.show_job(_SEEKING, JobProgress.since(_SEEKING, seen, length, seconds))

    def _found(self, request: int, direction: int, index: int | None) -> None:
        if request != self._request:
            return
        self.looking = False
        self._context.show_job(_SEEKING, None)
        if index is not None and index != self._context.row:
            self._rows.show(index, lambda: self._arrive(direction))
            return
        places = self.in_row()
        if direction and places:
            self._go(*places[0 if direction > 0 else -1])
            self._context.say(f"No other row {'listed ' if self._filtering.text else ''}has a finding")
            return
        if direction:
            self._context.say(f"No row {'listed ' if self._filtering.text else ''}has an error or a warning")
        self.show()

    def _arrive(self, direction: int) -> None:
        places = self.in_row()
        if places:
            self._go(*places[0 if direction > 0 else -1])


def _length(finding: Finding) -> int:
    assert finding.where.tokens is not None
    return finding.where.tokens[1] - finding.where.tokens[0]
