"""Texts that are copied from the token grid: the text, the ids, or a short program that shows the same mask."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from screens.token_grid.describe import quoted
from workbench.tokens.turns import TextMasking
from workbench.views.shown_row import RowView

if TYPE_CHECKING:
    from workbench.bench import Masking

_LINE = 100


def text_of(view: RowView, start: int, stop: int) -> str:
    """The text of tokens [start, stop), as it was tokenized; what UTF-8 cannot hold is replaced."""
    text = "".join(view.rendering.token_texts(start, stop))
    return text.encode("utf-8", "replace").decode()


def ids_of(view: RowView, start: int, stop: int) -> str:
    """The ids of tokens [start, stop), as a Python list."""
    return str(view.rendering.input_ids[start:stop].tolist())


def reproducer(view: RowView, masking: Masking, start: int, stop: int, *, model: str, recipe: str) -> str:
    """A program that masks the turns around tokens [start, stop) and checks the labels that the bench showed.

    It needs this package alone: no model, no data. The whole row is taken where the turns alone mask differently.
    """
    first, last = _turns_around(view, start, stop)
    ids = view.rendering.input_ids
    if masking.text is not None:
        return _of_text_path(view, masking.text, model=model, recipe=recipe)
    if not np.array_equal(masking.scan(ids[first:last]).keep, masking.scan(ids).keep[first:last]):
        first, last = 0, len(ids)
    shown = masking.scan(ids[first:last])
    kept = int(np.count_nonzero(shown.keep))
    title = f"Row {view.index} of {quoted(recipe)} ({quoted(model)}), tokens {first} to {last - 1}: {kept} trained."
    boundaries = "".join(f"        {boundary!r},\n" for boundary in masking.boundaries)
    return (
        f"# {title}\n"
        "from workbench.row import Masking\n"
        "from workbench.tokens.boundaries import RoleBoundary\n\n"
        f"ids = {_listed(ids[first:last].tolist())}\n"
        "masking = Masking(\n"
        f"    boundaries=(\n{boundaries}    ),\n"
        f"    roles_to_train={masking.roles_to_train!r},\n"
        f"    train_on_eos={masking.train_on_eos!r},\n"
        f"    train_on_inputs={masking.train_on_inputs!r},\n"
        f"    pad_id={masking.pad_id!r},\n"
        f"    media_ids={masking.media_ids!r},\n"
        f"    terminator_ids={masking.terminator_ids!r},\n"
        ")\n"
        f"labels = {_listed(shown.labels.tolist())}\n"
        "assert masking.scan(ids).labels.tolist() == labels\n"
    )


def _of_text_path(view: RowView, masking: TextMasking, *, model: str, recipe: str) -> str:
    """The same on the text path, where the turns that were found take the place of markers: always the whole row."""
    assert view.source is not None
    found, ids = view.source.turns, view.rendering.input_ids.tolist()
    details = ", ".join("None" if one is None else f"np.array({one.tolist()}, dtype=int)" for one in found.details)
    title = f"Row {view.index} of {quoted(recipe)} ({quoted(model)}), {view.path}: {view.mask.trained} trained."
    return (
        f"# {title}\n"
        "import numpy as np\n\n"
        "from workbench.tokens.turns import Found, TextMasking, mask\n\n"
        f"ids = {_listed(ids)}\n"
        "found = Found(\n"
        f"    start=np.array({found.start.tolist()}),\n"
        f"    stop=np.array({found.stop.tolist()}),\n"
        f"    role={found.role!r},\n"
        f"    flag=np.array({found.flag.tolist()}),\n"
        f"    details=({details},),\n"
        f"    why={found.why!r},\n"
        f"    raised={found.raised!r},\n"
        ")\n"
        f"masking = {masking!r}\n"
        f"labels = {_listed(view.mask.labels.tolist())}\n"
        "assert mask(np.array(ids), found, masking).mask.labels.tolist() == labels\n"
    )


def _turns_around(view: RowView, start: int, stop: int) -> tuple[int, int]:
    """The turns that hold tokens [start, stop)."""
    begins = [turn.start for turn in view.turns]
    first = max((begin for begin in begins if begin <= start), default=0)
    return first, min((begin for begin in begins if begin >= stop), default=len(view.rendering))


def _listed(numbers: list[int]) -> str:
    """A list as Python writes it, in lines; a run of one number is `*[number] * count`."""
    parts = []
    for number, run in groupby(numbers):
        count = len(list(run))
        parts += [f"*[{number}] * {count}"] if count > 4 else [str(number)] * count
    lines, line = [], ""
    for part in parts:
        if line and len(line) + len(part) > _LINE:
            lines.append(line)
            line = ""
        line += f"{part}, "
    return "[\n" + "".join(f"    {text.rstrip()}\n" for text in [*lines, line] if text) + "]"
