"""Two recipes side by side: their knobs in a table, and what they train differently in the tokens below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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
from screens.shell.dialogs import InputDialog
from screens.shell.themes import paints
from workbench.errors import BenchError
from workbench.recipe.compare import Pair, side_by_side
from workbench.recipe.yaml.write import as_inline
from workbench.views.items import visible


class RecipeComparison(Guarded, ModalScreen[None]):
    """The knobs of two recipes."""

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
            with VerticalScroll(can_focus=True):
                yield Static(self._table(), markup=False)

    def _table(self) -> Table:
        paint = paints(self.app.current_theme)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=min(30, max(len(pair.knob) for pair in self._pairs) + 2), overflow="fold")
        for _ in self._names:
            table.add_column(ratio=1, overflow="fold")
        heads = ["", *(visible(name) for name in self._names)]
        table.add_row(*(Text(head, paint.muted + Style(underline=True)) for head in heads))
        above = True
        for pair in self._pairs:
            if above and not pair.mask:
                table.add_row("")
                table.add_row(Text("other differences", paint.muted))
            above = pair.mask
            knob = Text("  " if pair.same else "≠ ", paint.severity["warning"]).append(
                visible(pair.knob), paint.muted if pair.same else paint.strong
            )
            mine, theirs = (paint.muted, paint.muted) if pair.same else (paint.accent, paint.severity["warning"])
            table.add_row(knob, Text(value_text(pair.mine), mine), Text(value_text(pair.theirs), theirs))
        return table


def value_text(value: object) -> str:
    """A value as YAML writes it on one line; a dash where there is none."""
    return "–" if value is None else visible(as_inline(value, flow=True))


class Comparison:
    """The part of the inspect screen that compares the recipe with another one."""

    def __init__(self, context: InspectContext) -> None:
        self._context = context

    def ask(self) -> None:
        """Show what another recipe says and trains differently; with no path, compare with the saved text again."""
        context = self._context

        def entered(path: str | None) -> None:
            if path is None:
                return
            try:
                context.editing.compare(Path(path).expanduser() if path.strip() else None)
                self._compared()
            except BenchError as problem:
                context.screen.notify_problem(problem)

        hint = "path of the other recipe; empty: the saved text"
        context.screen.app.push_screen(
            InputDialog("compare with", value=context.editing.compared_path, hint=hint), entered
        )

    def _compared(self) -> None:
        editing, panel = self._context.editing, self._context.panes.boundaries
        name = editing.compared_with
        panel.border_title = f"role_boundaries against {visible(name)}" if name else BoundariesPanel.BORDER_TITLE
        self._context.screen.follow()
        if editing.other is None:
            return
        pairs = side_by_side(editing.document, editing.other)
        more, less = panel.difference
        differing = sum(not pair.same for pair in pairs)
        summary = (
            f"{differing or 'None'} of the settings below differ. In row {self._context.row}, {more:,} tokens are "
            f"trained by this recipe alone, and {less:,} by the other alone."
        )
        mine = Path(editing.document.name).name
        self._context.screen.app.push_screen(RecipeComparison(f"this: {mine}", f"other: {name}", pairs, summary))
