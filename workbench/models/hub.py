"""A model's small files on this machine: from a folder, the cache, or the hub. No weight file is ever requested."""

from __future__ import annotations

import difflib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.findings import Emitter, Finding
from workbench.hub_timeout import within
from workbench.models import hub_errors

SMALL_FILES = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.spm")
TEMPLATES = ("*.jinja",)
CODE = ("*.py",)
# A pattern's star crosses folders, and only templates and code are wanted from below the root.
UNWANTED = (*(f"*/{pattern}" for pattern in SMALL_FILES), "*.index.json", "trainer_state.json")

LOOKING_UP = "looking up"
FILES = "files"
DOWNLOADING = "downloading"
TOKENIZER = "loading tokenizer"
PROCESSOR = "loading processor"

_REPO_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_HUB_PREFIX = "hf://"

NOT_ASKED = Emitter("L003", __name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of loading. `stage` is one of this module's stage names; show one bar per stage.

    `done` and `total` count `unit`: "file", "B" (bytes) or "step". `total` is None while it is unknown. Reports come
    from worker threads too: a screen posts them on as messages.
    """

    stage: str
    done: int
    total: int | None
    unit: str


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A place to load from: `folder`, or the hub's `repo` with an optional `revision`. `text` is what the user gave."""

    text: str
    folder: Path | None
    repo: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A folder that holds the files, its commit (None for a user's own folder), and what there is to say of it."""

    path: Path
    commit: str | None
    notes: tuple[Finding, ...] = ()


def resolve(text: str, revision: str | None = None) -> Source:
    """Decide whether `text` means a folder or a hub id, which may end in `@revision` and may begin with `hf://`.

    An existing folder wins. What looks like a path (`./x`, `/x`, `~/x`, `a/b/c`, or `a/b` where the folder `a` exists)
    is never sent to the hub. The text's own revision goes before the argument.

    Raises:
        InputError: nothing given, no such folder, a file where a folder is due, or not a possible hub id.
    """
    text = text.strip()
    if not text:
        raise InputError("no model given", hint="Give a folder or a hub id, such as org/name.")
    if not text.startswith(_HUB_PREFIX):
        folder = Path(text).expanduser()
        if folder.is_dir():
            return Source(text, folder.resolve(), None, None)
        _refuse_missing_folder(text, folder)
    repo, _, own_revision = text.removeprefix(_HUB_PREFIX).partition("@")
    if not _REPO_ID.fullmatch(repo) or ".." in repo or "--" in repo or repo[-1] in "-.":
        raise InputError(
            f"{text}: neither a folder nor a hub id",
            f"There is no such folder under {Path.cwd()}, and a hub id is org/name.",
            "Check the spelling; for a revision write org/name@revision.",
        )
    return Source(text, None, repo, own_revision or revision)


def _refuse_missing_folder(text: str, folder: Path) -> None:
    if folder.is_file():
        raise InputError(
            f"{text} is a file",
            "A model is a folder with a tokenizer and, for pictures, a processor.",
            f"Give the folder: {folder.parent}",
        )
    looks_like_path = text.startswith((".", "/", "~")) or "\\" in text or text.count("/") > 1 or text.endswith("/")
    beside = folder.parent
    if not looks_like_path and not ("/" in text and beside.is_dir()):
        return
    names = sorted(child.name for child in beside.iterdir() if child.is_dir()) if beside.is_dir() else []
    close = difflib.get_close_matches(folder.name, names, n=3)
    hint = f"Did you mean {' or '.join(str(beside / name) for name in close)}?" if close else "Check the path."
    if not looks_like_path:
        hint += f" For the hub's model write {_HUB_PREFIX}{text}"
    raise InputError(f"{text}: no such folder", f"Looked for {folder.absolute()}.", hint)


def fetch(
    source: Source, *, trust_remote_code: bool = False, report: Report | None = None, offline: bool = False
) -> Snapshot:
    """The folder with the model's small files: configuration, tokenizer, processor and templates.

    A hub id costs one or two small requests when everything is cached, and the download of the tokenizer (1 to 35 MB)
    the first time. With `offline`, or HF_HUB_OFFLINE set, no request is made. A hub that cannot be reached or refuses
    leaves the cached copy, if there is one, and a note says so. Python files come only with `trust_remote_code`.

    Raises:
        EnvironmentProblem: gated, missing, unreachable with nothing cached, interrupted, corrupt, no room on the disk.
    """
    if source.folder is not None:
        return Snapshot(source.folder, None)
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RevisionNotFoundError

    repo = source.repo or ""
    notes: tuple[Finding, ...] = ()
    offline = offline or bool(constants.HF_HUB_OFFLINE)
    with collect_warnings("huggingface_hub"):
        if not offline:
            _tell(report, LOOKING_UP, 0, None, "step")
            try:
                within(lambda _: HfApi().model_info(repo, revision=source.revision))
            except Exception as error:
                problem = hub_errors.explain(error, repo, source.revision)
                cached = None if isinstance(error, RevisionNotFoundError) else _cached(source, trust_remote_code)
                if problem is None:
                    raise
                if cached is None:
                    raise problem from error
                message = f"{problem.title}: the cached copy is used, which may be older"
                notes = (NOT_ASKED("warning", message, problem.hint),)
                offline = True
        try:
            path = _snapshot(source, trust_remote_code, report, local=offline)
        except Exception as error:
            problem = hub_errors.explain(error, repo, source.revision, offline=offline)
            if problem is None:
                raise
            raise problem from error
    return Snapshot(path, path.name, notes)


def _cached(source: Source, trust_remote_code: bool) -> Path | None:
    try:
        return _snapshot(source, trust_remote_code, None, local=True)
    except Exception:
        return None


def cached(source: Source) -> Path | None:
    """The folder of a hub model's files that were fetched before; None where there are none. Asks nobody."""
    if source.repo is None:
        return source.folder
    from huggingface_hub import constants

    home = Path(constants.HF_HUB_CACHE) / f"models--{source.repo.replace('/', '--')}"
    name = source.revision or "main"
    reference = home / "refs" / name
    try:
        commit = reference.read_text("utf-8").strip() if reference.is_file() else name
        folder = home / "snapshots" / commit
        return folder if folder.is_dir() else None
    except (OSError, ValueError):
        return None


def _snapshot(source: Source, trust_remote_code: bool, report: Report | None, *, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    started = time.time()
    wanted = [*SMALL_FILES, *TEMPLATES, *(CODE if trust_remote_code else ())]

    def download(moved: Callable[[], None] | None = None) -> Path:
        return Path(
            snapshot_download(
                source.repo or "",
                revision=source.revision,
                allow_patterns=wanted,
                ignore_patterns=list(UNWANTED),
                local_files_only=local,
                max_workers=4,
                tqdm_class=bar_class(report, moved),
            )
        )

    if local:
        return download()
    path = within(download)
    hub_errors.verify(path, since=started - 1)
    return path


def listing(source: Source) -> list[str]:
    """Every file name of a repository or folder, weights included; empty when it cannot be had."""
    if source.folder is not None:
        return sorted(path.name for path in source.folder.iterdir())
    from huggingface_hub import HfApi

    try:
        return sorted(within(lambda _: HfApi().list_repo_files(source.repo or "", revision=source.revision)))
    except Exception:
        return []


def _tell(report: Report | None, stage: str, done: int, total: int | None, unit: str) -> None:
    if report is not None:
        report(Progress(stage, done, total, unit))


def bar_class(report: Report | None, moved: Callable[[], None] | None = None) -> type[Any]:
    """A tqdm that prints nothing and passes progress to `report`; `moved` is called when bytes came.

    What the hub's client asks of it differs by version: locks, a monitor, positions, names of bars. So it is a
    subclass, switched off, of which only the movements are our own.
    """
    from tqdm.std import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        monitor_interval = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})
            unit = kwargs.get("unit", "it")
            self._stage, self._unit = (DOWNLOADING, "B") if unit == "B" else (FILES, "file")
            # The client counts bytes twice, received and written: written is the one that ends at the total.
            self._silent = unit == "B" and str(kwargs.get("desc") or "").startswith("Downloading bytes")
            if unit != "B":
                self._show()

        def _show(self) -> None:
            if not self._silent:
                _tell(report, self._stage, int(self.n), int(self.total) if self.total else None, self._unit)

        def update(self, n: float | None = 1) -> None:
            with self.get_lock():
                self.n += int(n or 0)
                if n and moved is not None:
                    moved()
                self._show()

        def refresh(self, *args: Any, **kwargs: Any) -> None:
            self._show()

        def __iter__(self) -> Iterator[Any]:
            for item in self.iterable:
                yield item
                self.update(1)

    # tqdm's own lock is one between processes, and starts a process to keep it.
    Bar.set_lock(threading.RLock())
    return Bar


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def collect_warnings(name: str) -> Iterator[list[str]]:
    """Collect the warnings that the library `name` logs, so that nothing writes over a screen or into stderr."""
    logger = logging.getLogger(name)
    collector = _Collector()
    handlers, propagate = logger.handlers[:], logger.propagate
    logger.handlers, logger.propagate = [collector], False
    try:
        yield collector.messages
    finally:
        logger.handlers, logger.propagate = handlers, propagate
