"""The screens of the workbench, in the order of their number keys: a line here and a file make a screen.

Textual keeps the screens that were made, under the names given here. This list holds what Textual has no place for.
The file holds a subclass of `screens.shell.base_screen.WorkbenchScreen`, or of Textual's screen with the same
constructor (`bench`, `background`) and a `SCOPES`. It is imported when it is first shown. Its keys are actions in
`screens.keys.actions` with its name as their scope.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A screen: the class that draws it as `module:Class`, its purpose in one sentence, other words for it."""

    source: str
    help: str
    words: str = ""

    def load(self) -> Any:
        """The class. Imports the screen's module."""
        module, _, name = self.source.partition(":")
        return getattr(import_module(module), name)


SCREENS = {
    "inspect": Entry(
        "screens.inspect.screen:InspectScreen", "Every token of a row, and the recipe beside it.", "tokens mask"
    ),
    "checks": Entry(
        "screens.checks:ChecksScreen", "What is wrong with the recipe, the template and all rows.", "lint findings"
    ),
    "model": Entry(
        "screens.model:ModelScreen", "The towers of the model: frozen, adapted, refused; memory.", "lora adapters"
    ),
    "overfit": Entry(
        "screens.overfit:OverfitScreen", "A short run that proves the recipe can learn.", "train run loss"
    ),
    "export": Entry("screens.export:ExportScreen", "The recipe for the full run, with its evidence.", "write yaml"),
    "audit": Entry("screens.audit:AuditScreen", "Every row of every data set, by several processes: causes, budget."),
    "trainers": Entry("screens.trainers:TrainersScreen", "The same rows under several trainers, and why they differ."),
}
