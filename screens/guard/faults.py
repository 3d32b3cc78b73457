"""Unexpected exceptions: they are logged and shown, and end nothing but the handler or job that raised them.

Textual ends an app at the first exception that leaves a pane. None leaves a `Guarded` pane: an exception of an event, a
timer, a callback, a drawing or a composition is handed to the app's `report`, and the pane goes on, or says that it
cannot be drawn. Messages are guarded by `on`, which replaces Textual's decorator.
"""

from __future__ import annotations

import functools
import platform
import re
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import isawaitable, iscoroutinefunction, isfunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import textual
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from workbench.errors import BenchError
from workbench.escaping import visible_lines

_MOST_BYTES = 1_000_000
_TOLD_AGAIN = (1, 10, 100, 1_000, 10_000)
"""The same fault is written the first, tenth, hundredth time and so on: one in a timer would fill the disk."""
_FRAMES = 40
_HANDLER = re.compile(r"_?(?:on(?!_event$)|watch)_")


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception that was kept in: where in the app, what it was, where it was raised, and when."""

    place: str
    summary: str
    trace: str
    raised: str
    when: datetime

    @classmethod
    def of(cls, place: str, error: BaseException) -> Fault:
        """Describe an exception; its text is made safe to draw."""
        last = traceback.extract_tb(error.__traceback__)[-1:]
        raised = f"{last[0].filename}:{last[0].lineno}" if last else ""
        trace = "".join(traceback.format_exception(error, limit=-_FRAMES))
        return cls(
            place, visible_lines(f"{type(error).__name__}: {error}"), visible_lines(trace), raised, datetime.now(UTC)
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity of a fault: two faults with the same key are one that occurred twice."""
        return self.place, self.summary.partition(":")[0], self.raised


def log_file() -> Path:
    """The path of the log of faults; the file is not created."""
    from workbench.paths import state_dir

    return state_dir() / "vlmbench.log"


_counts: Counter[object] = Counter()
_lock = threading.Lock()


def write(fault: Fault) -> int:
    """Write a fault to the log, from any thread; how often it came by now. A full disk is no second fault."""
    with _lock:
        _counts[fault.key] += 1
        count = _counts[fault.key]
        if count in _TOLD_AGAIN:
            times = f" (for the {count:,}th time)" if count > 1 else ""
            write_text(f"{fault.place}{times}\n{fault.trace}")
    return count


def write_text(text: str) -> None:
    """Write something to the log, with the time and the versions before it; the log does not outgrow a megabyte."""
    from workbench import __version__

    head = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC · vlmbench {__version__} · textual {textual.__version__} · "
    head += f"Python {platform.python_version()} on {platform.platform()} · {sys.argv[:2]}"
    try:
        file = log_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.stat().st_size > _MOST_BYTES:
            file.replace(file.with_suffix(".log.1"))
        with file.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{visible_lines(head)}\n{text.rstrip()}\n\n")
    except OSError:
        return


def unexpected(error: BaseException) -> BenchError:
    """An exception of a job as a problem that a pane can show."""
    return BenchError(
        visible_lines(f"{type(error).__name__}: {error}"),
        "vlmbench did not expect this error. The rest keeps working, and your edits are kept.",
        f"To report it, attach {log_file()} and, if you may share it, the recipe.",
    )


def contain(node: MessagePump, error: Exception) -> None:
    """Report an exception of a widget to the app; raise it again in an app that has no `report`."""
    report: Callable[[str, Exception], None] | None = getattr(node.app, "report", None)
    if report is None:
        raise error
    report(place_of(node), error)


def place_of(node: MessagePump) -> str:
    """The name of a pane: its id, else that of its nearest ancestor with one."""
    above = node.ancestors_with_self if isinstance(node, Widget) else [node]
    named = next((str(name) for ancestor in above if (name := getattr(ancestor, "id", None))), "")
    return named or type(above[0]).__name__


