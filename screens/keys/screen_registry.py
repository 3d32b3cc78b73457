"""The screens of the workbench: a line here and a file beside this one make a screen.

The file holds a subclass of `screens.shell.base_screen.WorkbenchScreen`, or of Textual's screen with the same
constructor (`bench`, `background`) and a `SCOPES`. It is imported when it is first shown. Its keys are actions in
`screens.keys.actions` with its name as their scope. A screen whose file is not there cannot be reached, and
nothing else changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A screen: its name (and scope), the class that draws it as `module:Class`, and what it is for."""

    name: str
    source: str
    help: str

    @property
    def module(self) -> str:
        """The module of the class."""
        return self.source.partition(":")[0]

    @property
    def there(self) -> bool:
        """Whether the screen can be shown."""
        return _there(self.module)

    def load(self) -> Any:
        """The class. Imports the screen's module."""
        return getattr(import_module(self.module), self.source.partition(":")[2])


SCREENS = (
    Entry("inspect", "screens.inspect.screen:InspectScreen", "Every token of a row, and the recipe beside it."),
    Entry("checks", "screens.checks:ChecksScreen", "What is wrong with the recipe, the template and all rows."),
    Entry("model", "screens.model:ModelScreen", "The towers of the model: frozen, adapted, refused; memory."),
    Entry("overfit", "screens.overfit:OverfitScreen", "A short run that proves the recipe can learn."),
    Entry("export", "screens.export:ExportScreen", "The recipe for the full run, with its evidence."),
)


@cache
def _there(module: str) -> bool:
    return find_spec(module) is not None


def entry(name: str) -> Entry:
    """The screen of a name; KeyError where there is none."""
    return {one.name: one for one in SCREENS}[name]
