"""Editing a bench's recipe: the mask follows every keystroke, the text survives a crash, every edit can be undone.

Nothing here knows a screen; the terminal's boundary editor and a notebook's hold one of these.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from workbench.editing.working_copy import UnsavedEdits, WorkingCopy
from workbench.errors import BenchError, InputError
from workbench.findings import Fix, apply_fix
from workbench.paths import recipe_dir, sample_dir
from workbench.recipe import plugin
from workbench.recipe.knobs import LOADING_KEYS, outside_the_mask
from workbench.recipe.new import boundary_row
from workbench.recipe.yaml.document import Document, dotted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from workbench.bench import Bench
    from workbench.row import Masking, Row

_PAUSE_SECONDS = 1.0
"""Typing after a pause this long is another step to undo."""


@dataclass(frozen=True, slots=True)
class Change:
    """The tokens whose training differs from the compared mask: two bool arrays `[L]`."""

    added: npt.NDArray[np.bool_]
    removed: npt.NDArray[np.bool_]

    @property
    def counts(self) -> tuple[int, int]:
        """The numbers of tokens that are newly trained, and of those no longer trained."""
        return int(self.added.sum()), int(self.removed.sum())


class Editing:
    """Edits of a loaded bench's recipe.

    Changes are shown against the mask of the text as opened or last saved, or of another recipe (`compare`).
    `problem` says what is wrong with the text at present; the mask is then that of the last good text.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._compared_masking: Masking | None = None
        self.compared_with = self.compared_path = ""
        self.other: Document | None = None
        self.problem: BenchError | None = None
        self._applied = outside_the_mask(bench.document.parsed.data)
        self._group, self._typed = 0, 0.0
        self._opened = bench.document.text
        self._unkept = False
        self._before: tuple[Masking, Row, npt.NDArray[np.bool_]] | None = None
        self._told = bench.document.text
        self.edited: Callable[[], None] = lambda: None
        """Called when the text has become another one, whoever edited it."""
        self.set_aside: list[Path] = []
        """Files with older edits of another process (of the last `unsaved`), or what others wrote (of `save`)."""
        self.plugin_file: Path | None = None
        """The file that the last `save` wrote beside the recipe, because the recipe's plugins name it; else None."""

    @property
    def document(self) -> Document:
        """The recipe's YAML."""
        return self.bench.document

    @property
    def file(self) -> Path | None:
        """The file that saving writes to; None for a new recipe, and for the demo, which ships with the bench."""
        path = self.document.path
        return None if path is None or path.resolve().is_relative_to(sample_dir().resolve()) else path

    @property
    def compared_masking(self) -> Masking:
        """The masking that changes are shown against; before the first edit, the bench's own."""
        return self._compared_masking if self._compared_masking is not None else self.bench.masking

    # Edits

    def type(self, text: str, *, keep: bool = True) -> None:
        """Take the whole text as typed, valid YAML or not.

        Without `keep` it is not on disk before the next edit, or before `keep()`: to be called once it was shown.
        """
        if self._unkept:
            self.keep()
        now = monotonic()
        if now - self._typed > _PAUSE_SECONDS:
            self._group += 1
        self._typed = now
        self.document.replace_text(text, group=f"typing {self._group}")
        self._follow(keep=keep)

    def apply(self, fix: Fix) -> None:
        """Apply a finding's fix.

        Raises:
            InputError: the text does not parse at present.
        """
        apply_fix(self.document, fix)
        self._follow()

    def set(self, path: Sequence[Any], value: Any) -> None:
        """Write one value, or with None remove it. Edits of one place that follow each other are undone as one.

        Raises:
            InputError: the text does not parse at present, or the place cannot hold this.
        """
        group = f"set {dotted(tuple(path))}"
        if value is None:
            self.document.delete(path, group=group)
        else:
            self.document.set(path, value, group=group)
        self._follow()

    def set_boundaries(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write these `role_boundaries`.

        Raises:
            InputError: the text does not parse at present.
        """
        self.document.set(("role_boundaries",), list(rows))
        self._follow()

    def family_boundaries(self) -> list[dict[str, Any]] | None:
        """The rows that the model's family recommends; None where there is no family or it has none."""
        family = self.bench.family
        if family is None or not family.boundaries:
            return None
        return [boundary_row(boundary) for boundary in family.boundaries]

    def undo(self) -> bool:
        """Take back the last edit; False where there is none."""
        moved = self.document.undo()
        self._typed = 0.0
        self._follow()
        return moved

    def redo(self) -> bool:
        """Make an undone edit again; False where there is none."""
        moved = self.document.redo()
        self._typed = 0.0
        self._follow()
        return moved

    # What follows an edit

    @property
    def stale(self) -> bool:
        """True where an edit changed more than the mask; `reload_changes` then reads the model and rows again."""
        return self.document.error is None and outside_the_mask(self.document.parsed.data) != self._applied

    def reload_changes(self) -> None:
        """Read again what the edits since the last time ask for: the rows, the template, the model. May take seconds.

        Raises:
            BenchError: it cannot be read; the bench keeps what it had.
        """
        now = outside_the_mask(self.document.parsed.data)
        changed = {key for key in {*now, *self._applied} if now.get(key) != self._applied.get(key)}
        if not changed:
            return
        before = dict(vars(self.bench))
        try:
            if changed & LOADING_KEYS:
                self.bench.load()
            else:
                self.bench.apply()
        except BaseException:
            # A step of reading that succeeded before another failed is taken back too, or undoing the edit would
            # leave the new template with the old rows.
            vars(self.bench).update(before)
            raise
        self._applied = now
        self.problem = self.document.error

    def _follow(self, *, keep: bool = True) -> None:
        self.problem = self.document.error
        self._compared_masking = self.compared_masking
        if self.problem is None:
            try:
                self.bench.remask()
            except BenchError as problem:
                self.problem = problem
        self._unkept = True
        if keep:
            self.keep()
        if self.document.text != self._told:
            self._told = self.document.text
            self.edited()

    def change(self, row: Row) -> Change | None:
        """The difference between a row's mask and the compared one; None where both have the same masking."""
        against, known = self.compared_masking, self._before
        if against == self.bench.masking:
            return None
        if known is None or known[0] is not against or known[1] is not row:
            known = self._before = against, row, row.mask_under(against).keep
        keep, before = row.mask.keep, known[2]
        return Change(keep & ~before, before & ~keep)

    def compare(self, path: str | os.PathLike[str] | None) -> None:
        """Show changes against another recipe's boundaries and mask knobs from now on; None: against the saved text.

        Raises:
            InputError: the other recipe cannot be read, or its markers mean nothing to this tokenizer.
        """
        other = Document.from_file(path) if path is not None else Document(self._opened, self.document.name)
        self._compared_masking = self.bench.masking_of(other)
        self.other = other if path is not None else None
        self.compared_path = str(path) if path is not None else ""
        self.compared_with = Path(self.compared_path).name

    # Safety

    @property
    def working_copy(self) -> WorkingCopy:
        """The place that keeps the text while it is not saved."""
        return WorkingCopy(recipe_dir(self.bench.title, self.document.path))

    @property
    def open_elsewhere(self) -> str:
        """The process in which this recipe was opened before and still is; "" where there is none.

        Each of the two keeps its own unsaved text; the one that saves second finds the file changed outside.
        """
        return self.working_copy.other_process

    def keep(self) -> None:
        """Bring the working copy on disk up to date, where an edit is not in it yet."""
        if not self._unkept:
            return
        self._unkept = False
        if self.document.dirty:
            self.working_copy.keep(self.document.text, self._opened)
        else:
            self.working_copy.drop()

    def unsaved(self) -> UnsavedEdits | None:
        """Edits of another time that were never saved; None where there are none, or the file has come to hold them."""
        copy = self.working_copy
        self.set_aside = copy.collect_unsaved()
        found = copy.unsaved()
        return None if found is None or found.text == self.document.text else found

    def changed_since(self, edits: UnsavedEdits) -> bool:
        """True where the file was changed after those edits were begun."""
        return self.file is not None and edits.opened not in ("", self.document.text)

    def restore(self, edits: UnsavedEdits) -> None:
        """Take those edits up, as one edit that can be undone. A file that was changed meanwhile is not forgotten:
        `changed_outside` holds until one of the two is chosen."""
        if self.changed_since(edits):
            self._opened = edits.opened
        self._group += 1
        self.document.replace_text(edits.text, group=f"restored {self._group}")
        self._follow()

    def discard(self, edits: UnsavedEdits) -> Path | None:
        """Go on without those edits, which are set aside in the file returned (None: it could not be written)."""
        kept = self.working_copy.set_aside(edits.text, "mine")
        if kept is not None:
            self.working_copy.drop()
        return kept

    def pending(self) -> str:
        """The unified diff from the saved text to this one; "" where they are the same."""
        return self.document.diff()

    def on_disk(self) -> str | None:
        """The text that the file holds now; None where there is no file, or it cannot be read."""
        try:
            return None if self.file is None else self.file.read_bytes().decode("utf-8", "replace")
        except OSError:
            return None

    def changed_outside(self) -> bool:
        """True where the file holds something else than was opened or last saved."""
        return self.file is not None and self.on_disk() != self._opened

    @property
    def opened(self) -> str:
        """The text that the edits were made from: as opened or last saved."""
        return self._opened

    def take_file_text(self) -> None:
        """Go on with what the file holds now. The text of before is one undo away, and is set aside in a file too."""
        theirs = self.on_disk()
        if theirs is None:
            return
        if self.document.dirty:
            self.working_copy.set_aside(self.document.text, "mine")
        self._group += 1
        self.document.replace_text(theirs, group=f"theirs {self._group}")
        self.document.rebase(theirs)
        self._opened = theirs
        self._follow()

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the text to its file, or to `path`, and compare with it from now on.

        What somebody else wrote into the file since it was opened is set aside first. Where the recipe names our plugin
        for axolotl, and no file of that name lies beside it, the plugin's file is written too.

        Raises:
            InputError: there is no file to write to, or no such folder. EnvironmentProblem: it cannot be written.
        """
        if path is None and self.file is None:
            raise InputError("This recipe has no file of its own yet", hint="Give a path to save it to.")
        copy, theirs = self.working_copy, self.on_disk()
        self.set_aside = []
        if path is None and theirs is not None and theirs != self._opened:
            kept = copy.set_aside(theirs, "theirs")
            self.set_aside = [kept] if kept is not None else []
        target = self.document.save(path)
        self._opened = self.document.text
        copy.drop()
        self.plugin_file = None
        if self.document.error is None and self.problem is None:
            self.plugin_file = plugin.write_beside(self.document.data, target)
            if self.plugin_file is not None:
                self.bench.remask()
        if not self.compared_with and self.problem is None:
            self._compared_masking = self.bench.masking
        return target
