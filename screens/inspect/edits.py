"""Edits of the recipe on the inspect screen: typing, the form, fixes, the family's and the inferred boundaries.

The visible row is masked anew at every keystroke, here; its findings, the other rows and whatever needs the model again
follow on the background thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.timer import Timer

from screens.inspect.boundaries_panel import matches_of
from screens.inspect.boundary_form import BOUNDARIES, FieldEdit, Matched, default_of
from screens.inspect.context import InspectContext
from screens.inspect.panes import PaneLayout
from screens.inspect.rows import RowReader
from screens.inspect.tokens import Tokens
from screens.keys.spoken import keyed
from screens.shell.dialogs import ConfirmDialog
from screens.shell.fix_trials import FixTrials
from screens.shell.worker import Kind
from workbench.errors import BenchError
from workbench.recipe.completion import Markers
from workbench.views.row_view import remasked
from workbench.views.template_markers import template_markers

if TYPE_CHECKING:
    from workbench.findings import Finding
    from workbench.infer.search import Inference
    from workbench.recipe.schema import Schema

_CHECK_SECONDS = 0.15
_SETTLE_SECONDS = 0.6
_PROVED_ON = 8
"""So many rows of the user's own are boundaries proved on that are inferred here."""


class RecipeEdits:
    """The part of the inspect screen that edits the recipe and shows what an edit did."""

    def __init__(self, context: InspectContext, layout: PaneLayout, tokens: Tokens, rows: RowReader) -> None:
        self._context = context
        self._layout, self._tokens, self._rows = layout, tokens, rows
        self._editor, self._form = context.panes.editor, context.panes.form
        self._editor.completing.known = self._known
        self._markers: tuple[object, Markers] = None, Markers()
        self._fixes = FixTrials(context.screen, context.background)
        self._soon: Timer | None = None
        self._later: Timer | None = None
        self.followed = ""
        self._against = context.editing.compared_masking

    # Following an edit

    def follow_others(self) -> None:
        """Follow what another screen has edited meanwhile."""
        text = self._context.editing.document.text
        if not self.followed:
            self.followed = text
        elif text != self.followed or self._context.editing.compared_masking != self._against:
            # A save changes no letter, but what changes are shown against.
            self._context.screen.follow()

    def typed(self, text: str) -> None:
        """Take the text of the editor, and show what it does."""
        editing = self._context.editing
        editing.type(text, keep=False)
        self._context.screen.follow()
        self._context.screen.call_after_refresh(editing.keep)

    def follow(self) -> None:
        """Show what the last edit did: at once for the visible row, soon for all the rest."""
        context, editor = self._context, self._editor
        editing = context.editing
        context.background.hold(_CHECK_SECONDS)
        self.followed = editing.document.text
        if self._form.display:
            self._show_form()
        editor.show(self.followed)
        editor.say(editing.problem)
        against, self._against = self._against, editing.compared_masking
        if editing.problem is not None and against == self._against:
            context.show_status()
            return
        changed = None
        if context.view is not None:
            if editing.problem is None:
                context.view = remasked(context.view, context.bench)
            changed = context.change(context.view)
            context.panes.grid.remask(context.view, changed)
        context.show_boundaries(changed)
        self.judge()
        if context.view is not None:
            self._tokens.show()
        context.show_status()
        for timer in (self._soon, self._later):
            if timer is not None:
                timer.stop()
        stale, screen = editing.problem is None and editing.stale, context.screen
        self._soon = None if stale else screen.set_timer(_CHECK_SECONDS, self._rows.check_again)
        self._later = screen.set_timer(_SETTLE_SECONDS, self._settle) if stale else None

    def _settle(self) -> None:
        self._context.background.submit(Kind.APPLY, self._settling())

    def _settling(self) -> Iterator[None]:
        problem: BenchError | None = None
        try:
            self._context.editing.reload_changes()
        except BenchError as wrong:
            problem = wrong
        self._context.tell(self.settled, problem)
        yield

    def settled(self, problem: BenchError | None) -> None:
        """Show the recipe as the bench has read it again, or why it could not."""
        context, editing = self._context, self._context.editing
        if editing.stale:
            # The text was edited, or an edit undone, while the bench read it.
            self._later = context.screen.set_timer(_SETTLE_SECONDS, self._settle)
        if problem is not None:
            editing.problem = problem
            self._editor.say(problem)
            context.show_status()
            return
        context.panes.samples.open(context.bench.rows.known_length, context.row)
        self._rows.check_again()

    # The text

    def _known(self) -> tuple[Schema, Markers]:
        """The keys of the release that the bench goes by, and the markers that the template wrote in this row."""
        view = self._context.view
        if view is not None and self._markers[0] is not view.rendering:
            self._markers = view.rendering, template_markers(view.rendering, view.trace, view.roles)
        return self._context.bench.axolotl.schema, self._markers[1]

    def complete(self) -> None:
        """Offer what may stand at the cursor of the editor."""
        self._editor.completing.open(asked=True)

    def open_text(self) -> None:
        """Open the editor at the boundaries, or go into it."""
        screen, editor = self._context.screen, self._editor
        screen.remove_class("-form")
        self._form.display = False
        first = not editor.display
        screen.add_class("-editing")
        editor.display = True
        self._brief(True)
        screen.set_focus(editor.area)
        if first:
            document = self._context.editing.document
            editor.show(document.text)
            editor.go(document.line(("role_boundaries",), key=True)[0])

    def go(self, line: int, column: int) -> None:
        """Open the editor at a place of the text."""
        self.open_text()
        self._editor.go(line, column)

    def close(self) -> None:
        """Close text and form; the recipe stays as it is."""
        self._context.screen.remove_class("-form", "-editing")
        self._form.display = self._editor.display = False
        self._brief(False)
        self._context.panes.grid.focus()

    def _brief(self, brief: bool) -> None:
        panel = self._context.panes.boundaries
        panel.brief = brief
        panel.draw()
        self._layout.open_panes()

    # The form

    def switch_form(self) -> None:
        """The form in the place of the text, or the text in the place of the form, at the same boundary."""
        form, editor = self._form, self._editor
        document = self._context.editing.document
        if form.display:
            path = form.path
            self.open_text()
            editor.go(document.line(path, key=True)[0])
            return
        line = editor.area.cursor_location[0] + 1
        self._context.screen.add_class("-editing", "-form")
        editor.display, form.display = False, True
        self._brief(True)
        self._show_form()
        begun = [index for index in range(form.count) if document.line((BOUNDARIES, index))[0] <= line]
        form.go((BOUNDARIES, begun[-1] if begun else 0) if form.count else (BOUNDARIES,))

    def draw(self) -> None:
        """Draw text and form anew, in the colours of another theme."""
        self._editor.draw()
        if self._form.display:
            self._show_form()

    def judge(self) -> None:
        """Mark the lines with findings; say in the form what each boundary matches here, and which start would."""
        context, view = self._context, self._context.view
        self._editor.mark([*context.findings, *context.bench.findings], context.bench.document.name)
        if not self._form.display or (view is not None and view.text is not None):
            return
        if view is None:
            self._form.judge([Matched("", None)] * self._form.count)
            return
        better = {
            edit.path: edit.value
            for finding in self._context.findings
            if finding.code == "M002" and finding.fix is not None
            for edit in finding.fix.edits
        }
        found = []
        for index, count in enumerate(matches_of(view)):
            good = count.of_role == count.turns if count.turns or count.matches else None
            text = f"0, covered by {count.covered}" if count.covered else f"{count.matches} of {count.turns}"
            start = better.get((BOUNDARIES, index, "start")) if good is False else None
            known = isinstance(start, str) and start != view.boundaries[index].start_text
            found.append(Matched(text, None if count.covered else good, start if known else None))
        self._form.judge(found)

    def edit_field(self, edited: FieldEdit) -> None:
        """Write the value of a field: an edit of the same text, in the same history."""
        editing, path, value = self._context.editing, edited.path, edited.value
        if value is not None and value == default_of(path) and editing.document.get(path) is None:
            return
        try:
            editing.set(path, value)
        except BenchError as problem:
            self._context.screen.notify_problem(problem)
        self._context.screen.follow()

    def _show_form(self) -> None:
        editing = self._context.editing
        path = self._context.bench.path
        text_path = path.title if path.kind == "text" else ""
        self._form.show(
            editing.document,
            editing.problem,
            built_in=self._built_in,
            text_path=text_path,
            dataset=int(self._context.bench.options["dataset"]),
        )
        self.judge()

    @property
    def _built_in(self) -> str:
        """The strategy whose own boundaries count; empty where the recipe's do."""
        bench = self._context.bench
        return "" if bench.recipe.effective_boundaries is not None else bench.strategy.name

    # Edits that the bench makes

    def fix(self) -> None:
        """Apply the fix of the finding under the cursor, or else of the worst whose fix does no harm."""
        context = self._context
        start, stop = context.panes.grid.at.covered
        fixable = [finding for finding in (*context.findings, *context.bench.findings) if finding.fix is not None]
        here = [
            finding
            for finding in fixable
            if finding.where.tokens and finding.where.tokens[0] < stop and start < finding.where.tokens[1]
        ]
        if not fixable:
            others = "{edit.infer} infers the boundaries, {edit.family} writes the family's"
            context.say(keyed(context.screen, f"No finding of this row has a fix; {others}"), 5)
            return
        self._fixes.apply_first(here or fixable)

    def fix_one(self, finding: Finding) -> None:
        """Apply the fix of one finding."""
        self._fixes.apply_first([finding])

    def write_family_boundaries(self) -> None:
        """Write the family's own boundaries into the recipe."""
        rows = self._context.editing.family_boundaries()
        if rows is None:
            text = "No boundaries are known for this model; {edit.infer} infers them"
            self._context.say(keyed(self._context.screen, text), 5)
            return
        self._write(rows, "the family's boundaries")

    def _write(self, rows: list[dict[str, object]], what: str) -> None:
        context = self._context
        try:
            context.editing.set_boundaries(rows)
        except BenchError as problem:
            context.screen.notify_problem(problem)
            return
        unread = f", which this recipe does not read ({context.bench.path.title})"
        unread = "" if context.bench.path.kind == "multimodal" else unread
        context.say(f"role_boundaries are now {what}{unread} ({keyed(context.screen, '{undo} undoes it')})", 5)
        context.screen.follow()

    def infer(self) -> None:
        """Find boundaries from the template alone, and show what was proved before they are written."""
        self._context.say("Inferring from the chat template…", 4)
        self._context.background.submit(Kind.INFER, self._inferring())

    def _inferring(self) -> Iterator[None]:
        bench = self._context.bench
        try:
            found = bench.infer(bench.head(_PROVED_ON))
        except BenchError as problem:
            self._context.tell(self.settled, problem)
        else:
            self._context.tell(self._inferred, found)
        yield

    def _inferred(self, found: Inference) -> None:
        from workbench.views.infer import infer_text

        bench = self._context.bench
        roles = bench.recipe.roles_to_train
        proved = found.verified_for(roles)
        note = (
            ""
            if proved
            else f"Not everything could be proved for {', '.join(roles)}: read the report before you agree."
        )
        body = infer_text(found, bench.title, bench.rows.name)

        def agreed(yes: bool | None) -> None:
            if yes:
                self._write(found.role_boundaries, "the inferred ones")

        agree = "writes them into the recipe" if found.role_boundaries else ""
        dialog = ConfirmDialog("inferred boundaries", body, agree=agree, note=note, diff=False)
        self._context.screen.app.push_screen(dialog, agreed)
