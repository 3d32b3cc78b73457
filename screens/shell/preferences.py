"""The settings that the app keeps for every recipe: how it looks at the start, and how many rows the checks look at.

They are in `settings.json` of the state. Each is one of a few values; "" is the one without a setting: what a recipe's
screens showed the last time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from screens.shell.theme_names import CONTRAST_NAME, DARK_NAME, LIGHT_NAME, TERMINAL_NAME
from workbench.paths import state_dir

_NAME = "settings.json"
LEFT = "as it was left"
CHOICES: dict[str, dict[str, str]] = {
    "theme": {
        "": LEFT,
        DARK_NAME: "dark",
        LIGHT_NAME: "light",
        CONTRAST_NAME: "high contrast",
        TERMINAL_NAME: "the terminal's own colours",
    },
    "lens": {"": LEFT, "mask": "mask", "owner": "owner", "disagreement": "disagreement"},
    "spaces": {"": LEFT, "shown": "shown as dots", "hidden": "blank"},
    "pictures": {"": LEFT, "shown": "shown", "hidden": "hidden"},
    "panes": {"": LEFT, "own": "as the window's size has them"},
    "screen": {"": LEFT, "inspect": "inspect"},
    "rows": {"": "every row", "sample": "2,000 at most, from everywhere"},
}
"""The values of each setting, with their names."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """The settings, each by one of its values in `CHOICES`."""

    theme: str = ""
    lens: str = ""
    spaces: str = ""
    pictures: str = ""
    panes: str = ""
    screen: str = ""
    rows: str = ""

    def over(self, known: dict[str, Any]) -> dict[str, Any]:
        """The state of a recipe's screens that was kept, with these settings before it."""
        found = dict(known)
        for name in ("theme", "lens", "screen"):
            if value := getattr(self, name):
                found[name] = value
        for name in ("spaces", "pictures"):
            if value := getattr(self, name):
                found[name] = value == "shown"
        if self.panes:
            found.pop("panes", None)
        return found


def settings_file() -> Path:
    """The file of the settings."""
    return state_dir() / _NAME


def preferences() -> Preferences:
    """The settings that are kept; without those that cannot be read, or are none of their values."""
    try:
        found = json.loads(settings_file().read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return Preferences()
    known = found if isinstance(found, dict) else {}
    values = {one.name: known.get(one.name) for one in fields(Preferences)}
    return Preferences(
        **{name: value for name, value in values.items() if isinstance(value, str) and value in CHOICES[name]}
    )


def prefer(name: str, value: str) -> Preferences:
    """Keep another value of a setting, and give all of them.

    Raises:
        OSError: it cannot be written.
    """
    from workbench.recipe.yaml.document import write_atomically

    changed = replace(preferences(), **{name: value})
    file = settings_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps({key: one for key, one in asdict(changed).items() if one}).encode())
    return changed
