"""The list of completions below the editor's cursor: axolotl's keys and words, and the markers of the template.

It opens a moment after a letter, so that no keystroke waits for it, and takes only the keys that it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from rich.text import Text
from textual import events
from textual.geometry import Offset
from textual.widgets.option_list import Option
from textual.widgets.text_area import Selection

from screens.inspect.recipe_text import RecipeTextArea
from screens.shell.fields import OptionList
from screens.shell.themes import paints
from workbench.recipe.completion import Completion, Completions, Markers, completions
from workbench.recipe.schema import Schema
from workbench.views.items import visible

_SOON_SECONDS = 0.08
_ABOUT_CELLS = 36

Known = Callable[[], tuple[Schema, Markers]]
"""The words that a recipe's text may hold: axolotl's keys, and the markers of the row that is shown."""


class CompletionList(OptionList, can_focus=False):
    """The completions. The editor keeps the focus, and hands over the keys that are meant for the list."""

    def __init__(self, area: RecipeTextArea, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._area = area
        self.known: Known | None = None
        self._at: Completions | None = None
        self._cursor = (0, 0)
        self._moved = self._waiting = self._content = False
        self._typed = 0.0

    def on_mount(self) -> None:
        self.display = False

    @property
    def shown(self) -> tuple[Completion, ...]:
        """The completions that can be taken; none while the list is closed."""
        return self._at.found if self._at is not None and self.display else ()

    # When it opens and closes

    def typed(self) -> None:
        """A letter was typed: look in a moment."""
        self._typed, self._content = monotonic(), False
        if not self._waiting:
            self._waiting = True
            self.set_timer(_SOON_SECONDS, self._look)

    def _look(self) -> None:
        if (left := self._typed + _SOON_SECONDS - monotonic()) > 0:
            self.set_timer(left, self._look)
            return
        self._waiting = False
        if not self._content:
            self.open(asked=False)

    def open(self, *, asked: bool) -> None:
        """Show what may stand at the cursor. Without being `asked` it does so only behind a letter or a colon."""
        area = self._area
        line, column = area.cursor_location
        found = None
        if self.known is not None and area.has_focus and area.selection.is_empty:
            found = completions(area.document.lines, line, column, *self.known())
        if found is None or not (asked or found.typed or found.value):
            self.close()
            return
        if self.display and found == self._at:
            return
        self._at, self._cursor, self._moved = found, (line, column), False
        paint, options = paints(self.app.current_theme), []
        for one in found.found:
            text = Text(visible(one.shown), paint.strong, no_wrap=True, overflow="ellipsis", end="")
            options.append(Option(text.append(f"  {visible(one.about)[:_ABOUT_CELLS]}", paint.muted)))
        self.set_options(options)
        self.highlighted = 0
        count = f"{len(options):,}" if len(options) == found.count else f"{len(options):,} of {found.count:,}"
        self.border_subtitle = f"{count} · tab takes · esc closes"
        self.absolute_offset = area.cursor_screen_offset + Offset(found.start - column - 1, 1)
        self.display = True

    def close(self) -> None:
        """Hide it."""
        self._at = None
        self.display = False

    def follow(self) -> None:
        """Close where the cursor has gone elsewhere."""
        if self.display and self._area.cursor_location != self._cursor and not self._waiting:
            self.close()

    # The keys and the mouse

    def takes(self, event: events.Key) -> bool:
        """True where a key of the editor was meant for the list."""
        if self.shown and self._waiting:
            # A letter was typed since: what would be taken must be what stands there now.
            self.open(asked=False)
        if not self.shown:
            return False
        if event.key in ("down", "up"):
            self._moved = True
            self.action_cursor_down() if event.key == "down" else self.action_cursor_up()
        elif event.key == "tab" or (event.key == "enter" and self._moved):
            self._take(self.highlighted or 0)
        elif event.key == "escape":
            self.close()
        else:
            if event.key == "enter":
                self.close()
            return False
        return True

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the completion under the mouse."""
        event.stop()
        self._take(event.option_index)

    def _take(self, number: int) -> None:
        """Write a completion in the place of what is typed, as an edit like any other."""
        at, (line, _), area = self._at, self._cursor, self._area
        if at is None or number >= len(at.found):
            return
        text = at.found[number].text
        self.close()
        area.replace(text, (line, at.start), (line, at.stop))
        area.selection = Selection.cursor((line, at.start + len(text)))
        # Behind a key its values are offered; behind a value there is nothing more to say.
        self._content = at.value
