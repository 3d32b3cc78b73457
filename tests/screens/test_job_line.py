"""The line of a long job."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screens.shell.job_line import JobProgress, job_line

PAINT: Any = SimpleNamespace(accent="", muted="", strong="", severity={"warning": ""})


def test_it_says_how_far_how_fast_how_long_and_what_stops_it() -> None:
    job = JobProgress.since("checks", 12_800, 20_000, 4.0, found=13)
    line = "checks  ▓▓▓▓▓▓▓░░░░░  12,800 of 20,000 rows · 3,200/s · 0:02 left · 13 found · esc stops"
    assert job_line(job, PAINT).plain == line


def test_the_first_seconds_say_nothing_of_how_long_it_takes() -> None:
    assert JobProgress.since("checks", 20, 20_000, 2.0).left is None
    assert JobProgress.since("checks", 20, 20_000, 2.0).rate == 10


@pytest.mark.parametrize(
    ("job", "line"),
    [
        (JobProgress.since("filter", 0, 40, 0.0), "filter  ░░░░░░░░░░░░  0 of 40 rows · esc stops"),
        (JobProgress.since("filter", 70, None, 2.0), "filter  70 rows · 35/s · esc stops"),
        (JobProgress.since("filter", 0, 0, 1.0), "filter  0 of 0 rows · esc stops"),
        # It went on at row 1,000, and its pace is that of the rows since.
        (JobProgress.since("filter", 1_100, 1_300, 10.0, start=1_000).left, 20.0),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_said(job: Any, line: Any) -> None:
    assert (job_line(job, PAINT).plain if isinstance(job, JobProgress) else job) == line


@given(
    st.integers(0, 10**7), st.none() | st.integers(0, 10**7), st.floats(0, 10**5), st.none() | st.integers(0, 10**6),
    st.integers(0, 200),
)  # fmt: skip
def test_where_there_is_little_room_what_stops_it_stays(
    done: int, total: int | None, seconds: float, found: int | None, room: int
) -> None:
    job = JobProgress.since("checks", done, total, seconds, found=found)
    line = job_line(job, PAINT, room)
    assert line.plain.endswith(" · esc stops")
    assert line.cell_len <= max(room, job_line(job, PAINT, 0).cell_len)
