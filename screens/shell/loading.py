"""The screen that is seen until the bench is there: how far loading is, or why it failed. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from screens.guard.faults import Guarded, subscriber
from screens.guard.widgets import Vertical
from screens.keys.actions import Scope, bindings
from screens.keys.spoken import keyed
from screens.shell.beneath import Beneath
from screens.shell.footer import KeyHints
from screens.shell.problem import ProblemPane
from screens.shell.status_bar import Status, StatusBar
from screens.shell.themes import paints

if TYPE_CHECKING:
    from workbench.errors import BenchError
    from workbench.models.hub import Progress

_BAR_CELLS = 28
_NAME_CELLS = 20
_WAITING = "importing libraries"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURN_SECONDS = 0.12


class Stages(Guarded, Widget):
    """One line for each stage of loading, with a bar while it counts something."""

    def __init__(self) -> None:
        super().__init__()
        self._stages: dict[str, Progress | None] = {_WAITING: None}
        self._ticks = 0

    def on_mount(self) -> None:
        self.set_interval(_TURN_SECONDS, self._turn)

    def _turn(self) -> None:
        self._ticks += 1
        self.refresh()

    def report(self, progress: Progress) -> None:
        """A stage came this far."""
        self._stages[progress.stage] = progress
        self.refresh(layout=True)

    def restart(self) -> None:
        """Begin again."""
        self._stages = {_WAITING: None}
        self.refresh(layout=True)

    def render(self) -> Text:
        """All stages so far; the last is the one at work."""
        paint = paints(self.app.current_theme)
        text = Text(no_wrap=True, end="")
        current = list(self._stages)[-1]
        for name, progress in self._stages.items():
            done = name != current
            turning = _SPINNER[self._ticks % len(_SPINNER)]
            text.append("✓ " if done else f"{turning} ", paint.accent)
            text.append(f"{name:<{_NAME_CELLS}}", paint.muted if done else paint.strong)
            if progress is not None and progress.unit != "step":
                text.append("  ")
                if progress.total and not done:
                    full = min(_BAR_CELLS, _BAR_CELLS * progress.done // progress.total)
                    text.append("━" * full, paint.accent).append("━" * (_BAR_CELLS - full) + "  ", paint.muted)
                text.append(amount(progress), paint.muted)
            text.append("\n")
        return text


def amount(progress: Progress) -> str:
    """The amount done of a stage: bytes, files, rows."""
    if progress.unit == "B":
        done = f"{progress.done / 1e6:,.1f}"
        return f"{done} of {progress.total / 1e6:,.1f} MB" if progress.total else f"{done} MB"
    plural = "s" if (progress.total or progress.done) != 1 else ""
    count = f"{progress.done:,} of {progress.total:,}" if progress.total else f"{progress.done:,}"
    return f"{count} {progress.unit}{plural}"


class LoadingScreen(Beneath):
    """Shown first; gives way to the inspect screen, or becomes the error."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("loading")]
    CSS_PATH = "loading.tcss"
    SCOPES: ClassVar[tuple[Scope, ...]] = ("loading",)

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self.failed = False

    def compose(self) -> ComposeResult:
        """Bar, stages or problem, footer."""
        yield StatusBar(Status(self._title))
        with Vertical(id="loading"):
            yield Stages()
        yield ProblemPane(leave=keyed(self, "{load.retry} retries   {app.quit} quits"))
        yield KeyHints("loading")

    def on_mount(self) -> None:
        self.query_one(ProblemPane).display = False
        self.app.theme_changed_signal.subscribe(self, subscriber(self, self.query_one(ProblemPane).draw))

    def report(self, progress: Progress) -> None:
        """Loading came this far."""
        self.query_one(Stages).report(progress)

    def fail(self, error: BenchError) -> None:
        """Say why there is nothing to show."""
        self._turn(failed=True)
        self.query_one(ProblemPane).show(error)

    def action_retry(self) -> None:
        """Load again."""
        if self.failed:
            self._turn(failed=False)
            self.query_one(Stages).restart()
            self.app.call_later(self.app.run_action, "app.load")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow a retry only after a failure."""
        return self.failed if action == "retry" else True

    def _turn(self, *, failed: bool) -> None:
        self.failed = failed
        self.query_one("#loading").display = not failed
        self.query_one(ProblemPane).display = failed
        self.refresh_bindings()
        self.query_one(KeyHints).refresh()
