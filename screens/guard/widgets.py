"""Textual's widgets and containers, guarded: an exception in one of them does not end the app.

See `screens.guard.faults`.
"""

from __future__ import annotations

from textual import containers, widgets

from screens.guard.faults import Guarded


class Static(Guarded, widgets.Static):
    """A guarded text."""


class Container(Guarded, containers.Container):
    """A guarded container."""


class Horizontal(Guarded, containers.Horizontal):
    """Widgets side by side."""


class Vertical(Guarded, containers.Vertical):
    """Widgets below each other."""


class VerticalScroll(Guarded, containers.VerticalScroll):
    """Widgets below each other, with a scroll bar. One that takes the focus can take the whole window."""

    @property
    def allow_maximize(self) -> bool:
        return self.can_focus
