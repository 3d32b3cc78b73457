"""What every screen that edits the recipe can do with it: undo, redo, save."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from screens.dialogs import Agree, Ask
from workbench.errors import BenchError
from workbench.views.flow import visible

if TYPE_CHECKING:
    from workbench.editing import Editing


class Saving(Screen[None]):
    """A screen with an `editing`; `follow` shows what an edit did."""

    editing: Editing

    def follow(self) -> None:
        """Show what the last edit did."""

    def refused(self, problem: BenchError) -> None:
        """Say why something could not be done."""
        text = visible(f"{problem.title}. {problem.cause} {problem.hint}")
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
            self.notify("Nothing to do again", timeout=2)

    def action_save(self) -> None:
        """Show what would be written, and write it."""
        editing = self.editing
        if editing.document.error is not None:
            self.refused(editing.document.error)
            return
        if editing.file is None:
            self.app.push_screen(Ask("save the recipe as", hint="a path, for example recipe.yaml"), self._save_as)
            return
        diff = editing.pending()
        if not diff and not editing.changed_outside():
            self.notify("Nothing to save", timeout=2)
            return
        note = "The file was changed by somebody else since it was opened." if editing.changed_outside() else ""

        def agreed(yes: bool | None) -> None:
            if yes:
                self._save(None)

        title = f"save {editing.file.name}"
        self.app.push_screen(
            Agree(title, diff or "(no difference to what was opened)", agree="writes it", note=note), agreed
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
        self.app.push_screen(Agree(f"overwrite {target.name}", diff, agree="overwrites it"), agreed)

    def _save(self, path: Path | None) -> None:
        try:
            target = self.editing.save(path)
        except BenchError as problem:
            self.refused(problem)
            return
        self.notify(visible(f"Saved {target}"), timeout=4, markup=False)
        self.follow()
