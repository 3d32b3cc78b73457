"""The app in a browser: a page, a websocket behind it, and no other site's page in between."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from click.testing import CliRunner

from screens.shell import end_with_parent
from screens.shell import serve as serving
from workbench import child_process
from workbench.cli import cli
from workbench.errors import EnvironmentProblem, InputError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _page(session: aiohttp.ClientSession, url: str) -> str:
    for _ in range(300):
        try:
            async with session.get(url) as answer:
                assert answer.status == 200
                return await answer.text()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)
    raise AssertionError("nobody answers")


async def test_the_app_comes_through_the_websocket(recipe: Path) -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "workbench.cli",
        "inspect",
        str(recipe),
        "--row",
        "1",
        "--serve",
        "--port",
        str(port),
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ.copy())
    try:
        async with aiohttp.ClientSession() as session:
            page = await _page(session, f"http://localhost:{port}/")
            assert f"ws://localhost:{port}/ws" in page
            # A phone's width, keys without a click, and nothing that comes from another host.
            assert 'name="viewport"' in page
            assert "focusTerminal" in page
            assert set(re.findall(r"(?:https?:)?//([^/\"'?]+)", page)) == {f"localhost:{port}"}
            async with session.get(f"http://localhost:{port}/") as answer:
                assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            async with session.get(f"http://localhost:{port}/", headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"ws://localhost:{port}/ws", origin="http://evil.example")
            seen = ""
            origin = f"http://localhost:{port}"
            async with session.ws_connect(f"ws://localhost:{port}/ws?width=100&height=30", origin=origin) as ws:
                async with asyncio.timeout(90):
                    while "row 1" not in seen or ("role_boundaries" not in seen and "samples" not in seen):
                        message = await ws.receive()
                        assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
                        data = message.data
                        seen += data.decode("utf-8", "replace") if isinstance(data, bytes) else data
                await ws.send_str(json.dumps(["stdin", "q"]))
    finally:
        server.send_signal(signal.SIGINT)
        out, _ = server.communicate(timeout=20)
    assert out == b""


def sessions(server: int) -> list[psutil.Process]:
    """The processes below a server."""
    return psutil.Process(server).children(recursive=True)


def alive(process: psutil.Process) -> bool:
    """True while a process runs and is no zombie."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def seen_in(ws: aiohttp.ClientWebSocketResponse, what: str) -> str:
    """Collect the output of a session until it contains `what`."""
    seen = ""
    async with asyncio.timeout(120):
        while what not in seen:
            message = await ws.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
            seen += message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
    return seen


@pytest.mark.parametrize("way", ["closed", "SIGTERM", "SIGINT", "SIGKILL"])
async def test_a_session_as_wide_as_a_phone_lives_and_ends_with_page_or_server(way: str, recipe: Path) -> None:
    port = free_port()
    command = child_process.command("workbench.cli", "inspect", str(recipe), "--serve", "--port", str(port))
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ.copy())
    below: list[psutil.Process] = []
    try:
        async with aiohttp.ClientSession() as session:
            await _page(session, f"http://localhost:{port}/")
            address = f"ws://localhost:{port}/ws?width=38&height=24"
            async with session.ws_connect(address, origin=f"http://localhost:{port}") as ws:
                # The inspect screen itself: the row is there before it, with fewer keys.
                await seen_in(ws, " trained")
                # Narrower than anything that is to be said, and back: it still draws.
                for width, height in ((20, 5), (1, 1), (52, 40)):
                    await ws.send_str(json.dumps(["resize", {"width": width, "height": height}]))
                await ws.send_str(json.dumps(["stdin", "?"]))
                await seen_in(ws, "Here: the tokens")
                below = sessions(server.pid)
                assert below
                if way == "closed":
                    await ws.close()
                else:
                    server.send_signal(getattr(signal, way))
                    server.wait(30)
                await asyncio.to_thread(psutil.wait_procs, below, 30)
                assert [one for one in below if alive(one)] == []
                assert way != "closed" or server.poll() is None
    finally:
        server.kill()
        server.wait()
        for one in below:
            if alive(one):
                one.kill()


def test_a_session_that_hangs_ends_with_its_server() -> None:
    # The server is a process that ends at once; the way out of the session does nothing.
    code = """
import os, subprocess, sys, time
from screens.shell import end_with_parent as leash

leash.GRACE_SECONDS = 0.1
server = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
os.environ[leash.SERVER] = str(server.pid)
leash.hold(lambda: None)
server.stdin.close()
time.sleep(60)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.returncode == end_with_parent.EXIT, done.stderr
    with contextlib.suppress(psutil.NoSuchProcess):
        # Ended, though perhaps nobody asked yet how.
        assert psutil.Process(int(done.stdout)).status() == psutil.STATUS_ZOMBIE


def test_without_a_server_there_is_no_leash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(end_with_parent.SERVER, raising=False)
    assert end_with_parent.hold(lambda: None) is None


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("textual_serve"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(EnvironmentProblem) as caught:
        serving.serve([], port=free_port())
    assert "pip install textual-serve" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_port_in_use_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="cannot be used"):
            serving.serve([], port=taken.getsockname()[1])


def test_the_session_gets_the_arguments_of_the_command(monkeypatch: pytest.MonkeyPatch, recipe: Path) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(serving, "serve", lambda arguments, **options: given.update(options, arguments=arguments) or 0)
    arguments = ["inspect", str(recipe), "--row", "3", "--offline", "--serve", "--port", "8123"]
    done = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert done.exception is None
    assert sorted(given["arguments"]) == sorted([str(recipe), "--row", "3", "--offline"])
    assert (given["host"], given["port"]) == ("127.0.0.1", 8123)


@pytest.mark.parametrize(
    ("asked", "origin", "host", "yes"),
    [
        ("localhost:8000", None, "127.0.0.1", True),
        ("localhost:8000", "http://localhost:8000", "127.0.0.1", True),
        ("localhost:8000", "http://localhost:9000", "127.0.0.1", False),
        ("rebound.example:8000", "http://rebound.example:8000", "127.0.0.1", False),
        ("gpu-box:8000", "http://gpu-box:8000", "0.0.0.0", True),
        ("gpu-box:8000", "null", "0.0.0.0", False),
    ],
)
def test_only_our_own_page_may_connect(asked: str, origin: str | None, host: str, yes: bool) -> None:
    assert serving.allowed(asked, origin, host) is yes


def test_a_closed_terminal_ends_the_app_even_where_nobody_passes_on_the_hang_up(recipe: Path) -> None:
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    program += f"from workbench.cli import main; main(['inspect', {str(recipe)!r}])"
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", program])
    seen = b""
    while b"trained" not in seen:
        seen += os.read(terminal, 65536)
    os.close(terminal)
    process = psutil.Process(child)
    _, alive = psutil.wait_procs([process], 30)
    for one in alive:
        one.kill()
    assert not alive
