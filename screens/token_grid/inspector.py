"""The pane of the token under the cursor: identity, owner, and why it is trained or not."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from screens.keys.spoken import keyed
from screens.line_cache.kept_lines import Still
from screens.shell.themes import paints
from screens.token_grid import describe
from workbench.views.palette import TRAINED_BAR
from workbench.views.shown_row import RowView


class TokenInspector(Still):
    """Shows the tokens [start, stop) of a row that are under the cursor; `show` sets them."""

    BORDER_TITLE = "token"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: RowView | None = None
        self._tokens = (0, 0)
        self._run = -1
        self._drawn: Text | None = None

    def show(self, view: RowView | None, start: int = 0, stop: int = 0, run: int = -1) -> None:
        """Show a token, or the folded media run `run` that covers [start, stop); None shows nothing."""
        self._view, self._tokens, self._run = view, (start, stop), run
        if view is None or start == stop:
            title = "token"
        elif stop - start > 1:
            title = f"tokens {start:,}–{stop - 1:,} of {len(view.rendering):,}"
        else:
            title = f"token {start:,} of {len(view.rendering):,}"
        if title != self.border_title:
            self.border_title = title
        lines = self._lines()
        if lines != self._drawn:
            self._drawn = lines
            self.refresh()

    def notify_style_update(self) -> None:
        """The theme changed."""
        self._drawn = None
        super().notify_style_update()

    def render(self) -> Text:
        """Three lines."""
        if self._drawn is None:
            self._drawn = self._lines()
        return self._drawn

    def _lines(self) -> Text:
        paint = paints(self.app.current_theme)
        view, (start, stop) = self._view, self._tokens
        lines = Text(no_wrap=True, overflow="ellipsis", end="")
        if view is None or start == stop:
            return lines
        several = stop - start > 1
        if several and self._run >= 0:
            facts = describe.media_identity(view, self._run)
            trained, reason = describe.media_verdict(view, self._run)
        elif several:
            facts, (trained, reason) = (
                describe.fold_identity(view, start, stop),
                describe.fold_verdict(view, start, stop),
            )
        else:
            facts = describe.identity(view, start)
            trained, reason = describe.verdict(view, start)
        for number, (label, value) in enumerate(facts):
            if number:
                lines.append("   ")
            if label:
                lines.append(f"{label} ", paint.muted)
            lines.append(value, Style() if label else paint.strong)
        lines.append("\n")
        lines.append(
            describe.owner(view, start)
            if not several or self._run >= 0
            else keyed(self, "unfolded by {grid.unfold} or a click")
        )
        lines.append("\n")
        lines.append(f"{TRAINED_BAR}trained" if trained else "not trained", paint.bar if trained else paint.strong)
        lines.append(f"  {reason}", paint.muted)
        return lines
