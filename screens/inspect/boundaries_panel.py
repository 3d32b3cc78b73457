"""The role boundaries in force, read only: markers, ids, and how often each matched in the row."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.style import Style
from rich.text import Text
from textual import events
from textual.cache import LRUCache

from screens.keys.spoken import keyed
from screens.line_cache.text_pane import TextPane
from screens.shell.themes import Paints, paints
from screens.token_grid.describe import quoted
from workbench.editing.session import Change
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.turns import TextMasking
from workbench.views.inspect_json import count_matches
from workbench.views.items import visible
from workbench.views.palette import TRAINED_BAR
from workbench.views.path import end_facts
from workbench.views.row_view import RowView

_KEPT = 64


class BoundaryMatches(NamedTuple):
    """Counts for one boundary: its matches, the turns of its role, and the matches that never end.

    `of_role` are the matches of all boundaries of the role; `covered` says which of them took this one's turns.
    """

    matches: int
    turns: int
    unended: int
    of_role: int
    covered: str


class BoundariesPanel(TextPane):
    """Lists the boundaries in force with their matches in a row; `show` sets the row."""

    BORDER_TITLE = "role_boundaries"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: RowView | None = None
        """The row whose boundaries are shown."""
        self._counted = True
        self._changed: Change | None = None
        self._against = ""
        self.brief = False
        self._begun: list[int] = []
        """The line that each boundary begins on."""
        self._drawn: LRUCache[object, list[Text]] = LRUCache(_KEPT)

    def show(self, view: RowView, changed: Change | None = None, *, against: str = "", counted: bool = True) -> None:
        """Show the boundaries that mask a row. `changed`: what an edit did, or what another recipe has, `against`.

        Without `counted` nothing is said of what they match: the row has no tokens.
        """
        self.view, self._changed, self._counted, self._against = view, changed, counted, against
        title = f"{self.BORDER_TITLE} against {visible(against)}" if against else self.BORDER_TITLE
        if title != self.border_title:
            self.border_title = title
        self.draw()

    def draw(self) -> None:
        """Draw again, in the colours of the theme."""
        built_in = f"built in: {self.view.built_in}" if self.view and self.view.built_in else ""
        if (subtitle := " · ".join(part for part in (built_in, self._difference()) if part)) != self.border_subtitle:
            self.say_below(subtitle)
        self.say(self._texts(paints(self.app.current_theme)))

    def _texts(self, paint: Paints) -> list[Text]:
        view = self.view
        if view is None:
            return []
        if view.text is not None:
            return self._of_text_path(view, view.text, paint)
        if not view.boundaries:
            return [Text("none: everything is trained", paint.severity["warning"], end="")]
        lines: list[Text] = []
        self._begun = []
        counts = matches_of(view) if self._counted else [None] * len(view.boundaries)
        for boundary, count in zip(view.boundaries, counts, strict=True):
            self._begun.append(len(lines))
            trained = boundary.role in view.roles_to_train
            key = (boundary, trained, count, self.brief, paint)
            if (texts := self._drawn.get(key)) is None:
                texts = self._drawn[key] = (_brief if self.brief else _whole)(boundary, trained, count, paint)
            lines += texts
        lines.append(Text(end="").append("train_on_eos: ", paint.muted).append(view.train_on_eos))
        return lines

    def _of_text_path(self, view: RowView, text: TextMasking, paint: Paints) -> list[Text]:
        """The recipe's boundaries in grey with the reason, and what decides the mask there."""
        lines = [Text(end="").append(f"{view.path}: ", paint.strong).append("markers are not read", paint.muted)]
        lines += [Text(f"  {visible(row)}", paint.muted, end="") for row in view.unread]
        knobs = [("roles_to_train", ", ".join(view.roles_to_train) or "nothing")]
        if text.train_on_inputs:
            knobs = [("train_on_inputs", "true")]
        knobs += [(name, value) for name, _, value in (fact.partition(" ") for fact in end_facts(text))]
        for name, value in knobs:
            lines.append(Text(end="").append(f"{name}: ", paint.muted).append(visible(value)))
        if not self._counted:
            return lines
        found = len(view.mask.spans)
        whole = Style() if found == len(view.roles) else paint.severity["warning"]
        lines.append(Text(end="").append("turns found: ", paint.muted).append(f"{found}/{len(view.roles)}", whole))
        return lines

    chosen: Callable[[int], None] = staticmethod(lambda boundary: None)
    """Called with a boundary that was clicked."""

    def on_click(self, event: events.Click) -> None:
        """A click on a boundary or its count goes to what it matched, or should have."""
        place = event.get_content_offset(self)
        if place is None or self.view is None or not self._begun:
            return
        line = place.y + self.scroll_offset.y
        if line < len(self.plain.splitlines()):
            self.chosen(bisect_right(self._begun, line) - 1)

    @property
    def difference(self) -> tuple[int, int]:
        """Tokens of the shown row that an edit added to the trained ones, and tokens that it removed."""
        return self._changed.counts if self._changed is not None else (0, 0)

    def _difference(self) -> str:
        more, less = self.difference
        if self._against:
            ends = keyed(self, "{edit.stop-comparing} ends").replace("[", "\\[")
            return f"+{more:,} −{less:,} trained · {ends}" if self._changed is not None else ends
        if self._changed is None:
            return ""
        keys = keyed(self, "{edit.compare} all rows").replace("[", "\\[")
        return f"+{more:,} −{less:,} trained · {keys}"


