"""Lines that are wrapped with an indent: the rest of a line stands under its text and not under its mark."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def hang(line: Text, width: int, indent: int, console: Console) -> Text:
    """A line wrapped to so many cells, with its further lines indented; as it is where no width is known."""
    if width <= indent + 1 or line.cell_len <= width:
        return line
    first = line.wrap(console, width)[0]
    rest = line[len(first.plain) :]
    # The blank at which it was parted belongs to neither.
    rest = rest[len(rest.plain) - len(rest.plain.lstrip(" ")) :]
    text = first.copy()
    text.rstrip()
    for more in rest.wrap(console, width - indent):
        more.rstrip()
        text.append("\n" + " " * indent).append_text(more)
    return text
