"""The keys on the lower border of a dialog, for whoever has no keyboard with them: a phone has no esc."""

from __future__ import annotations

import re

from rich.cells import cell_len
from textual import events
from textual.content import Content

from screens.shell.beneath import Beneath

_KEY = re.compile(r"(?:enter|esc|tab|f\d+|[a-z])$")
_BETWEEN = " · "
_CORNER = 3
"""Cells of a border beside its title."""


def key_at(subtitle: str, x: int, width: int) -> str:
    """The key in the lower border of a box of this width whose hint stands in column x; "" where there is none.

    The border's title is `KEY word · KEY word`, at its right end; where it is too long its end is cut.
    """
    start = max(_CORNER, width - _CORNER - cell_len(subtitle))
    for hint in subtitle.split(_BETWEEN):
        end = start + cell_len(hint)
        if start <= x < end:
            key = hint.partition(" ")[0]
            return ("escape" if key == "esc" else key) if _KEY.match(key) else ""
        start = end + len(_BETWEEN)
    return ""


class Tapped(Beneath):
    """A dialog of one box: a click on a hint of its lower border presses that key."""

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        box, _ = self.get_widget_at(*event.screen_offset)
        if not box.border_subtitle or event.screen_y != box.region.bottom - 1:
            return
        region = box.region
        title = Content.from_markup(str(box.border_subtitle)).plain
        if key := key_at(title, event.screen_x - region.x, region.width):
            event.stop()
            # Sent by the pane in focus: from the dialog it would not come further than to the dialog's own panes.
            pressed = events.Key(key, key if len(key) == 1 else None).set_sender(self.focused or self)
            self.app.post_message(pressed)
