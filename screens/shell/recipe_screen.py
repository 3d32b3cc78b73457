"""Base of every screen that edits the recipe: undo, redo, save."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from screens.guard.faults import Guarded
from screens.shell.dialogs import Choice, ChoiceDialog, ConfirmDialog, InputDialog
from workbench.errors import BenchError
from workbench.recipe.yaml.document import diff_of
from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.editing.session import Editing


class RecipeScreen(Guarded, Screen[None]):
    """A screen with an `editing`; `follow` shows what an edit did."""

    editing: Editing

    def follow(self) -> None:
        """Show what the last edit did."""

    def notify_problem(self, problem: BenchError, what: str = "") -> None:
        """Say why something could not be done; `what` says what did not come of it."""
        text = visible(f"{what}{problem.title}. {problem.cause} {problem.hint}")
        self.notify(text, severity="error", timeout=8, markup=False)

    def action_undo_edit(self) -> None:
        """Take back the last edit of the recipe, whoever made it."""
        if self.editing.undo():
            # What was said of an edit, "u undoes it", holds no longer.
            self.app.clear_notifications()
            self.follow()
        else:
            self.notify("Nothing to undo", timeout=2)

    def action_redo_edit(self) -> None:
        """Make an undone edit again."""
        if self.editing.redo():
            self.follow()
        else:
            self.notify("Nothing to do again", timeout=2)

    def action_save(self) -> None:
        """Show what would be written, and write it."""
        editing = self.editing
        if editing.document.error is not None:
            self.notify_problem(editing.document.error, "Not saved (unsaved text is kept all the same): ")
            return
        if editing.file is None:
            self.app.push_screen(
                InputDialog("save the recipe as", hint="a path, for example recipe.yaml"), self._save_as
            )
            return
        diff = editing.pending()
        if not diff and not editing.changed_outside():
            self.notify("Nothing to save", timeout=2)
            return
        if editing.changed_outside():
            self._choose_a_side(editing.on_disk())
            return

        def agreed(yes: bool | None) -> None:
            if yes:
                self._save(None)

        title = f"save {editing.file.name}"
        self.app.push_screen(ConfirmDialog(title, diff, agree="writes it"), agreed)

    def _choose_a_side(self, theirs: str | None) -> None:
        """The file is another one than was opened: which of the two is to be kept?"""
        editing = self.editing
        assert editing.file is not None
        name = visible(editing.file.name)
        mine, opened = editing.document.text, editing.opened
        views = [
            ("against the file", diff_of(theirs or "", mine, name)),
            ("what they changed", diff_of(opened, theirs or "", name)),
            ("what you changed", diff_of(opened, mine, name)),
        ]
        choices = [
            Choice("m", "mine", "write yours over it; theirs is set aside"),
            Choice("t", "theirs", "go on with theirs; undo brings yours back"),
        ]
        gone = "It is not there any more." if theirs is None else "Somebody else wrote to it since it was opened."

        def chosen(answer: str | None) -> None:
            if answer == "mine":
                self._save(None)
            elif answer == "theirs":
                editing.take_theirs()
                self.notify(f"{name} as it is on disk (undo brings your text back)", timeout=6, markup=False)
                self.follow()

        dialog = ChoiceDialog(
            f"save {name}", "Both of you changed it." if editing.document.dirty else "You changed nothing.",
            views, choices if theirs is not None else choices[:1], note=gone, leave="leaves both as they are",
        )  # fmt: skip
        self.app.push_screen(dialog, chosen)

    # What was left the last time

    def offer_left(self) -> None:
        """Offer edits that were never saved: keep or discard. They stay in the working copy until one is chosen."""
        editing = self.editing
        left = editing.left()
        name = visible(Path(editing.document.name).name)
        if process := editing.open_elsewhere:
            text = f"{name} is open in another bench too (process {process}). Unsaved edits of the two are kept apart; "
            text += "whoever saves second sees what the first wrote."
            self.notify(visible(text), severity="warning", timeout=15, markup=False)
        for file in editing.set_aside:
            self.notify(visible(f"Older edits of another bench are set aside as {file}"), timeout=15, markup=False)
        if left is None:
            return
        mine = ("against the file", diff_of(editing.document.text, left.text, name))
        views, note = [mine], ""
        if editing.meanwhile(left):
            note = "The file was changed meanwhile."
            views += [
                ("what they changed", diff_of(left.opened, editing.document.text, name)),
                ("what you changed", diff_of(left.opened, left.text, name)),
            ]
        keep = "go on with yours; nothing is written before ctrl+s" if note else "go on with them; u takes them away"
        choices = [
            Choice("m" if note else "k", "mine" if note else "keep", keep),
            Choice("t" if note else "d", "theirs" if note else "discard", "go on with the file; yours are set aside"),
        ]

        def chosen(answer: str | None) -> None:
            if answer == choices[1].answer:
                kept = editing.discard(left)
                text = f"Set aside as {kept}" if kept is not None else "They could not be set aside, and stay"
                self.notify(visible(text), timeout=8, markup=False)
                return
            editing.restore(left)
            self.notify("Your edits are back; ctrl+s saves them", timeout=6)
            self.follow()

        text = f"Edited on {left.when.astimezone():%d %B at %H:%M}, and never saved."
        self.app.push_screen(
            ChoiceDialog(f"unsaved edits of {name}", text, views, choices, note=note, leave="keeps yours"), chosen
        )

    def _save_as(self, path: str | None) -> None:
        if not path or not path.strip():
            return
        target = Path(path).expanduser()
        if not target.exists():
            self._save(target)
            return

        def agreed(yes: bool | None) -> None:
            if yes:
                self._save(target)

        old = target.read_text("utf-8", "replace") if target.is_file() else ""
        diff = self.editing.document.diff(old) or "(it holds the same text)"
        self.app.push_screen(ConfirmDialog(f"overwrite {target.name}", diff, agree="overwrites it"), agreed)

    def _save(self, path: Path | None) -> None:
        try:
            target = self.editing.save(path)
        except BenchError as problem:
            self.notify_problem(problem)
            return
        self.notify(visible(f"Saved {target}"), timeout=4, markup=False)
        if self.editing.put_beside is not None:
            text = f"Wrote {self.editing.put_beside.name} beside it: axolotl needs it to start"
            self.notify(visible(text), timeout=8, markup=False)
        for file in self.editing.set_aside:
            self.notify(visible(f"What they wrote is set aside as {file}"), timeout=15, markup=False)
        self.follow()
