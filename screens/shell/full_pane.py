"""A pane over the whole window, until it gives it back or the focus goes to another pane."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from textual.app import App
from textual.widget import Widget

from screens.keys.spoken import keyed

_WATCHED: WeakSet[object] = WeakSet()


def toggle(app: App[Any]) -> None:
    """Show the pane in focus over the whole window, or all panes again; a dialog stays as it is."""
    screen, pane = app.screen, app.focused
    if screen.maximized is not None:
        screen.minimize()
        return
    if pane is None or screen.is_modal or not screen.maximize(pane):
        return
    app.notify(keyed(app, "{app.full-pane} or esc brings the other panes back"), timeout=2, markup=False)
    if screen in _WATCHED:
        return

    def moved(focused: Widget | None) -> None:
        shown = screen.maximized
        if shown is not None and focused is not None and shown not in focused.ancestors_with_self:
            screen.minimize()

    _WATCHED.add(screen)
    app.watch(screen, "focused", moved, init=False)