def matches_of(view: RowView) -> list[BoundaryMatches]:
    """The counts of every boundary in a row."""
    matches, unended = count_matches(len(view.boundaries), [view.mask.spans])
    of_role: Counter[str] = Counter()
    for boundary, matched in zip(view.boundaries, matches, strict=True):
        of_role[boundary.role] += matched
    found = []
    for boundary, matched, endless in zip(view.boundaries, matches, unended, strict=True):
        turns, total = view.roles.count(boundary.role), of_role[boundary.role]
        covered = "" if matched or total < turns else _taken(boundary, view.boundaries)
        found.append(BoundaryMatches(matched, turns, endless, total, covered))
    return found


def _brief(boundary: RoleBoundary, trained: bool, count: BoundaryMatches | None, paint: Paints) -> list[Text]:
    """A boundary in one line, for beside its YAML: what its markers are in ids, and what they match."""
    text = _named(boundary, trained, paint)
    return [text.append_text(_matched(boundary, count, paint))]


def _whole(boundary: RoleBoundary, trained: bool, count: BoundaryMatches | None, paint: Paints) -> list[Text]:
    """A boundary as in the YAML, with what it matches, and a blank line."""
    end = "end of sequence" if boundary.end_text is None else quoted(boundary.end_text)
    lines = [
        _named(boundary, trained, paint, "role: "),
        Text(end="").append("  start: ", paint.muted).append(quoted(boundary.start_text)),
        Text(end="").append("  end: ", paint.muted).append(end),
    ]
    if boundary.include_start:
        lines.append(Text("  include_start: true", end=""))
    if not boundary.include_end:
        lines.append(Text("  include_end: false", end=""))
    return [*lines, _matched(boundary, count, paint), Text(end="")]


def _named(boundary: RoleBoundary, trained: bool, paint: Paints, label: str = "") -> Text:
    text = Text(end="")
    text.append(f"{TRAINED_BAR} " if trained else "- ", paint.bar if trained else paint.muted)
    text.append(label, paint.muted)
    return text.append(visible(boundary.role), paint.accent if trained else paint.strong)


def _matched(boundary: RoleBoundary, count: BoundaryMatches | None, paint: Paints) -> Text:
    end = _ids(boundary.end) if boundary.end else "end of the row"
    ids = f"{_ids(boundary.start)} … {end}"
    if count is None:
        return Text(end="").append(f"  {ids}", paint.muted)
    text = Text(end="").append("  matches ", paint.muted)
    if count.covered:
        text.append(f"0, covered by {count.covered}", paint.muted)
        return text
    # Several boundaries of one role share its turns.
    whole = count.of_role == count.turns
    text.append(f"{count.matches}/{count.turns}", Style() if whole else paint.severity["warning"])
    if count.unended:
        text.append(f" · {count.unended} never end", paint.severity["warning"])
    return text.append(f" · {ids}", paint.muted)


def _taken(boundary: RoleBoundary, others: Sequence[RoleBoundary]) -> str:
    """The one of its role that took a boundary's turns: axolotl takes the longest start that matches."""
    mine = [other for other in others if other.role == boundary.role and other is not boundary]
    if not mine:
        return ""
    longer = any(other.start_text.startswith(boundary.start_text) for other in mine)
    return "the longer one" if longer else "another one"


def _ids(ids: tuple[int, ...]) -> str:
    return " ".join(map(str, ids))
