"""Verdicts from events alone: what is compared with what, and findings that do not contradict each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.overfit.events import Event
from workbench.overfit.verdict import Verdict, judge


def run(
    before: dict[int, float],
    after: dict[int, float] | None,
    steps: list[tuple[int, float]],
    *,
    tokens: dict[int, int] | None = None,
    rate: float = 1e-4,
    **baseline: Any,
) -> list[Event]:
    """A run on rows with these losses before and after, each step on one row with its loss."""
    counts = tokens or dict.fromkeys(before, 10)

    def mean(losses: dict[int, float]) -> float:
        return sum(losses[row] * counts[row] for row in losses) / sum(counts.values())

    def rows(losses: dict[int, float]) -> list[dict[str, Any]]:
        return [{"row": row, "tokens": counts[row], "nll": nll} for row, nll in losses.items()]

    made: list[Event] = [
        {"event": "start", "version": 1, "plan": {"manner": {"by": "axolotl 0.19"}}},
        {"event": "loaded", "trainable": 8, "adapters": {"language": 1}, "vocabulary": 100_000},
        {"event": "baseline", "nll": mean(before), "tokens": sum(counts.values()), "rows": rows(before), **baseline},
    ]
    for number, (row, loss) in enumerate(steps, 1):
        step = {"step": number, "loss": loss, "grad_norm": 1.0, "learning_rate": rate, "rows": {str(row): loss}}
        made.append({"event": "step"} | step)
    if after is not None:
        made.append({"event": "probe", "name": "final", "nll": mean(after), "rows": rows(after)})
    return [*made, {"event": "done", "reason": "steps", "steps": len(steps)}]


def codes(verdict: Verdict) -> list[str]:
    return [one.code for one in verdict.findings]


def hints(verdict: Verdict) -> str:
    return " ".join(one.hint for one in verdict.findings)


EASY_AND_HARD = [(row, {0: 0.4, 1: 2.0}[row]) for _ in range(10) for row in (0, 1)]


def test_an_easy_row_at_the_end_is_no_progress() -> None:
    """Each row stays where it was; the last steps see the easy one, far below the mean of both."""
    verdict = judge(run({0: 0.4, 1: 2.0}, {0: 0.4, 1: 2.0}, EASY_AND_HARD[:-1]))
    assert "R012" in codes(verdict)
    assert "1.200 before, 1.200 on the same rows" in next(one.message for one in verdict.findings if one.code == "R012")


def test_a_hard_row_at_the_end_is_no_standstill() -> None:
    """The easy row is learned and the hard one is not yet: the last loss alone is above the first mean."""
    verdict = judge(run({0: 1.6, 1: 1.7}, {0: 0.01, 1: 1.6}, [(0, 1.6), *[(1, 1.7)] * 14]))
    assert "R012" not in codes(verdict)
    assert "R013" in codes(verdict)


def test_without_the_last_measurement_each_row_goes_by_its_last_step() -> None:
    assert "R012" in codes(judge(run({0: 0.4, 1: 2.0}, None, EASY_AND_HARD[:-1])))
    fell = [(row, loss / (1 + number)) for number, (row, loss) in enumerate(EASY_AND_HARD)]
    assert "R012" not in codes(judge(run({0: 0.4, 1: 2.0}, None, fell)))


def test_too_high_a_rate_is_lowered_and_nothing_else() -> None:
    for after in ({0: 9.0}, {0: 2.4}):
        verdict = judge(run({0: 2.0}, after, [(0, 2.0), *[(0, 6.5)] * 15], rate=0.5))
        assert "R006" in codes(verdict), after
        assert not {"R012", "R013"} & {*codes(verdict)}, after
        assert "raise" not in hints(verdict).lower()


@given(
    before=st.floats(0.06, 8),
    factor=st.floats(0.01, 3),
    peak=st.floats(0.01, 12),
    rate=st.sampled_from((1e-8, 1e-4, 0.5)),
)
def test_no_verdict_asks_for_less_and_for_more(before: float, factor: float, peak: float, rate: float) -> None:
    verdict = judge(run({0: before}, {0: before * factor}, [(0, before), *[(0, peak)] * 12], rate=rate))
    said = hints(verdict).lower()
    assert not ("lower it" in said and ("raise it" in said or "take more" in said))


def decoded(worst: float | None) -> Event:
    turn: dict[str, Any] = {"row": 0, "message": 1, "exact": False, "wanted": "a", "got": "b"}
    if worst is not None:
        turn["worst"] = worst
    return {"event": "probe", "name": "decode", "turns": [turn]}


@pytest.mark.parametrize(("worst", "code"), [(1.3, "R013"), (0.2, "R019"), (None, "R019")])
def test_a_turn_that_is_not_written_back_has_its_cause(worst: float | None, code: str) -> None:
    """A token above ln 2 is not learned yet; with none there, training and prompt render the turn differently."""
    verdict = judge([*run({0: 2.0}, {0: 0.04}, [(0, 1.0 / n) for n in range(1, 15)]), decoded(worst)])
    assert [one for one in codes(verdict) if one in ("R013", "R019")] == [code]
    if code == "R013":
        assert "not learned yet" in verdict.findings[0].message
        assert "more" in verdict.findings[0].hint
        assert "steps" in verdict.findings[0].hint


def test_tokens_of_short_rows_weigh_more_where_micro_batches_count_alike() -> None:
    losses = {3: 1.0, 5: 1.0}
    events = run(losses, losses, [], tokens={3: 29, 5: 7}, loss_by_tokens=False, micro_batches=2)
    (found,) = (one for one in judge(events).findings if one.code == "R025")
    assert found.severity == "note"
    assert "row 5 (7 tokens) weighs 4.1 times one of row 3 (29 tokens)" in found.message
    assert "axolotl 0.19" in found.message
    for other in (
        {"loss_by_tokens": True, "micro_batches": 2},
        {"loss_by_tokens": False, "micro_batches": 1},
        {},
    ):
        assert "R025" not in codes(judge(run(losses, losses, [], tokens={3: 29, 5: 7}, **other)))
    same = run(losses, losses, [], tokens={3: 7, 5: 7}, loss_by_tokens=False, micro_batches=2)
    assert "R025" not in codes(judge(same))


def test_keys_that_are_not_followed_are_in_the_verdict_and_change_none() -> None:
    events = run({0: 2.0}, {0: 0.01}, [(0, 1.0 / n) for n in range(1, 15)])
    assert judge(events).outcome == "pass"
    events[0] |= {"not_honoured": {"use_dft": "another loss", "lr_scheduler": "a cosine"}}
    events[1] |= {"replaced": {"optimizer": "muon needs axolotl's own code: AdamW is used"}}
    verdict = judge(events)
    assert verdict.outcome == "pass"
    assert [one.message for one in verdict.findings] == [
        "not followed here: use_dft (another loss); lr_scheduler (a cosine)",
        "replaced here, for want of what they need: optimizer (muon needs axolotl's own code: AdamW is used)",
    ]
