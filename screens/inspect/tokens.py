"""The tokens of the shown row: where the cursor goes, what is said of the token under it, what is copied."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from screens.inspect.context import InspectContext
from screens.inspect.pictures import Pictures
from screens.token_grid import copy
from screens.token_grid.canvas import fold_turns
from screens.token_grid.folding import turn_at
from screens.token_grid.lines import edges

Places = npt.NDArray[np.int64]


class Tokens:
    """The part of the inspect screen that moves through the tokens and shows one of them."""

    def __init__(self, context: InspectContext, pictures: Pictures) -> None:
        self._context = context
        self._grid, self._pictures = context.panes.grid, pictures

    # The token under the cursor

    def show(self) -> None:
        """Show what is under the cursor."""
        grid = self._grid
        view = grid.in_sight
        if view is not None and view.preliminary:
            # Nothing is known of these tokens but their text.
            return
        start, stop = grid.at.covered
        self._context.panes.inspector.show(view, start, stop, grid.at.run)
        self._pictures.show()

    # Moving

    def next_edge(self) -> None:
        self._jump(self._edges(), 1, "The mask does not change after this token")

    def previous_edge(self) -> None:
        self._jump(self._edges(), -1, "The mask does not change before this token")

    def next_message(self) -> None:
        self._jump(self._turns(), 1, "This is the last message", unfold=False)

    def previous_message(self) -> None:
        self._jump(self._turns(), -1, "This is the first message", unfold=False)

    def _edges(self) -> Places:
        view = self._grid.in_sight
        return edges(view) if view is not None else np.zeros(0, dtype=np.int64)

    def _turns(self) -> Places:
        view = self._grid.in_sight
        return np.array([turn.start for turn in view.turns] if view is not None else [], dtype=np.int64)

    def _jump(self, places: Places, direction: int, otherwise: str, *, unfold: bool = True) -> None:
        if not self._grid.jump(places, direction, unfold=unfold):
            view = self._grid.in_sight
            if view is None:
                otherwise = "This row has no tokens"
            self._context.say("The mask is still to come" if view is not None and view.preliminary else otherwise)

    def focus(self) -> None:
        """Go to the tokens, or to what stands in their place."""
        grid = self._grid
        (grid if grid.display else self._context.panes.problem).focus()

    # Folding

    def fold_message(self) -> None:
        """Fold the message under the cursor to its first line, or unfold it."""
        grid = self._grid
        view = grid.in_sight
        turn = turn_at(view.turns, grid.at.cursor) if view is not None else -1
        if turn < 0:
            self._context.say("There is no message here to fold")
        else:
            fold_turns(grid, grid.folded ^ {turn})

    def fold_all(self) -> None:
        """Fold every message; where all are, unfold them."""
        grid = self._grid
        view = grid.in_sight
        every = set(range(len(view.turns))) if view is not None else set()
        fold_turns(grid, set() if grid.folded == every else every)

    # Looks

    def toggle_spaces(self) -> None:
        """Draw every space as a dot, or not."""
        self._grid.toggle_spaces()

    def next_lens(self) -> None:
        """Colour the tokens by the next lens; by their losses only where a run has measured some."""
        view = self._context.view
        self._grid.set_lens(self._grid.lens.following(losses=view is not None and view.nll is not None))

    # Copying

    def copy_text(self) -> None:
        self._copy("text")

    def copy_ids(self) -> None:
        self._copy("ids")

    def copy_program(self) -> None:
        self._copy("a program that shows their mask")

    def _copy(self, what: str) -> None:
        context = self._context
        view, (start, stop) = context.view, self._grid.at.selected
        if view is None or start == stop:
            context.say("There is no token to copy")
            return
        if what == "text":
            copied = copy.text_of(view, start, stop)
        elif what == "ids":
            copied = copy.ids_of(view, start, stop)
        else:
            names = {"model": context.bench.title, "recipe": context.bench.document.name}
            copied = copy.reproducer(view, context.bench.masking, start, stop, **names)
        context.screen.app.copy_to_clipboard(copied)
        count = f"{stop - start:,} token{'s' if stop - start > 1 else ''}"
        context.say(f"Copied {count} as {what}")