def guarded(node: MessagePump, callback: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
    """A callback that lets no exception out."""

    @functools.wraps(callback)
    async def call(*arguments: Any, **more: Any) -> None:
        try:
            result = callback(*arguments, **more)
            if isawaitable(result):
                await result
        except Exception as error:
            contain(node, error)

    return call


def subscriber(node: MessagePump, callback: Callable[[], Any]) -> Callable[[object], None]:
    """A callback for a signal that ignores the signal's data and lets no exception out."""

    def call(_: object) -> None:
        try:
            callback()
        except Exception as error:
            contain(node, error)

    return call


def on(message: type[Message], selector: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Textual's `on` for a handler whose exceptions are reported and not raised."""

    return lambda handler: textual.on(message, selector)(contained(handler))


def contained(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A method whose exceptions are reported and not raised; Textual's own handlers of the message run too."""

    @functools.wraps(handler)
    def handle(self: Any, *arguments: Any) -> None:
        try:
            handler(self, *arguments)
        except Exception as error:
            contain(self, error)

    @functools.wraps(handler)
    async def handle_awaited(self: Any, *arguments: Any) -> None:
        try:
            await handler(self, *arguments)
        except Exception as error:
            contain(self, error)

    return handle_awaited if iscoroutinefunction(handler) else handle


# To Textual's style sheets the first base that is a widget is the only one: this must be none.
if TYPE_CHECKING:
    _Base = Widget
else:
    _Base = object


class Guarded(_Base):
    """A mixin for widgets and screens, named before Textual's: an exception ends only the handler that raised it."""

    def __init_subclass__(cls, **more: Any) -> None:
        for name, method in list(vars(cls).items()):
            if name == "compose":
                cls.compose = _composed(method)  # type: ignore[method-assign, assignment]
            elif _HANDLER.match(name) and isfunction(method) and not hasattr(method, "_textual_on"):
                setattr(cls, name, contained(method))
        super().__init_subclass__(**more)

    async def on_event(self, event: events.Event) -> None:
        """Handle an event that is no message (key, mouse, resize, mount), and contain its exceptions."""
        try:
            await super().on_event(event)
        except Exception as error:
            contain(self, error)

    def run_worker(self, work: Any, *arguments: Any, **more: Any) -> Worker[Any]:
        """As any widget's; what the worker raises is told by `on_worker_state_changed`."""
        return super().run_worker(work, *arguments, **(more | {"exit_on_error": False}))

    def on_worker_state_changed(self, message: Worker.StateChanged) -> None:
        """Tell what a worker raised."""
        if message.state is WorkerState.ERROR and isinstance(message.worker.error, Exception):
            contain(self, message.worker.error)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the widget, or a placeholder where they cannot be drawn."""
        try:
            return super().render_lines(crop)
        except Exception as error:
            contain(self, error)
            return stand_in(self, crop, error)


def _with_guarded_callback(name: str, place: int) -> None:
    """Have a method of Textual's take a callback, at a place among its arguments, that lets no exception out."""

    @functools.wraps(getattr(Widget, name))
    def method(self: Any, *arguments: Any, **more: Any) -> Any:
        positional = list(arguments)
        if len(positional) > place and positional[place] is not None:
            positional[place] = guarded(self, positional[place])
        elif more.get("callback") is not None:
            more["callback"] = guarded(self, more["callback"])
        return getattr(super(Guarded, self), name)(*positional, **more)

    setattr(Guarded, name, method)


for _name, _place in (("set_timer", 1), ("set_interval", 1), ("call_after_refresh", 0), ("call_next", 0)):
    _with_guarded_callback(_name, _place)


def _measured(name: str, instead: Callable[[Any, Exception, Any], int]) -> None:
    """Have a widget that cannot be drawn, and so not be measured, be of another size."""

    @functools.wraps(getattr(Widget, name))
    def measure(self: Any, *arguments: Any) -> int:
        try:
            return int(getattr(super(Guarded, self), name)(*arguments))
        except Exception as error:
            contain(self, error)
            return instead(self, error, arguments)

    setattr(Guarded, name, measure)


_measured("get_content_width", lambda widget, error, arguments: int(arguments[0].width))
_measured("get_content_height", lambda widget, error, arguments: len(_stand_in_text(widget, error)))


def _composed(compose: Callable[[Any], ComposeResult]) -> Callable[[Any], ComposeResult]:
    @functools.wraps(compose)
    def composed(self: Any) -> Iterator[Widget]:
        try:
            yield from compose(self)
        except Exception as error:
            contain(self, error)
            yield Static(Text("\n".join(_stand_in_text(self, error))), markup=False)

    return composed


def _stand_in_text(widget: MessagePump, error: Exception) -> list[str]:
    to_report: Callable[[], str] = getattr(widget.app, "to_report", lambda: "")
    return [
        f"✗ {place_of(widget)} cannot be drawn",
        visible_lines(f"{type(error).__name__}: {error}").replace("\n", " "),
        "The rest keeps working, and your edits are kept.",
        to_report(),
    ]


def stand_in(widget: Widget, crop: Region, error: Exception) -> list[Strip]:
    """The lines shown in the place of a pane that cannot be drawn."""
    width, top = widget.outer_size.width, max(0, min(1, widget.outer_size.height - 4))
    texts = dict(enumerate(_stand_in_text(widget, error), top))
    lines = (Strip([Segment(f" {texts.get(y, '')}")]).adjust_cell_length(width) for y in crop.line_range)
    return [line.crop(crop.x, crop.right) for line in lines]
