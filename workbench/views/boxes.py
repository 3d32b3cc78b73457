"""Boxes and points of a row's answers on the pictures that they are about, where the model is taught to look for them.

The unit is the family's (`specs/`, `grounding`), and the picture is the one that the processor hands to the model: what
a dataset counts in another unit is drawn where it would be learnt, not where it was meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.checks.grounding import message_text, resized_pictures
from workbench.checks.row_facts import RowFacts
from workbench.data.coordinates import Coordinates, coordinates

if TYPE_CHECKING:
    from workbench.bench import Row
    from workbench.tokens.render import Rendering
    from workbench.tokens.trace import Trace

_THOUSAND = 1000
_MOST = 200
"""Boxes that are drawn on a picture; of more nothing could be seen."""
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """A box (two x, two y) or a point (one each) in shares of the picture's width and height; outside it beyond 0 to 1.

    `message` is the one whose text names it, `label` what that calls it.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    message: int
    label: str = ""

    @property
    def within(self) -> bool:
        """True where no part of it lies outside the picture."""
        return all(0 <= share <= 1 for share in (*self.x, *self.y))

    @property
    def seen(self) -> bool:
        """True where some part of it lies in the picture."""
        return all(min(shares) <= 1 and max(shares) >= 0 for shares in (self.x, self.y))


@dataclass(frozen=True, slots=True)
class PictureBoxes:
    """The boxes of one picture, its size as the processor resizes it (None: not known), and remarks on them."""

    boxes: tuple[Box, ...] = ()
    resized: Size | None = None
    remarks: tuple[str, ...] = ()


NO_BOXES = PictureBoxes()


def picture_runs(rendering: Rendering, trace: Trace) -> dict[tuple[int, int], list[int]]:
    """The media runs of every picture, in order, by message and part: one that is cut into tiles has several."""
    found: dict[tuple[int, int], list[int]] = {}
    for run, start in enumerate(rendering.media.start.tolist()):
        if rendering.media.modality[run] == "image" and int(trace.message[start]) >= 0:
            found.setdefault((int(trace.message[start]), int(trace.part[start])), []).append(run)
    return found


def boxes_of(row: Row) -> dict[int, PictureBoxes]:
    """The boxes of a row's texts, by media run; empty where no text has coordinates. Runs the processor where one does.

    A box belongs to the picture before it. Where several stand side by side, the text does not say which of them is
    meant: it is drawn on each, with a remark.
    """
    facts = RowFacts(row)
    messages = row.conversation.messages
    named = {number: list(coordinates(message_text(message))) for number, message in enumerate(messages)}
    if not any(named.values()):
        return {}
    places = picture_runs(row.rendering, row.trace)
    about: dict[tuple[int, int], list[tuple[int, Coordinates]]] = {}
    for number, found in named.items():
        before = [place for place in places if place[0] <= number]
        for place in (place for place in before if place[0] == before[-1][0]):
            about.setdefault(place, []).extend((number, one) for one in found)
    sizes = resized_pictures(facts)
    drawn: dict[int, PictureBoxes] = {}
    for order, (place, runs) in enumerate(places.items()):
        beside = sum(other[0] == place[0] for other in places)
        size = sizes[order] if len(sizes) == len(places) else None
        made = _placed(facts, about.get(place, []), size, beside)
        drawn.update(dict.fromkeys(runs, made))
    return drawn


def _placed(facts: RowFacts, found: Sequence[tuple[int, Coordinates]], size: Size | None, beside: int) -> PictureBoxes:
    family = facts.bench.family
    if not found:
        return PictureBoxes(resized=size)
    title = getattr(family, "title", "") or "this model"
    grounding = family.grounding if family is not None else None
    if grounding is None:
        return PictureBoxes((), size, (f"{_count(len(found))} not drawn: it is not known how {title} counts them",))
    if grounding.unit == "pixels" and size is None:
        return PictureBoxes((), size, (f"{_count(len(found))} not drawn: the size after resizing is not known",))
    across, down = (_THOUSAND, _THOUSAND) if grounding.unit == "thousandths" or size is None else size
    boxes = tuple(
        Box(
            tuple(sorted(value / across for value in one.x)),
            tuple(sorted(value / down for value in one.y)),
            message,
            one.label,
        )
        for message, one in found[:_MOST]
    )
    return PictureBoxes(boxes, size, tuple(_remarks(boxes, len(found), beside)))


def _remarks(boxes: Sequence[Box], total: int, beside: int) -> list[str]:
    unseen = sum(not box.seen for box in boxes)
    cut = sum(box.seen and not box.within for box in boxes)
    of = f" of {len(boxes)}" if len(boxes) > 1 else ""
    remarks = []
    if unseen:
        remarks.append(f"{unseen}{of} lie{'s' * (unseen == 1)} outside the picture")
    if cut:
        remarks.append(f"{cut}{of} reach{'es' * (cut == 1)} beyond its edge")
    if beside > 1:
        remarks.append(f"{beside} pictures: the text does not say which of them is meant")
    if total > len(boxes):
        remarks.append(f"the first {len(boxes)} of {total:,} are drawn")
    return remarks


def _count(number: int) -> str:
    return f"{number:,} box{'es' * (number > 1)} or point{'s' * (number > 1)}"
