"""The same app in a browser, for people on a remote machine with a poor terminal: `vlmbench inspect --serve`.

A browser's session is a process of its own, started when the page is opened, that ends with the page and the server.
Whoever reaches the port can edit and save the recipe, so it is bound to this machine unless another address is asked
for, and pages of other sites are refused.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from screens.shell import end_with_parent
from workbench import child_process
from workbench.errors import EnvironmentProblem, InputError

LOCAL = "127.0.0.1"
PORT = 8000
_PAGES = Path(__file__).parent / "browser"
_ONLY_HERE = "default-src 'self' 'unsafe-inline' data: blob: ws: wss:"
"""The page asks nobody but this server: no fonts, styles or scripts from anywhere else."""
_OWN_NAMES = ("localhost", "127.0.0.1", "::1")


def command_line(arguments: Sequence[str]) -> str:
    """The command line of a session: `vlmbench inspect` with these arguments, by this interpreter."""
    return shlex.join(child_process.command("workbench.cli", "inspect", *arguments))


def serve(arguments: Sequence[str], *, host: str = LOCAL, port: int = PORT) -> int:
    """Serve `vlmbench inspect ARGUMENTS` until ctrl+c; says on stderr where.

    Raises:
        EnvironmentProblem: textual-serve is not installed. InputError: the address cannot be used.
    """
    try:
        from aiohttp import web
        from rich.console import Console
        from textual_serve.server import Server
    except ImportError:
        raise EnvironmentProblem(
            "The app cannot be served: textual-serve is missing",
            "It is an optional dependency.",
            "Install it: pip install textual-serve",
        ) from None
    _refuse_taken(host, port)
    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

    class BenchServer(Server):
        """Follows the address that the browser used, and refuses requests that another site's page sends."""

        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(guard)
            return app

        async def on_startup(self, app: web.Application) -> None:
            self.console.print(f"vlmbench: {self.public_url} (ctrl+c ends it)", highlight=False, markup=False)

        async def on_shutdown(self, app: web.Application) -> None:
            # A page that is still open would keep the server for a minute.
            await asyncio.to_thread(end_with_parent.end_sessions)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not allowed(request.host, request.headers.get("Origin"), host):
            raise web.HTTPForbidden(text="This page may not use the workbench.")
        if request.path == "/":
            server.public_url = f"{request.scheme}://{request.host}"
        response = await handler(request)
        if request.path == "/":
            response.headers["Content-Security-Policy"] = _ONLY_HERE
        return response

    server = BenchServer(command_line(arguments), host=host, port=port, title="vlmbench", templates_path=_PAGES)
    server.console = Console(stderr=True)
    # The sessions inherit this process's environment.
    os.environ.update(child_process.environment(**{end_with_parent.SERVER: str(os.getpid())}))
    server.serve()
    return 0


def allowed(asked: str, origin: str | None, host: str) -> bool:
    """True where a request comes from our own page, and names this machine if the server is bound to it alone."""
    name = urlsplit(f"//{asked}").hostname or ""
    if host in _OWN_NAMES and name not in _OWN_NAMES:
        return False
    return origin is None or urlsplit(origin).netloc == asked


def _refuse_taken(host: str, port: int) -> None:
    """Say so before anything is started, and in our own words."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family[0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(family[4])
    except (OSError, OverflowError) as problem:
        raise InputError(
            f"Port {port} of {host} cannot be used",
            f"{getattr(problem, 'strerror', None) or problem}.",
            "Choose another port with --port.",
        ) from None
