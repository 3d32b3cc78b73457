"""The axolotl YAML as a living document: read as axolotl reads it, edited in place, undone, compared and saved.

Only the characters of an edited value change, so comments, order, quoting and line endings stay. Each edit is read
back and compared with what was meant.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import tempfile
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import files
from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.recipe.yaml.edit import Editor
from workbench.recipe.yaml.nodes import dotted, key_path
from workbench.recipe.yaml.read import MAX_BYTES, Parsed, too_large
from workbench.recipe.yaml.write import write_value

__all__ = ["Document", "Parsed", "diff_of", "dotted", "key_path", "refuse_special", "write_atomically", "write_value"]

MAX_UNDO = 500


@dataclass(frozen=True, slots=True)
class _State:
    text: str
    group: str | None = None


class Document:
    """A recipe's YAML text with its data, its places and its history.

    Paths are tuples of keys and indexes: ("datasets", 0, "roles_to_train"). `text` is always what a file would hold.
    While a text typed by a person does not parse, `data` stays the last good one and `error` says what is wrong.
    """

    def __init__(self, text: str = "", name: str = "<recipe>", *, path: Path | None = None) -> None:
        self.name, self.path = name, path
        self._bom = "\ufeff" if text.startswith("\ufeff") else ""
        self._parsed = Parsed(text.removeprefix("\ufeff"), name)
        self._text = self._parsed.text
        self._saved: str = text
        self._undo: list[_State] = []
        self._redo: list[_State] = []
        self._last_group: str | None = None
        self.error: InputError | None = None

    @classmethod
    def from_text(cls, text: str, name: str = "<recipe>") -> Document:
        """Reads `text`; raises InputError with line and column where it is not a recipe's YAML."""
        return cls(text, name)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Document:
        """Reads a file: UTF-8, at most 1 MiB. Raises InputError with the file, and line and column where there are."""
        file = Path(path)
        files.refuse_special(file, "The recipe cannot be opened")
        try:
            with file.open("rb") as stream:
                raw = stream.read(MAX_BYTES + 4)
        except (OSError, ValueError) as error:
            code, reason = getattr(error, "errno", None), f"{getattr(error, 'strerror', None) or error}."
            hint = "Give the YAML file inside this folder." if code == errno.EISDIR else "Check the path."
            raise InputError("The recipe cannot be opened", reason, hint, Where(str(file))) from None
        if len(raw) > MAX_BYTES + 3:
            raise too_large(str(file))
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            column = error.start - raw.rfind(b"\n", 0, error.start)
            raise InputError(
                "The recipe is not UTF-8 text",
                f"Byte {error.start} is 0x{raw[error.start]:02x}.",
                "Save the file as UTF-8.",
                Where(str(file), line, column),
            ) from None
        return cls(text, str(file), path=file)

    # -- reading

    @property
    def text(self) -> str:
        """The whole text as a file would hold it, byte order mark included."""
        return self._bom + self._text

    @property
    def parsed(self) -> Parsed:
        """The last good reading, with its places. It never changes; an edit makes a new one."""
        return self._parsed

    @property
    def data(self) -> dict[Any, Any]:
        """The recipe as plain Python values (a copy), as axolotl would load it."""
        return deepcopy(self._parsed.data)

    @property
    def dirty(self) -> bool:
        """True where the text differs from what was opened or last saved."""
        return self.text != self._saved

    @property
    def changed_outside(self) -> bool:
        """True where its file holds something else than was opened or last saved, or is gone."""
        try:
            return self.path is not None and self.path.read_bytes() != self._saved.encode("utf-8")
        except OSError:
            return True

    def get(self, path: Sequence[Any], default: Any = None) -> Any:
        """The value at `path` (a copy), or `default` where there is none."""
        value: Any = self._parsed.data
        for step in path:
            known = isinstance(value, dict) and step in value
            if not known and not (isinstance(value, list) and type(step) is int and 0 <= step < len(value)):
                return default
            value = value[step]
        return deepcopy(value)

    def line(self, path: Sequence[Any], *, key: bool = False) -> tuple[int, int]:
        """Line and column (from 1) of a value, or of its key; of the nearest ancestor where it is absent."""
        return self._parsed.line(path, key=key)

    def where(self, path: Sequence[Any], *, key: bool = False) -> Where:
        """The place of a value, with the file's name and the dotted path."""
        return self._parsed.where(path, key=key)

    # -- editing

    def set(self, path: Sequence[Any], value: Any, *, group: str | None = None) -> None:
        """Sets the value at `path`, making parents that are missing; nothing else in the text changes.

        Edits that follow each other with the same `group` undo as one. Raises InputError where the text does not parse
        at present, where a parent is neither mapping nor list, or where a value has no YAML form.
        """
        self._edit(lambda editor: editor.assign(tuple(path), value), group)

    def delete(self, path: Sequence[Any], *, group: str | None = None) -> None:
        """Removes a key or a list item; nothing happens where it is absent."""
        self._edit(lambda editor: editor.remove(tuple(path)), group)

    def rename(self, path: Sequence[Any], name: str, *, group: str | None = None) -> None:
        """Gives the key at `path` another name; its value, its place and its comments stay. Nothing where it is absent.

        Raises InputError where the mapping has that name already.
        """
        self._edit(lambda editor: editor.rename(tuple(path), name), group)

    def unrepeat(self, path: Sequence[Any], *, group: str | None = None) -> None:
        """Removes the earlier ones of a key that stands more than once; the values stay as they are read.

        Raises InputError where one of them cannot be taken out alone.
        """
        self._edit(lambda editor: editor.unrepeat(tuple(path)), group)

    def replace_text(self, text: str, *, group: str | None = None) -> None:
        """Takes a whole text from an editor; never raises. Where it does not parse, `data` stays and `error` is set."""
        if text != self.text:
            self._remember(group)
            self._show(text)

    @property
    def can_undo(self) -> bool:
        """True where there is an edit to take back."""
        return bool(self._undo)

    def undo(self) -> bool:
        """Takes back the last edit or group of edits; False where there is none."""
        return self._step_history(self._undo, self._redo)

    def redo(self) -> bool:
        """Makes an undone edit again; False where there is none."""
        return self._step_history(self._redo, self._undo)

    def diff(self, other: str | Document | None = None) -> str:
        """Unified diff from `other` (by default what was opened or last saved) to this text; "" where equal."""
        old = self._saved if other is None else other.text if isinstance(other, Document) else other
        return diff_of(old, self.text, self.name)

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Writes the text to `path` (by default where it came from): all of it or nothing, the file's mode kept.

        Raises EnvironmentProblem (full disk, no permission) or InputError (no such folder), the old file untouched.
        """
        if path is None and self.path is None:
            raise InputError("This recipe has no file yet", "It was not opened from one.", "Give a path to save it to.")
        target = Path(path if path is not None else self.path or "")
        write_atomically(target, self.text.encode("utf-8"))
        self.path, self.name, self._saved = target, str(target), self.text
        if self.error is None:
            self._parsed = Parsed(self._text, self.name)
        return target

    def rebase(self, text: str) -> None:
        """The file holds this text now: `dirty` and `diff` go by it from here on."""
        self._saved = text

    # -- inside

    def _edit(self, change: Callable[[Editor], None], group: str | None) -> None:
        if self.error is not None:
            raise self.error
        editor = Editor(self._parsed)
        change(editor)
        if editor.parsed.text != self._text:
            self._remember(group)
            self._parsed, self._text = editor.parsed, editor.parsed.text

    def _remember(self, group: str | None) -> None:
        if group is None or group != self._last_group or not self._undo:
            self._undo.append(_State(self.text, group))
            del self._undo[:-MAX_UNDO]
        self._redo.clear()
        self._last_group = group

    def _step_history(self, source: list[_State], sink: list[_State]) -> bool:
        if not source:
            return False
        state = source.pop()
        sink.append(_State(self.text, state.group))
        self._last_group = None
        self._show(state.text)
        return True

    def _show(self, text: str) -> None:
        self._bom = "\ufeff" if text.startswith("\ufeff") else ""
        self._text = text.removeprefix("\ufeff")
        try:
            self._parsed, self.error = Parsed(self._text, self.name), None
        except InputError as error:
            self.error = error


def diff_of(old: str, new: str, name: str) -> str:
    """Unified diff of two texts of a file; "" where they are equal."""
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), name, f"{name} (edited)")
    missing = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith("\n") else line + missing for line in lines)


def refuse_special(path: Path) -> None:
    """Stop at a FIFO, a device or a socket: what is renamed over it would take its place, and its reader get nothing.

    Raises:
        InputError: there is something of that kind at the path, or at the end of the links there.
    """
    kind = files.special_kind(path)
    if kind is None:
        return
    raise InputError(
        "The file was not written",
        f"It is a {kind}: files are replaced in one step here, and a regular file would lie in its place.",
        "Give the name of a file; `--out -` writes to stdout.",
        Where(str(path)),
    )


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces a file's contents in one step: a temporary file beside it, flushed to disk, then renamed over it.

    Links are followed and permissions kept.

    Raises:
        InputError: the path is no place for a file. EnvironmentProblem: no right, no room.
    """
    refuse_special(path)
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        mode = target.stat().st_mode & 0o7777 if target.exists() else None
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is None:
            umask = os.umask(0)
            os.umask(umask)
            mode = 0o666 & ~umask
        os.chmod(temporary, mode)
        os.replace(temporary, target)
        temporary = None
        with contextlib.suppress(OSError):
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        usage = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)
        kind = InputError if usage else EnvironmentProblem
        raise kind(
            "The file was not written",
            f"{error.strerror or error}; what was there before is unchanged.",
            "Save to another place, or make room and try again.",
            Where(str(path)),
        ) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
