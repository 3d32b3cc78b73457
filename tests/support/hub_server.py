"""A hub on the loopback: the part of its protocol that a client needs to list and download, and ways to misbehave.

`HubServer` serves repositories held in memory and records every request. A repository's `scenario` says how it answers.
Point a client at it with `environment(endpoint, home)` (a child process) or `use(monkeypatch, endpoint, home)`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

Scenario = Literal[
    "ok",
    "gated_401",
    "gated_403",
    "denied_403",
    "bad_token",
    "missing_404",
    "error_503",
    "slow",
    "trickle",
    "cut",
    "corrupt",
    "short",
    "mute",
    "dribbled_headers",
    "dribbled_body",
    "stalled_body",
]
Stage = Literal["info", "tree", "head", "file"]

_API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/(?P<what>revision|tree)/(?P<revision>[^/]+))?/?$")
_FILE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)$")
_LARGE = (".safetensors", ".bin", ".gguf", ".pt", ".onnx")


@dataclass
class Repo:
    """A repository: its files, its branches and tags (name to commit), and how it answers."""

    files: dict[str, bytes]
    scenario: Scenario = "ok"
    refs: dict[str, str] = field(default_factory=lambda: {"main": "c0ffee" * 6 + "cafe"})
    spoiled: tuple[str, ...] = ("tokenizer.json",)
    delay: float = 0.2
    silent_at: Stage = "info"
    """The request at which "mute", "dribbled_…" and "stalled_body" begin."""

    def etag(self, name: str) -> str:
        """The hash that the hub gives a file: SHA-256 of a large one, git's of the others."""
        content = self.files[name]
        if name.endswith(_LARGE):
            return hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def commit(self, revision: str) -> str | None:
        return revision if revision in self.refs.values() else self.refs.get(revision)


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]


class HubServer:
    """Use as a context manager: `with HubServer({"org/name": Repo(files)}) as server:`."""

    def __init__(self, repos: dict[str, Repo] | None = None) -> None:
        self.repos = repos or {}
        self.requests: list[Request] = []
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def files_requested(self) -> set[str]:
        """The file names that were asked for, by whatever method."""
        return {unquote(match["file"]) for request in self.requests if (match := _FILE.match(request.path))}


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None: ...

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append(Request(self.command, path, dict(self.headers)))
        match = _API.match(path) or _FILE.match(path)
        repo = self.hub.repos.get(match["repo"]) if match else None
        if match is None or repo is None or repo.scenario == "missing_404":
            return self._refuse(404, "RepoNotFound", "Repository not found")
        refusal = {
            "gated_401": (401, "GatedRepo", "Access to this model is restricted."),
            "gated_403": (403, "GatedRepo", "Access to this model is restricted and you are not in the list."),
            "denied_403": (403, "", "You need more rights."),
            "bad_token": (401, "", "Invalid credentials in Authorization header"),
            "error_503": (503, "", "Down for maintenance."),
        }.get(repo.scenario)
        if refusal:
            return self._refuse(*refusal)
        if repo.scenario in ("mute", "dribbled_headers", "dribbled_body", "stalled_body"):
            what = match.groupdict().get("what")
            stage = (
                ("head" if not body else "file")
                if "file" in match.groupdict()
                else "tree"
                if what == "tree"
                else "info"
            )
            if stage == repo.silent_at:
                return self._keep_waiting(repo.scenario)
        if repo.scenario == "slow":
            time.sleep(repo.delay)
        commit = repo.commit(unquote(match["revision"] or "main"))
        if commit is None:
            return self._refuse(404, "RevisionNotFound", "Invalid rev id")
        if "file" in match.groupdict():
            return self._file(repo, commit, unquote(match["file"]), body)
        return self._send_json(self._tree(repo) if match["what"] == "tree" else self._info(match["repo"], repo, commit))

    def _keep_waiting(self, scenario: Scenario) -> None:
        """An answer that never ends. The client hanging up ends it, or the server's end."""
        self.close_connection = True
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        if scenario == "mute":
            begun, drop = b"", b""
        elif scenario == "dribbled_headers":
            begun, drop = head + b"X-Slow: ", b"x"
        else:
            begun, drop = head + b"Content-Length: 100000\r\n\r\n{", b" " if scenario == "dribbled_body" else b""
        with contextlib.suppress(OSError):
            self.wfile.write(begun)
            while not self.hub.closing.wait(0.05):
                self.wfile.write(drop)

    def _info(self, name: str, repo: Repo, commit: str) -> dict[str, Any]:
        siblings = [{"rfilename": file} for file in sorted(repo.files)]
        return {
            "_id": "0" * 24,
            "id": name,
            "modelId": name,
            "sha": commit,
            "private": False,
            "gated": False,
            "tags": [],
            "siblings": siblings,
        }

    def _tree(self, repo: Repo) -> list[dict[str, Any]]:
        rows = []
        for name, content in sorted(repo.files.items()):
            row: dict[str, Any] = {"type": "file", "path": name, "oid": repo.etag(name)[:40], "size": len(content)}
            if name.endswith(_LARGE):
                row["lfs"] = {"oid": repo.etag(name), "size": len(content), "pointerSize": 130}
            rows.append(row)
        return rows

    def _file(self, repo: Repo, commit: str, name: str, body: bool) -> None:
        if name not in repo.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        content = repo.files[name]
        size = len(content)
        spoiled = name in repo.spoiled
        start = 0
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked:
            start = int(asked[1])
        if spoiled and repo.scenario == "corrupt":
            content = bytes(reversed(content))
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{repo.etag(name)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        cut = body and spoiled and repo.scenario == "cut"
        short = body and spoiled and repo.scenario == "short"
        sent = content[start : start + (size - start) // 2] if cut or short else content[start:]
        self.send_header("Content-Length", str(len(sent) if short else size - start))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if body and spoiled and repo.scenario == "trickle":
            for at in range(0, len(sent), len(sent) // 10 + 1):
                self.wfile.write(sent[at : at + len(sent) // 10 + 1])
                time.sleep(repo.delay)
        elif body:
            self.wfile.write(b"" if cut and asked else sent)

    def _send_json(self, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"error": message}).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """The address of a server that accepts every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def repo_from(folder: Path, *, weights: tuple[str, ...] = (), **options: Any) -> Repo:
    """A repository with a folder's files, and weight files that nobody should ask for."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return Repo(files | dict.fromkeys(weights, b"weights" * 100), **options)


def use(monkeypatch: Any, endpoint: str, home: Path) -> None:
    """Point this process at a hub and a cache of its own. The client reads the environment only once, at import."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_HOME", str(home))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)


def environment(endpoint: str, home: Path) -> dict[str, str]:
    """The variables that point a child process at a hub and a cache of its own."""
    return {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_TOKEN": ""}
