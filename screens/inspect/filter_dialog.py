"""The picker of rows: filter, order and columns of the list of samples, and below it the filter as one types it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widget import Widget

from screens.guard.faults import on
from screens.guard.widgets import Horizontal, Static, Vertical, VerticalScroll
from screens.inspect.picked_filter import NUMBERS, ROLE, SORT, SOURCE, STATE, PickedFilter
from screens.inspect.row_filter import FILTER_TERMS, STATES, Order, parse_filter
from screens.inspect.row_line import COLUMNS, columns_of
from screens.shell.beneath import Beneath
from screens.shell.fields import Input
from screens.shell.pick_field import KeyLine, PickField, TickField
from screens.shell.themes import paints
from workbench.checks.registry import codes
from workbench.errors import InputError
from workbench.escaping import visible

_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (60, "-wide")]
_SIGNS = [("", "any"), *((sign, sign) for sign in ("<", "<=", "=", ">=", ">"))]
_USUAL_SIGN = {"trained": "<", "pictures": "="}
_ABOUT = {
    "trained": "% of its tokens",
    "tokens": "in the row",
    "pictures": "in the row",
    "media": "tokens of pictures, sound, film",
    "loss": "nats a token, as a run measured it",
}
_ORDERS = {
    "": "as the data has them",
    "code": "worst finding",
    "share": "share trained",
    "tokens": "tokens",
    "pictures": "pictures",
    "media": "media tokens",
    "loss": "loss",
    "row": "row number",
}
_KEYS = (
    ("enter", "lists", "apply"),
    ("esc", "leaves", "dismiss(None)"),
    ("F8", "clears", "clear"),
    ("F1", "terms", "app.help"),
)
_OTHER_LINES = 7
"""Lines of the dialog beside its fields: its border, the filter on up to three lines, the keys, a blank."""
_UP, _DOWN = ("least first", "most first")
_DIRECTIONS = {"code": ("worst first", "best first")}


@dataclass(frozen=True, slots=True)
class PickerFacts:
    """The roles, the files, and the codes with the number of rows that have them, to be picked from.

    `rows` says of how many rows the codes are known, `losses` that a run has measured some.
    """

    roles: Sequence[str] = ()
    sources: Sequence[str] = ()
    codes: Mapping[str, int] = field(default_factory=dict)
    rows: str = ""
    losses: bool = False


@dataclass(frozen=True, slots=True)
class PickedRows:
    """The filter that was picked, as it is typed, and the columns of the list."""

    text: str
    columns: tuple[str, ...]


class FilterDialog(Beneath, ModalScreen[PickedRows | None]):
    """Enter gives what was picked; escape gives None, and nothing has changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Apply", show=False, priority=True),
        Binding("escape", "dismiss(None)", "Close", show=False, priority=True),
        Binding("f8", "clear", "Clear", show=False, priority=True),
        Binding("f1", "app.help", "Help", show=False, priority=True),
        Binding("down", "go(1)", "Next field", show=False, priority=True),
        Binding("up", "go(-1)", "Field before", show=False, priority=True),
    ]
    CSS_PATH = "filter_dialog.tcss"
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    help_terms = FILTER_TERMS

    def __init__(self, text: str, columns: Sequence[str], facts: PickerFacts) -> None:
        super().__init__()
        self.picked = PickedFilter(text)
        self._columns, self._facts = set(columns), facts
        self._codes = list(dict.fromkeys((*facts.codes, *self.picked.codes)))

    def compose(self) -> ComposeResult:
        """A line for each field; below them, always in sight, the filter and the keys."""
        picked, facts = self.picked, self._facts
        with Vertical(id="picker") as box:
            box.border_title = "rows to list"
            with VerticalScroll(can_focus=False, id="fields"):
                for name in NUMBERS:
                    if name != "loss" or facts.losses or picked.term(name):
                        yield self._number(name)
                yield _line("findings", self._choice(STATE, [(one, one) for one in STATES]))
                yield _line("role", self._choice(ROLE, [(one, one) for one in facts.roles]))
                if len(facts.sources) > 1 or picked.term(SOURCE):
                    yield _line("source", self._choice(SOURCE, [(_part(one), one) for one in facts.sources]))
                yield _line("words", Input(picked.rest, placeholder="text of the row", compact=True, id="rest"))
                if self._codes:
                    yield Static(f"with all of these findings{facts.rows}", classes="heading", markup=False)
                known = codes()
                for code in self._codes:
                    rows = facts.codes.get(code, 0)
                    # The title comes last: it is what a narrow dialog cuts.
                    about = f"{code}  {rows:,} row{'' if rows == 1 else 's'}"
                    about += f"  {known[code].title}" if code in known else ""
                    yield TickField(about, code in picked.codes, id=f"code-{code}", classes="tick")
                yield Static("order", classes="heading")
                order = picked.order
                names = [(name, about) for name, about in _ORDERS.items() if name != "loss" or facts.losses]
                yield _line("by", PickField(names, order.field if order is not None else "", id="order"))
                yield _line("", PickField([], order is not None and order.descending, id="direction"))
                yield Static("columns, as far as the list is wide enough", classes="heading")
                for name, about in COLUMNS.items():
                    yield TickField(about, name in self._columns, id=f"column-{name}", classes="tick")
            yield Static(id="typed", markup=False)
            yield KeyLine(_KEYS)

    def _number(self, name: str) -> Horizontal:
        sign, value = self.picked.comparison(name)
        return _line(
            name,
            PickField(_SIGNS, sign, id=f"sign-{name}", classes="sign"),
            Input(value, restrict=r"[\d.,]*%?", compact=True, id=f"value-{name}", classes="value"),
            Static(_ABOUT[name], classes="about"),
        )

    def _choice(self, name: str, values: list[tuple[str, str]]) -> PickField:
        return PickField([("", "any"), *values], self.picked.value(name), id=f"value-{name}")

    def on_resize(self, event: events.Resize) -> None:
        """The fields have the room that the rest leaves: the filter and the keys are always in sight."""
        self.query_one("#fields").styles.max_height = max(1, event.size.height - _OTHER_LINES)

    def on_mount(self) -> None:
        self.query_one("#sign-trained").focus()
        self._say()

    # Picking

    @on(PickField.Picked)
    def _chosen(self, event: PickField.Picked) -> None:
        event.stop()
        chosen = event.field
        kind, _, name = (chosen.id or "").partition("-")
        if kind == "sign":
            self._compare(name)
        elif kind == "code":
            self.picked.set_code(name, chosen.value)
        elif kind == "column":
            self._columns ^= {name}
        elif kind == "value":
            self.picked.set(name, f"{name}:{chosen.value}" if chosen.value else "")
        else:
            self._sort()
        self._say()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.id == "rest":
            self.picked.set_rest(event.value)
        else:
            name = (event.input.id or "").removeprefix("value-")
            sign = self.query_one(f"#sign-{name}", PickField)
            if event.value and not sign.value:
                sign.show(_USUAL_SIGN.get(name, ">"))
            self._compare(name)
        self._say()

    def _compare(self, name: str) -> None:
        """Take the sign and the number of a field."""
        sign, value = self.query_one(f"#sign-{name}", PickField).value, self.query_one(f"#value-{name}", Input).value
        if (sign, value) != self.picked.comparison(name):
            self.picked.set(name, f"{name}{sign}{value}" if sign and value else "")

    def _sort(self) -> None:
        name, down = (self.query_one(f"#{one}", PickField).value for one in ("order", "direction"))
        self.picked.set(SORT, Order(name, bool(down)).term if name else "")

    def _say(self) -> None:
        """Show the filter as it is typed, or what is wrong with it."""
        paint, text = paints(self.app.current_theme), Text(end="")
        order = self.query_one("#order", PickField).value
        direction = self.query_one("#direction", PickField)
        up, down = _DIRECTIONS.get(order, (_UP, _DOWN))
        direction.values = [(False, up), (True, down)]
        direction.disabled = not order
        direction.refresh()
        typed = self.picked.text.strip()
        text.append("filter ", paint.muted).append(visible(typed) or "none: every row", paint.accent + Style(bold=True))
        if (problem := self._problem()) is not None:
            text.append(f"\n✗ {visible(problem.title)}", paint.severity["error"])
        self.query_one("#typed", Static).update(text)

    def _problem(self) -> InputError | None:
        try:
            parse_filter(self.picked.text)
        except InputError as problem:
            return problem
        return None

    # Keys

    def action_apply(self) -> None:
        """Give what was picked, unless it cannot be read."""
        if self._problem() is None:
            self.dismiss(PickedRows(self.picked.text.strip(), columns_of(self._columns)))

    def action_clear(self) -> None:
        """Every row, in the order of the data; the columns stay."""
        self.picked = PickedFilter()
        with self.prevent(Input.Changed):
            for one in self.query(Input):
                one.value = ""
        for pick in self.query(PickField):
            kind = (pick.id or "").partition("-")[0]
            if kind != "column":
                pick.show(False if isinstance(pick.value, bool) else "")
        self._say()

    def action_go(self, step: int) -> None:
        """To the next field, or to the one before; over the number of a field that is compared with none."""
        chain = self.focus_chain[::step]
        at = chain.index(self.focused) if self.focused in chain else -1
        following = (one for one in (*chain[at + 1 :], *chain[: max(0, at)]) if not self._is_idle(one))
        self.set_focus(next(following, self.focused))

    def _is_idle(self, pane: Widget) -> bool:
        name = (pane.id or "").removeprefix("value-")
        return isinstance(pane, Input) and name in NUMBERS and not self.query_one(f"#sign-{name}", PickField).value


def _line(name: str, *fields: Widget) -> Horizontal:
    return Horizontal(Static(name, classes="name", markup=False), *fields, classes="line")


def _part(source: str) -> str:
    """A part of a file's name that can be typed: without blanks."""
    return max(source.split(), key=len, default=source)
