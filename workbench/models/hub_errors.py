"""Errors of the hub's client in the bench's words, and the check that a download is whole."""

from __future__ import annotations

import errno
import hashlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import EnvironmentProblem

_GIT_SHA1 = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEPT = "What was downloaded is kept: run it again to go on from there."
_LOCAL = "or give a folder that holds the model"
_BROKEN_OFF = ("RemoteProtocolError", "ReadError", "WriteError", "IncompleteRead", "ChunkedEncodingError")


def cause_chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that caused it, nearest first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def model_page(repo: str) -> str:
    """The address of the model's page at the hub in use."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{repo}"


def explain(
    error: BaseException, repo: str, revision: str | None, *, offline: bool = False
) -> EnvironmentProblem | None:
    """The same error as an `EnvironmentProblem`, or None where it is not of the hub, the network or the disk."""
    if isinstance(error, EnvironmentProblem):
        return error
    return _of_disk(error, repo) or _of_hub(error, repo, revision) or _of_network(error, repo, offline)


def _of_disk(error: BaseException, repo: str) -> EnvironmentProblem | None:
    from huggingface_hub import constants

    codes = {cause.errno for cause in cause_chain(error) if isinstance(cause, OSError)}
    if codes & {errno.ENOSPC, errno.EDQUOT}:
        return EnvironmentProblem(
            f"no space on the disk for {repo}",
            f"The cache is {constants.HF_HUB_CACHE}.",
            "Free some space (`hf cache` lists what is there), or put the cache elsewhere with HF_HOME.",
        )
    if codes & {errno.EACCES, errno.EROFS, errno.EPERM}:
        return EnvironmentProblem(
            "the model cache cannot be written",
            f"{_first_line(error)} The cache is {constants.HF_HUB_CACHE}.",
            "Give yourself the right to write there, or put the cache elsewhere with HF_HOME.",
        )
    return None


def _of_hub(error: BaseException, repo: str, revision: str | None) -> EnvironmentProblem | None:
    from huggingface_hub import errors, get_token

    found = next((cause for cause in cause_chain(error) if isinstance(cause, errors.HfHubHTTPError)), None)
    if found is None:
        return None
    status = found.response.status_code if found.response is not None else 0
    log_in = "log in with `hf auth login` or set HF_TOKEN"
    if isinstance(found, errors.GatedRepoError):
        refused = "this account has no access" if get_token() else "no access token was sent"
        return EnvironmentProblem(
            f"{repo} is gated: {refused}",
            f"The hub answered {status}. The model's licence must be accepted before its files are given out.",
            f"Accept the licence at {model_page(repo)}, then {log_in}; {_LOCAL}.",
        )
    if isinstance(found, errors.RevisionNotFoundError):
        return EnvironmentProblem(
            f"{repo} has no revision {revision!r}",
            "The model is there, this branch, tag or commit is not.",
            f"See the revisions at {model_page(repo)}, or leave the revision out.",
        )
    if isinstance(found, errors.RepositoryNotFoundError):
        return EnvironmentProblem(
            f"no model {repo} at the hub",
            f"The hub answered {status}: it does not exist, or it is private and you have no access.",
            f"Check the spelling; if it is private, {log_in}. A folder is written ./{repo}",
        )
    if isinstance(found, errors.EntryNotFoundError):
        return EnvironmentProblem(
            f"{repo}: a file that the hub lists is not there",
            _first_line(found),
            "The repository may be changing at this moment: try again, or name a revision.",
        )
    if status == 401:
        return EnvironmentProblem(
            "the hub does not accept the access token",
            _first_line(found),
            "Log in again with `hf auth login`, or correct HF_TOKEN.",
        )
    if status == 403:
        return EnvironmentProblem(
            f"{repo}: access refused",
            _first_line(found),
            f"Ask for access at {model_page(repo)} or use a token that has it, {_LOCAL}.",
        )
    if status == 429:
        return EnvironmentProblem(
            "the hub asks for fewer requests", _first_line(found), f"Wait a while, or {log_in} for a higher limit."
        )
    return EnvironmentProblem(
        f"the hub answered {status or 'with an error'} for {repo}", _first_line(found), f"Try again later, {_LOCAL}."
    )


def _of_network(error: BaseException, repo: str, offline: bool) -> EnvironmentProblem | None:
    from huggingface_hub import constants, errors

    causes = list(cause_chain(error))
    names = {type(cause).__name__ for cause in causes}
    text = " ".join(str(cause) for cause in causes)
    if "HubTimeout" in names:
        timeout = next(cause for cause in causes if type(cause).__name__ == "HubTimeout")
        return EnvironmentProblem(
            f"the hub does not answer for {repo}",
            f"{constants.ENDPOINT}: {_first_line(timeout)}",
            f"Check the connection, the proxy and HF_ENDPOINT, {_LOCAL}. {_KEPT}",
        )
    if "IncompleteSnapshotError" in names:
        return EnvironmentProblem(
            f"the cached copy of {repo} is not complete", _first_line(error), "Run it once with the hub in reach."
        )
    if names.intersection(_BROKEN_OFF) or (names == {"ReadTimeout"} and "complete message" in text):
        return EnvironmentProblem(f"the download of {repo} was interrupted", _first_line(error), _KEPT)
    if "Consistency check failed" in text:
        return EnvironmentProblem(
            f"the download of {repo} is corrupt", _first_line(error), "Run it again: the file is downloaded anew."
        )
    reason = _reason(causes)
    if reason:
        return EnvironmentProblem(
            f"the hub cannot be reached for {repo}",
            f"{constants.ENDPOINT}: {reason}, and the model is not in the cache.",
            f"Check the connection, the proxy and HF_ENDPOINT, {_LOCAL}.",
        )
    if offline or names & {"OfflineModeIsEnabled"} or isinstance(error, errors.LocalEntryNotFoundError):
        return EnvironmentProblem(
            f"{repo} is not in the cache, and the hub may not be asked",
            f"Offline mode is on. The cache is {constants.HF_HUB_CACHE}.",
            f"Run it once online (unset HF_HUB_OFFLINE), {_LOCAL}.",
        )
    return None


def _reason(causes: list[BaseException]) -> str:
    names = {type(cause).__name__ for cause in causes}
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "the name is not known (DNS)"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "the connection was refused"
    if any("Timeout" in name for name in names):
        return "no answer in time"
    if "ProxyError" in names:
        return "the proxy refused the connection"
    if any("CERTIFICATE" in str(cause) or "SSL" in type(cause).__name__ for cause in causes):
        return "the certificate is not trusted"
    if names & {"ConnectError", "ConnectionError", "NetworkError", "ConnectionResetError"}:
        return "no connection"
    return ""


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300]


def verify(folder: Path, *, since: float) -> None:
    """Check the files that were downloaded after `since` against the hash that the cache names them by.

    The cache names a file by its git or SHA-256 hash. A file that differs is removed: the next run downloads it.

    Raises:
        EnvironmentProblem: a file's content is not what the hub said it is.
    """
    for link in sorted(path for path in folder.rglob("*") if path.is_symlink()):
        blob = link.resolve()
        if not blob.is_file() or blob.stat().st_mtime < since or _matches(blob):
            continue
        blob.unlink()
        link.unlink()
        raise EnvironmentProblem(
            f"{link.relative_to(folder)} arrived corrupt",
            f"Its content does not have the hash {blob.name[:12]}… that the hub announced; it was removed.",
            "Run it again: the file is downloaded anew. If it happens again, a proxy may alter the files.",
        )


def _matches(blob: Path) -> bool:
    if _SHA256.fullmatch(blob.name):
        with blob.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == blob.name
    if _GIT_SHA1.fullmatch(blob.name):
        content = blob.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == blob.name
    return True
