"""Finished lines, border and all, by the line of content that each of them frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from screens.line_cache.kept_lines import runs

_KEPT = 4096


class Framed:
    """A store of finished lines, so that a line of content seen before is not framed again.

    Textual remembers a finished line by its place, and forgets it as soon as the place shows another: where an edit
    breaks a mask and the next one mends it, lines are framed, filtered and cut anew each time. This store gives back
    the same strip, with all that Textual keeps in it.
    """

    def __init__(self) -> None:
        self._content: dict[tuple[Segment, ...], Strip] = {}
        self._finished: dict[object, tuple[Strip | None, Strip]] = {}
        self._looks: tuple[object, ...] = ()

    def same(self, strip: Strip) -> Strip:
        """The strip that first showed what this one shows."""
        if len(self._content) >= _KEPT:
            self._content.clear()
        return self._content.setdefault(tuple(strip), strip)

    def look(self, pane: Widget) -> None:
        """Note the frame of the pane, and forget the lines finished with another one.

        To be called for every paint of the whole pane: without one, only its content and the words in its border can
        have changed.
        """
        if (looks := _looks(pane)) != self._looks:
            self._finished.clear()
            self._looks = looks

    def lines(
        self,
        pane: Widget,
        places: Sequence[int],
        content: Callable[[int], Strip],
        render: Callable[[Region], Sequence[Strip]],
    ) -> list[Strip]:
        """Whole lines of a pane, by their places; `content` draws one of its content, `render` finishes some."""
        if len(self._finished) >= _KEPT:
            self._finished.clear()
        first, height, width = pane.gutter.top, pane.content_size.height, pane.outer_size.width
        words = pane.border_title, pane.border_subtitle
        strips = [content(y - first) if 0 <= y - first < height else None for y in places]
        keys = [(y, words) if strip is None else id(strip) for y, strip in zip(places, strips, strict=True)]
        finished = self._finished
        missing = {y: at for at, y in enumerate(places) if keys[at] not in finished}
        for begin, end in runs(list(missing)):
            for y, line in zip(range(begin, end), render(Region(0, begin, width, end - begin)), strict=True):
                at = missing[y]
                # With its content, so that no other can come to stand under the same key.
                finished[keys[at]] = strips[at], line
        return [finished[key][1] for key in keys]


def _looks(pane: Widget) -> tuple[object, ...]:
    """The state that a finished line shows beside its content."""
    styles = pane.styles
    return (
        pane.outer_size,
        pane.content_size,
        pane.background_colors,
        pane.opacity,
        styles.border,
        styles.outline,
        styles.padding,
        styles.tint,
        styles.hatch,
        styles.text_opacity,
        (styles.border_title_color, styles.border_title_background, styles.border_title_style),
        (styles.border_subtitle_color, styles.border_subtitle_background, styles.border_subtitle_style),
        (styles.border_title_align, styles.border_subtitle_align),
        pane.get_line_filters(),
        pane.app.ansi_theme,
    )
