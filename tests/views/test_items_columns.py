"""The columns of items, value by value, on rows of a few made-up tokens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from workbench.tokens.trace import Owner
from workbench.views.items import Turn, chip, glyphs, items, remasked, turns, wrap
from workbench.views.palette import CONTINUED, Look

TEXTS = ["<s>", "a", "世", "b\nc", "\ufffd", "\u0301", "<img>", "\n"]
SPECIAL = {0, 6}


class Runs(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.start)


def row(ids: list[int], runs: tuple[tuple[int, int], ...] = (), whole: dict[int, str] | None = None) -> Any:
    """A rendering of these ids; `whole` gives token texts that differ from the vocabulary's."""
    start, stop = (np.array([run[side] for run in runs], dtype=np.int64) for side in (0, 1))
    media = Runs(start=start, stop=stop, soft=np.full(len(runs), 2), modality=["image", "smell"][: len(runs)])
    vocabulary = SimpleNamespace(special_ids=SPECIAL, text=lambda token: TEXTS[token])

    class Row(SimpleNamespace):
        def __len__(self) -> int:
            return len(ids)

    return Row(
        input_ids=np.array(ids),
        vocabulary=vocabulary,
        media=media,
        offsets=np.zeros((len(ids), 2)),
        token_text=lambda at: (whole or {}).get(at, TEXTS[ids[at]]),
    )


def keeping(*kept: bool) -> Any:
    return SimpleNamespace(keep=np.array(kept))


def test_what_a_token_is_drawn_as() -> None:
    drawn = glyphs(row([0, 1, 2, 3, 5, 4, 4], whole={5: "\u0301", 6: ""}))
    assert [drawn.texts[at] for at in drawn.text] == ["⟨s⟩", "a", "世", "b⏎c", "◌\u0301", "◌\u0301", CONTINUED]
    assert drawn.width.tolist() == [3, 1, 2, 3, 1, 1, 1]
    assert drawn.breaks.tolist() == [False, False, False, True, False, False, False]
    assert drawn.control.tolist() == [True, *[False] * 6]


def test_runs_are_folded_one_by_one() -> None:
    rendering = row([1, 6, 6, 7, 1, 6, 6, 1], ((1, 4), (5, 7)))
    mask = keeping(False, False, True, False, True, False, False, False)
    drawn = items(rendering, mask, glyphs(rendering), unfolded={1})
    assert drawn.start.tolist() == [0, 1, 4, 5, 6, 7]
    assert drawn.run.tolist() == [-1, 0, -1, 1, 1, -1]
    assert drawn.breaks.tolist() == [False, True, False, False, False, False]
    assert drawn.width.tolist() == [1, len(chip("image", 2)), 1, 5, 5, 1]
    trained = [False, True, True, False, False, False]
    assert (drawn.look >= Look.TRAINED).tolist() == trained
    # A mask over a mask leaves no trace of the first.
    assert remasked(drawn, mask).look.tolist() == drawn.look.tolist()
    assert chip("smell", 0) == " ▣ smell "


def test_a_line_is_filled_to_its_last_cell() -> None:
    rendering = row([1] * 7)
    drawn = items(rendering, keeping(*[False] * 7), glyphs(rendering))
    assert wrap(drawn, 3).tolist() == [0, 3, 6]
    assert wrap(drawn, 4, [2]).tolist() == [0, 2, 6]


@pytest.mark.parametrize(
    ("ids", "kinds", "messages", "spans", "begun"),
    [
        # Without spans: the first turn from the row's start, the next after end marker and white space.
        ([0, 1, 6, 7, 1, 1], "-c---c", [-1, 0, -1, -1, -1, 1], [], [0, 4]),
        # No end marker and no white space: the header begins where the turn before ends.
        ([0, 1, 1, 1], "-c-c", [-1, 0, -1, 1], [], [0, 2]),
        # Contents that touch, of which the second is a special token.
        ([1, 6], "cc", [0, 1], [], [0, 1]),
        # A span that begins with the content itself, right where the turn before ends.
        ([1, 1, 1], "ccc", [0, 1, 1], [0, 1], [0, 1]),
        # A picture is content; what belongs to no message is none.
        ([0, 6, 1, 1], "-mcc", [-1, 0, -1, 1], [], [0, 2]),
    ],
)
def test_where_turns_begin(ids: list[int], kinds: str, messages: list[int], spans: list[int], begun: list[int]) -> None:
    kind = {"-": Owner.TEMPLATE, "c": Owner.CONTENT, "m": Owner.MEDIA}
    trace = SimpleNamespace(kind=np.array([kind[one] for one in kinds]), message=np.array(messages))
    mask = SimpleNamespace(spans=SimpleNamespace(start=np.array(spans, dtype=np.int64)))
    found = turns(row(ids), mask, trace, ("user", "assistant"))  # type: ignore[arg-type]
    assert found == [Turn(begun[0], 0, "user"), Turn(begun[1], 1, "assistant")]
