"""D013: coordinates in answers, against the unit in which the model's family counts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.checks.registry import check
from workbench.checks.row_facts import RowFacts
from workbench.data.coordinates import Coordinates, coordinates
from workbench.data.forms import part_modality
from workbench.data.media import load_picture
from workbench.data.pictures import PICTURE_KEYS
from workbench.findings import Finding

Size = tuple[int, int]
_THOUSAND = 1000


def _has_unit(facts: RowFacts) -> bool:
    """True where the family's unit is known, and the row has a picture that its answers can be about."""
    family = facts.bench.family
    return family is not None and family.grounding is not None and "image" in facts.rendering.media.modality


@check("D013", when=_has_unit)
def other_convention(facts: RowFacts) -> Iterator[Finding]:
    """D013, once a row: the first answer whose coordinates are not counted as the family counts."""
    family = facts.bench.family
    assert family is not None
    assert family.grounding is not None
    pixels = family.grounding.unit == "pixels"
    for number, message in enumerate(facts.row.conversation.messages):
        if not facts.role_trained[number]:
            continue
        found = list(coordinates(message_text(message)))
        if not found:
            continue
        why, hint = _in_pixels(facts, found) if pixels else _in_thousandths(facts, found)
        if why:
            counts = "pixels of the picture as it is resized" if pixels else "thousandths of the picture's sides"
            text = f"{why}; {family.title} counts {counts}"
            yield Finding("D013", "warning", text, hint, facts.where(number))
            return


def message_text(message: dict[str, Any]) -> str:
    """The texts of a message, joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def _in_thousandths(facts: RowFacts, found: list[Coordinates]) -> tuple[str, str]:
    if all(one.fractions for one in found):
        return _told(found, "are fractions of one"), "Multiply them by 1000 and round."
    outside = [one for one in found if not one.within(_THOUSAND, _THOUSAND)]
    if not outside:
        return "", ""
    size = next(iter(_of_files(facts)), None)
    hint = "Rescale them: x · 1000 / width, y · 1000 / height of the picture."
    if size is not None and all(one.within(*size) for one in found):
        hint = f"They fit the file's {size[0]}×{size[1]} pixels: write x · 1000 / {size[0]}, y · 1000 / {size[1]}."
    return _told(outside, "lie outside 0 to 1000", len(found)), hint


def _in_pixels(facts: RowFacts, found: list[Coordinates]) -> tuple[str, str]:
    resized, files = resized_pictures(facts), _of_files(facts)
    if not resized:
        return "", ""
    if all(one.fractions for one in found):
        width, height = resized[0]
        return _told(found, "are fractions of one"), f"Write x · {width}, y · {height}, rounded."
    outside = [one for one in found if not any(one.within(*size) for size in resized)]
    if not outside:
        return "", ""
    sizes = ", ".join(f"{width}×{height}" for width, height in resized)
    hint = f"The processor resizes the picture{'s' if len(resized) > 1 else ''} to {sizes}: rescale them to that."
    if len(resized) == len(files) == 1:
        (width, height), (across, down) = resized[0], files[0]
        if all(one.within(across, down) for one in found):
            hint = f"They fit the file's {across}×{down}: write x · {width} / {across}, y · {height} / {down}."
    return _told(outside, f"lie outside {sizes}", len(found)), hint


def _told(those: list[Coordinates], what: str, of: int | None = None) -> str:
    values = ", ".join(f"{one:g}" for one in those[0].values)
    several = of or len(those)
    named = "boxes or points" if several > 1 else "box" if len(those[0].values) > 2 else "point"
    count = f"{len(those)} of {of} " if several > 1 and of else f"{len(those)} "
    verb = what if several > 1 else what.replace("are ", "is ").replace("lie ", "lies ")
    return f"{count}{named} {verb} ([{values}])"


def resized_pictures(facts: RowFacts) -> list[Size]:
    """(width, height) of the row's pictures as the processor gives them to the model; empty where it does not say."""
    processor = getattr(facts.bench.renderer.processor, "image_processor", None)
    patch = getattr(processor, "patch_size", None)
    if not isinstance(patch, int):
        return []
    grid = facts.bench.renderer.features([facts.row.conversation.messages]).get("image_grid_thw")
    if grid is None:
        return []
    return [(int(across) * patch, int(down) * patch) for _, down, across in grid.tolist()]


def _of_files(facts: RowFacts) -> list[Size]:
    """(width, height) of the row's pictures as they are stored, those that can be opened."""
    sizes: list[Size] = []
    for message in facts.row.conversation.messages:
        parts = message.get("content")
        for part in parts if isinstance(parts, list) else []:
            if part_modality(part) != "image":
                continue
            value = next((part[key] for key in PICTURE_KEYS if part.get(key) is not None), None)
            if value is not None:
                sizes.append(load_picture(value).size)
    return sizes
