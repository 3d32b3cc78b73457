"""The recipe's role boundaries and mask knobs as a form: a card for each boundary, over the same YAML text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from screens.guard.faults import Guarded, on
from screens.guard.widgets import Horizontal, Static, Vertical, VerticalScroll
from screens.keys.actions import bindings
from screens.keys.spoken import advice
from screens.keys.user_keymap import key_of
from screens.shell.fields import Input
from screens.shell.themes import paints
from workbench.errors import BenchError
from workbench.recipe.yaml.document import Document
from workbench.views.items import visible

Path = tuple[str | int, ...]
ROLES, EOS, INPUTS = ("datasets", 0, "roles_to_train"), ("datasets", 0, "train_on_eos"), ("train_on_inputs",)
EOT, EOT_TOKENS = ("datasets", 0, "train_on_eot"), ("eot_tokens",)
NAMES = (ROLES[-1], EOT_TOKENS[-1])
"""Keys that hold a list of names."""
AS_EOS = "as train_on_eos"
BOUNDARIES = "role_boundaries"
_USUAL_ROLES = ("assistant", "user", "system", "tool")
_FLAGS = {"include_start": False, "include_end": True}
_ESCAPE = re.compile(r"\\(?:([\\nrt])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_CHARS = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


def as_typed(text: str) -> str:
    """A marker on one line: what cannot be printed as an escape, as between YAML's double quotes."""
    return "".join(
        "\\\\" if char == "\\" else char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def from_typed(typed: str) -> str:
    """The marker that was typed; the other way round than `as_typed`. A backslash that begins no escape is itself."""

    def char(match: re.Match[str]) -> str:
        if match[1]:
            return _CHARS[match[1]]
        code = int(match[2] or match[3] or match[4], 16)
        return chr(code) if code < 0x110000 else match[0]

    return _ESCAPE.sub(char, typed)


def names_as_typed(value: Any) -> str:
    """A list of names, with commas; "" where there is no list, `[]` where it is empty."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "[]"
    return "" if value is None else str(value)


def names_from_typed(typed: str) -> list[str] | None:
    """The names that were typed; None where the field is empty."""
    if not typed.strip():
        return None
    return [name for part in typed.strip().strip("[]").split(",") if (name := part.strip())]


class _Edges(Highlighter):
    """Shows what cannot be seen otherwise: escapes, and spaces at the edges of a marker."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget

    def highlight(self, text: Text) -> None:
        paint = paints(self._widget.app.current_theme)
        for match in _ESCAPE.finditer(text.plain):
            text.stylize(paint.accent, *match.span())
        for match in re.finditer(r"^ +| +$", text.plain):
            text.stylize(paint.accent + Style(underline=True), *match.span())


@dataclass(frozen=True, slots=True)
class FieldEdit:
    """A new value for a path of the recipe; None removes the value."""

    path: Path
    value: Any


class TextField(Input):
    """A line of text that stands at a path of the recipe."""

    def __init__(self, path: Path, *, hint: str = "", classes: str = "") -> None:
        super().__init__(placeholder=hint, select_on_focus=False, compact=True, classes=classes)
        self.path = path
        self.highlighter = _Edges(self) if path[0] == BOUNDARIES else None

    @property
    def read(self) -> Any:
        """The value that stands in the field; None: none."""
        if self.path[-1] in NAMES:
            return names_from_typed(self.value)
        return from_typed(self.value) if self.value or self.path[-1] != "end" else None

    def show(self, value: Any) -> None:
        """Show what the recipe holds, unless that is what was typed."""
        if value == self.read:
            return
        with self.prevent(Input.Changed):
            if self.path[-1] in NAMES:
                self.value = names_as_typed(value)
            else:
                self.value = "" if value is None else as_typed(value if isinstance(value, str) else str(value))


class CycleField(Guarded, Widget, can_focus=True):
    """One of a few values; space goes to the next."""

    def __init__(self, path: Path, values: tuple[Any, ...], default: Any, *, classes: str = "") -> None:
        super().__init__(classes=classes)
        self.path, self._values, self.default = path, values, default
        self.value = default

    def show(self, value: Any) -> None:
        """Show what the recipe holds; None is the default."""
        self.value = self.default if value is None else value
        self.refresh()

    @property
    def following(self) -> Any:
        """The next value, round and round."""
        place = self._values.index(self.value) if self.value in self._values else -1
        return self._values[(place + 1) % len(self._values)]

    def render(self) -> Text:
        """The value; a tick where it is yes or no."""
        paint = paints(self.app.current_theme)
        if isinstance(self.value, bool):
            shown = Text("☑" if self.value else "☐", paint.accent if self.value else paint.muted)
        else:
            shown = Text(visible(str(self.value)), paint.strong)
        if self.has_focus:
            shown.append(" ‹space›", paint.muted)
        return shown

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self) -> None:
        """A click is a space."""
        self.screen.query_one(BoundaryForm).change(self)


@dataclass(frozen=True, slots=True)
class Matched:
    """The result of a boundary in the shown row: a count as text, whether it is as it should be, a better start."""

    text: str
    good: bool | None
    better: str | None = None


