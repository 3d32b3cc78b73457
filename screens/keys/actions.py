"""Every action of the app, declared once. Key bindings, footer, help, palette and key map are made from this list.

An action runs the method `action_<name>` of its `scope`: the app, a screen, or a pane of that screen. A
screen's own actions have the screen's name as their scope, a pane's its id.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding

from screens.keys.action import Action, Scope
from screens.keys.screen_registry import SCREENS

__all__ = ["ACTIONS", "Action", "Scope", "bindings", "groups", "hints", "together"]

_TOKENS, _EDIT, _ROWS, _PANES = map(Binding.Group, ("Tokens", "Recipe", "Rows", "Panes"))
_CHECKS, _MODEL, _OVERFIT, _EXPORT, _AUDIT = map(Binding.Group, ("Checks", "Model", "Overfit run", "Export", "Audit"))
_TRAINERS = Binding.Group("Trainers")
_BENCH = Binding.Group("Workbench")
_SCREENS = Binding.Group("Screens")


def _undo_and_redo(name: str, scope: Scope, *, hint: str = "") -> list[Action]:
    """The keys of the recipe's history on a screen. Where letters are typed, in a field, the second ones do it."""
    return [
        Action(
            "u,ctrl+z", "undo_edit", "Undo", id=f"{name}.undo", group=_EDIT, scope=scope, hint=hint,
            tooltip="Take back the last edit of the recipe, whichever screen made it.",
        ),
        Action(
            "U,ctrl+y", "redo_edit", "Redo", id=f"{name}.redo", group=_EDIT, scope=scope,
            tooltip="Make an undone edit again.",
        ),
    ]  # fmt: skip


def _save(name: str, scope: Scope) -> Action:
    """The key that saves the recipe from a screen."""
    return Action(
        "ctrl+s", "save", "Save the recipe", id=f"{name}.save", group=_EDIT, scope=scope, hint="save",
        tooltip="Show what changed, and write it to the file that was opened.",
    )  # fmt: skip


def _next_pane(id: str, scope: Scope, tooltip: str, hint: str = "") -> Action:
    """The key that goes from pane to pane of a screen."""
    return Action(
        "tab", "app.focus_next", "Next pane", id=id, group=_PANES, scope=scope, hint=hint, palette=False,
        tooltip=tooltip,
    )  # fmt: skip


def _to_pane(pane: str, key: str, command: str, title: str, tooltip: str) -> Action:
    """A key that goes straight to a pane of the inspect screen, from another one or from the text that is typed.

    Terminals send the same for alt+b and alt+f as for a word left and right.
    """
    return Action(
        key, f"part('{command}')", title, id=f"panes.to-{pane}", group=_PANES, scope="inspect", tooltip=tooltip,
        words="focus pane jump", priority=True,
    )  # fmt: skip


def _move(id: str, key: str, move: str, title: str, tooltip: str, group: Binding.Group = _TOKENS) -> Action:
    """A key that moves the cursor of a pane; `move` are the arguments of the pane's `action_move`."""
    scope = id.partition(".")[0]
    return Action(key, f"move({move})", title, id=id, group=group, scope=scope, palette=False, tooltip=tooltip)


def _leave(name: str, scope: Scope, title: str, tooltip: str) -> Action:
    """The key that goes from editor or form back to the tokens."""
    return Action(
        "escape", "screen.part('edits.close')", title, id=f"{name}.leave", group=_EDIT, scope=scope, hint="tokens",
        palette=False, tooltip=tooltip,
    )  # fmt: skip


