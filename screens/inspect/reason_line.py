"""The lines under the tokens: the finding that matters here, what stands there instead, and the keys that go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events

from screens.keys.spoken import advice, keyed
from screens.line_cache.kept_lines import Still
from screens.shell.hanging import hang
from screens.shell.job_line import JobProgress, job_line
from screens.shell.themes import Paints, paints
from workbench.findings import Finding
from workbench.views.items import visible
from workbench.views.palette import SEVERITY_GLYPH

Wish = Literal["visit", "fix", "next", "explain"]
_LEAST_MESSAGE = 48
"""Cells of the remedy that stay, before what follows it is left out."""


@dataclass(frozen=True, slots=True)
class ReasonShown:
    """The contents of the line.

    `finding` None: nothing points to this row. `shared` says how many rows have the finding, `place` which of the row's
    findings it is, and `keys` are those of fix, next finding and explanation.
    """

    finding: Finding | None
    shared: str = ""
    place: str = ""
    keys: tuple[str, str, str] = ("f", "n", "enter")
    note: str = ""


class ReasonLine(Still):
    """Shows a `ReasonShown`; a click on one of its parts calls `wanted`."""

    wanted: Callable[[Wish], None] = staticmethod(lambda wish: None)
    """Called with the part that was clicked: the finding, its fix, the next one, or the explanation."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.reason = ReasonShown(None)
        self._parts: list[tuple[int, Wish]] = []
        self._jobs: dict[str, JobProgress] = {}

    def show(self, reason: ReasonShown) -> None:
        """Show something else."""
        if reason != self.reason or (reason.finding and reason.finding.fix) != (
            self.reason.finding and self.reason.finding.fix
        ):
            self.reason = reason
            self.refresh()

    def show_job(self, name: str, job: JobProgress | None) -> None:
        """Show the line of a job in the place of the keys, while it is under way; None: it has ended."""
        before = dict(self._jobs)
        self._jobs.pop(name, None)
        if job is not None:
            self._jobs[name] = job
        if self._jobs != before:
            self.refresh()

    @property
    def job(self) -> JobProgress | None:
        """The job that said something last; None where there is none."""
        return next(reversed(self._jobs.values()), None)

    def render(self) -> Text:
        """Both lines."""
        paint, width = paints(self.app.current_theme), self.size.width
        first = self._reason(paint, width)
        if (job := self.job) is not None:
            line = job_line(job, paint, width - 3, keyed(self, "{rows.stop} stops"))
            second, self._parts = Text.assemble("   ", line, end="", no_wrap=True), []
            second.truncate(width, overflow="ellipsis")
        else:
            second = self._keys(paint, width)
        return Text.assemble(first, "\n", second, no_wrap=True, end="")

    def _reason(self, paint: Paints, width: int) -> Text:
        reason, text = self.reason, Text(" ", end="", no_wrap=True)
        finding = reason.finding
        if finding is None:
            text.append(reason.note, paint.muted)
            text.truncate(width, overflow="ellipsis")
            # The keys stand on the last line.
            return text.append("\n" * (self.size.height - 2))
        text.append(f"{SEVERITY_GLYPH[finding.severity]} {visible(finding.code)} ", paint.severity[finding.severity])
        if (lines := self.size.height - 1) > 1:
            return self._in_full(text.append(visible(finding.message), paint.strong), lines, width)
        end = f" ({reason.shared}) " if self._shares_first(width) else " "
        message = Text(visible(finding.message), paint.strong, end="", no_wrap=True)
        message.truncate(max(0, width - text.cell_len - len(end)), overflow="ellipsis")
        text.append_text(message).append(end, paint.muted)
        text.truncate(width)
        return text

    def _in_full(self, text: Text, lines: int, width: int) -> Text:
        """The finding on as many lines as there are, the last of them cut where that is not enough."""
        text.no_wrap = False
        wrapped = hang(text, width, 3, self.app.console).split("\n")
        shown = wrapped[:lines]
        if len(wrapped) > lines:
            shown[-1].truncate(width - 1)
            shown[-1].append("…")
        return Text("\n", end="", no_wrap=True).join([*shown, *[Text(end="")] * (lines - len(shown))])

    def _shares_first(self, width: int) -> bool:
        """True where the first line has room for the whole message and the number of rows; else the second has it."""
        reason, finding = self.reason, self.reason.finding
        if finding is None or not reason.shared:
            return False
        used = cell_len(visible(finding.message)) + len(finding.code) + len(reason.shared) + 8
        return used <= width

    def _keys(self, paint: Paints, width: int) -> Text:
        """The remedies on the last line, each with its key; those that find no room are left out from the right."""
        reason, finding = self.reason, self.reason.finding
        fix, following, explain = reason.keys
        parts: list[tuple[str, str, Wish, Style]] = []
        if finding is not None and finding.fix is not None:
            parts.append((fix, f"fixes it: {visible(finding.fix.described)}", "fix", paint.accent))
        elif finding is not None and finding.hint:
            parts.append(("→", advice(self, finding.hint), "explain", paint.muted))
        others: list[tuple[str, str, Wish, Style]] = []
        if finding is not None and reason.shared and not self._shares_first(width):
            others.append(("", f"in {reason.shared}", "visit", paint.muted))
        if finding is not None:
            others.append((following, f"next{f' ({reason.place})' if reason.place else ''}", "next", paint.muted))
            others.append((explain, "explains", "explain", paint.muted))
        elif reason.place:
            others.append((following, reason.place, "next", paint.muted))
        least = min(_LEAST_MESSAGE, sum(map(_cells, parts))) + 3
        others = [part for number, part in enumerate(others, 1) if sum(map(_cells, others[:number])) + least <= width]
        tail = sum(map(_cells, others))
        text, self._parts = Text("   ", end="", no_wrap=True), []
        for key, words, wish, style in [*parts, *others]:
            self._parts.append((text.cell_len, wish))
            piece = Text(end="", no_wrap=True)
            piece.append(f"{key} " if key else "", paint.accent + Style(bold=True)).append(words, style)
            if (key, words, wish, style) in parts:
                piece.truncate(max(8, width - 6 - tail), overflow="ellipsis")
            text.append_text(piece).append("   ")
        text.truncate(width)
        return text

    def on_click(self, event: events.Click) -> None:
        """The first line goes to the place, the second does what stands under the mouse."""
        if event.y < self.size.height - 1:
            self.wanted("visit")
            return
        under = [wish for start, wish in self._parts if start <= event.x]
        if under:
            self.wanted(under[-1])


def _cells(part: tuple[str, str, Wish, Style]) -> int:
    return cell_len(part[0]) + cell_len(part[1]) + 4
