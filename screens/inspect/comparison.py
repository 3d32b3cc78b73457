"""Two recipes side by side: their knobs in a table, and what they train differently in the tokens below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.faults import Guarded
from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.context import InspectContext
from screens.inspect.sample_reading import STEP_SECONDS
from screens.shell.job_line import JobProgress, job_line
from screens.shell.path_dialog import PathDialog
from screens.shell.themes import paints
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.path_choices import is_recipe
from workbench.recipe.compare import Pair, side_by_side
from workbench.recipe.yaml.document import Document
from workbench.recipe.yaml.write import as_inline
from workbench.views.items import visible


@dataclass(frozen=True, slots=True)
class AllRows:
    """The tokens that two recipes train in all rows so far. `differing`: rows of which they train other numbers."""

    rows: int = 0
    total: int | None = None
    mine: int = 0
    theirs: int = 0
    differing: int = 0
    complete: bool = False
    problem: str = ""
    seconds: float = 0.0

    def plus(self, mine: Sequence[int], theirs: Sequence[int], complete: bool) -> AllRows:
        """With the trained tokens of some rows more; -1 stands for a row that has no tokens."""
        pairs = list(zip(mine, theirs, strict=True))
        return replace(
            self,
            rows=self.rows + len(pairs),
            mine=self.mine + sum(max(0, here) for here, _ in pairs),
            theirs=self.theirs + sum(max(0, there) for _, there in pairs),
            differing=self.differing + sum(here != there for here, there in pairs),
            complete=complete,
        )

    @property
    def text(self) -> str:
        """The sum in words, and how far it has come."""
        if self.problem:
            return f"The rows could not be added up: {visible(self.problem)}"
        if self.complete:
            head = f"In all {self.rows:,} rows"
        else:
            head = f"In {self.rows:,}{f' of {self.total:,}' if self.total is not None else ''} rows so far"
        other = "each row as many" if not self.differing else f"in {self.differing:,} rows another number"
        return f"{head} {self.mine:,} tokens are trained by this recipe and {self.theirs:,} by the other: {other}."


class RecipeComparison(Guarded, ModalScreen[None]):
    """The knobs of two recipes, and what they train in all rows, which is added up while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "Close", show=False)]
    CSS_PATH = "../shell/dialogs.tcss"

    def __init__(self, mine: str, theirs: str, pairs: Sequence[Pair], summary: str) -> None:
        super().__init__()
        self._names, self._pairs, self._summary = (mine, theirs), pairs, summary

    def compose(self) -> ComposeResult:
        """One box with a table."""
        with Vertical(id="dialog") as box:
            box.border_title = "two recipes compared"
            box.border_subtitle = "esc closes"
            yield Static(Text(self._summary, paints(self.app.current_theme).strong), id="message")
            yield Static("Adding up all rows…", id="all-rows", markup=False)
            with VerticalScroll(can_focus=True):
                yield Static(self._table(), markup=False)

    def show_rows(self, found: AllRows) -> None:
        """Show the sum over the rows so far."""
        if self.is_mounted:
            text = Text(found.text, end="")
            if not found.complete and not found.problem:
                job = JobProgress.since("all rows", found.rows, found.total, found.seconds)
                text.append("\n").append_text(job_line(job, paints(self.app.current_theme)))
            self.query_one("#all-rows", Static).update(text)

    def _table(self) -> Table:
        paint = paints(self.app.current_theme)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=min(30, max(len(pair.knob) for pair in self._pairs) + 2), overflow="fold")
        for _ in self._names:
            table.add_column(ratio=1, overflow="fold")
        heads = ["", *(visible(name) for name in self._names)]
        table.add_row(*(Text(head, paint.muted + Style(underline=True)) for head in heads))
        under = _HEADS[0]
        for pair in sorted(self._pairs, key=_place):
            if (head := _HEADS[_place(pair)]) != under:
                table.add_row("")
                table.add_row(Text(head, paint.muted))
            under = head
            knob = Text("  " if pair.same else "≠ ", paint.severity["warning"]).append(
                visible(pair.knob), paint.muted if pair.same else paint.strong
            )
            mine, theirs = (paint.muted, paint.muted) if pair.same else (paint.accent, paint.severity["warning"])
            table.add_row(knob, Text(value_text(pair.mine), mine), Text(value_text(pair.theirs), theirs))
        return table


