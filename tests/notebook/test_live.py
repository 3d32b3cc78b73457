"""A run while it goes on: in a notebook one display that changes, elsewhere lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import IPython.display
import pytest

from tests.export.support import record
from workbench.notebook import Session, live
from workbench.overfit.events import Event


class Recorded:
    """A run that was, as its supervisor tells it; `end` ends it early, as ctrl+c does."""

    def __init__(self, session: Session, end: int | None = None) -> None:
        self.recorded = record(session.bench).events
        self.recorded.insert(-1, {"event": "probe", "name": "decode", "turns": [], "time": 0.0})
        for event in self.recorded:
            if event["event"] == "step":
                event["seconds"] = 0.5
        self.end = end
        self.plan: Any = type("Plan", (), {"steps": 12, "not_honoured": {"neftune_noise_alpha": "no noise is added"}})()

    def events(self) -> Iterator[Event]:
        yield from self.recorded[: self.end]
        if self.end is not None:
            raise KeyboardInterrupt


@pytest.fixture
def displays(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The bundles that a notebook is given to display, in order."""
    given: list[dict[str, str]] = []

    class Handle:
        def update(self, bundle: dict[str, str], *, raw: bool) -> None:
            given.append(bundle)

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        given.append(bundle)
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(live, "_in_a_notebook", lambda: True)
    return given


def follow(recorded: Recorded) -> list[Event]:
    supervisor: Any = recorded
    return live.follow(supervisor)


def test_a_display_changes_until_the_run_has_ended(
    session: Session, displays: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_SECONDS", 0.0)
    recorded = Recorded(session)
    assert follow(recorded) == recorded.recorded
    said = [bundle["text/plain"] for bundle in displays]
    assert said[0] == "loading the model"
    assert "step 1 of 12" in said
    assert said[-1] == "overfit: pass, 12 of 12 steps"
    pages = [bundle["text/html"] for bundle in displays]
    lengths = [page.split('points="')[1].split('"')[0].count(",") for page in pages if 'points="' in page]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (1, 12)
    middle = pages[said.index("step 6 of 12")]
    assert "step 6 of 12 · loss 0.0417 · gradient 1.00 · 3 s left" in middle
    assert "width:50%" in middle
    assert "asking: decode" in pages[-3]


def test_a_display_is_not_flooded(session: Session, displays: list[dict[str, str]], monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "_SECONDS", 1e9)
    monkeypatch.setattr(live, "monotonic", lambda: 0.0)
    follow(Recorded(session))
    assert len(displays) == 2


def test_an_interrupt_is_passed_on_and_shown(session: Session, displays: list[dict[str, str]]) -> None:
    with pytest.raises(KeyboardInterrupt):
        follow(Recorded(session, end=6))
    assert displays[-1]["text/plain"] == "overfit: cancelled, 3 of 12 steps"


def test_elsewhere_it_is_lines(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    follow(Recorded(session))
    told = capsys.readouterr()
    assert told.out == ""
    assert "neftune_noise_alpha is not followed here" in told.err
    assert "step 1/12" in told.err
    assert "step 10/12" in told.err
