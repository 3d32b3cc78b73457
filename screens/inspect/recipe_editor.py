"""An editor of the recipe's YAML. Every keystroke goes to the bench; the text's error is shown below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from screens.guard.faults import on
from screens.guard.widgets import Static, Vertical
from screens.inspect.completing import CompletionList
from screens.inspect.recipe_text import RecipeTextArea
from screens.keys.spoken import advice
from screens.line_cache.kept_lines import Still
from screens.shell.themes import paints
from workbench.errors import BenchError
from workbench.findings import SEVERITIES, Finding, Severity
from workbench.views.items import visible

_LANGUAGE = "yaml"


class RecipeEditor(Vertical, Still):
    """The text area, with the text's error below it.

    Every change that a person makes is given to `typed`. `show` sets the text, `say` the error.
    """

    BORDER_TITLE = "recipe"
    ALLOW_MAXIMIZE = True
    """The error below the text comes with it."""

    def __init__(self, typed: Callable[[str], None], *, id: str | None = None) -> None:
        area = RecipeTextArea.code_editor("", language=_LANGUAGE, soft_wrap=True, tab_behavior="indent", id="yaml")
        area.show_line_numbers = True
        assert isinstance(area, RecipeTextArea)
        area.edited = self._edited
        self.completing = CompletionList(area, id="completions")
        """The list of what may stand at the cursor."""
        area.takes_key = self.completing.takes
        super().__init__(area, Static(id="wrong", markup=False), self.completing, id=id)
        self.area = area
        """The text area."""
        self._typed = typed
        self._known = ""
        self._problem: BenchError | None = None
        self._marks: dict[int, Severity] = {}

    def compose(self) -> ComposeResult:
        """No widgets beside the children given."""
        return iter(())

    def on_mount(self) -> None:
        self.draw()

    def show(self, text: str) -> None:
        """Show a text that somebody else made; the cursor stays where it is, if there is such a place."""
        if text == self._known == self.area.text:
            return
        self._known = text
        self.completing.close()
        place, scroll = self.area.cursor_location, self.area.scroll_offset
        self.area.load_text(text)
        line = min(place[0], self._last)
        self.area.move_cursor((line, min(place[1], len(self.area.document.get_line(line)))))
        self.area.scroll_to(scroll.x, scroll.y, animate=False)

    def go(self, line: int, column: int = 1) -> None:
        """Put the cursor on a line and column, counted from 1, with the lines after it in view."""
        self.area.move_cursor((max(0, line - 1), max(0, column - 1)))
        above = self.area.wrapped_document.location_to_offset((min(max(0, line - 1), self._last), 0)).y - 1
        self.area.scroll_to(y=max(0, above), animate=False)

    @property
    def _last(self) -> int:
        return self.area.document.line_count - 1

    def mark(self, findings: Sequence[Finding], name: str) -> None:
        """Mark the lines that findings are about; `name` is the recipe's. The line of the text's error is one too."""
        marks: dict[int, Severity] = {}
        order = sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity), reverse=True)
        for finding in order:
            where = finding.where
            if where.line is not None and PurePath(where.file or name).name == PurePath(name).name:
                marks[where.line - 1] = finding.severity
        self._marks = marks
        self._show_marks()

    def _show_marks(self) -> None:
        line = self._problem.where.line if self._problem is not None else None
        # The findings are those of a text that could be read.
        self.area.mark(self._marks if self._problem is None else {line - 1: "error"} if line else {})

    def _dress(self) -> None:
        """The syntax colours of a well-known theme, on the pane's own background."""
        theme = self.app.current_theme
        if theme.ansi:
            self.area.theme = "css"
            return
        name = f"vlmbench-{'dark' if theme.dark else 'light'}"
        known = TextAreaTheme.get_builtin_theme("vscode_dark" if theme.dark else "github_light")
        if known is not None and name not in self.area.available_themes:
            muted = Style(color=theme.variables["muted"])
            dressed = replace(
                known,
                name=name,
                base_style=Style(color=theme.foreground, bgcolor=theme.background),
                gutter_style=muted,
                cursor_line_style=Style(bgcolor=theme.surface),
                cursor_line_gutter_style=muted,
            )
            self.area.register_theme(dressed)
        self.area.theme = name

    def say(self, problem: BenchError | None) -> None:
        """Show the text's error with its line and column; None removes it."""
        if problem is not self._problem:
            self._problem = problem
            self._show_marks()
            self._draw_problem()

    def draw(self) -> None:
        """Draw again, in the colours of the theme."""
        self._dress()
        self._draw_problem()

    def _draw_problem(self) -> None:
        wrong, problem = self.query_one("#wrong", Static), self._problem
        wrong.display = problem is not None
        if problem is None:
            self.border_subtitle = ""
            return
        paint = paints(self.app.current_theme)
        where = problem.where
        place = f"line {where.line}" + (f", column {where.column}" if where.column else "") if where.line else ""
        text = Text(f"✗ {place}: " if place else "✗ ", paint.severity["error"], end="")
        text.append(visible(problem.title), paint.strong)
        for more in (problem.cause, problem.hint):
            if more:
                text.append(f"\n{advice(self, more)}", paint.muted)
        wrong.update(text)
        self.border_subtitle = place or "see below"

    def _edited(self) -> None:
        text = self.area.text
        if text != self._known:
            self._known = text
            self._typed(text)
            self.completing.typed()

    @on(TextArea.SelectionChanged)
    def _cursor_moved(self) -> None:
        self.completing.follow()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.add_class("-focused")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.remove_class("-focused")
        self.completing.close()
