"""The text area of the recipe's YAML: it wraps, marks lines with findings, and paints only the lines that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from screens.keys.actions import bindings
from screens.line_cache.line_view import Sparing
from screens.shell.themes import paints
from screens.shell.typed_in_order import do_in_order, keys_of
from workbench.findings import Severity
from workbench.views.palette import SEVERITY_GLYPH

_LINES_KEPT = 1024
_KEYS = keys_of(TextArea)
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

    takes_key: Callable[[events.Key], bool] = staticmethod(lambda _: False)
    """True for a key that was meant for something else, which has it by then."""

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
        offset, selection, bracket = self.scroll_offset, self.selection, self.matching_bracket_location
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

    async def on_key(self, event: events.Key) -> None:
        """Hand a key over to the list of completions; keep Textual's own escape from going to the next pane.

        Other keys that write no letter are done in their order.
        """
        if self.takes_key(event):
            event.stop()
            event.prevent_default()
        elif event.key == "escape":
            event.prevent_default()
        else:
            await do_in_order(self, event, _KEYS)

    def action_undo(self) -> None:
        self.post_message(self.UndoWanted(again=False))

    def action_redo(self) -> None:
        self.post_message(self.UndoWanted(again=True))
