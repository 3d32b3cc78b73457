"""The form over the recipe: every edit of a field is an edit of the same YAML text, in the same history."""

from __future__ import annotations

from screens.inspect.boundary_form import BOUNDARIES, BoundaryForm, Edited, default_of
from screens.inspect.editing import Edits
from workbench.errors import BenchError


class Forms(Edits):
    """What an inspect screen does with the form; it stands where the text stands, one of the two at a time."""

    _form: BoundaryForm

    def action_form(self) -> None:
        """The form in the place of the text, or the text in the place of the form, at the same boundary."""
        form, editor = self._form, self._editor
        document = self.editing.document
        if form.display:
            path = form.path
            self.action_edit()
            editor.go(document.line(path, key=True)[0])
            return
        line = editor.area.cursor_location[0] + 1
        self.add_class("-editing", "-form")
        editor.display, form.display = False, True
        self._brief(True)
        self._show_form()
        begun = [index for index in range(form.count) if document.line((BOUNDARIES, index))[0] <= line]
        form.go((BOUNDARIES, begun[-1] if begun else 0) if form.count else (BOUNDARIES,))

    def action_edit(self) -> None:
        """Open the text."""
        self.remove_class("-form")
        self._form.display = False
        super().action_edit()

    def action_leave_editor(self) -> None:
        """Close text and form."""
        self.remove_class("-form")
        self._form.display = False
        super().action_leave_editor()

    def follow(self) -> None:
        """Show what the last edit did, in the form too."""
        super().follow()
        if self._form.display:
            self._show_form()

    def _show_form(self) -> None:
        editing = self.editing
        built_in = "" if self.bench.recipe.effective_boundaries is not None else self.bench.strategy.name
        self._form.show(editing.document, editing.problem, built_in=built_in)

    def edit_field(self, edited: Edited) -> None:
        """Write the value of a field."""
        document, path, value = self.editing.document, edited.path, edited.value
        if value is not None and value == default_of(path) and document.get(path) is None:
            return
        try:
            self.editing.set(path, value)
        except BenchError as problem:
            self.refused(problem)
        self.follow()