_OTHER_SCREENS: tuple[Action, ...] = (
    Action(
        "enter", "step", "To what is missing", id="export.step", group=_EXPORT, scope="export", hint="missing step",
        tooltip="Go to the screen where the first missing step can be done.",
    ),
    Action(
        "w", "write", "Write it", id="export.write", group=_EXPORT, scope="export", hint="write",
        tooltip="Ask for a path and write it.",
    ),
    Action(
        "a", "axolotl", "Ask axolotl", id="export.axolotl", group=_EXPORT, scope="export", hint="ask axolotl",
        tooltip="Name the Python of the environment that will train: its axolotl is asked, which proves it green.",
        words="trainer python proven green",
    ),
    Action(
        "r", "again", "Refresh", id="export.again", group=_EXPORT, scope="export",
        tooltip="Prove again what can be proven.",
    ),
    *_undo_and_redo("export", "export"),
    _next_pane("export.panes", "export", "Between what is proven and the file."),
    Action(
        "r", "start", "Run", id="overfit.start", group=_OVERFIT, scope="overfit", hint="run",
        tooltip="Train on a few rows in a process of its own, and judge it.", words="train learn overfit start",
    ),
    Action(
        "enter", "next", "What follows from the verdict", id="overfit.next", group=_OVERFIT, scope="overfit",
        hint="next step", tooltip="After a pass the export; else what the first finding means.",
        words="verdict explain",
    ),
    Action(
        "c", "cancel", "Cancel the run", id="overfit.cancel", group=_OVERFIT, scope="overfit", hint="cancel",
        tooltip="End it now.",
    ),
    Action(
        "plus", "scale_steps(2)", "More steps", id="overfit.more", group=_OVERFIT, scope="overfit",
        tooltip="Twice as many.",
    ),
    Action(
        "minus", "scale_steps(0.5)", "Fewer steps", id="overfit.fewer", group=_OVERFIT, scope="overfit",
        tooltip="Half as many.",
    ),
    Action(
        "[", "step_run(1)", "Run before", id="overfit.older", group=_OVERFIT, scope="overfit", hint="older",
        tooltip="Show an older run of this recipe.",
    ),
    Action(
        "]", "step_run(-1)", "Run after", id="overfit.newer", group=_OVERFIT, scope="overfit",
        tooltip="Show a newer run.",
    ),
    *_undo_and_redo("overfit", "overfit"),
    Action(
        "C", "compare", "Compare with the run before",
        id="overfit.compare", group=_OVERFIT, scope="overfit", hint="compare",
        tooltip="Both curves, what was measured side by side, and what was changed in the recipe between them.",
    ),
    Action(
        "e", "targets", "Edit the targets", id="model.targets", group=_MODEL, scope="model", hint="targets",
        tooltip="A pattern, names in brackets, or all-linear; what they reach follows every letter.",
    ),
    Action(
        "f", "fix", "Apply a fix", id="model.fix", group=_MODEL, scope="model", hint="fix",
        tooltip="Apply the fix of the first finding that has one.",
    ),
    Action(
        "space", "unfold", "Unfold or fold", id="model.unfold", group=_MODEL, scope="model", hint="unfold",
        tooltip="Show the kinds of modules of the tower under the cursor.",
    ),
    *_undo_and_redo("model", "model", hint="undo"),
    _save("model", "model"),
    Action(
        "escape", "leave", "Back to the towers", id="model.leave", group=_MODEL, scope="model", palette=False,
        tooltip="From the field of the targets.",
    ),
    _next_pane("model.panes", "model", "Between the towers and what is beside them."),
    Action(
        "enter,o", "visit", "To the place", id="checks.visit", group=_CHECKS, scope="checks", hint="to the place",
        tooltip="Go to the token or the line of the recipe that the finding is about.",
    ),
    Action(
        "f", "fix", "Apply the fix", id="checks.fix", group=_CHECKS, scope="checks", hint="fix",
        tooltip="Apply the fix of this finding and check again.",
    ),
    Action(
        "F", "fix_all", "Apply all fixes", id="checks.fix-all", group=_CHECKS, scope="checks", hint="fix all",
        tooltip="Apply every fix that goes together with the others, and check again.",
    ),
    Action(
        "n", "step_place(1)", "Next place", id="checks.next-place", group=_CHECKS, scope="checks", hint="place",
        tooltip="The next row or line with this finding.",
    ),
    Action(
        "N", "step_place(-1)", "Previous place", id="checks.previous-place", group=_CHECKS, scope="checks",
        tooltip="The row or line before.",
    ),
    *_undo_and_redo("checks", "checks", hint="undo"),
    _save("checks", "checks"),
    Action(
        "r", "check_again", "Check again", id="checks.again", group=_CHECKS, scope="checks",
        tooltip="Check the recipe and every row from the beginning.",
    ),
    Action(
        "escape", "stop", "Stop the check", id="checks.stop", group=_CHECKS, scope="checks",
        tooltip="End the check; what was found so far stays.",
    ),
    _next_pane("checks.panes", "checks", "Between the findings and what explains them."),
    Action(
        "r", "start", "Audit every row", id="audit.start", group=_AUDIT, scope="audit", hint="audit",
        tooltip="In processes of its own, from where an audit of this recipe was left.",
    ),
    Action(
        "escape", "stop", "Stop the audit", id="audit.stop", group=_AUDIT, scope="audit", hint="stop",
        tooltip="What is known so far is kept; {audit.start} goes on from there.",
    ),
    Action(
        "enter,o", "visit", "To the row", id="audit.visit", group=_AUDIT, scope="audit", hint="to the row",
        tooltip="Open the example that is marked on the inspect screen.",
    ),
    Action(
        "n", "next_place", "Next example", id="audit.next-place", group=_AUDIT, scope="audit", hint="example",
        tooltip="The next row of this cause, of the first ten.",
    ),
    Action(
        "N", "previous_place", "Previous example", id="audit.previous-place", group=_AUDIT, scope="audit",
        tooltip="The row before.",
    ),
    *_undo_and_redo("audit", "audit"),
    _next_pane("audit.panes", "audit", "Between the causes and what there is to say of one."),
    Action(
        "r", "start", "Ask the trainers", id="trainers.start", group=_TRAINERS, scope="trainers", hint="ask",
        tooltip="Ask each trainer that is at hand what it would train of the first rows, in its own Python.",
    ),
    Action(
        "escape", "stop", "Ask no further trainer", id="trainers.stop", group=_TRAINERS, scope="trainers", hint="stop",
        tooltip="The trainer that is asked now answers to its end; what is known stays.",
    ),
    Action(
        "enter,o", "visit", "To the row", id="trainers.visit", group=_TRAINERS, scope="trainers", hint="to the row",
        tooltip="Open the row that is marked on the inspect screen.",
    ),
    *_undo_and_redo("trainers", "trainers"),
    _next_pane("trainers.panes", "trainers", "Between the rows and their lanes."),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = (
    _leave("edit", "editor", "Close the editor", "Back to the tokens; the text stays as it is."),
    Action(
        "ctrl+space,ctrl+@", "screen.part('edits.complete')", "Complete", id="editor.complete", group=_EDIT,
        scope="editor", hint="complete", palette=False,
        tooltip="What may stand at the cursor: axolotl's keys and words, the markers of the template. It opens by "
        "itself behind a letter; tab takes, up and down choose.",
    ),
    _leave("form", "form", "Close the form", "Back to the tokens; the recipe stays as it is."),
    Action(
        "e", "part('edits.open_text')", "Edit the recipe",
        id="edit.open", group=_EDIT, scope="inspect", hint="edit", rank=2,
        tooltip="Open the recipe's YAML at its role boundaries; the mask follows every keystroke.",
    ),
    Action(
        "f", "part('edits.fix')", "Apply a fix", id="edit.fix", group=_EDIT, scope="inspect", hint="fix", rank=1,
        tooltip="Apply the fix of the finding under the cursor, or of the worst that has one.",
    ),
    Action(
        "]", "part('tokens.next_edge')", "Next mask edge",
        id="grid.next-edge", group=_TOKENS, scope="inspect", hint="edge",
        tooltip="Go to the next token where training begins or ends.",
    ),
    Action(
        "[", "part('tokens.previous_edge')", "Previous mask edge",
        id="grid.previous-edge", group=_TOKENS, scope="inspect",
        tooltip="Go back to the last token where training began or ended.",
    ),
    Action(
        "}", "part('tokens.next_message')", "Next message",
        id="grid.next-turn", group=_TOKENS, scope="inspect", hint="message", words="turn",
        tooltip="Go to the first token of the next message.",
    ),
    Action(
        "{", "part('tokens.previous_message')", "Previous message",
        id="grid.previous-turn", group=_TOKENS, scope="inspect", words="turn",
        tooltip="Go to the first token of this message, or of the one before.",
    ),
    Action(
        "minus", "part('tokens.fold_message')", "Fold the message", id="grid.fold", group=_TOKENS, scope="inspect",
        tooltip="Fold the message under the cursor to one line with its counts, or unfold it; what "
        "{grid.next-finding}, a search or a click goes to unfolds.",
        words="collapse expand turn unfold hide",
    ),
    Action(
        "underscore", "part('tokens.fold_all')", "Fold all messages", id="grid.fold-all", group=_TOKENS,
        scope="inspect", tooltip="Fold every message to one line; where all are folded, unfold them.",
        words="collapse expand turns unfold outline overview",
    ),
    Action(
        "J", "part('rows.next')", "Next row", id="rows.next", group=_ROWS, scope="inspect", hint="row",
        tooltip="Show the next row of the data.",
    ),
    Action(
        "K", "part('rows.previous')", "Previous row", id="rows.previous", group=_ROWS, scope="inspect",
        tooltip="Show the row before.",
    ),
    Action(
        "n", "part('findings.next')", "Next finding",
        id="grid.next-finding", group=_TOKENS, scope="inspect", hint="finding", rank=1,
        tooltip="Go to the next finding of the row, then on to the next row that has one, round all rows.",
    ),
    Action(
        "F,f4", "part('edits.switch_form')", "Form or text", id="edit.form", group=_EDIT, scope="inspect", hint="form",
        tooltip="Edit the boundaries and mask knobs in a form, or go on in the text: both are of the same recipe.",
    ),
    _save("edit", "inspect"),
    Action(
        "N", "part('findings.previous')", "Previous finding",
        id="grid.previous-finding", group=_TOKENS, scope="inspect",
        tooltip="Go back to the finding before, and to the row before.",
    ),
    Action(
        "full_stop", "part('tokens.toggle_spaces')", "Show or hide spaces",
        id="grid.spaces", group=_TOKENS, scope="inspect", hint="spaces",
        tooltip="Draw every space as a dot.",
    ),
    Action(
        "slash", "part('search.ask_search')", "Search this row",
        id="grid.search", group=_TOKENS, scope="inspect", hint="search",
        tooltip="Find text, ids (#107 2604) or a role (role:assistant); down and up go from match to match.",
    ),
    Action(
        "greater_than_sign,f3", "part('search.next_match')", "Next match",
        id="grid.next-match", group=_TOKENS, scope="inspect",
        tooltip="Go to the next place that the search found.",
    ),
    Action(
        "less_than_sign,shift+f3", "part('search.previous_match')", "Previous match",
        id="grid.previous-match", group=_TOKENS, scope="inspect",
        tooltip="Go back to the place that the search found before.",
    ),
    Action(
        "y,ctrl+c", "part('tokens.copy_text')", "Copy the text", id="grid.copy", group=_TOKENS, scope="inspect",
        tooltip="Of the selected tokens, or of the one under the cursor.",
    ),
    Action(
        "Y", "part('tokens.copy_ids')", "Copy the ids", id="grid.copy-ids", group=_TOKENS, scope="inspect",
        tooltip="Of the selected tokens, or of the one under the cursor.",
    ),
    Action(
        "P", "part('tokens.copy_program')", "Copy a program", id="grid.copy-program", group=_TOKENS, scope="inspect",
        tooltip="A few lines of Python that show the mask of these messages again, without model or data.",
    ),
    Action(
        "ctrl+f", "part('search.ask_filter')", "Filter the rows", id="rows.filter", group=_ROWS, scope="inspect",
        hint="filter", rank=4,
        tooltip="List only rows with some words, numbers or findings, in an order: tokens>2000 M001 sort:-share.",
        words="sort order search rows find pictures tokens loss share",
    ),
    Action(
        "asterisk", "part('filtering.clear')", "List every row", id="rows.all", group=_ROWS, scope="inspect",
        tooltip="Take filter and order away; the next question for a filter begins with this one.",
        words="clear filter reset unfilter all rows sort order",
    ),
    Action(
        "O", "part('filtering.pick')", "Pick filter, order and columns", id="rows.pick", group=_ROWS, scope="inspect",
        hint="pick", rank=5,
        tooltip="A dialog with the fields of the filter, the codes that were found, the order, and the list's columns.",
        words="sort filter order columns picker rows choose dialog role source media",
    ),
    Action(
        "colon", "part('search.ask_row')", "Go to a row", id="rows.jump", group=_ROWS, scope="inspect",
        tooltip="Show the row of a number.",
    ),
    Action(
        "l", "part('tokens.next_lens')", "Change the lens", id="grid.lens", group=_TOKENS, scope="inspect", hint="lens",
        tooltip="Colour tokens by mask, owner, where the two disagree, or, after a run, by loss.",
    ),
    *_undo_and_redo("edit", "inspect"),
    Action(
        "I", "part('edits.infer')", "Infer the boundaries", id="edit.infer", group=_EDIT, scope="inspect",
        tooltip="Find them from the chat template, prove them, and offer them.",
    ),
    Action(
        "D", "part('edits.write_family_boundaries')", "Boundaries of the family",
        id="edit.family", group=_EDIT, scope="inspect",
        tooltip="Put the boundaries that the bench knows for this family into the recipe.",
    ),
    Action(
        "C", "part('comparison.ask')", "Compare with another recipe", id="edit.compare", group=_EDIT, scope="inspect",
        tooltip="Show the tokens that another recipe, or this one before its edits, trains and this one does not, and "
        "the other way round; in all rows too.",
        words="changed changes saved before after effect difference diff all rows",
    ),
    Action(
        "alt+c", "part('comparison.leave')", "Stop comparing", id="edit.stop-comparing", group=_EDIT, scope="inspect",
        tooltip="Show changes against this recipe as it was saved again, and not against another one.",
        words="leave end close comparison other recipe",
    ),
    Action(
        "c", "part('conversion.ask')", "Convert the rows", id="rows.convert", group=_ROWS, scope="inspect",
        tooltip="Make messages with typed parts of rows of another shape; three rows are shown before and after.",
    ),
    Action(
        "ctrl+n,f7", "add", "Add a boundary", id="form.add", group=_EDIT, scope="form", hint="add",
        tooltip="In the form, for another role.",
    ),
    Action(
        "f2", "take", "Take the start that is there", id="form.take", group=_EDIT, scope="form",
        tooltip="In the form, where a boundary matches nothing and the template writes another start.",
    ),
    Action(
        "f8", "remove", "Remove the boundary", id="form.remove", group=_EDIT, scope="form", hint="remove",
        tooltip="The one with the cursor.",
    ),
    Action(
        "space", "change", "Next value", id="form.change", group=_EDIT, scope="form", palette=False,
        tooltip="In the form: of a field that has only a few.",
    ),
    Action(
        "up", "up", "Field above", id="form.up", group=_EDIT, scope="form", palette=False,
        tooltip="In the form.",
    ),
    Action(
        "down", "down", "Field below", id="form.down", group=_EDIT, scope="form", palette=False,
        tooltip="In the form.",
    ),
    Action(
        "ctrl+z", "screen.undo_edit", "Undo in the form", id="form.undo", group=_EDIT, scope="form", palette=False,
        tooltip="Take back the last edit of the recipe.",
    ),
    Action(
        "ctrl+y", "screen.redo_edit", "Do again in the form", id="form.redo", group=_EDIT, scope="form", palette=False,
        tooltip="Make an undone edit again.",
    ),
    _move("grid.left", "left", "'left'", "Token before", "Move by one token."),
    _move("grid.right", "right", "'right'", "Token after", "Move by one token."),
    _move("grid.up", "up", "'up'", "Line above", "Move by one line."),
    _move("grid.down", "down", "'down'", "Line below", "Move by one line."),
    _move("grid.home", "home", "'line_start'", "Start of the line", "Move within the line."),
    _move("grid.end", "end", "'line_end'", "End of the line", "Move within the line."),
    _move("grid.page-up", "pageup", "'page_up'", "Page up", "Move by one page."),
    _move("grid.page-down", "pagedown", "'page_down'", "Page down", "Move by one page."),
    Action(
        "g,ctrl+home", "move('first')", "First token", id="grid.first", group=_TOKENS, scope="grid",
        tooltip="Go to the row's first token.",
    ),
    Action(
        "G,ctrl+end", "move('last')", "Last token", id="grid.last", group=_TOKENS, scope="grid",
        tooltip="Go to the row's last token.",
    ),
    Action(
        "space", "unfold", "Unfold or fold media", id="grid.unfold", group=_TOKENS, scope="grid",
        tooltip="Show every token of the picture, sound or film under the cursor, or make it one chip again; "
        "a folded message unfolds.",
    ),
    Action(
        "enter", "unfold(True)", "Explain the finding", id="grid.explain", group=_TOKENS, scope="grid",
        tooltip="The page of the finding under the tokens; a picture is opened, a sound or film unfolds.",
    ),
    _move(
        "grid.select-left", "shift+left", "'left', True", "Select back",
        "Select one token more or less; a drag of the mouse selects too.",
    ),
    _move("grid.select-right", "shift+right", "'right', True", "Select on", "Select one token more or less."),
    _move("grid.select-up", "shift+up", "'up', True", "Select a line back", "Select up to the line above."),
    _move("grid.select-down", "shift+down", "'down', True", "Select a line on", "Select down to the line below."),
    _move("grid.select-home", "shift+home", "'line_start', True", "Select to line start", "Select within the line."),
    _move("grid.select-end", "shift+end", "'line_end', True", "Select to line end", "Select within the line."),
    Action(
        "v", "select('turn')", "Select the message", id="grid.select-turn", group=_TOKENS, scope="grid",
        tooltip="Select the message under the cursor; once more, the whole row.",
    ),
    Action(
        "escape", "screen.part('findings.leave')", "Select nothing", id="grid.select-none", group=_TOKENS, scope="grid",
        palette=False,
        tooltip="Drop the selection, the marks of the search, the filter or a comparison; ends a search for rows.",
    ),
    _move("samples.up", "up", "'up'", "Row above", "Show the row before.", _ROWS),
    _move("samples.down", "down", "'down'", "Row below", "Show the next row.", _ROWS),
    _move("samples.page-up", "pageup", "'page_up'", "A page up", "Go up by one page of rows.", _ROWS),
    _move("samples.page-down", "pagedown", "'page_down'", "A page down", "Go down by one page of rows.", _ROWS),
    Action(
        "home,g", "move('first')", "First row", id="samples.first", group=_ROWS, scope="samples",
        tooltip="Show the first row of the list.",
    ),
    Action(
        "end,G", "move('last')", "Last row", id="samples.last", group=_ROWS, scope="samples",
        tooltip="Show the last row that is known.",
    ),
    Action(
        "o", "part('filtering.next_order')", "Sort the rows", id="samples.sort", group=_ROWS, scope="inspect",
        hint="sort", words="order share tokens pictures loss code worst", rank=4,
        tooltip="The worst finding first, by share, tokens, pictures, loss (after a run), or as the data has them.",
    ),
    Action(
        "escape", "screen.part('findings.leave')", "Stop searching", id="samples.stop-search", group=_ROWS,
        scope="samples", palette=False, tooltip="End a search for rows, and keep what was found. Once more: every row.",
    ),
    Action(
        "escape", "part('findings.leave')", "Stop what goes on", id="rows.stop", group=_ROWS, scope="inspect",
        palette=False, tooltip="End a search for rows, or a conversion, from whichever pane.",
    ),
    Action(
        "enter", "screen.part('findings.open_row')", "To the tokens",
        id="samples.open", group=_ROWS, scope="samples", palette=False,
        tooltip="Go to the tokens of this row; where it has none, explain why.",
    ),
    _next_pane("panes.next", "inspect", "Move between the panes; shift+tab goes back.", hint="panes"),
    _to_pane("samples", "alt+s", "layout.to_samples", "To the samples", "The list of rows, shown where it was hidden."),
    _to_pane("tokens", "alt+t", "layout.to_tokens", "To the tokens", "From any other pane, which stays open."),
    _to_pane(
        "boundaries", "alt+r", "layout.to_boundaries", "To the boundaries",
        "The role boundaries, or the form over them; they are shown where they were hidden.",
    ),
    _to_pane("editor", "alt+e", "edits.open_text", "To the editor", "The recipe's text, opened where it was closed."),
    _to_pane("findings", "alt+n", "layout.to_findings", "To the findings", "Of this row and of the recipe."),
    _to_pane(
        "picture", "alt+p", "pictures.focus", "To the picture",
        "Docked in a wide window, where enter shows it in full screen; else in full screen at once.",
    ),
    Action(
        "s", "part('layout.toggle_samples')", "Show or hide the samples",
        id="panes.samples", group=_PANES, scope="inspect", hint="rows", rank=3,
        tooltip="The list of rows on the left. A narrow window hides it at first.",
    ),
    Action(
        "b", "part('layout.toggle_boundaries')", "Show or hide the boundaries",
        id="panes.boundaries", group=_PANES, scope="inspect", hint="boundaries", rank=3,
        tooltip="The role boundaries and the findings on the right. A narrow window hides them at first.",
    ),
    Action(
        "t", "part('layout.toggle_token')", "Show or hide the token", id="panes.token", group=_PANES, scope="inspect",
        tooltip="What is said about the token under the cursor, below the tokens.",
    ),
    Action(
        "ctrl+right", "part('layout.wider')", "Make the pane wider", id="panes.wider", group=_PANES, scope="inspect",
        tooltip="The samples when they are in focus, else the right side. Edges can be dragged with the mouse too.",
    ),
    Action(
        "ctrl+left", "part('layout.narrower')", "Make the pane narrower",
        id="panes.narrower", group=_PANES, scope="inspect",
        tooltip="The samples when they are in focus, else the right side.",
    ),
    Action(
        "z", "part('layout.zoom')", "Only the tokens", id="panes.zoom", group=_PANES, scope="inspect",
        tooltip="Hide every other pane, or bring them back.",
    ),
    Action(
        "p", "part('pictures.toggle')", "Show or hide pictures",
        id="grid.picture", group=_TOKENS, scope="inspect",
        tooltip="The picture of the message under the cursor, docked in a wide window, else beside its chip.",
        words="image photo preview dock",
    ),
    Action(
        "i", "part('pictures.enlarge')", "Picture in full screen",
        id="grid.enlarge", group=_TOKENS, scope="inspect",
        tooltip="The picture of the message under the cursor over the whole window, with the boxes of the answers.",
        words="image photo zoom boxes grounding",
    ),
    *_OTHER_SCREENS,
    Action(
        "r", "retry", "Try again", id="load.retry", group=_BENCH, scope="loading", hint="try again",
        tooltip="Load the model and the data again.",
    ),
    *(
        Action(
            str(number), f"show_screen('{name}')", f"Screen: {name}",
            id=f"screen.{name}", group=_SCREENS, scope="app", tooltip=screen.help, words=screen.words,
        )
        for number, (name, screen) in enumerate(SCREENS.items(), 1)
    ),
    Action(
        "f1,question_mark", "help", "Help", id="app.help", group=_BENCH, scope="app", hint="help",
        tooltip="The keys of the pane in focus, then all others; type to search them.", words="keys manual shortcuts",
    ),
    Action(
        "ctrl+p", "command_palette", "Actions",
        id="app.palette", group=_BENCH, scope="app", hint="actions", palette=False, rank=0,
        tooltip="Find an action by its name.",
    ),
    Action(
        "T", "next_theme", "Change the theme", id="app.theme", group=_BENCH, scope="app",
        tooltip="Dark, light, high contrast, or the terminal's own colours.",
    ),
    Action(
        "comma,f6", "settings", "Settings", id="app.settings", group=_BENCH, scope="app",
        tooltip="Looks at the start, rows checked, the trainer's Python, what is kept and where; each with its source.",
        words="preferences options configuration theme state folder cache clear environment keymap",
    ),
    Action(
        "f10", "full_pane", "Pane over the whole window", id="app.full-pane", group=_BENCH, scope="app",
        tooltip="The pane in focus alone; once more, or esc, brings the others back.",
        words="maximize zoom full screen",
    ),
    Action(
        "f9", "screenshot", "Save a picture of the screen", id="app.screenshot", group=_BENCH, scope="app",
        tooltip="An SVG file in the working folder.", words="screenshot image svg copy",
    ),
    Action(
        "f12", "faults", "What went wrong", id="app.faults", group=_BENCH, scope="app",
        tooltip="What the workbench did not expect so far, and what to attach to a report.",
    ),
    Action(
        "M,alt+m", "messages", "Messages", id="app.messages", group=_BENCH, scope="app",
        tooltip="The last messages with their time, the newest first, to be searched and copied.",
        words="notifications said log history toast errors warnings read again",
    ),
    Action(
        "q,ctrl+q", "quit", "Quit", id="app.quit", group=_BENCH, scope="app", hint="quit",
        tooltip="Close the workbench; unsaved edits are kept for the next time.", words="exit leave end stop", rank=6,
    ),
)  # fmt: skip


PANES_OF = {"grid": "inspect", "samples": "inspect", "editor": "inspect", "form": "inspect"}
"""The screen of a pane."""


def together(scope: Scope, other: Scope) -> bool:
    """True where actions of two scopes can be used at the same time, so that they must not share a key."""
    above = [name for name in (scope, PANES_OF.get(scope, ""), "app") if name]
    below = [name for name in (other, PANES_OF.get(other, ""), "app") if name]
    return other in above or scope in below


def of_scopes(scopes: Iterable[Scope]) -> list[Action]:
    """The actions of some scopes, in the order declared."""
    wanted = set(scopes)
    return [action for action in ACTIONS if action.scope in wanted]


def bindings(scope: Scope) -> list[Binding]:
    """The key bindings of a scope."""
    return [*of_scopes((scope,))]


def hints(scopes: Iterable[Scope]) -> list[Action]:
    """The actions of the footer, in the order declared; the app's come last."""
    return [action for action in of_scopes(scopes) if action.show]


def groups(scopes: Iterable[Scope]) -> dict[str, list[Action]]:
    """The actions by heading, for the help screen."""
    found: dict[str, list[Action]] = {}
    for action in of_scopes(scopes):
        found.setdefault(action.heading, []).append(action)
    return found
