"""Two recipes side by side: their knobs in a table, and what they train differently in the tokens below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.inspect.context import InspectContext
from screens.inspect.sample_reading import STEP_SECONDS
from screens.shell.job_line import JobProgress, job_line
from screens.shell.path_dialog import PathDialog
from screens.shell.still_open import still_open
from screens.shell.tapped import Tapped
from screens.shell.themes import paints
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.path_choices import is_recipe
from workbench.recipe.compare import Pair, side_by_side
from workbench.recipe.yaml.document import Document
from workbench.recipe.yaml.write import as_inline
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.blocks.known import MaskPair


@dataclass(frozen=True, slots=True)
class AllRows:
    """The masks that two recipes give to all rows so far. `differing`: rows of which they train other tokens; `more`,
    `less`: tokens that this recipe or the other alone trains; `without`: rows that have no tokens."""

    rows: int = 0
    total: int | None = None
    mine: int = 0
    differing: int = 0
    more: int = 0
    less: int = 0
    without: int = 0
    complete: bool = False
    problem: str = ""
    seconds: float = 0.0

    def plus(self, pairs: Sequence[MaskPair | None], complete: bool) -> AllRows:
        """With the masks of some rows more; None stands for a row that has no tokens."""
        known = [pair for pair in pairs if pair is not None]
        return replace(
            self,
            rows=self.rows + len(pairs),
            mine=self.mine + sum(pair.trained for pair in known),
            differing=self.differing + sum(not pair.same for pair in known),
            more=self.more + sum(pair.more for pair in known),
            less=self.less + sum(pair.less for pair in known),
            without=self.without + len(pairs) - len(known),
            complete=complete,
        )

    @property
    def ended(self) -> bool:
        """True where no row follows."""
        return self.complete or bool(self.problem)

    @property
    def text(self) -> str:
        """The sum in words, and how far it has come."""
        broken = f"The rows could not all be compared: {visible(self.problem)}" if self.problem else ""
        if self.problem and not self.rows:
            return broken
        if self.complete:
            head = f"In all {self.rows:,} rows"
        else:
            of_all = f" of {self.total:,}" if self.total is not None else ""
            head = f"In {self.rows:,}{of_all} rows{'' if broken else ' so far'}"
        theirs = self.mine - self.more + self.less
        text = f"{head} {self.mine:,} tokens are trained by this recipe and {theirs:,} by the other"
        if self.differing:
            rows = f"{self.differing:,} masks differ" if self.differing > 1 else "1 mask differs"
            text += f": {rows}, {self.more:,} tokens by this recipe alone and {self.less:,} by the other alone."
        else:
            text += ", the same ones in each row."
        if self.without:
            text += f" {self.without:,} {'rows have' if self.without > 1 else 'row has'} no tokens."
        return f"{text}\n{broken}" if broken else text


class RecipeComparison(Tapped, ModalScreen[None]):
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
        if still_open(self):
            text = Text(found.text, end="")
            if not found.ended:
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
        self._dialog: RecipeComparison | None = None
        self._typed: str | None = None
        """The path that was typed last, where it could not be read."""
        self._found = AllRows()

    def ask(self) -> None:
        """Show what another recipe says and trains differently; with no path, the text as it was last saved."""
        context = self._context

        def entered(path: str | None) -> None:
            if path is None:
                return
            # A path that cannot be read is asked about again, as it was typed.
            self._typed = path
            try:
                context.editing.compare(Path(path).expanduser() if path.strip() else None)
                self._typed = None
                self._compared()
            except BenchError as problem:
                context.screen.notify_problem(problem)

        hint = "path of the other recipe; empty: this one before the edits"
        context.screen.app.push_screen(
            PathDialog("compare with", value=self._typed or context.editing.compared_path, hint=hint, fits=is_recipe),
            entered,
        )

    @property
    def other(self) -> bool:
        """True while changes are shown against another recipe."""
        return self._context.editing.other is not None

    def leave(self) -> None:
        """Show changes against the recipe as it was saved again."""
        if not self.other:
            self._context.say("No other recipe is compared with")
            return
        name = self._context.editing.compared_with
        self._context.editing.compare(None)
        self._context.screen.follow()
        self._context.say(f"No longer compared with {name}; changes are against the recipe as it was saved", 4)

    def _compared(self) -> None:
        editing, name = self._context.editing, self._context.editing.compared_with
        self._context.screen.follow()
        if editing.other is None and not editing.document.dirty:
            self._context.say("The recipe is as it was saved: there is nothing to compare", 5)
            return
        pairs = side_by_side(editing.document, editing.other or Document(editing.opened, editing.document.name))
        more, less = self._context.panes.boundaries.difference
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
        self._dialog, self._found = dialog, AllRows()
        self._context.background.submit(Kind.COMPARE, self._add_up(dialog, self._request))

    def stop(self) -> None:
        """End the sum over all rows."""
        self._request += 1
        self._dialog = None

    def failed(self, problem: BenchError) -> None:
        """Say that the sum came to an end that nobody expected, with what was known by then."""
        if self._dialog is not None:
            self._show(self._dialog, replace(self._found, problem=problem.line))
        self.stop()

    def _show(self, dialog: RecipeComparison, found: AllRows) -> None:
        self._found = found
        dialog.show_rows(found)

    def _add_up(self, dialog: RecipeComparison, request: int) -> Iterator[None]:
        """The masks of both recipes in every row, block by block."""
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
                    found = found.plus(known.against(rows, against), complete=len(rows) < size)
                    found = replace(found, seconds=monotonic() - began)
            except BenchError as problem:
                context.tell(self._show, dialog, replace(found, problem=problem.line))
                return
            context.tell(self._show, dialog, found)
            yield
