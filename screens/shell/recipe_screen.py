"""Base of every screen that edits the recipe: undo, redo, save."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.notifications import SeverityLevel

from screens.keys.spoken import advice, keyed
from screens.shell.beneath import Beneath
from screens.shell.dialogs import Choice, ChoiceDialog, ConfirmDialog
from screens.shell.path_dialog import PathDialog
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.path_choices import is_recipe
from workbench.recipe.yaml.document import diff_of
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.editing.session import Editing


class RecipeScreen(Beneath):
    """A screen with an `editing`; `follow` shows what an edit did."""

    editing: Editing
    JOBS: ClassVar[Collection[Kind]] = ()
    """The kinds of its jobs that go over all rows: while it is in view they come before those of other screens."""

    def follow(self) -> None:
        """Show what the last edit did."""

    def notify_problem(self, problem: BenchError, what: str = "") -> None:
        """Say why something could not be done; `what` says what did not come of it."""
        place = f"{problem.where}: " if problem.where else ""
        text = advice(self, f"{what}{place}{problem.title}. {problem.cause} {problem.hint}")
        self.notify(text, severity="error", timeout=8, markup=False)

    def action_undo_edit(self) -> None:
        """Take back the last edit of the recipe, whoever made it."""
        if self.editing.undo():
            self.follow()
        else:
            self.notify("Nothing to undo", timeout=2)

    def action_redo_edit(self) -> None:
        """Make an undone edit again."""
        if self.editing.redo():
            self.follow()
        else:
            self.notify("Nothing to redo", timeout=2)

    def action_save(self) -> None:
        """Show what would be written, and write it."""
        editing = self.editing
        if editing.document.error is not None:
            self.notify_problem(editing.document.error, "Not saved (the unsaved text is kept): ")
            return
        if editing.file is None:
            self.app.push_screen(
                PathDialog("save the recipe as", hint="a path, for example recipe.yaml", fits=is_recipe),
                partial(_save_as, self),
            )
            return
        diff = editing.pending()
        if not diff and not editing.changed_outside():
            self.notify("Nothing to save", timeout=2)
            return
        if editing.changed_outside():
            _resolve_conflict(self, editing.on_disk())
            return

        def agreed(yes: bool | None) -> None:
            if yes:
                self._save(None)

        title = f"save {editing.file.name}"
        self.app.push_screen(ConfirmDialog(title, diff, agree="writes it"), agreed)

    # Unsaved edits of an earlier session

    def offer_left(self) -> None:
        """Offer edits that were never saved: keep or discard. They stay in the working copy until one is chosen."""
        editing = self.editing
        left = editing.unsaved()
        name = visible(Path(editing.document.name).name)
        told = [f"Older unsaved edits of another vlmbench were moved to {file}." for file in editing.set_aside]
        if process := editing.open_elsewhere:
            text = f"{name} is also open in another vlmbench (process {process}). Unsaved edits of the two are kept "
            told.insert(0, f"{text}apart; whoever saves second is shown what the first saved.")
        if told:
            severity: SeverityLevel = "warning" if process else "information"
            self.notify(visible(" ".join(told)), severity=severity, timeout=15, markup=False)
        if left is None:
            return
        mine = ("against the file", diff_of(editing.document.text, left.text, name))
        views, note = [mine], ""
        if editing.changed_since(left):
            note = "The file was changed meanwhile."
            views += [
                ("what they changed", diff_of(left.opened, editing.document.text, name)),
                ("what you changed", diff_of(left.opened, left.text, name)),
            ]
        keep = "keep yours; nothing is written before {save}" if note else "continue with them; {undo} undoes them"
        choices = [
            Choice("m" if note else "k", "mine" if note else "keep", keyed(self, keep)),
            Choice(
                "t" if note else "d",
                "theirs" if note else "discard",
                "continue with the file; your edits are kept as a copy",
            ),
        ]

        def chosen(answer: str | None) -> None:
            if answer == choices[1].answer:
                kept = editing.discard(left)
                text = (
                    f"Your edits are kept in {kept}"
                    if kept is not None
                    else "No copy of your edits could be written; they stay where they are"
                )
                self.notify(visible(text), timeout=8, markup=False)
                return
            editing.restore(left)
            self.notify(keyed(self, "Your edits are back; {save} saves them"), timeout=6, markup=False)
            self.follow()

        text = f"Edited on {left.when.astimezone():%d %B at %H:%M}, and never saved."
        self.app.push_screen(
            ChoiceDialog(f"unsaved edits of {name}", text, views, choices, note=note, leave="keeps yours"), chosen
        )

    def _save(self, path: Path | None) -> None:
        try:
            target = self.editing.save(path)
        except BenchError as problem:
            self.notify_problem(problem)
            return
        # An error of an attempt before this one is none any more.
        self.app.clear_notifications()
        told = [f"Saved {target}"]
        if self.editing.plugin_file is not None:
            told.append(f"Also wrote {self.editing.plugin_file.name} beside the recipe: axolotl needs it to start")
        told += [f"The other version is kept in {file}" for file in self.editing.set_aside]
        seconds = 4 if len(told) == 1 else 15 if self.editing.set_aside else 8
        self.notify(visible(". ".join(told)), timeout=seconds, markup=False)
        self.follow()


def _resolve_conflict(screen: RecipeScreen, theirs: str | None) -> None:
    """Ask which text to keep where the file changed since it was opened."""
    editing = screen.editing
    assert editing.file is not None
    name = visible(editing.file.name)
    mine, opened = editing.document.text, editing.opened
    views = [
        ("against the file", diff_of(theirs or "", mine, name)),
        ("what they changed", diff_of(opened, theirs or "", name)),
        ("what you changed", diff_of(opened, mine, name)),
    ]
    choices = [
        Choice("m", "mine", "overwrite the file; theirs is kept as a copy"),
        Choice("t", "theirs", "continue with theirs; undo brings yours back"),
    ]
    gone = (
        "The file does not exist any more."
        if theirs is None
        else "Another program or person changed the file since it was opened."
    )

    def chosen(answer: str | None) -> None:
        if answer == "mine":
            screen._save(None)
        elif answer == "theirs":
            editing.take_file_text()
            screen.notify(f"Loaded {name} as it is on disk (undo brings your text back)", timeout=6, markup=False)
            screen.follow()

    dialog = ChoiceDialog(
        f"save {name}",
        "The file and your text were both changed." if editing.document.dirty else "You have no unsaved changes.",
        views, choices if theirs is not None else choices[:1], note=gone, leave="leaves both as they are",
    )  # fmt: skip
    screen.app.push_screen(dialog, chosen)


def _save_as(screen: RecipeScreen, path: str | None) -> None:
    if not path or not path.strip():
        return
    target = Path(path).expanduser()
    if not target.exists():
        screen._save(target)
        return

    def agreed(yes: bool | None) -> None:
        if yes:
            screen._save(target)

    old = target.read_text("utf-8", "replace") if target.is_file() else ""
    diff = screen.editing.document.diff(old) or "(the file has the same text)"
    screen.app.push_screen(ConfirmDialog(f"overwrite {target.name}", diff, agree="overwrites it"), agreed)
