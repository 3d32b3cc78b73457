"""The half of the inspect screen that edits: typing, fixes, undo, inference, comparing, saving.

The visible row is masked anew at every keystroke, here; its findings, the other rows and whatever needs the model again
follow on the background thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.timer import Timer

from screens.guard.faults import contained, on
from screens.inspect.boundaries_panel import BoundariesPanel
from screens.inspect.messages import EditsSettled, InferenceReady
from screens.inspect.recipe_editor import RecipeEditor, RecipeText
from screens.inspect.row_list import SamplesList
from screens.shell.dialogs import Agree
from screens.shell.mending import Mending
from screens.shell.worker import Background, Kind
from screens.token_grid.grid import TokenGrid
from screens.token_grid.row_view import RowView
from workbench.bench import Bench
from workbench.editing.session import Change
from workbench.errors import BenchError
from workbench.findings import Finding
from workbench.tokens.parts import refine

if TYPE_CHECKING:
    from workbench.infer.search import Inference

_CHECK_SECONDS = 0.15
_SETTLE_SECONDS = 0.6


class Edits(Mending):
    """What an inspect screen does with the recipe; the screen itself has the rows."""

    bench: Bench
    _background: Background
    _grid: TokenGrid
    _editor: RecipeEditor
    _panel: BoundariesPanel
    _view: RowView | None
    _findings: list[Finding]
    _row: int
    _soon: Timer | None = None
    _later: Timer | None = None
    _followed = ""

    if TYPE_CHECKING:
        # The inspect screen has these.
        def show_row(self, index: int) -> None: ...
        def _update_status(self) -> None: ...
        def open_panes(self) -> None: ...
        def show_token(self) -> None: ...

    @contained
    def on_screen_resume(self) -> None:
        """Come to the front: another screen may have edited the recipe."""
        if self.editing.document.text != self._followed and self._followed:
            self.follow()

    # Following an edit

    def typed(self, text: str) -> None:
        """Take the text of the editor, and show what it does."""
        self.editing.type(text, keep=False)
        self.follow()
        self.call_after_refresh(self.editing.keep)

    def follow(self) -> None:
        """Show what the last edit did: at once for the visible row, soon for all the rest."""
        editing, editor = self.editing, self._editor
        self._background.hold(_CHECK_SECONDS)
        self._followed = editing.document.text
        editor.show(self._followed)
        editor.say(editing.problem)
        if editing.problem is not None:
            self._update_status()
            return
        if self._view is not None:
            self._view = self._remasked(self._view)
            changed = self.changed(self._view)
            self._grid.remask(self._view, changed)
            self._panel.show(self._view, changed)
            self.show_token()
        self._update_status()
        for timer in (self._soon, self._later):
            if timer is not None:
                timer.stop()
        stale = editing.stale
        self._soon = None if stale else self.set_timer(_CHECK_SECONDS, self._check_again)
        self._later = self.set_timer(_SETTLE_SECONDS, self._settle) if stale else None

    def _remasked(self, view: RowView) -> RowView:
        masking = self.bench.masking
        ids = view.rendering.input_ids
        mask = masking.scan(ids)
        if view.wishes and not self.bench.recipe.multimodal:
            mask = refine(mask, view.trace, ids, view.wishes, masking.train_on_eos)
        return replace(
            view,
            mask=mask,
            boundaries=masking.boundaries,
            roles_to_train=masking.roles_to_train,
            train_on_eos=masking.train_on_eos,
            built_in="" if self.bench.recipe.effective_boundaries is not None else self.bench.strategy.name,
        )

    def changed(self, view: RowView) -> Change | None:
        """What is different from the saved recipe, or from the one compared with; None where nothing can be."""
        return self.editing.change(view.rendering.input_ids, view.mask.keep)

    def _check_again(self) -> None:
        self.show_row(self._row)
        self.query_one(SamplesList).forget()

    def _settle(self) -> None:
        self._background.submit(Kind.APPLY, self._settling())

    def _settling(self) -> Iterator[None]:
        problem: BenchError | None = None
        try:
            self.editing.settle()
        except BenchError as wrong:
            problem = wrong
        self._tell(EditsSettled(problem))
        yield

    def _tell(self, message: EditsSettled | InferenceReady) -> None:
        try:
            self.post_message(message)
        except RuntimeError:
            self._background.check()

    @on(EditsSettled)
    def _settled(self, message: EditsSettled) -> None:
        if message.problem is not None:
            self.editing.problem = message.problem
            self._editor.say(message.problem)
            self._update_status()
            return
        samples = self.query_one(SamplesList)
        samples.open(self.bench.rows.known_length, self._row)
        samples.forget()
        self.show_row(self._row)

    # Actions

    def action_edit(self) -> None:
        """Open the editor at the boundaries, or go into it."""
        editor = self._editor
        first = not editor.display
        self.add_class("-editing")
        editor.display = True
        self._brief(True)
        self.set_focus(editor.area)
        if first:
            editor.show(self.editing.document.text)
            editor.go(self.editing.document.line(("role_boundaries",), key=True)[0])

    def action_leave_editor(self) -> None:
        """Close the editor; the text stays as it is."""
        self.remove_class("-editing")
        self._brief(False)
        self._editor.display = False
        self._grid.focus()

    def _brief(self, brief: bool) -> None:
        panel = self._panel
        panel.brief = brief
        panel.draw()
        self.open_panes()

    @on(RecipeText.UndoWanted)
    def _undo_wanted(self, event: RecipeText.UndoWanted) -> None:
        self.action_redo_edit() if event.again else self.action_undo_edit()

    def action_fix(self) -> None:
        """Apply the fix of the finding under the cursor, or else of the worst whose fix does no harm."""
        start, stop = self._grid.covered
        fixable = [one for one in (*self._findings, *self.bench.findings) if one.fix is not None]
        here = [
            one for one in fixable if one.where.tokens and one.where.tokens[0] < stop and start < one.where.tokens[1]
        ]
        if not fixable:
            self.notify("No finding here has a fix; I infers the boundaries, D writes the family's", timeout=5)
            return
        self.mend_first(here or fixable, self._background)

    def action_family_boundaries(self) -> None:
        """Write the family's own boundaries into the recipe."""
        rows = self.editing.family_boundaries()
        if rows is None:
            self.notify("The bench knows no boundaries for this model; let it infer them (I)", timeout=5)
            return
        self._write(rows, "the family's boundaries")

    def _write(self, rows: list[dict[str, object]], what: str) -> None:
        try:
            self.editing.set_boundaries(rows)
        except BenchError as problem:
            self.refused(problem)
            return
        self.notify(f"role_boundaries are now {what} (u undoes it)", timeout=5, markup=False)
        self.follow()

    def action_infer(self) -> None:
        """Find boundaries from the template alone, and show what was proved before they are written."""
        self.notify("Inferring from the chat template…", timeout=4)
        self._background.submit(Kind.INFER, self._inferring())

    def _inferring(self) -> Iterator[None]:
        from workbench.infer.search import infer

        loaded = self.bench.loaded
        rows = [row.conversation.messages for row in self.bench.head(8) if row.error is None]
        try:
            found = infer(
                self.bench.renderer,
                loaded.tokenizer,
                generation_config=loaded.generation_config,
                rows=rows,
                sample=self.bench.data_is_sample,
            )
        except BenchError as problem:
            self._tell(EditsSettled(problem))
        else:
            self._tell(InferenceReady(found))
        yield

    @on(InferenceReady)
    def _inferred(self, message: InferenceReady) -> None:
        from workbench.views.infer import infer_text

        found: Inference = message.found
        roles = self.bench.recipe.roles_to_train
        proved = found.verified_for(roles)
        note = "" if proved else f"Not everything could be proved for {', '.join(roles)}: read what stands below."
        body = infer_text(found, self.bench.title, self.bench.rows.name)

        def agreed(yes: bool | None) -> None:
            if yes:
                self._write(found.role_boundaries, "the inferred ones")

        agree = "writes them into the recipe" if found.role_boundaries else ""
        self.app.push_screen(Agree("inferred boundaries", body, agree=agree, note=note, diff=False), agreed)
