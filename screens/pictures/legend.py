"""The names of a picture's boxes, and what is to be said of them, as lines of text. No widget."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from screens.shell.themes import Paints
from workbench.views.box_drawing import caption, colour_of
from workbench.views.boxes import PictureBoxes
from workbench.views.items import visible


def remarks_line(found: PictureBoxes, paint: Paints) -> Text:
    """The remarks on the boxes, on one line."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for number, remark in enumerate(found.remarks):
        text.append(" · " if number else "! ", paint.severity["warning"])
        text.append(visible(remark), paint.severity["warning"])
    return text


def names(found: PictureBoxes, width: int, lines: int) -> list[Text]:
    """The boxes with their labels, on so many lines at most; what has no room is counted at the end."""
    entries = [(colour_of(number), visible(caption(number, box))) for number, box in enumerate(found.boxes)]
    texts = [Text(no_wrap=True, overflow="ellipsis", end="")]
    for number, (colour, name) in enumerate(entries):
        if texts[-1].cell_len and texts[-1].cell_len + cell_len(name) + 4 > width:
            if len(texts) == lines:
                texts[-1].append(f" +{len(entries) - number}")
                break
            texts.append(Text(no_wrap=True, overflow="ellipsis", end=""))
        texts[-1].append("■ ", Style.parse(colour)).append(f"{name}  ")
    return texts if entries else []
