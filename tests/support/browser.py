"""A headless Chromium for tests, and a small server that keeps what was asked of it."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

Answer = tuple[str, bytes]
"""A content type and a body."""


class Site:
    """Files by the path that a browser fetches, and the requests it made. `posted` answers a POST; others are 404."""

    def __init__(self) -> None:
        self.files: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.posted: Callable[[bytes], Answer] | None = None
        self.address = ""


@contextmanager
def site() -> Iterator[Site]:
    """A server on this machine."""
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append(self.path)
            self._give(here.files.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._give(here.posted(body) if here.posted is not None else None)

        def _give(self, answer: Answer | None) -> None:
            self.send_response(200 if answer is not None else 404)
            kind, body = answer or ("text/plain", b"")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def browse(place: str, profile: Path, *options: str, here: Site | None = None) -> str:
    """Run the browser on an address with these options, and give what it printed; evil.test is `here`."""
    assert CHROMIUM is not None
    rules = [f"--host-resolver-rules=MAP evil.test {here.address}"] if here is not None else []
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"]
    command += ["--no-first-run", f"--user-data-dir={profile}", *rules, *options, place]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return ran.stdout


def dump(here: Site, path: str, profile: Path, *options: str, milliseconds: int = 2000) -> str:
    """The document at a path of a site after so much of its own time, as HTML."""
    passed = f"--virtual-time-budget={milliseconds}"
    return browse(f"http://{here.address}{path}", profile, "--dump-dom", passed, *options, here=here)


def picture(here: Site, path: str, target: Path, *, dark: bool, size: tuple[int, int] = (1000, 800)) -> Path:
    """A picture of a path of a site, in the colours that the reader prefers."""
    theme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    window = f"--window-size={size[0]},{size[1]}"
    profile = target.with_suffix(".profile")
    browse(f"http://{here.address}{path}", profile, theme, window, f"--screenshot={target}", here=here)
    return target
