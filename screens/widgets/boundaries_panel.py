"""The role boundaries in force, read only: markers, ids, and how often each matched in the row."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from screens.describe import quoted
from screens.row_view import RowView
from screens.themes import Paints, paints
from screens.widgets.text_pane import TextPane
from workbench.editing import Change
from workbench.tokens.boundaries import RoleBoundary
from workbench.views.flow import visible
from workbench.views.palette import TRAINED_BAR
from workbench.views.payload import count_matches


class BoundariesPanel(TextPane):
    """Told by `show` which row to count in."""

    BORDER_TITLE = "role_boundaries"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: RowView | None = None
        self._changed: Change | None = None
        self.brief = False

    def show(self, view: RowView | None, changed: Change | None = None) -> None:
        """Show the boundaries that mask a row; None keeps them and counts nothing. `changed`: what an edit did."""
        self._view = view or self._view
        self._changed = changed
        self.draw()

    def draw(self) -> None:
        """Draw again, in the colours of the theme."""
        built_in = f"built in: {self._view.built_in}" if self._view and self._view.built_in else ""
        if (said := " · ".join(part for part in (built_in, self._difference()) if part)) != self.border_subtitle:
            self.say_below(said)
        self.say(self._text(paints(self.app.current_theme)))

    def _text(self, paint: Paints) -> Text:
        text = Text(end="")
        view = self._view
        if view is None:
            return text
        if not view.boundaries:
            text.append("none: everything is trained", paint.severity["warning"])
            return text
        matches, unended = count_matches(len(view.boundaries), [view.mask.spans])
        for index, boundary in enumerate(view.boundaries):
            if self.brief:
                _brief(text, view, boundary, matches[index], unended[index], paint)
                continue
            _boundary(text, view, boundary, matches[index], unended[index], paint)
        text.append("train_on_eos: ", paint.muted).append(view.train_on_eos)
        return text

    @property
    def difference(self) -> tuple[int, int]:
        """What an edit did to the row that is shown: so many tokens more are trained, so many less."""
        return self._changed.counts if self._changed is not None else (0, 0)

    def _difference(self) -> str:
        more, less = self.difference
        return f"+{more:,} −{less:,} trained" if self._changed is not None else ""


def _brief(text: Text, view: RowView, boundary: RoleBoundary, matches: int, unended: int, paint: Paints) -> None:
    """One boundary in two lines, for beside its YAML: what its markers are in ids, and what they match."""
    trained = boundary.role in view.roles_to_train
    text.append(f"{TRAINED_BAR} " if trained else "- ", paint.bar if trained else paint.muted)
    text.append(visible(boundary.role), paint.accent if trained else paint.strong)
    _matches(text, view, boundary, matches, unended, paint)
    text.append("\n")


def _matches(text: Text, view: RowView, boundary: RoleBoundary, matches: int, unended: int, paint: Paints) -> None:
    turns = sum(role == boundary.role for role in view.roles)
    text.append("  matches ", paint.muted)
    text.append(f"{matches}/{turns}", paint.severity["warning"] if matches != turns else Style())
    if unended:
        text.append(f" · {unended} never end", paint.severity["warning"])
    text.append(f" · {_ids(boundary.start)} … {_ids(boundary.end)}", paint.muted)


def _boundary(text: Text, view: RowView, boundary: RoleBoundary, matches: int, unended: int, paint: Paints) -> None:
    trained = boundary.role in view.roles_to_train
    text.append(f"{TRAINED_BAR} " if trained else "- ", paint.bar if trained else paint.muted)
    text.append("role: ", paint.muted).append(visible(boundary.role), paint.accent if trained else paint.strong)
    end = "end of sequence" if boundary.end_text is None else quoted(boundary.end_text)
    text.append("\n  start: ", paint.muted).append(quoted(boundary.start_text))
    text.append("\n  end: ", paint.muted).append(end)
    if boundary.include_start:
        text.append("\n  include_start: true")
    if not boundary.include_end:
        text.append("\n  include_end: false")
    text.append("\n")
    _matches(text, view, boundary, matches, unended, paint)
    text.append("\n\n")


def _ids(ids: tuple[int, ...]) -> str:
    return " ".join(map(str, ids))
