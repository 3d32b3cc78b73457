"""A limit on the hub's silence: a request that is accepted and never answered ends as an error, not in a wait.

huggingface_hub waits without a limit for some requests, and tries others again up to five times. Its session is
watched here instead: what matters is how long nothing has come, over all of its requests and tries together.
"""

from __future__ import annotations

import contextlib
import contextvars
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from workbench.errors import EnvironmentProblem

LIMIT = 12.0
"""Seconds without progress after which the hub counts as silent."""
_LEAST = 1024
"""Bytes of a body that count as progress: a server that sends one a second is as good as silent."""
_GRACE = 1.0
_STEP = 0.05

Answer = TypeVar("Answer")
_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
"""Connections to the hub. The session keeps them, so that one watch may read from what another one opened."""


class HubTimeout(TimeoutError):
    """Nothing came from the hub for as long as the bench waits."""


def within(work: Callable[[Callable[[], None]], Answer]) -> Answer:
    """Run `work`, which asks the hub, and return or raise its outcome.

    It runs in a thread of its own, so that neither a name server nor a header that never ends blocks the caller,
    and is given a function to call whenever something came that the session does not see.

    Raises:
        HubTimeout: for `LIMIT` seconds nothing came. EnvironmentProblem: HF_ENDPOINT is no address.
    """
    _refuse_bad_endpoint()
    watch = _Watch(LIMIT)
    watch.attach()
    kept: list[tuple[Answer | None, BaseException | None]] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            kept.append((context.run(work, watch.hear), None))
        except BaseException as error:
            kept.append((None, error))
        finally:
            watch.detach()

    threading.Thread(target=run, name="vlmbench-hub", daemon=True).start()
    try:
        while not watch.ended.wait(_STEP):
            watch.attach()
            if watch.silence() > watch.limit + _GRACE:
                raise watch.timeout()
    finally:
        watch.leave()
    answer, error = kept[0]
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]


def _refuse_bad_endpoint() -> None:
    """Raises EnvironmentProblem where HF_ENDPOINT is no address: the client's own words do not name it."""
    from huggingface_hub import constants

    try:
        parts = urlsplit(constants.ENDPOINT)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in constants.ENDPOINT):
        raise EnvironmentProblem(
            f"HF_ENDPOINT is no address: {constants.ENDPOINT!r}",
            "It is set in the environment, and the hub is asked there.",
            "Write it as https://host, or unset it for https://huggingface.co.",
        )


class _Watch:
    """The time at which data last came. A request that would begin later than `limit` after it is not begun."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.ended = threading.Event()
        self._left = False
        self._since = time.monotonic()
        self._bytes = 0
        self._threads: set[threading.Thread] = set()
        self._sessions: list[Any] = []
        self._lock = threading.Lock()

    def silence(self) -> float:
        return time.monotonic() - self._since

    def hear(self) -> None:
        self._since = time.monotonic()

    def timeout(self) -> HubTimeout:
        return HubTimeout(f"Nothing came for {self.limit:g} seconds.")

    def attach(self) -> None:
        """Hang the watch into the session of the hub's client, which makes another one after a failed connection."""
        from huggingface_hub import get_session

        session = get_session()
        with self._lock:
            if self.ended.is_set() or any(session is known for known in self._sessions):
                return
            self._sessions.append(session)
            session.event_hooks["request"].append(self._on_request)
            session.event_hooks["response"].append(self._on_response)

    def detach(self) -> None:
        """Leave the sessions as they were: nothing of what was watched goes on."""
        with self._lock:
            self.ended.set()
            for session in self._sessions:
                session.event_hooks["request"].remove(self._on_request)
                session.event_hooks["response"].remove(self._on_response)

    def leave(self) -> None:
        """Wake what still reads, and refuse its next try: the interpreter waits for the client's threads as it ends."""
        self._left = True
        if not self.ended.is_set():
            for connection in tuple(_sockets):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _check(self) -> None:
        if self._left or self.silence() > self.limit:
            raise self.timeout()

    def _on_request(self, request: Any) -> None:
        if not self._left:
            self._threads.add(threading.current_thread())
        elif threading.current_thread() not in self._threads:
            return
        self._check()
        most = max(self.limit - self.silence(), _STEP)
        limits = request.extensions.setdefault("timeout", {})
        for kind in ("connect", "read", "write", "pool"):
            limits[kind] = min(limits.get(kind) or most, most)
        request.extensions["trace"] = self._on_event

    def _on_event(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            if found is not None:
                _sockets.add(found)

    def _on_response(self, response: Any) -> None:
        stream = response.stream
        # The client wants its own kind of stream, and huggingface_hub has two clients: httpx, and from 2.0 httpx2.
        kind = next(base for base in type(stream).__mro__ if base.__name__ == "SyncByteStream")
        watch = self

        class Watched(kind):  # type: ignore[misc, valid-type]
            def __iter__(self) -> Iterator[bytes]:
                for chunk in stream:
                    watch._receive(len(chunk))
                    yield chunk
                watch.hear()

            def close(self) -> None:
                stream.close()

        response.stream = Watched()

    def _receive(self, size: int) -> None:
        self._bytes += size
        if self._bytes >= _LEAST:
            self._bytes = 0
            self.hear()
        self._check()