class BoundaryFields(Vertical):
    """A card of the form: a marker a line, over the full width."""

    def __init__(self, index: int) -> None:
        at: Path = (BOUNDARIES, index)
        self._verdict = Static(classes="matched", markup=False)
        role, start, end = (Static(name, classes="label") for name in ("role", "start", "end"))
        flags = (
            (Static(name, classes="flag-name"), CycleField((*at, name), (False, True), default, classes="flag"))
            for name, default in _FLAGS.items()
        )
        super().__init__(
            Horizontal(
                role, TextField((*at, "role"), hint="role", classes="role"), self._verdict, classes="line",
            ),
            Horizontal(start, TextField((*at, "start"), hint="text before the content"), classes="line"),
            Horizontal(end, TextField((*at, "end"), hint="to the end of the row"), classes="line"),
            Horizontal(Static("", classes="label"), *(one for pair in flags for one in pair), classes="line"),
        )  # fmt: skip
        self.better: str | None = None

    def judge(self, matched: Matched) -> None:
        """Say how often the boundary matches, and which start would."""
        paint = paints(self.app.current_theme)
        styles = {True: paint.bar, False: paint.severity["error"], None: paint.muted}
        glyph = {True: "✓ ", False: "✗ ", None: ""}[matched.good]
        text = Text(f"{glyph}{matched.text}", styles[matched.good], end="", no_wrap=True)
        self.better = matched.better
        if matched.better is not None:
            # The key comes first: in a narrow form the marker behind it is cut.
            text.append(f"  {key_of('form.take', getattr(self.app, 'keys', {}))} takes ", paint.muted)
            text.append(visible(as_typed(matched.better)), paint.accent)
        self._verdict.update(text)


