"""Servers on the loopback that are silent, drip, lie about their lengths, or send without end.

Their ports are bound when this is imported. They run in a process of their own: no thread is copied with a case.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"


def _silent(link: socket.socket) -> None:
    time.sleep(60)


def _drip(link: socket.socket) -> None:
    link.sendall(_HEAD + b"Content-Length: 100000\r\n\r\n")
    for _ in range(200):
        link.sendall(b"x")
        time.sleep(0.3)


def _drip_head(link: socket.socket) -> None:
    for byte in _HEAD * 20:
        link.sendall(bytes([byte]))
        time.sleep(0.3)


def _endless(link: socket.socket) -> None:
    link.sendall(_HEAD + b"\r\n")
    while True:
        link.sendall(b"x" * (1 << 20))


def _long_head(link: socket.socket) -> None:
    link.sendall(_HEAD + b"X-A: " + b"x" * (8 << 20))


def _many_heads(link: socket.socket) -> None:
    link.sendall(_HEAD + b"X-A: x\r\n" * 5_000 + b"\r\n")


def _short(link: socket.socket) -> None:
    link.sendall(_HEAD + b"Content-Length: 100000\r\n\r\nx")


def _bad_length(link: socket.socket) -> None:
    link.sendall(_HEAD + b"Content-Length: -5\r\n\r\nx")


def _bad_chunks(link: socket.socket) -> None:
    link.sendall(_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n")


def _no_http(link: socket.socket) -> None:
    link.sendall(b"\x1b[2J\xff\xfe\x00 220 ftp ready\r\n\r\n")


def _reason(link: socket.socket) -> None:
    link.sendall(b"HTTP/1.1 404 \x1b[2Jowned \xe2\x80\xae\r\nContent-Length: 0\r\n\r\n")


def _round(link: socket.socket) -> None:
    link.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x.png\r\nContent-Length: 0\r\n\r\n")


def _to_file(link: socket.socket) -> None:
    link.sendall(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n")


def _to_nowhere(link: socket.socket) -> None:
    link.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://[::1/\x1b[2J\r\nContent-Length: 0\r\n\r\n")


def _close(link: socket.socket) -> None:
    return


_WAYS: dict[str, Callable[[socket.socket], None]] = {
    "silent": _silent,
    "drips its body": _drip,
    "drips its head": _drip_head,
    "endless body": _endless,
    "head of 8 MB": _long_head,
    "5,000 headers": _many_heads,
    "shorter than it says": _short,
    "negative length": _bad_length,
    "bad chunks": _bad_chunks,
    "no HTTP": _no_http,
    "escape codes in the reason": _reason,
    "redirects in a circle": _round,
    "redirects to a file": _to_file,
    "redirects to no address": _to_nowhere,
    "closes at once": _close,
}


def _bound() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    return listener


_LISTENERS = {name: _bound() for name in _WAYS}
ADDRESSES = {name: f"http://127.0.0.1:{listener.getsockname()[1]}" for name, listener in _LISTENERS.items()}
"""The address of each server, by what it does."""


def start() -> int:
    """Serve from a process of its own, and give its id; it ends with its parent."""
    child = os.fork()
    if child:
        return child
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    for name, listener in _LISTENERS.items():
        threading.Thread(target=_accept, args=(listener, _WAYS[name]), daemon=True).start()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _accept(listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    import threading

    def serve(link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            link.recv(65_536)
            answer(link)

    while True:
        link, _ = listener.accept()
        threading.Thread(target=serve, args=(link,), daemon=True).start()
