"""The actions of the screens beside the first: a part of the list in `screens.keys.inspect_and_app`."""

from __future__ import annotations

from screens.keys.action import Action

_CHECKS, _MODEL, _OVERFIT, _EXPORT, _EDIT, _PANES = "Checks", "Model", "Overfit run", "Export", "Recipe", "Panes"

MORE: tuple[Action, ...] = (
    Action(
        "export.step", ("enter",), "step", "To what is missing",
        "Go to the screen where the first missing step can be done.", _EXPORT, "export", "missing step",
    ),
    Action("export.write", ("w",), "write", "Write it", "Ask for a path and write it.", _EXPORT, "export", "write"),
    Action("export.again", ("r",), "again", "Look again", "Prove again what can be proven.", _EXPORT, "export"),
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
    Action("model.redo", ("U",), "redo_edit", "Do again", "Make an undone edit again.", _EDIT, "model"),
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
    Action("checks.redo", ("U",), "redo_edit", "Do again", "Make an undone edit again.", _EDIT, "checks"),
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
