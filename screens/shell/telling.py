"""Messages of the app to its user: one stands at the bottom of the screen in front, until it is no longer true."""

from __future__ import annotations

import contextlib
from time import monotonic
from typing import Any

from textual.app import App
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer

from screens.guard.faults import guarded, subscriber
from screens.keys.spoken import keyed
from screens.shell.footer import KeyHints
from screens.shell.notice_line import NoticeLine
from screens.shell.notices import Notice, Notices
from workbench.escaping import visible_lines

_GRAIN_SECONDS = 0.02
"""A timer may come a moment early."""


class Telling:
    """The messages of an app, and the lines that show them, one a screen: made when a screen has its first message."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self.notices = Notices()
        self._timer: Timer | None = None
        self._screens = 0

    @property
    def shown(self) -> str:
        """The text that stands; "" where none does."""
        notice = self.notices.shown(monotonic())
        return notice.text if notice is not None else ""

    def begin(self) -> None:
        """Follow the screens: the message stands on the one in front."""
        changed = subscriber(self._app, self._screen_changed)
        self._app.screen_change_signal.subscribe(self._app, changed, immediate=True)

    def say(self, notice: Notice) -> None:
        """Say something, from any thread."""
        self.notices.say(notice)
        self._drawn_soon()

    def outdate(self) -> None:
        """Take away what an edit or another screen has made untrue."""
        if self.notices.outdate():
            self._drawn_soon()

    def dismiss(self) -> None:
        """Take away what stands."""
        if self.notices.dismiss():
            self._drawn_soon()

    def clear(self) -> None:
        """Take away all that stands or waits."""
        if self.notices.clear():
            self._drawn_soon()

    def _screen_changed(self) -> None:
        """A dialog opened, closed, or another screen took the place of the one in front."""
        before, self._screens = self._screens, len(self._app.screen_stack)
        if self._screens > before:
            self.notices.answer()
        self._draw()

    def _drawn_soon(self) -> None:
        if self._app.is_running:
            # Raised where the app is gone by now.
            with contextlib.suppress(RuntimeError):
                self._app.call_later(guarded(self._app, self._draw))

    def _draw(self) -> None:
        """Show the message that stands on the screen in front, and on no other; look again when its time is over."""
        app, now = self._app, monotonic()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        notice = self.notices.shown(now)
        front = app.screen_stack[-1] if app.screen_stack else None
        for screen in app.screen_stack:
            self._show(screen, notice if screen is front else None)
        if notice is not None:
            self._timer = app.set_timer(notice.left(now) + _GRAIN_SECONDS, self._draw)

    def _show(self, screen: Screen[Any], notice: Notice | None) -> None:
        line = next(iter(screen.query_children(NoticeLine)), None)
        if line is None:
            if notice is None:
                return
            if not screen.is_mounted:
                # It was pushed just now.
                screen.call_later(guarded(self._app, self._draw))
                return
            line = NoticeLine()
            line.clicked = self._clicked
            screen.mount(line)
        line.show(notice, keyed(self._app, "all in the messages ({app.messages})"), self._app.size.width)
        for hints in screen.query_children(KeyHints):
            hints.display = notice is None

    def _clicked(self, cut: bool) -> None:
        if cut:
            self._app.call_later(self._app.run_action, "app.messages")
        self.dismiss()


def notice_of(message: str, title: str, severity: Any, timeout: float, *, markup: bool) -> Notice:
    """A message as Textual's `notify` takes it, made safe to draw."""
    if markup:
        # What Textual itself says has styles in it, which the line has not.
        with contextlib.suppress(Exception):
            message = Content.from_markup(message).plain
    text = f"{title}: {message}" if title else message
    return Notice(visible_lines(text), severity, timeout)
