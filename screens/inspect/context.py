"""The row that an inspect screen shows, and the panes that show it: the state that the parts of the screen share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from screens.guard.faults import guarded
from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.boundary_form import BoundaryForm
from screens.inspect.findings_list import FindingsList
from screens.inspect.picture import PictureDock, Preview
from screens.inspect.prompt import Prompt
from screens.inspect.reason_line import ReasonLine
from screens.inspect.recipe_editor import RecipeEditor
from screens.inspect.row_list import SamplesList
from screens.shell.base_screen import status_of
from screens.shell.job_line import JobProgress
from screens.shell.problem import ProblemPane
from screens.shell.recipe_screen import RecipeScreen
from screens.shell.status_bar import AskedStatus, StatusBar
from screens.shell.story import counts
from screens.shell.worker import Background
from screens.token_grid.canvas import entitle
from screens.token_grid.grid import TokenGrid
from screens.token_grid.inspector import TokenInspector
from workbench.bench import Bench
from workbench.checks.report import cause
from workbench.editing.session import Change, Editing
from workbench.findings import Finding
from workbench.views.row_view import RowView, with_boundaries


@dataclass(frozen=True)
class InspectPanes:
    """The widgets of the screen.

    They are held here and not searched for: Textual would look for a pane all over the screen, and again whenever
    anything of it changed; and while the app ends they are no longer below the screen.
    """

    status_bar: StatusBar
    samples: SamplesList
    grid: TokenGrid
    problem: ProblemPane
    preview: Preview
    dock: PictureDock
    reason: ReasonLine
    inspector: TokenInspector
    editor: RecipeEditor
    form: BoundaryForm
    boundaries: BoundariesPanel
    findings: FindingsList
    prompt: Prompt


@dataclass
class InspectContext:
    """The bench, its shown row, and the panes. `view` is None and `findings` says why where the row cannot be shown."""

    screen: RecipeScreen
    bench: Bench
    background: Background
    editing: Editing
    panes: InspectPanes
    row: int = 0
    view: RowView | None = None
    findings: list[Finding] = field(default_factory=list)
    stops: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Jobs under way that esc stops, beside the searches for rows."""
    filter_forms: Callable[[], tuple[str, ...]] = tuple
    """Gives the filter of the rows in words, from the longest form to the shortest; nothing without one."""
    asked: tuple[int, str, AskedStatus] | None = None
    """The trainer's answer about a row of a recipe's text."""

    def tell(self, callback: Callable[..., Any], *arguments: Any) -> None:
        """Call back in the window's thread, from the background thread; after the app is gone nothing is called."""
        try:
            self.screen.call_later(guarded(self.screen, callback), *arguments)
        except RuntimeError:
            self.background.check()

    def say(self, text: str, seconds: float = 2) -> None:
        """A notification, as plain text."""
        self.screen.notify(text, timeout=seconds, markup=False)

    def show_job(self, name: str, job: JobProgress | None) -> None:
        """Show how far a job is, below the tokens; None: it has ended."""
        self.panes.reason.show_job(name, job)

    def change(self, view: RowView) -> Change | None:
        """The change against the mask of the saved recipe, or the one compared with; None for a row without source."""
        return self.editing.change(view.source) if view.source is not None else None

    def show_boundaries(self, changed: Change | None) -> None:
        """Show the boundaries in force, what they match in the row, and what differs from the compared mask."""
        panel, against = self.panes.boundaries, self.editing.compared_with
        if self.view is not None:
            panel.show(self.view, changed, against=against)
        elif panel.view is not None:
            panel.show(with_boundaries(panel.view, self.bench), None, against=against, counted=False)

    def show_status(self) -> None:
        """Write the first line, and the title of the tokens, anew."""
        bench = self.bench
        asked, status = self.asked, status_of(bench)
        current = asked is not None and asked[:2] == (self.row, bench.document.text)
        self.panes.status_bar.show(replace(status, asked=asked[2] if asked is not None and current else status.asked))
        # Until all rows were checked it is known of those that were seen.
        causes = {*map(cause, (*self.findings, *bench.findings)), *self.panes.samples.known.causes}
        self.screen.app.story.say(  # type: ignore[attr-defined]
            "checks", bench.document.text, *counts((one[1] for one in causes), partial=True), partial=True
        )
        self.show_title()

    def show_title(self) -> None:
        """Write the row, and the filter that it is walked by, above the tokens, or above what stands in their place."""
        titles = self._titles()
        if filtered := self.filter_forms():
            row = titles[-1].partition(" · ")[0]
            titles = (
                *(f"{title} · {filtered[0]}" for title in titles),
                *(f"{row} · {form}" for form in filtered),
                filtered[-1],
            )
        entitle(self.panes.grid, *titles)
        self.panes.problem.entitle(*titles)

    def _titles(self) -> tuple[str, ...]:
        """The row with what is trained of it, and before an edit where that is another number; ever shorter."""
        view = self.view
        if view is None:
            return (f"row {self.row:,}",)
        more, less = self.panes.boundaries.difference
        trained, total = view.mask.trained, len(view.rendering)
        before = trained - more + less
        now = f"{before:,} → {trained:,}" if before != trained else f"{trained:,}"
        title = f"row {self.row:,} · {now} of {total:,} trained"
        share = f" · {100 * trained / max(1, total):.0f}%"
        media = len(view.rendering.media.start)
        kinds = {str(kind) for kind in view.rendering.media.modality}
        what = "picture" if kinds == {"image"} else "media run"
        pictures = f" · {media:,} {what}{'s' if media > 1 else ''}" if media else ""
        return title + share + pictures, title + share, title, f"row {self.row:,} · {trained:,} trained"
