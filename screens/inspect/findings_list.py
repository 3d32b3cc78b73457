"""The pane of findings: of the shown row, and of the recipe as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath

from rich.text import Text
from textual import events

from screens.guard.widgets import Static, VerticalScroll
from screens.keys.spoken import advice
from screens.line_cache.kept_lines import Still
from screens.shell.themes import paints
from workbench.errors import Where
from workbench.findings import SEVERITIES, Finding
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH


class _FindingsText(Static, Still):
    """The text of all findings."""


class FindingsList(VerticalScroll, Still):
    """Lists findings; `show` sets them."""

    BORDER_TITLE = "findings"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(_FindingsText(markup=False), id=id)
        self._findings: list[Finding] = []

    chosen: Callable[[Finding], None] = staticmethod(lambda finding: None)
    """Called with a finding that was clicked."""

    def on_click(self, event: events.Click) -> None:
        """A click on a finding goes to its place."""
        number = event.style.meta.get("finding")
        if isinstance(number, int) and number < len(self._findings):
            self.chosen(self._findings[number])

    def show(self, row: Sequence[Finding], recipe: Sequence[Finding]) -> None:
        """List the findings of a row, the recipe and the model: errors first, then warnings, then notes."""
        findings = sorted([*row, *recipe], key=lambda finding: SEVERITIES.index(finding.severity))
        if findings != self._findings or not findings:
            self._findings = findings
            self.draw()

    def draw(self) -> None:
        """Draw again, in the colours of the theme."""
        paint = paints(self.app.current_theme)
        text = Text(end="")
        for number, finding in enumerate(self._findings):
            if number:
                text.append("\n\n")
            begin = len(text)
            text.append(f"{SEVERITY_GLYPH[finding.severity]} {visible(finding.code)}", paint.severity[finding.severity])
            if finding.where:
                text.append(f"  {visible(str(_short(finding.where)))}", paint.muted)
            text.append(f"\n{visible(finding.message)}")
            if finding.hint:
                text.append(f"\n{advice(self, finding.hint)}", paint.muted)
            text.apply_meta({"finding": number}, begin, len(text))
        if not self._findings:
            text.append("no findings in this row", paint.muted)
        self.query_one(Static).update(text)


def _short(where: Where) -> Where:
    """The place with the file's name alone: the folders do not fit a narrow pane."""
    return replace(where, file=PurePath(where.file).name) if where.file else where