_HEADS = ("", "other differences", "the same in both")
"""The headings above the settings of the mask that differ, the others that do, and those that are the same."""


def _place(pair: Pair) -> int:
    return 2 if pair.same else 0 if pair.mask else 1


def value_text(value: object) -> str:
    """A value as YAML writes it on one line; a dash where there is none."""
    return "–" if value is None else visible(as_inline(value, flow=True))


class Comparison:
    """The part of the inspect screen that compares the recipe with another one."""

    def __init__(self, context: InspectContext) -> None:
        self._context = context
        self._request = 0

    def ask(self) -> None:
        """Show what another recipe says and trains differently; with no path, the text as it was last saved."""
        context = self._context

        def entered(path: str | None) -> None:
            if path is None:
                return
            try:
                context.editing.compare(Path(path).expanduser() if path.strip() else None)
                self._compared()
            except BenchError as problem:
                context.screen.notify_problem(problem)

        hint = "path of the other recipe; empty: this one before the edits"
        context.screen.app.push_screen(
            PathDialog("compare with", value=context.editing.compared_path, hint=hint, fits=is_recipe), entered
        )

    def _compared(self) -> None:
        editing, panel = self._context.editing, self._context.panes.boundaries
        name = editing.compared_with
        panel.border_title = f"role_boundaries against {visible(name)}" if name else BoundariesPanel.BORDER_TITLE
        self._context.screen.follow()
        if editing.other is None and not editing.document.dirty:
            self._context.say("The recipe is as it was saved: there is nothing to compare")
            return
        pairs = side_by_side(editing.document, editing.other or Document(editing.opened, editing.document.name))
        more, less = panel.difference
        differing = sum(not pair.same for pair in pairs)
        verb = "differs" if differing == 1 else "differ"
        summary = (
            f"{differing or 'None'} of the settings below {verb}. In row {self._context.row}, {more:,} tokens are "
            f"trained by this recipe alone, and {less:,} by the other alone."
        )
        mine = Path(editing.document.name).name
        other = f"other: {name}" if name else "as it was saved"
        dialog = RecipeComparison(f"this: {mine}", other, pairs, summary)
        self._context.screen.app.push_screen(dialog, lambda _: self.stop())
        self._request += 1
        self._context.background.submit(Kind.COMPARE, self._add_up(dialog, self._request))

    def stop(self) -> None:
        """End the sum over all rows."""
        self._request += 1

    def _add_up(self, dialog: RecipeComparison, request: int) -> Iterator[None]:
        """The tokens that both recipes train in every row, block by block; what was judged is known afterwards."""
        from workbench.blocks.known import KnownRows, Pace, read_rows

        context = self._context
        bench, against = context.bench, context.editing.compared_masking
        known, pace = KnownRows(bench), Pace(STEP_SECONDS)
        found, began = AllRows(total=bench.rows.known_length), monotonic()
        while request == self._request and not found.complete:
            size = pace.size
            try:
                with pace.block(size):
                    rows = read_rows(bench, range(found.rows, found.rows + size))
                    mine = [result.trained if result.tokens >= 0 else -1 for result in known.judged(rows)]
                    found = found.plus(mine, known.trained(rows, against), complete=len(rows) < size)
                    found = replace(found, seconds=monotonic() - began)
            except BenchError as problem:
                context.tell(dialog.show_rows, replace(found, problem=problem.line))
                return
            context.tell(dialog.show_rows, found)
            yield