class BoundaryForm(Vertical):
    """A form that calls `edited` with every change of a field; `show` sets the values of the recipe."""

    BORDER_TITLE = "boundaries"
    ALLOW_MAXIMIZE = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("form")]

    def __init__(self, edited: Callable[[FieldEdit], None], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._edited = edited
        self.count = 0
        self._wanted: Path | None = None
        self._unread = False
        self._matched: Sequence[Matched] = ()

    def compose(self) -> ComposeResult:
        """Knobs, rows, what is wrong."""
        with Horizontal(classes="knob"):
            yield Static("roles_to_train", classes="name")
            yield TextField(ROLES, hint="default: assistant")
        with Horizontal(classes="knob"):
            yield Static("train_on_eos", classes="name")
            yield CycleField(EOS, ("turn", "all", "last", "none"), "turn")
        with Horizontal(classes="knob of-text-path"):
            yield Static("train_on_eot", classes="name")
            yield CycleField(EOT, (AS_EOS, "turn", "all", "last", "none"), AS_EOS)
        with Horizontal(classes="knob of-text-path"):
            yield Static("eot_tokens", classes="name")
            yield TextField(EOT_TOKENS, hint="default: the EOS token")
        with Horizontal(classes="knob"):
            yield Static("train_on_inputs", classes="name")
            yield CycleField(INPUTS, (False, True), False)
        yield VerticalScroll(id="rows", can_focus=False)
        yield Static(id="form-note", markup=False)

    def show(
        self,
        document: Document,
        problem: BenchError | None,
        *,
        built_in: str = "",
        text_path: str = "",
        dataset: int = 0,
    ) -> None:
        """Show what the recipe holds and what is wrong with it.

        `built_in`: the strategy whose boundaries axolotl uses where the recipe has none. `text_path` is the recipe's
        path where that reads no boundaries: they are greyed, and its own keys shown. `dataset` is the one that is
        shown: the text path reads its own keys, the collator those of the first for every dataset.
        """
        self._unread = bool(text_path)
        rows = document.get((BOUNDARIES,))
        rows = rows if isinstance(rows, list) else []
        self.count = len(rows)
        scroll = self.query_one("#rows")
        present = list(scroll.query(BoundaryFields))
        if len(rows) != len(present):
            for row in present[len(rows) :]:
                row.remove()
            scroll.mount_all(BoundaryFields(index) for index in range(len(present), len(rows)))
            again = partial(self.show, built_in=built_in, text_path=text_path, dataset=dataset)
            self.call_after_refresh(again, document, problem)
            self.call_after_refresh(lambda: self.judge(self._matched))
        for knob in self.query(".of-text-path"):
            knob.display = self._unread
        for field in self.fields:
            if field.path[0] == "datasets":
                field.path = ("datasets", dataset if self._unread else 0, field.path[-1])
            # Without a dataset there is no entry that these could stand in.
            field.disabled = (field.path[0] == "datasets" and not document.get(field.path[:2])) or (
                field.path[0] == BOUNDARIES and self._unread
            )
            field.show(document.get(field.path))
        self.disabled = document.error is not None
        rule = "" if self._unread or not dataset else f"datasets[{dataset}] is shown, and datasets[0] rules: "
        self._say(problem, rows, built_in, text_path, rule)
        self._go()

    def judge(self, matched: Sequence[Matched]) -> None:
        """Say of every boundary what it matches in the shown row."""
        self._matched = matched
        for card, one in zip(self.query(BoundaryFields), matched, strict=False):
            card.judge(one)

    @property
    def fields(self) -> list[TextField | CycleField]:
        """Every field, in the order of tab."""
        return [field for field in self.query("TextField, CycleField") if isinstance(field, (TextField, CycleField))]

    def _say(self, problem: BenchError | None, rows: list[Any], built_in: str, text_path: str, rule: str) -> None:
        paint, text = paints(self.app.current_theme), Text(end="")
        keys = getattr(self.app, "keys", {})
        add, remove, switch, family, infer = (
            key_of(name, keys) for name in ("form.add", "form.remove", "edit.form", "edit.family", "edit.infer")
        )
        if problem is not None:
            text.append(f"✗ {visible(problem.title)}", paint.severity["error"])
            for more in (problem.cause, problem.hint):
                text.append(f"\n{advice(self, more)}" if more else "", paint.muted)
        elif text_path:
            text.append(f"{visible(text_path)}: ", paint.strong)
            text.append("role_boundaries are not read; the keys above decide.", paint.muted)
        elif rule:
            text.append(rule, paint.severity["warning"])
            text.append("axolotl reads roles_to_train and train_on_eos of the first entry alone.", paint.muted)
        elif not rows:
            ruling = f"axolotl uses those of {built_in}." if built_in else "everything is trained."
            text.append(f"The recipe has no role_boundaries: {ruling} ", paint.severity["warning"])
            text.append(f"{add} adds one, {family} writes the family's, {infer} infers them.", paint.muted)
        else:
            text.append(add, paint.accent).append(" adds a boundary   ", paint.muted)
            text.append(remove, paint.accent).append(" removes it   ", paint.muted)
            text.append(switch, paint.accent).append(" as text", paint.muted)
        self.query_one("#form-note", Static).update(text)

    # Where the cursor is

    @property
    def path(self) -> Path:
        """The path of the field in focus, or of the boundaries."""
        focused = self.screen.focused
        return focused.path if isinstance(focused, (TextField, CycleField)) else (BOUNDARIES,)

    def go(self, path: Path) -> None:
        """Go to the field of a path, or to the first of that boundary, as soon as it is there."""
        self._wanted = path
        self._go()

    def _go(self) -> None:
        if self._wanted is None:
            return
        fields = [field for field in self.fields if not field.disabled]
        found = [field for field in fields if field.path[: len(self._wanted)] == self._wanted]
        if found or len(self._wanted) == 1 or (self._unread and self._wanted[0] == BOUNDARIES):
            self._wanted = None
            (found or fields)[0].focus()

    # Editing

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if isinstance(event.input, TextField):
            self._edited(FieldEdit(event.input.path, event.input.read))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next()

    def change(self, pick: CycleField) -> None:
        """Give a pick its next value."""
        pick.focus()
        following = pick.following
        self._edited(FieldEdit(pick.path, None if following == AS_EOS else following))

    def action_change(self) -> None:
        """The next value of the field in focus, where it has a few."""
        if isinstance(focused := self.screen.focused, CycleField):
            self.change(focused)

    def action_add(self) -> None:
        """Another boundary, for a role that has none; nothing where boundaries are not read."""
        if self._unread:
            return
        taken = {field.value for field in self.query(TextField) if field.path[-1] == "role"}
        role = next((role for role in _USUAL_ROLES if role not in taken), "")
        place: Path = (BOUNDARIES, self.count)
        self.go((*place, "start"))
        self._edited(FieldEdit(place, {"role": role, "start": ""}))

    def action_remove(self) -> None:
        """The boundary of the field in focus."""
        path = self.path
        if len(path) > 1 and path[0] == BOUNDARIES:
            index = int(path[1])
            self.go((BOUNDARIES, max(0, min(index, self.count - 2))) if self.count > 1 else (BOUNDARIES,))
            self._edited(FieldEdit((BOUNDARIES, index), None))

    def action_take(self) -> None:
        """Take the start that the template writes, for the boundary of the field in focus."""
        path = self.path
        cards = list(self.query(BoundaryFields))
        if len(path) > 1 and path[0] == BOUNDARIES and int(path[1]) < len(cards):
            better = cards[int(path[1])].better
            if better is not None:
                self._edited(FieldEdit((BOUNDARIES, path[1], "start"), better))

    def action_up(self) -> None:
        self._move(-1)

    def action_down(self) -> None:
        self._move(1)

    def _move(self, step: int) -> None:
        """To the same field of another row; among the knobs and from them, to the one that stands there."""
        lines = [list(line.query("TextField, CycleField")) for line in self.query(".knob, .line")]
        focused = self.screen.focused
        place = next((number for number, line in enumerate(lines) if focused in line), None)
        if place is None or focused is None or not 0 <= place + step < len(lines):
            return
        line = lines[place + step]
        line[min(lines[place].index(focused), len(line) - 1)].focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.add_class("-focused")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.remove_class("-focused")


def default_of(path: Path) -> Any:
    """The value that axolotl uses where the recipe has none at a path."""
    return _FLAGS.get(str(path[-1]), "turn" if path[-1] == EOS[-1] else False if path == INPUTS else None)
