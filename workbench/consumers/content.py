"""The content of what is asked, as one key: the recipe, and every file that an answer depends on.

A key is of contents and not of names and times: an edited template, plugin or picture is never answered for from
before. A file is read again only where its size, times or place have changed since it was read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from time import time_ns
from typing import Any

from workbench.consumers.protocol import Question
from workbench.data.row_text import json_text
from workbench.recipe import plugin

_SMALL = (
    *(".json", ".jinja", ".jinja2", ".model", ".txt", ".py", ".tiktoken", ".yaml", ".yml", ".vocab", ".merges"),
    *(".jsonl", ".parquet", ".arrow", ".csv", ".gz", ".zst"),
)
"""The ends of names of files in a folder that decide ids and labels; weights do not."""
_OUTPUTS = frozenset(("output_dir", "dataset_prepared_path", "logging_dir", "resume_from_checkpoint", "hub_model_id"))
_PATH_CHARS = 1024
_RACY_NS = 2_000_000_000
_HEAD = re.compile(r"\A\ufeff?(?:[ \t]*(?:#[^\n]*)?\r?\n)*")

_digests: dict[str, tuple[tuple[int, ...], str]] = {}


def file_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content; what stands for a file that cannot be read where it cannot."""
    try:
        state = os.stat(path)
        known = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_dev)
        name = os.path.abspath(path)
        held = _digests.get(name)
        if held is not None and held[0] == known:
            return held[1]
        begun = time_ns()
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        return f"unreadable: {problem.errno}"
    # A file that was written just now may be written again within one tick of its file system's clock.
    if begun - max(state.st_mtime_ns, state.st_ctime_ns) > _RACY_NS:
        _digests[name] = (known, digest)
    return digest


def question_key(question: Question, *, environment: str, script: bytes) -> str:
    """The key of a question, whichever rows it is about.

    `environment` is the digest of what answers, with its interpreter; `script` the worker's text.
    """
    digest = hashlib.sha256()

    def add(name: str, value: object) -> None:
        digest.update(json.dumps([name, value], ensure_ascii=True).encode() + b"\n")

    add("environment", environment)
    add("script", hashlib.sha256(script).hexdigest())
    # The head of comments is where a receipt stands.
    add("recipe", _HEAD.sub("", question.recipe))
    for name in ("consumer", "model", "data", "dataset", "offline", "what"):
        add(name, getattr(question, name))
    add("folder", str(question.folder.absolute()))
    places = [question.folder, *([question.beside] if question.beside is not None else [])]
    recipe = _parsed(question.recipe)
    files = {path for folder in question.model_folders for path in _in_folder(folder)}
    for text in dict.fromkeys([*_strings(recipe), question.model, question.data]):
        for path in _meant(text, places):
            files.update(_in_folder(path) if path.is_dir() else (path,))
    if question.beside is not None:
        files.update(_plugin_files(plugins(recipe), question.beside))
    for path in sorted(files):
        add(str(path.absolute()), file_digest(path))
    return digest.hexdigest()


def row_digest(row: Mapping[str, Any] | None, folders: Iterable[Path | None]) -> str:
    """SHA-256 of a raw row, and of every file that it names: its pictures."""
    digest = hashlib.sha256(json_text(row).encode())
    places = [folder for folder in folders if folder is not None]
    for text in dict.fromkeys(_strings(row)):
        for path in _meant(text, places):
            if path.is_file():
                digest.update(f"{path} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def plugins(recipe: Mapping[Any, Any]) -> list[str]:
    """The plugins that a recipe lists."""
    listed = recipe.get("plugins")
    names = listed if isinstance(listed, list) else [listed] if listed else []
    return [name for name in names if isinstance(name, str)]


def has_foreign_plugins(recipe: str) -> bool:
    """True where a recipe's text lists a plugin that is not the bench's."""
    return any(name != plugin.NAME for name in plugins(_parsed(recipe)))


def _parsed(recipe: str) -> Mapping[Any, Any]:
    import yaml

    try:
        found = yaml.safe_load(recipe)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _strings(value: Any, key: str = "") -> Iterator[str]:
    """Every text that could be a path, but for those that name what a run writes."""
    if isinstance(value, Mapping):
        for inner, item in value.items():
            if inner not in _OUTPUTS:
                yield from _strings(item, str(inner))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item, key)
    elif isinstance(value, str) and 0 < len(value) <= _PATH_CHARS and "\n" not in value and "\0" not in value:
        yield value


def _meant(text: str, places: Iterable[Path]) -> Iterator[Path]:
    """The files and folders that a text names, from any of the places."""
    if not text or text in ("/", ".."):
        return
    for place in places:
        path = place / text
        try:
            there = path.exists()
        except (OSError, ValueError):
            continue
        if there:
            yield path
        elif "*" in text and not os.path.isabs(text):
            try:
                yield from (one for one in sorted(place.glob(text)) if one.is_file())
            except (OSError, ValueError, NotImplementedError):
                continue


def _in_folder(folder: Path, ends: tuple[str, ...] = _SMALL) -> Iterator[Path]:
    """The files of a folder, and of those in it, whose names end so."""
    seen: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        # A link to a folder above it would go on for ever.
        real = os.path.realpath(root)
        folders[:] = [] if real in seen else sorted(one for one in folders if not one.startswith("."))
        if real not in seen:
            yield from (Path(root) / name for name in sorted(files) if name.endswith(ends))
        seen.add(real)


def _plugin_files(names: Iterable[str], beside: Path) -> Iterator[Path]:
    """Python files that a plugin beside the recipe is made of or may import: modules, and packages as a whole."""
    tops = {name.partition(".")[0] for name in names}
    if not tops:
        return
    yield from beside.glob("*.py")
    for folder in beside.iterdir():
        if folder.is_dir() and (folder.name in tops or (folder / "__init__.py").is_file()):
            yield from _in_folder(folder, (".py",))
