"""What the background thread and the panes tell the screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    pass


class CursorMoved(Message):
    """The token cursor is on another token, or the media run under it was folded."""
