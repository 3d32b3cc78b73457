"""Base of the app: unexpected errors are logged and shown, and the app keeps running."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import OptionList

from screens.guard import faults
from screens.guard.faults import Fault, Guarded, contain, guarded, unexpected
from screens.guard.widgets import Static, Vertical, VerticalScroll
from screens.keys.spoken import keyed
from screens.shell import end_with_parent
from screens.shell.messages import JobFailed
from screens.shell.notices import Notice
from screens.shell.tapped import Tapped
from screens.shell.telling import Telling, notice_of
from screens.shell.themes import paints
from screens.shell.watchdog import Silence, Watchdog
from screens.shell.worker import Kind

if TYPE_CHECKING:
    from workbench.editing.session import Editing

_KEPT = 50
_BEAT_SECONDS = 1.0
_LONG_SECONDS = 12.0
_HOPELESS_SECONDS = 50.0
"""So long after it was noticed, a window in a browser that still does not answer is ended; edits are kept."""
_JOBS = {
    Kind.LOAD: "loading",
    Kind.APPLY: "applying the edit",
    Kind.FIX: "trying the fix",
    Kind.ROW: "reading the row",
    Kind.PICTURE: "reading the picture",
    Kind.INFER: "inferring the boundaries",
    Kind.MODEL: "looking at the model",
    Kind.SEEK: "looking for the next finding",
    Kind.SAMPLES: "reading the samples",
    Kind.ASK: "asking the trainer",
    Kind.ANSWER: "taking the trainer's answer",
    Kind.COMPARE: "adding up the rows of both recipes",
    Kind.FILTER: "filtering the rows",
    Kind.CHECK: "checking",
    Kind.RUNS: "looking for runs",
    Kind.RUN: "preparing the run",
    Kind.EXPORT: "preparing the export",
    Kind.WRITE: "preparing the file",
    Kind.MEMORY: "estimating the memory",
    Kind.CONVERT: "converting the rows",
    Kind.AUDIT: "following the audit",
    Kind.LANES: "comparing trainers",
}


class Reporting(App[None]):
    """An app that no exception of a pane, an action or a background job ends. `faults` are those that came so far."""

    editing: Editing | None = None

    def __init__(self) -> None:
        super().__init__()
        self.faults: deque[Fault] = deque(maxlen=_KEPT)
        self.silences: list[Silence] = []
        self.watchdog = Watchdog(self._silent)
        self.telling = Telling(self)
        self.to_report = partial(keyed, self, "{app.faults} shows what to report.")
        """Says the way to what a report of an unexpected error needs."""

    # What may raise

    async def on_event(self, event: events.Event) -> None:
        """Whatever is no message, as in `Guarded`."""
        try:
            await super().on_event(event)
        except Exception as error:
            contain(self, error)

    async def run_action(
        self, action: Any, default_namespace: DOMNode | None = None, namespaces: Mapping[str, DOMNode] | None = None
    ) -> bool:
        """As any app's; told with the pane whose action it was."""
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:
            contain(default_namespace or self, error)
            return True

    def set_timer(self, delay: float, callback: Any = None, **more: Any) -> Timer:
        """As any app's."""
        return super().set_timer(delay, guarded(self, callback) if callback is not None else None, **more)

    def set_interval(self, interval: float, callback: Any = None, **more: Any) -> Timer:
        """As any app's."""
        return super().set_interval(interval, guarded(self, callback) if callback is not None else None, **more)

    def call_after_refresh(self, callback: Any, *arguments: Any, **more: Any) -> bool:
        """As any app's."""
        return super().call_after_refresh(guarded(self, callback), *arguments, **more)

    def call_next(self, callback: Any, *arguments: Any, **more: Any) -> None:
        """As any app's."""
        super().call_next(guarded(self, callback), *arguments, **more)

    # What is told

    def report(self, place: str, error: Exception) -> None:
        """Take an exception from anywhere: it is written to the log, told once, and the edits are kept."""
        fault = Fault.of(place, error)
        if self.editing is not None:
            with contextlib.suppress(Exception):
                self.editing.keep()
        first = faults.write(fault) == 1 or fault.key not in {earlier.key for earlier in self.faults}
        self.faults.append(fault)
        if first and self.is_running:
            text = f"Unexpected error: {place}: {fault.summary}\nThe rest keeps working, your edits are kept. "
            self.telling.say(Notice(f"{text}{self.to_report()}", "error", _LONG_SECONDS, lasting=True))

    def job_crashed(self, kind: Kind, error: Exception) -> None:
        """Take an exception of a background job, on its thread: the screens that wait for it are told on theirs."""
        with contextlib.suppress(RuntimeError):
            # Raised where the app is gone by now.
            self.call_later(_job_failed, self, JobFailed(kind, unexpected(error)), error)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something to the user, from any thread, as any app's; it stands where the key hints are."""
        seconds = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
        self.telling.say(notice_of(message, title, severity, seconds, markup=markup))

    def clear_notifications(self) -> None:
        """Take away what was said, as any app's."""
        self.telling.clear()

    def action_messages(self) -> None:
        """Show what was said so far."""
        from screens.shell.notice_list import MessagesScreen

        if not isinstance(self.screen, MessagesScreen):
            # The one that stands is the first of the list.
            self.telling.clear()
            self.push_screen(MessagesScreen(list(self.telling.notices.kept)))

    def waiting_screens(self) -> list[Any]:
        """The screens that may have asked for a job."""
        return [self.screen]

    def action_command_palette(self) -> None:
        """Show every action; Textual's own list ends the app where it is closed while it searches."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def action_faults(self) -> None:
        """Show what went wrong unexpectedly, and what to report."""
        if not isinstance(self.screen, FaultsScreen):
            self.push_screen(FaultsScreen(list(self.faults), self.silences))

    # When the window stands still

    def watch_over(self) -> None:
        """From now on, notice when the window no longer answers."""
        if self.watchdog.start(deep=not self.is_headless):
            self.set_interval(_BEAT_SECONDS, self.watchdog.beat)

    def _silent(self, silence: Silence) -> None:
        """On the watchdog's thread. The window cannot tell it now; it does so as soon as it can."""
        self.silences.append(silence)
        if self.is_web:
            # Nobody can end it: the page may be closed by now, and the server waits for its session.
            last = threading.Timer(_HOPELESS_SECONDS, _end_if_silent, (self.watchdog,))
            last.daemon = True
            last.start()
        elif not self.is_headless:
            silence.tell_the_terminal()
        with contextlib.suppress(RuntimeError):
            self.call_later(_tell_of_silence, self)


