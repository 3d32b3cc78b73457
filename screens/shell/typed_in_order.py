"""Keys of a field that write no letter, done where they stand among the letters.

Textual lets a letter be written by the field itself, and brings any other key through the field, its panes and the
screen to the app, which finds what it is bound to. Of keys that come in one burst, as `empty`, five backspaces and
`data`, the letters would be written first, and the backspaces would take away the wrong ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.binding import Binding
from textual.widget import Widget


def keys_of(field: type[Widget]) -> dict[str, str]:
    """The actions of Textual's own keys of a kind of field."""
    return {binding.key: binding.action for binding in Binding.make_bindings(field.BINDINGS)}


async def do_in_order(field: Widget, event: events.Key, keys: Mapping[str, str]) -> None:
    """Do the action of a key at once, where the field has one."""
    action = keys.get(event.key)
    if action is not None and not event.is_printable:
        event.stop()
        event.prevent_default()
        await field.app.run_action(action, field)
