"""A recipe that is open in a notebook: the bench, the edits of all its views, and the views to refresh."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from workbench.bench import Bench

if TYPE_CHECKING:
    from workbench.editing.session import Editing
    from workbench.editing.working_copy import UnsavedEdits


class Follower(Protocol):
    """A view of the recipe that shows every edit, such as the boundary editor."""

    def refresh(self) -> None: ...


class OpenRecipe:
    """A bench with its recipe under edit. Rows, answers and the boundary editor share one."""

    def __init__(self, bench: Bench, limit: int | None = None) -> None:
        """`bench` is loaded; of its rows the first `limit` are looked at, or all."""
        from workbench.editing.session import Editing

        self._bench = bench
        self.limit = limit
        """The number of rows that are looked at; None for all."""
        self.editing: Editing = Editing(bench)
        """The recipe under edit; the boundary editor shares it."""
        self.unsaved: UnsavedEdits | None = self.editing.unsaved()
        """Edits of another time that were never saved; `recover` takes them up."""
        self.editors: WeakSet[Follower] = WeakSet()
        """The boundary editors over this recipe that are still in use."""

    @property
    def bench(self) -> Bench:
        """The core's bench, which has read what the edits so far ask for.

        Raises:
            BenchError: the recipe cannot be used as it stands.
        """
        if self.editing.stale:
            self.editing.reload_changes()
        if self.editing.problem is not None:
            raise self.editing.problem
        return self._bench

    def edit(self, change: Callable[[Editing], object]) -> None:
        """Make an edit, which every boundary editor shows. What another time left unsaved is set aside in a file."""
        if self.unsaved is not None:
            self.editing.discard(self.unsaved)
            self.unsaved = None
        change(self.editing)
        self._tell()

    def undo(self) -> bool:
        """Take back the last edit of any view; False where there is none."""
        moved = self.editing.undo()
        self._tell()
        return moved

    def redo(self) -> bool:
        """Make an undone edit again; False where there is none."""
        moved = self.editing.redo()
        self._tell()
        return moved

    def recover(self) -> bool:
        """Take up edits that were left unsaved, here or in the terminal; False where there are none."""
        if self.unsaved is None:
            return False
        self.editing.restore(self.unsaved)
        self.unsaved = None
        self._tell()
        return True

    def _tell(self) -> None:
        for editor in list(self.editors):
            editor.refresh()
