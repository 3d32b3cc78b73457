"""An editor of the recipe's YAML. Every keystroke goes to the bench; the text's error is shown below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import Any, ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, TextAreaTheme

from screens.guard.widgets import Static, Vertical
from screens.keys.actions import bindings
from screens.line_cache.kept_lines import Still
from screens.line_cache.line_view import Sparing
from screens.shell.themes import paints
from workbench.errors import BenchError
from workbench.findings import SEVERITIES, Finding, Severity
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

_LANGUAGE = "yaml"
_LINES_KEPT = 1024
_MARGIN = 2
"""Blanks that Textual leaves between the number of a line and its text."""


class _Looks(NamedTuple):
    """The state that drawn lines depend on: the places in view, the lines with cursor or selection, and the rest."""

    places: list[tuple[int, int]]
    own: set[int]
    others: tuple[object, ...]


class RecipeTextArea(TextArea, Sparing):
    """A text area whose undo is the recipe's: one history for the edits of all screens."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("editor")]
    _coloured = range(0)
    """The lines whose syntax colours are known."""
    edited: Callable[[], None] = staticmethod(lambda: None)
    """A callback of every edit. It is called within the edit, so that the letter and the new mask are one paint."""

    def __init__(self, *texts: Any, **options: Any) -> None:
        super().__init__(*texts, **options)
        self._kept: LRUCache[object, Strip] = LRUCache(_LINES_KEPT)
        self._painting: _Looks | None = None
        self._shown: dict[int, tuple[object, ...] | None] = {}
        self.marks: dict[int, Severity] = {}
        """The worst finding of each line that has one."""

    def finish_lines(self, crop: Region, last: list[Strip] | None, asked: list[int]) -> list[Strip]:
        """The lines of a part of the window; the state that all of them depend on is read once."""
        self._painting = self._looks()
        try:
            return super().finish_lines(crop, last, asked)
        finally:
            self._painting = None

    def _build_highlight_map(self) -> None:
        """Find the syntax colours of the lines in view. Textual finds those of the whole text, at every edit."""
        document, top = self.document, self._places()[0][0]
        self._coloured = range(top, top + max(1, self.size.height))
        first, last = (top, 0), (self._coloured.stop, 0)
        asked = partial(document.query_syntax_tree, start_point=first, end_point=last)
        vars(document)["query_syntax_tree"] = asked
        try:
            super()._build_highlight_map()
        finally:
            del vars(document)["query_syntax_tree"]

    def _looks(self) -> _Looks:
        offset, selection, bracket = self.scroll_offset, self.selection, self._matching_bracket_location
        places = self._places()
        first, last = places[0][0], places[-1][0]
        if first < self._coloured.start or last >= self._coloured.stop:
            self._build_highlight_map()
        own = {selection.end[0]} if bracket is None else {selection.end[0], bracket[0]}
        if selection.start[0] != selection.end[0]:
            own.update(range(first, last + 1))
        widths = (self.size.width, self.virtual_size.width, self.gutter_width)
        return _Looks(places, own, (*widths, offset, self.theme, self.base))

    def _key(self, y: int, looks: _Looks) -> tuple[object, ...] | None:
        """The state that a line of the window depends on; None for a line with cursor, selection or bracket."""
        if y >= len(looks.places):
            return (looks.others,)
        line, column = looks.places[y]
        if line in looks.own:
            return None
        # Textual has no public way to the highlights of a line, and they decide how it is drawn.
        # A set: of the captures of one kind, tree-sitter gives another first every time.
        drawn = self.document.get_line(line), frozenset(self._highlights[line]), self.marks.get(line)
        # Where the line is broken: after a change of width it is drawn once before that is known.
        return line, column, tuple(self.wrapped_document.get_offsets(line)), drawn, looks.others

    def _places(self) -> list[tuple[int, int]]:
        """For each line of the window its line of the text, and the column that it begins with: long ones are wrapped.

        At least one; fewer than the window's lines where the text ends before.
        """
        wrapped, room = self.wrapped_document, max(1, self.size.height)
        line, column = wrapped.offset_to_location(Offset(0, self.scroll_offset.y))
        places = [(line, start) for start in (0, *wrapped.get_offsets(line)) if start >= column]
        for below in range(line + 1, self.document.line_count):
            if len(places) >= room:
                break
            places += ((below, start) for start in (0, *wrapped.get_offsets(below)))
        return places[:room]

    def mark(self, marks: Mapping[int, Severity]) -> None:
        """Mark lines, counted from 0, that findings are about."""
        if marks != self.marks:
            changed = {line for line in {*marks, *self.marks} if marks.get(line) != self.marks.get(line)}
            self.marks = dict(marks)
            self.paint_lines([y for y, (line, _) in enumerate(self._places()) if line in changed])

    def _marked(self, strip: Strip, y: int, looks: _Looks) -> Strip:
        """A line of the window with the sign of the finding in the blank behind its number."""
        if not self.marks or y >= len(looks.places):
            return strip
        line, column = looks.places[y]
        severity = self.marks.get(line)
        if severity is None or column or self.gutter_width < _MARGIN:
            return strip
        at = self.gutter_width - _MARGIN
        style = self.base + paints(self.app.current_theme).severity[severity]
        return Strip.join([strip.crop(0, at), Strip([Segment(SEVERITY_GLYPH[severity], style)]), strip.crop(at + 1)])

    def render_line(self, y: int) -> Strip:
        """A line of the window, kept by its state. Textual forgets all lines at every edit, and most are unchanged."""
        looks = self._painting or self._looks()
        key = self._shown[y] = self._key(y, looks)
        if key is None:
            return self._marked(super().render_line(y), y, looks)
        if (strip := self._kept.get(key)) is None:
            strip = self._kept[key] = self._marked(super().render_line(y), y, looks)
        return strip

    class UndoWanted(Message):
        """A wish to take back the last edit, or to make it again."""

        def __init__(self, *, again: bool) -> None:
            self.again = again
            super().__init__()

    def edit(self, edit: Edit) -> EditResult:
        # No pane handles these messages, and Textual would offer them to one after the other.
        with self.sparing(), self.prevent(self.Changed, self.SelectionChanged):
            result = super().edit(edit)
        looks, shown = self._looks(), self._shown
        keys = [self._key(y, looks) for y in range(self.size.height)]
        self.paint_lines([y for y, key in enumerate(keys) if key is None or key != shown.get(y)])
        self.edited()
        return result

    def on_key(self, event: events.Key) -> None:
        """Keep Textual's own from going to the next pane at escape; here that closes the editor."""
        if event.key == "escape":
            event.prevent_default()

    def action_undo(self) -> None:
        self.post_message(self.UndoWanted(again=False))

    def action_redo(self) -> None:
        self.post_message(self.UndoWanted(again=True))


class RecipeEditor(Vertical, Still):
    """The text area, with the text's error below it.

    Every change that a person makes is given to `typed`. `show` sets the text, `say` the error.
    """

    BORDER_TITLE = "recipe"

    def __init__(self, typed: Callable[[str], None], *, id: str | None = None) -> None:
        area = RecipeTextArea.code_editor("", language=_LANGUAGE, soft_wrap=True, tab_behavior="indent", id="yaml")
        area.show_line_numbers = True
        assert isinstance(area, RecipeTextArea)
        area.edited = self._edited
        super().__init__(area, Static(id="wrong", markup=False), id=id)
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
                text.append(f"\n{visible(more)}", paint.muted)
        wrong.update(text)
        self.border_subtitle = place or "see below"

    def _edited(self) -> None:
        text = self.area.text
        if text != self._known:
            self._known = text
            self._typed(text)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.add_class("-focused")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.remove_class("-focused")
