"""The one line of every long job: how far it is, how fast, how long it takes yet, what it found, what stops it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from screens.shell.themes import Paints
from workbench.views.durations import duration

_BAR_CELLS = 12
SHOWN_AFTER_SECONDS = 0.5
"""A job that takes no longer shows no line: it would be gone before it is read."""
_ESTIMATED_AFTER_SECONDS = 3.0
"""No sooner is it said how long a job takes yet: its first rows are checked with more care, and take longer."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A job under way. `total`, `rate`, `left` and `found` are None where they are not known, or say nothing."""

    name: str
    done: int
    total: int | None = None
    rate: float | None = None
    left: float | None = None
    found: int | None = None

    @classmethod
    def since(
        cls, name: str, done: int, total: int | None, seconds: float, *, start: int = 0, found: int | None = None
    ) -> JobProgress:
        """A job that has gone on for so many seconds, at an even pace, from row `start` on."""
        rate = (done - start) / seconds if seconds > 0 and done > start else None
        estimated = rate is not None and seconds >= _ESTIMATED_AFTER_SECONDS
        left = (total - done) / rate if rate and estimated and total is not None and total >= done else None
        return cls(name, done, total, rate, left, found)


def job_line(job: JobProgress, paint: Paints, room: int | None = None, stops: str = "esc stops") -> Text:
    """`checks  ▓▓▓▓░░░░  6,400 of 20,000 rows · 3,100/s · 0:05 left · 13 found · esc stops`.

    Where that is more than `room`, the pace is left out, then what was found, then most of the bar; `stops` stays.
    """
    forms = [_line(job, paint, _BAR_CELLS, pace=True)]
    if room is not None:
        forms += [_line(job, paint, _BAR_CELLS), _line(job, paint, _BAR_CELLS, found=False)]
        forms += [_line(job, paint, _BAR_CELLS // 3, found=False)]
    end = Text(f" · {stops}", paint.muted, end="")
    fits = (form for form in forms if room is None or form.cell_len + end.cell_len <= room)
    return next(fits, forms[-1]).append_text(end)


def _line(job: JobProgress, paint: Paints, cells: int, *, pace: bool = False, found: bool = True) -> Text:
    text = Text(end="", no_wrap=True, overflow="ellipsis")
    text.append(f"{job.name}  ", paint.accent)
    if job.total:
        full = min(cells, cells * job.done // job.total)
        text.append("▓" * full, paint.accent).append("░" * (cells - full) + "  ", paint.muted)
    text.append(f"{job.done:,}{f' of {job.total:,}' if job.total is not None else ''} rows", paint.strong)
    if pace and job.rate is not None:
        text.append(f" · {job.rate:,.0f}/s", paint.muted)
    if job.left is not None:
        text.append(f" · {duration(job.left)} left", paint.muted)
    if found and job.found:
        text.append(f" · {job.found:,} found", paint.severity["warning"])
    return text
