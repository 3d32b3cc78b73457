"""Textual's own pieces as the panes use them: an exception in one of them ends nothing. See `screens.guard.faults`."""

from __future__ import annotations

from textual import containers, widgets

from screens.guard.faults import Guarded


class Static(Guarded, widgets.Static):
    """Text."""


class Container(Guarded, containers.Container):
    """Anything."""


class Horizontal(Guarded, containers.Horizontal):
    """Side by side."""


class Vertical(Guarded, containers.Vertical):
    """Below each other."""


class VerticalScroll(Guarded, containers.VerticalScroll):
    """Below each other, as long as it takes."""
