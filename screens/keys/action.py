"""An action of the app: a key binding of Textual's, and the little that a binding has no place for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from textual.binding import Binding
from textual.keys import format_key

_NO_TEXT = re.compile(r"ctrl\+|alt\+|f\d+$")

Scope = str
"""`app`, `loading`, the name of a screen, or the id of a pane of a screen."""


@dataclass(frozen=True)
class Action(Binding):
    """A key binding that knows where it belongs.

    Of Textual's fields, `description` is the action's name in help and palette, `tooltip` the sentence beside it,
    `group` the heading in the help, and `id` the name in a user's key map, which must not change. `show` and
    `key_display` follow from `hint` and `key`, as long as nothing else is given.
    """

    scope: Scope = "app"
    """The part of the app that has the command, as its method `action_<command>`."""
    hint: str = ""
    """The action's short name in the footer; without one it is not shown there."""
    palette: bool = True
    """False for an action that nobody looks for by its name, such as one step of the cursor."""

    words: str = ""
    """Other words for it, which the palette and the search of the help find it by."""
    rank: int = 5
    """The place among the hints of a footer without room for all of them: the lowest stay."""

    def __post_init__(self) -> None:
        # A frozen dataclass has no other way to set what follows from its fields.
        object.__setattr__(self, "show", bool(self.hint))
        object.__setattr__(self, "key_display", self.key_display or key_text(self.keys[0]))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, as Textual's names or single characters."""
        return tuple(self.key.split(","))

    @property
    def typed_keys(self) -> tuple[str, ...]:
        """Those of its keys that write nothing where text is typed."""
        return tuple(key for key in self.keys if key == "escape" or _NO_TEXT.match(key))

    @property
    def deed(self) -> str:
        """The command without the place that has it: two actions of one deed may share a key."""
        return self.action.removeprefix("screen.")

    @property
    def heading(self) -> str:
        """The action's heading in the help."""
        return self.group.description if self.group is not None else ""

    def matches(self, query: str) -> int:
        """The fit of a query: 4 for whole words, 3 in the name, 2 in other words, 1 in the help, 0 not at all."""
        asked = query.casefold().split()
        places = (
            f"{self.description} {self.id or ''} {self.hint}", f"{self.words} {self.heading}",
            f"{self.tooltip} {self.keys_text}",
        )  # fmt: skip
        texts = [place.casefold() for place in places]
        if asked and set(asked) <= set(re.findall(r"\w+", f"{self.description} {self.words}".casefold())):
            return 4
        for score, count in ((3, 1), (2, 2), (1, 3)):
            if all(any(word in text for text in texts[:count]) for word in asked):
                return score
        return 0

    @property
    def keys_text(self) -> str:
        """All keys as a person reads them; `key_display` is the first."""
        return "  ".join(map(key_text, self.keys))


def key_text(key: str) -> str:
    """A key as a person reads it: `left` is ←, `f1` F1, `ctrl+left` stays."""
    if re.fullmatch(r"f\d+", key):
        return key.upper()
    return key if "+" in key or key == "enter" else format_key(key)
