"""Pictures from http and https addresses, within a limit of time for the whole of an answer, and one of size.

A server that did not answer in time is not asked again for a minute: a row is read more than once, and a dataset has
many rows of the same server.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlsplit

from workbench.data.media_error import MediaError, shorten

MAX_DOWNLOAD_BYTES = 64 << 20
FETCH_SECONDS = 10.0
_RESTED_SECONDS = 60.0
_FETCHED = "Keep the pictures beside the data; axolotl fetches each one again in every epoch."
_silent: dict[str, float] = {}
"""The time at which each server that did not answer in time was asked."""


def fetch(url: str, *, seconds: float = FETCH_SECONDS, max_bytes: int = MAX_DOWNLOAD_BYTES) -> bytes:
    """The body of an http(s) URL. Raises MediaError where it does not come whole, in time and in size."""
    if not url.startswith(("http://", "https://")):
        raise MediaError("Picture not fetched", f"{shorten(url)} is not an http or https URL", _FETCHED)
    server = _server(url)
    if time.monotonic() - _silent.get(server, -_RESTED_SECONDS) < _RESTED_SECONDS:
        cause = f"{server} did not answer in time a moment ago; it is asked again after a minute"
        raise MediaError("Picture not fetched", cause, _FETCHED)
    kept: list[bytes | BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            kept.append(_body(url, seconds, max_bytes, ended))
        except BaseException as problem:
            kept.append(problem)
        ended.set()

    # In a thread: the limits of a socket begin anew with every byte, and the lines of a head are read one by one.
    threading.Thread(target=run, name="vlmbench-picture", daemon=True).start()
    if not ended.wait(seconds):
        ended.set()
        _silent[server] = time.monotonic()
        raise MediaError("Picture not fetched", f"{shorten(url)} took longer than {seconds:g} s", _FETCHED)
    found = kept[0]
    if isinstance(found, BaseException):
        raise found
    return found


def _server(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError as problem:
        raise _not_fetched(url, problem) from None


def _not_fetched(url: str, problem: BaseException) -> MediaError:
    return MediaError("Picture not fetched", f"{shorten(url)}: {problem or type(problem).__name__}", _FETCHED)


def _body(url: str, seconds: float, max_bytes: int, ended: threading.Event) -> bytes:
    import http.client
    import urllib.error
    import urllib.request

    class HttpOnly(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            if not newurl.startswith(("http://", "https://")):
                raise MediaError(
                    "Picture not fetched",
                    f"{shorten(url)} redirects to {shorten(newurl)}, which is not http or https",
                    _FETCHED,
                )
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    body = bytearray()
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "vlmbench"})
        with urllib.request.build_opener(HttpOnly).open(request, timeout=seconds) as answer:
            while (block := answer.read1(1 << 16)) and not ended.is_set():
                body += block
                if len(body) > max_bytes:
                    cause = f"{shorten(url)} sends more than {max_bytes >> 20} MiB"
                    raise MediaError("Picture not fetched", cause, _FETCHED)
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as problem:
        raise _not_fetched(url, problem) from problem
    return bytes(body)
