"""Running a sandbox: on a port of this machine's loopback address, until stopped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from zoocut.error_kinds import SandboxOptions
from zoocut.sandbox import control, pages
from zoocut.sandbox.app import application
from zoocut.sandbox.options import PASSWORD, Options, Volunteering
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.volunteers import Volunteers

__all__ = ["HOST", "bind", "serve"]

HOST = "127.0.0.1"


def bind(host: str, port: int) -> socket.socket:
    """Take a port of a loopback address.

    Raises
    ------
    ConfigError
        When the address is not loopback, or the port is taken.
    """
    if host not in (HOST, "localhost"):
        raise SandboxOptions(
            f"the sandbox listens on loopback only, not on {host}: everybody knows its passwords; "
            "leave --host out"
        )
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise SandboxOptions(
            f"cannot listen on {HOST}:{port} ({error.strerror}); stop what uses the "
            "port, choose another with --port, or let the system choose with --port 0"
        ) from error
    return listener


class _Protocol(H11Protocol):
    """A connection that faults can close."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let every request of the connection know it."""
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["zoocut.transport"] = transport
            await inner(scope, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """A server that tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        self._ready()


def volunteers_of(options: Options, endpoint: str) -> Volunteers:
    """Make the robots that classify; there may be none."""
    wanted = options.volunteers or Volunteering(0)
    return Volunteers(endpoint, options.robots(), wanted.accuracy, wanted.pause_s, PASSWORD)


def serve(options: Options, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Run a sandbox until it is told to stop.

    Parameters
    ----------
    options : Options
        Its settings.
    host, port : str, int
        Where to listen; port 0 takes any free one.
    ready : callable
        Called with the endpoint as soon as it answers.

    Raises
    ------
    ConfigError
        When it cannot listen there.
    InputError
        When the data folder cannot be used.
    """
    instance = Instance(options)
    listener = bind(host, port)
    endpoint = f"http://{HOST}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        application(instance, [*control.routes(), *pages.routes()]),
        http=_Protocol, log_level="warning", access_log=False, server_header=False, date_header=False,
        timeout_keep_alive=75, timeout_graceful_shutdown=2,
    )  # fmt: skip
    robots = volunteers_of(options, endpoint)

    def answers() -> None:
        ready(endpoint)
        robots.start()

    try:
        _Server(config, answers).run(sockets=[listener])
    finally:
        robots.stop()
        listener.close()
        instance.close()
