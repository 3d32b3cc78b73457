"""Code that loops for ever ends in the error that was named, in whichever thread it runs, and nothing comes later."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from workbench import time_limit as time_limit_module
from workbench.time_limit import time_limit


class Late(Exception):
    """The error of these tests."""


def loop() -> None:
    while True:
        pass


def test_a_loop_ends_in_the_error() -> None:
    with pytest.raises(Late), time_limit(0.05, Late):
        loop()


def test_also_where_it_catches_everything_in_its_way() -> None:
    def stubborn() -> None:
        for _ in range(3):
            try:
                loop()
            except ValueError:
                continue

    with pytest.raises(Late), time_limit(0.05, Late):
        stubborn()


def test_in_another_thread_and_in_a_copy_of_the_process() -> None:
    found: list[str] = []

    def work() -> None:
        try:
            with time_limit(0.05, Late):
                loop()
        except Late:
            found.append("late")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert found == ["late"]
    child = os.fork()
    if child == 0:
        work()
        os._exit(len(found))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def test_a_copy_of_the_process_is_not_held_by_a_lock_of_a_thread_that_it_does_not_have() -> None:
    with time_limit_module._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                with time_limit(0.05, Late):
                    loop()
            except Late:
                os._exit(7)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_busy_machine_makes_nothing_late_and_what_waits_for_ever_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    # As where other processes have the processor: time passes, and none of it is this thread's.
    with time_limit(0.2, Late):
        time.sleep(1.0)
    monkeypatch.setattr("workbench.time_limit._PATIENCE", 1)

    def wait() -> None:
        for _ in range(100):
            time.sleep(0.1)

    with pytest.raises(Late), time_limit(0.2, Late):
        wait()


def test_what_ends_in_time_is_left_alone_and_its_own_error_passes() -> None:
    with time_limit(60, Late):
        done = True
    assert done
    with pytest.raises(KeyError), time_limit(60, Late):
        raise KeyError("x")


def test_inside_another_limit_the_outer_one_holds() -> None:
    with pytest.raises(Late), time_limit(0.05, Late), time_limit(60, KeyError):
        loop()


def test_what_ends_in_the_very_moment_leaves_no_error_behind() -> None:
    for number in range(12):
        try:
            with time_limit(0.0, Late):
                work = time.thread_time()
                while time.thread_time() - work < 0.15 + 0.01 * number:
                    pass
        except Late:
            pass
        # Many steps of Python, at any of which an error that was left would come.
        assert sum(range(50_000)) > 0
