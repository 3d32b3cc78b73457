"""An action of the app: its name, keys, command and help."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

Scope = str
"""`app`, `loading`, the name of a screen, or the id of a pane of a screen."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do. `hint` is its name in the footer; without one it is not shown there.

    `id` is what a key map would name it by; it must not change. Keys are Textual's names or single characters.
    """

    id: str
    keys: tuple[str, ...]
    command: str
    title: str
    help: str
    group: str
    scope: Scope
    hint: str = ""
    palette: bool = True

    @property
    def binding(self) -> Binding:
        """The key binding."""
        return Binding(",".join(self.keys), self.command, self.title, show=False, id=self.id)

    @property
    def key_text(self) -> str:
        """The keys as a person reads them."""
        return "  ".join(KEY_TEXT.get(key, key) for key in self.keys)

    @property
    def first_key(self) -> str:
        """The key that the footer names."""
        return KEY_TEXT.get(self.keys[0], self.keys[0])


KEY_TEXT = {
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "full_stop": ".",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "escape": "esc",
    "equals_sign": "=",
    "minus": "-",
    "plus": "+",
}