def _job_failed(app: Reporting, message: JobFailed, error: Exception) -> None:
    app.report(_JOBS[message.kind], error)
    for screen in app.waiting_screens():
        screen.post_message(message)


def _end_if_silent(watchdog: Watchdog) -> None:
    if watchdog.silent:
        end_with_parent.end()


def _tell_of_silence(app: Reporting) -> None:
    text = f"The window did not respond for {app.watchdog.limit:g} seconds or more. The log says what it was doing; "
    text += keyed(app, "{app.faults} shows the path of the log.")
    app.telling.say(Notice(text, "warning", _LONG_SECONDS, lasting=True))
    # What was written on the terminal itself is painted over.
    app.refresh(layout=True)


class Palette(Guarded, CommandPalette):
    """The list of actions."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No page of a list that has no room: Textual looks for a line that is not there."""
        if action == "command_list" and str(parameters[0]).startswith("page"):
            return bool(self.query_one(OptionList).scrollable_content_region)
        return super().check_action(action, parameters)


class FaultsScreen(Tapped, ModalScreen[None]):
    """The unexpected errors since the app was opened, the last first; closes at escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,f12", "dismiss", "Close", show=False)]
    CSS_PATH = "dialogs.tcss"

    def __init__(self, found: list[Fault], silences: list[Silence]) -> None:
        super().__init__()
        self._found, self._silences = found, silences

    def compose(self) -> ComposeResult:
        """One box: what to report, and each fault."""
        paint = paints(self.app.current_theme)
        with Vertical(id="dialog") as box:
            box.border_title = "unexpected errors"
            box.border_subtitle = "esc closes"
            yield Static(self._head(), id="message", markup=False)
            with VerticalScroll(can_focus=True):
                text = Text(end="")
                for fault in reversed(self._found):
                    text.append(f"✗ {fault.place}", paint.severity["error"])
                    text.append(f"   {fault.when.astimezone():%H:%M:%S}\n", paint.muted)
                    text.append(f"{fault.trace.rstrip()}\n\n")
                for silence in reversed(self._silences):
                    text.append("! the window did not respond", paint.severity["warning"])
                    text.append(f"   {silence.when.astimezone():%H:%M:%S}\n", paint.muted)
                    text.append(f"{silence.stack.rstrip()}\n\n")
                yield Static(text, markup=False)

    def _head(self) -> str:
        if not self._found and not self._silences:
            return "No unexpected error so far."
        return (
            f"To report an error, attach {faults.log_file()}, name the keys you pressed last and, if you may share it, "
            "add the recipe. The log contains versions and the tracebacks below; of your data it contains only what "
            "error messages quote."
        )
