"""Every action of the app, declared once: key bindings, footer, help and command palette are all made from this list.

An action's `command` is the method `action_<command>` of its `scope`: the app, a screen, or a pane of that screen. A
screen's own actions have the screen's name as their scope, a pane's its id.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding

from screens.keys.action import KEY_TEXT, Action, Scope
from screens.keys.screen_registry import SCREENS

__all__ = ["ACTIONS", "KEY_TEXT", "Action", "Scope", "bindings", "groups", "hints", "of_scope", "together"]

_TOKENS, _EDIT, _ROWS, _PANES, _SCREENS, _BENCH = "Tokens", "Recipe", "Rows", "Panes", "Screens", "Workbench"

_CHECKS, _MODEL, _OVERFIT, _EXPORT = "Checks", "Model", "Overfit run", "Export"

_OTHER_SCREENS: tuple[Action, ...] = (
    Action(
        "export.step", ("enter",), "step", "To what is missing",
        "Go to the screen where the first missing step can be done.", _EXPORT, "export", "missing step",
    ),
    Action("export.write", ("w",), "write", "Write it", "Ask for a path and write it.", _EXPORT, "export", "write"),
    Action("export.again", ("r",), "again", "Refresh", "Prove again what can be proven.", _EXPORT, "export"),
    Action(
        "export.panes", ("tab",), "app.focus_next", "Next pane", "Between what is proven and the file.",
        _PANES, "export", palette=False,
    ),
    Action(
        "overfit.start", ("r",), "start", "Run",
        "Train on a few rows in a process of its own, and judge it.", _OVERFIT, "overfit", "run",
    ),
    Action("overfit.cancel", ("c",), "cancel", "Cancel the run", "End it now.", _OVERFIT, "overfit", "cancel"),
    Action("overfit.more", ("plus",), "scale_steps(2)", "More steps", "Twice as many.", _OVERFIT, "overfit"),
    Action("overfit.fewer", ("minus",), "scale_steps(0.5)", "Fewer steps", "Half as many.", _OVERFIT, "overfit"),
    Action(
        "overfit.older", ("[",), "step_run(1)", "Run before",
        "Show an older run of this recipe.", _OVERFIT, "overfit", "older",
    ),
    Action("overfit.newer", ("]",), "step_run(-1)", "Run after", "Show a newer run.", _OVERFIT, "overfit"),
    Action(
        "overfit.compare", ("C",), "compare", "Compare with the run before",
        "Both curves, what was measured side by side, and what was changed in the recipe between them.",
        _OVERFIT, "overfit", "compare",
    ),
    Action(
        "model.targets", ("e",), "targets", "Edit the targets",
        "A pattern, names in brackets, or all-linear; what they reach follows every letter.",
        _MODEL, "model", "targets",
    ),
    Action(
        "model.fix", ("f",), "fix", "Apply a fix",
        "Apply the fix of the first finding that has one.", _MODEL, "model", "fix",
    ),
    Action(
        "model.unfold", ("space",), "unfold", "Unfold or fold",
        "Show the kinds of modules of the tower under the cursor.", _MODEL, "model", "unfold",
    ),
    Action("model.undo", ("u",), "undo_edit", "Undo", "Take back the last edit of the recipe.", _EDIT, "model", "undo"),
    Action("model.redo", ("U",), "redo_edit", "Redo", "Make an undone edit again.", _EDIT, "model"),
    Action(
        "model.save", ("ctrl+s",), "save", "Save the recipe",
        "Show what changed, and write it to the file that was opened.", _EDIT, "model", "save",
    ),
    Action(
        "model.leave", ("escape",), "leave", "Back to the towers",
        "From the field of the targets.", _MODEL, "model", palette=False,
    ),
    Action("model.panes", ("tab",), "app.focus_next", "Next pane", "Between the towers and what is beside them.",
        _PANES, "model", palette=False),
    Action(
        "checks.visit", ("enter", "o"), "visit", "To the place",
        "Go to the token or the line of the recipe that the finding is about.", _CHECKS, "checks", "to the place",
    ),
    Action(
        "checks.fix", ("f",), "fix", "Apply the fix",
        "Apply the fix of this finding and check again.", _CHECKS, "checks", "fix",
    ),
    Action(
        "checks.fix-all", ("F",), "fix_all", "Apply all fixes",
        "Apply every fix that goes together with the others, and check again.", _CHECKS, "checks", "fix all",
    ),
    Action(
        "checks.next-place", ("n",), "next_place", "Next place",
        "The next row or line with this finding.", _CHECKS, "checks", "place",
    ),
    Action(
        "checks.previous-place", ("N",), "previous_place", "Previous place",
        "The row or line before.", _CHECKS, "checks",
    ),
    Action(
        "checks.undo", ("u",), "undo_edit", "Undo",
        "Take back the last edit of the recipe.", _EDIT, "checks", "undo",
    ),
    Action("checks.redo", ("U",), "redo_edit", "Redo", "Make an undone edit again.", _EDIT, "checks"),
    Action(
        "checks.save", ("ctrl+s",), "save", "Save the recipe",
        "Show what changed, and write it to the file that was opened.", _EDIT, "checks", "save",
    ),
    Action(
        "checks.again", ("r",), "check_again", "Check again",
        "Check the recipe and every row from the beginning.", _CHECKS, "checks",
    ),
    Action("checks.panes", ("tab",), "app.focus_next", "Next pane", "Between the findings and what explains them.",
        _PANES, "checks", palette=False),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = (
    Action(
        "edit.leave", ("escape",), "screen.part('edits.close')", "Close the editor",
        "Back to the tokens; the text stays as it is.", _EDIT, "editor", "tokens", palette=False,
    ),
    Action(
        "form.leave", ("escape",), "screen.part('edits.close')", "Close the form",
        "Back to the tokens; the recipe stays as it is.", _EDIT, "form", "tokens", palette=False,
    ),
    Action(
        "edit.open", ("e",), "part('edits.open_text')", "Edit the recipe",
        "Open the recipe's YAML at its role boundaries; the mask follows every keystroke.", _EDIT, "inspect", "edit",
    ),
    Action(
        "edit.fix", ("f",), "part('edits.fix')", "Apply a fix",
        "Apply the fix of the finding under the cursor, or of the worst that has one.", _EDIT, "inspect", "fix",
    ),
    Action(
        "grid.next-edge", ("]",), "part('tokens.next_edge')", "Next mask edge",
        "Go to the next token where training begins or ends.", _TOKENS, "inspect", "edge",
    ),
    Action(
        "grid.previous-edge", ("[",), "part('tokens.previous_edge')", "Previous mask edge",
        "Go back to the last token where training began or ended.", _TOKENS, "inspect",
    ),
    Action(
        "grid.next-turn", ("}",), "part('tokens.next_turn')", "Next turn",
        "Go to the first token of the next message.", _TOKENS, "inspect", "turn",
    ),
    Action(
        "grid.previous-turn", ("{",), "part('tokens.previous_turn')", "Previous turn",
        "Go to the first token of this message, or of the one before.", _TOKENS, "inspect",
    ),
    Action(
        "rows.next", ("J",), "part('rows.next')", "Next row",
        "Show the next row of the data.", _ROWS, "inspect", "row",
    ),
    Action(
        "rows.previous", ("K",), "part('rows.previous')", "Previous row",
        "Show the row before.", _ROWS, "inspect",
    ),
    Action(
        "grid.next-finding", ("n",), "part('tokens.next_finding')", "Next finding",
        "Go to the next token that a finding points at.", _TOKENS, "inspect", "finding",
    ),
    Action(
        "edit.form", ("F", "f4"), "part('edits.switch_form')", "Form or text",
        "Edit the boundaries and mask knobs in a form; f4 goes between form and text, over the same recipe.",
        _EDIT, "inspect", "form",
    ),
    Action(
        "edit.save", ("ctrl+s",), "save", "Save the recipe",
        "Show what changed, and write it to the file that was opened.", _EDIT, "inspect", "save",
    ),
    Action(
        "grid.previous-finding", ("N",), "part('tokens.previous_finding')", "Previous finding",
        "Go back to the token that a finding points at.", _TOKENS, "inspect",
    ),
    Action(
        "grid.spaces", ("full_stop",), "part('tokens.toggle_spaces')", "Show or hide spaces",
        "Draw every space as a dot.", _TOKENS, "inspect", "spaces",
    ),
    Action(
        "grid.search", ("slash",), "part('search.ask_search')", "Search this row",
        "Find text, ids (#107 2604) or a role (role:assistant); down and up go from match to match.",
        _TOKENS, "inspect", "search",
    ),
    Action(
        "grid.next-match", ("greater_than_sign", "f3"), "part('search.next_match')", "Next match",
        "Go to the next place that the search found.", _TOKENS, "inspect",
    ),
    Action(
        "grid.previous-match", ("less_than_sign", "shift+f3"), "part('search.previous_match')", "Previous match",
        "Go back to the place that the search found before.", _TOKENS, "inspect",
    ),
    Action(
        "grid.copy", ("y", "ctrl+c"), "part('tokens.copy_text')", "Copy the text",
        "Of the selected tokens, or of the one under the cursor.", _TOKENS, "inspect",
    ),
    Action(
        "grid.copy-ids", ("Y",), "part('tokens.copy_ids')", "Copy the ids",
        "Of the selected tokens, or of the one under the cursor.", _TOKENS, "inspect",
    ),
    Action(
        "grid.copy-program", ("P",), "part('tokens.copy_program')", "Copy a program",
        "A few lines of Python that show the mask of these turns again, without model or data.", _TOKENS, "inspect",
    ),
    Action(
        "rows.filter", ("ctrl+f",), "part('search.ask_filter')", "Filter the rows",
        "List only rows with some words, a trained share or findings: trained<10 is:error M001.", _ROWS, "inspect",
    ),
    Action(
        "rows.jump", ("colon",), "part('search.ask_row')", "Go to a row", "Show the row of a number.", _ROWS, "inspect",
    ),
    Action(
        "grid.lens", ("l",), "part('tokens.next_lens')", "Change the lens",
        "Colour tokens by mask, owner, where the two disagree, or, after a run, by loss.", _TOKENS, "inspect", "lens",
    ),
    Action(
        "edit.undo", ("u",), "undo_edit", "Undo",
        "Take back the last edit of the recipe; ctrl+z does it in the editor.", _EDIT, "inspect",
    ),
    Action(
        "edit.redo", ("U",), "redo_edit", "Redo",
        "Make an undone edit again; ctrl+y does it in the editor.", _EDIT, "inspect",
    ),
    Action(
        "edit.infer", ("I",), "part('edits.infer')", "Infer the boundaries",
        "Find them from the chat template, prove them, and offer them.", _EDIT, "inspect",
    ),
    Action(
        "edit.family", ("D",), "part('edits.write_family_boundaries')", "Boundaries of the family",
        "Put the boundaries that the bench knows for this family into the recipe.", _EDIT, "inspect",
    ),
    Action(
        "edit.compare", ("C",), "part('comparison.ask')", "Compare with another recipe",
        "Show the tokens that another recipe trains and this one does not, and the other way round.", _EDIT, "inspect",
    ),
    Action(
        "form.add", ("ctrl+n", "f7"), "add", "Add a boundary", "In the form, for another role.", _EDIT, "form", "add",
    ),
    Action(
        "form.remove", ("f8",), "remove", "Remove the boundary", "The one with the cursor.", _EDIT, "form", "remove",
    ),
    Action(
        "form.change", ("space",), "change", "Next value",
        "In the form: of a field that has only a few.", _EDIT, "form", palette=False,
    ),
    Action("form.up", ("up",), "up", "Field above", "In the form.", _EDIT, "form", palette=False),
    Action("form.down", ("down",), "down", "Field below", "In the form.", _EDIT, "form", palette=False),
    Action(
        "form.undo", ("ctrl+z",), "screen.undo_edit", "Undo in the form",
        "Take back the last edit of the recipe.", _EDIT, "form", palette=False,
    ),
    Action(
        "form.redo", ("ctrl+y",), "screen.redo_edit", "Do again in the form",
        "Make an undone edit again.", _EDIT, "form", palette=False,
    ),
    Action(
        "grid.left", ("left",), "move('left')", "Token before",
        "Move by one token.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.right", ("right",), "move('right')", "Token after",
        "Move by one token.", _TOKENS, "grid", palette=False,
    ),
    Action("grid.up", ("up",), "move('up')", "Line above", "Move by one line.", _TOKENS, "grid", palette=False),
    Action("grid.down", ("down",), "move('down')", "Line below", "Move by one line.", _TOKENS, "grid", palette=False),
    Action(
        "grid.home", ("home",), "move('line_start')", "Start of the line",
        "Move within the line.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.end", ("end",), "move('line_end')", "End of the line",
        "Move within the line.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.page-up", ("pageup",), "move('page_up')", "Page up",
        "Move by one page.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.page-down", ("pagedown",), "move('page_down')", "Page down",
        "Move by one page.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.first", ("g", "ctrl+home"), "move('first')", "First token",
        "Go to the row's first token.", _TOKENS, "grid",
    ),
    Action(
        "grid.last", ("G", "ctrl+end"), "move('last')", "Last token",
        "Go to the row's last token.", _TOKENS, "grid",
    ),
    Action(
        "grid.unfold", ("enter", "space"), "unfold", "Unfold or fold media",
        "Show every token of the picture, sound or film under the cursor, or make it one chip again.", _TOKENS, "grid",
    ),
    Action(
        "grid.select-left", ("shift+left",), "move('left', True)", "Select back",
        "Select one token more or less; a drag of the mouse selects too.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.select-right", ("shift+right",), "move('right', True)", "Select on",
        "Select one token more or less.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.select-up", ("shift+up",), "move('up', True)", "Select a line back",
        "Select up to the line above.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.select-down", ("shift+down",), "move('down', True)", "Select a line on",
        "Select down to the line below.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.select-home", ("shift+home",), "move('line_start', True)", "Select to line start",
        "Select within the line.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.select-end", ("shift+end",), "move('line_end', True)", "Select to line end",
        "Select within the line.", _TOKENS, "grid", palette=False,
    ),
    Action(
        "grid.select-turn", ("v",), "select('turn')", "Select the turn",
        "Select the turn under the cursor; once more, the whole row.", _TOKENS, "grid",
    ),
    Action(
        "grid.select-none", ("escape",), "select('none')", "Select nothing",
        "Drop the selection, or else the marks of the search.", _TOKENS, "grid", palette=False,
    ),
    Action("samples.up", ("up",), "move('up')", "Row above", "Show the row before.", _ROWS, "samples", palette=False),
    Action(
        "samples.down", ("down",), "move('down')", "Row below",
        "Show the next row.", _ROWS, "samples", palette=False,
    ),
    Action(
        "samples.page-up", ("pageup",), "move('page_up')", "A page up",
        "Go up by one page of rows.", _ROWS, "samples", palette=False,
    ),
    Action(
        "samples.page-down", ("pagedown",), "move('page_down')", "A page down",
        "Go down by one page of rows.", _ROWS, "samples", palette=False,
    ),
    Action("samples.first", ("home", "g"), "move('first')", "First row", "Show row 0.", _ROWS, "samples"),
    Action(
        "samples.last", ("end", "G"), "move('last')", "Last row",
        "Show the last row that is known.", _ROWS, "samples",
    ),
    Action(
        "samples.open", ("enter",), "screen.part('tokens.focus')", "To the tokens",
        "Go to the tokens of this row.", _ROWS, "samples", palette=False,
    ),
    Action(
        "panes.next", ("tab",), "app.focus_next", "Next pane",
        "Move between the panes; shift+tab goes back.", _PANES, "inspect", "panes", palette=False,
    ),
    Action(
        "panes.samples", ("s",), "part('layout.toggle_samples')", "Show or hide the samples",
        "The list of rows on the left.", _PANES, "inspect",
    ),
    Action(
        "panes.boundaries", ("b",), "part('layout.toggle_boundaries')", "Show or hide the boundaries",
        "The role boundaries and the findings on the right. A narrow window hides them at first.", _PANES, "inspect",
        "boundaries",
    ),
    Action(
        "panes.token", ("t",), "part('layout.toggle_token')", "Show or hide the token",
        "What is said about the token under the cursor, below the tokens.", _PANES, "inspect",
    ),
    Action(
        "panes.wider", ("ctrl+right",), "part('layout.wider')", "Make the pane wider",
        "The samples when they are in focus, else the right side. Edges can be dragged with the mouse too.",
        _PANES, "inspect",
    ),
    Action(
        "panes.narrower", ("ctrl+left",), "part('layout.narrower')", "Make the pane narrower",
        "The samples when they are in focus, else the right side.", _PANES, "inspect",
    ),
    Action(
        "panes.zoom", ("z",), "part('layout.zoom')", "Only the tokens", "Hide every other pane, or bring them back.",
        _PANES, "inspect",
    ),
    Action(
        "grid.picture", ("p",), "part('tokens.toggle_preview')", "Show or hide pictures",
        "The picture of the chip under the cursor, beside it.", _TOKENS, "inspect",
    ),
    *_OTHER_SCREENS,
    Action(
        "load.retry", ("r",), "retry", "Try again",
        "Load the model and the data again.", _BENCH, "loading", "try again",
    ),
    *(
        Action(
            f"screen.{one.name}", (str(number),), f"show_screen('{one.name}')", f"Screen: {one.name}",
            one.help, _SCREENS, "app", one.name,
        )
        for number, one in enumerate(SCREENS, 1)
    ),
    Action("app.help", ("question_mark",), "help", "Keys", "This list.", _BENCH, "app", "keys"),
    Action(
        "app.palette", ("ctrl+p",), "command_palette", "Actions",
        "Find an action by its name.", _BENCH, "app", "actions", palette=False,
    ),
    Action(
        "app.theme", ("T",), "next_theme", "Change the theme",
        "Dark, light, high contrast, or the terminal's own colours.", _BENCH, "app",
    ),
    Action(
        "app.faults", ("f12",), "faults", "What went wrong",
        "What the workbench did not expect so far, and what to attach to a report.", _BENCH, "app",
    ),
    Action("app.quit", ("q", "ctrl+q"), "quit", "Quit", "Close the workbench.", _BENCH, "app", "quit"),
)  # fmt: skip


PANES_OF = {"grid": "inspect", "samples": "inspect", "editor": "inspect", "form": "inspect"}
"""The screen of a pane."""


def together(one: Scope, other: Scope) -> bool:
    """Whether actions of two scopes can be used at the same time, so that they must not share a key."""
    above = [scope for scope in (one, PANES_OF.get(one, ""), "app") if scope]
    below = [scope for scope in (other, PANES_OF.get(other, ""), "app") if scope]
    return other in above or one in below


def of_scope(*scopes: Scope) -> tuple[Action, ...]:
    """The actions of some scopes, in the order declared."""
    return tuple(action for action in ACTIONS if action.scope in scopes)


def bindings(scope: Scope) -> list[Binding]:
    """The key bindings of a scope."""
    return [action.binding for action in of_scope(scope)]


def hints(scopes: Iterable[Scope]) -> list[Action]:
    """The actions of the footer, in the order declared; the app's come last."""
    return [action for action in of_scope(*scopes) if action.hint]


def groups(scopes: Iterable[Scope]) -> dict[str, list[Action]]:
    """The actions by group, for the help screen."""
    found: dict[str, list[Action]] = {}
    for action in of_scope(*scopes):
        found.setdefault(action.group, []).append(action)
    return found
