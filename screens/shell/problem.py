"""A panel that says what went wrong, why, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.markup import escape

from screens.guard.widgets import Static, VerticalScroll
from screens.keys.spoken import advice
from screens.shell.fitting_title import fitting
from screens.shell.themes import paints
from workbench.errors import BenchError
from workbench.findings import Finding


class ProblemPane(VerticalScroll):
    """Shows an error or a finding. `leave` says how to go on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "explain", "Explain", show=False)]

    def __init__(self, *, leave: str = "", id: str | None = None) -> None:
        super().__init__(Static(markup=False), id=id)
        self._leave = leave
        self._shown: BenchError | Finding | None = None
        self._more = ""
        self._titles: tuple[str, ...] = ()
        self.explained: Callable[[], None] | None = None
        """Called at enter, where there is more to say of the problem."""

    def entitle(self, *forms: str) -> None:
        """Write the longest of some forms of a title that fits into the border, now and after a resize."""
        self._titles = forms
        if forms:
            self.border_title = escape(fitting(self, forms))

    def on_resize(self) -> None:
        """The title has another room."""
        self.entitle(*self._titles)

    def action_explain(self) -> None:
        """Say more of the problem."""
        if self.explained is not None:
            self.explained()

    def show(self, problem: BenchError | Finding, more: str = "") -> None:
        """Show this problem, and below it `more`, some lines about what it is a problem with."""
        self._shown, self._more = problem, more
        self.draw()

    def draw(self) -> None:
        """Draw again, in the colours of the theme."""
        problem = self._shown
        if problem is None:
            return
        paint = paints(self.app.current_theme)
        if isinstance(problem, Finding):
            severity, title, cause = problem.severity, f"{problem.code}  {problem.message}", ""
        else:
            severity, title, cause = "error", problem.title, problem.cause
        text = Text(end="")
        text.append("✗ ", paint.severity[severity]).append(_safe(title), paint.strong)
        if cause:
            text.append(f"\n\n{_safe(cause)}")
        if problem.where:
            text.append(f"\n\n{_safe(str(problem.where))}", paint.muted)
        if problem.hint:
            hint = "\n".join(advice(self, line) for line in problem.hint.splitlines())
            text.append(f"\n\n→ {hint}", paint.accent)
        if self._more:
            text.append(f"\n\n{_safe(self._more)}")
        if self._leave:
            text.append(f"\n\n\n{self._leave}", paint.muted)
        self.query_one(Static).update(text)


def _safe(text: str) -> str:
    """Every line of a text made safe to draw."""
    # Imported here: nothing has gone wrong at the first paint, and this loads numpy.
    from workbench.views.items import visible

    return "\n".join(visible(line) for line in text.splitlines())
