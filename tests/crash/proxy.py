"""A forward proxy of the tests' own: it records every request and every answer, and may do to them what networks do.

One listener an actor, so that the record tells which process sent what. A client is sent through it by the
`http_proxy` variable; the server's address stays the same for all of them.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOP_BY_HOP = ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length")


@dataclass(slots=True)
class Reply:
    """What a server answered, or what a client is told."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def document(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self.body)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(slots=True)
class Exchange:
    """One request as it was sent, what the server did with it, and what the client was told.

    Times are in seconds of this process's monotonic clock; `told` is None when the connection was cut.
    """

    number: int
    actor: str
    began: float
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    fault: str = ""
    done: list[tuple[float, Reply]] = field(default_factory=list)
    told: Reply | None = None
    answered: float | None = None

    @property
    def sent(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body or b"null")
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}

    @property
    def kind(self) -> str:
        """Name what the request is for."""
        match self.method, [part for part in self.path.split("/") if part]:
            case "POST", ["api", "subjects"]:
                return "create"
            case "POST", ["api", "subject_sets"]:
                return "make set"
            case "POST", ["api", "subject_sets", _, "links", "subjects"]:
                return "link"
            case "DELETE", ["api", "subject_sets", _, "links", "subjects", _]:
                return "unlink"
            case "POST", ["api", "subjects", _, "attached_images"]:
                return "attach"
            case "GET", ["api", "subjects", _, "attached_images"]:
                return "attached"
            case "PUT", ["public", *_]:
                return "store"
            case "GET", ["public" | "subject_location", *_]:
                return "fetch"
            case "PUT", ["api", "subjects", _]:
                return "renew"
            case "PUT", ["api", "subject_sets", _]:
                return "note"
            case "GET", ["api", "subjects"] if "ids" not in self.query:
                return "list"
            case _, ["users", "sign_in"] | ["oauth", "token"]:
                return "sign in"
            case _:
                return "other"


class Hop:
    """One request at the proxy, for what is to be done to it."""

    def __init__(self, record: Recorder, exchange: Exchange) -> None:
        self.record, self.exchange = record, exchange

    def carry_out(self) -> Reply:
        """Have the server do it."""
        reply = self.record.forward(self.exchange)
        self.exchange.done.append((time.monotonic(), reply))
        return reply

    def carry_out_later(self, seconds: float) -> None:
        """Have the server do it after a while."""
        timer = threading.Timer(seconds, self.carry_out)
        timer.daemon = True
        self.record.timers.append(timer)
        timer.start()


Fault = Callable[[Hop], Reply | None]
Choose = Callable[[Exchange], tuple[str, Fault] | None]


def nothing(exchange: Exchange) -> None:
    """Leave every request alone."""


class Recorder:
    """What all listeners of one campaign run share.

    Parameters
    ----------
    server : str
        Where requests go, as http://127.0.0.1:PORT.
    choose : callable
        Names what is to be done to a request; None for nothing.
    """

    def __init__(self, server: str, choose: Choose = nothing) -> None:
        self.server = urlsplit(server).netloc
        self.choose = choose
        self.exchanges: list[Exchange] = []
        self.lives: dict[str, tuple[float, float | None]] = {}
        self.timers: list[threading.Timer] = []
        self._lock = threading.Lock()
        self._local = threading.local()

    @contextmanager
    def actor(self, name: str) -> Iterator[str]:
        """Listen for one process; give the address to name in its `http_proxy`."""
        server = _Listener(("127.0.0.1", 0), _Handler)
        server.record, server.actor = self, name
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self.lives[name] = (time.monotonic(), None)
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self.ended(name)
            server.shutdown()
            server.server_close()

    def ended(self, name: str) -> None:
        """Note that an actor's process is no more."""
        began, end = self.lives[name]
        self.lives[name] = (began, end or time.monotonic())

    def await_late(self) -> None:
        """Wait until all that was put off is done."""
        for timer in self.timers:
            timer.join()

    def begin(self, actor: str, handler: BaseHTTPRequestHandler, body: bytes) -> Exchange:
        parts = urlsplit(handler.path)
        headers = {key.lower(): value for key, value in handler.headers.items()}
        with self._lock:
            exchange = Exchange(
                len(self.exchanges),
                actor,
                time.monotonic(),
                handler.command,
                parts.path,
                parse_qs(parts.query, keep_blank_values=True),
                headers,
                body,
            )
            self.exchanges.append(exchange)
        return exchange

    def pass_on(self, exchange: Exchange) -> Reply | None:
        chosen = self.choose(exchange)
        if chosen is None:
            return Hop(self, exchange).carry_out()
        exchange.fault, fault = chosen
        return fault(Hop(self, exchange))

    def forward(self, exchange: Exchange) -> Reply:
        """Send a request to the server as it came."""
        connection = http.client.HTTPConnection(self.server, timeout=60)
        query = "&".join(f"{key}={value}" for key, value in _raw_query(exchange))
        headers = {k: v for k, v in exchange.headers.items() if k not in HOP_BY_HOP}
        try:
            connection.request(
                exchange.method,
                exchange.path + (f"?{query}" if query else ""),
                exchange.body if exchange.body or exchange.method in ("POST", "PUT") else None,
                headers | {"connection": "close"},
            )
            answer = connection.getresponse()
            kept = [(key, value) for key, value in answer.getheaders() if key.lower() not in HOP_BY_HOP]
            return Reply(answer.status, kept, answer.read())
        finally:
            connection.close()


def _raw_query(exchange: Exchange) -> list[tuple[str, str]]:
    from urllib.parse import quote

    return [(quote(k), quote(v, safe="")) for k, values in exchange.query.items() for v in values]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    record: Recorder
    actor: str

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed cut their connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        exchange = self.server.record.begin(self.server.actor, self, body)
        try:
            told = self.server.record.pass_on(exchange)
        except OSError:  # the server itself is gone
            told = None
        exchange.told, exchange.answered = told, time.monotonic()
        self._tell(told)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _any  # noqa: N815 (the names that http.server calls)

    def _tell(self, told: Reply | None) -> None:
        try:
            if told is None:
                self._cut()
                return
            self.send_response_only(told.status)
            for key, value in told.headers:
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)
        except OSError:
            self.close_connection = True

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def log_message(self, *words: object) -> None:
        pass


def page(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    """Make the page of something that is not Panoptes."""
    return Reply(
        status,
        [("Content-Type", "text/html"), *(headers or {}).items()],
        f"<html>{status}, says the gateway</html>".encode(),
    )


def told_json(status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    """Make an answer in JSON."""
    return Reply(
        status,
        [("Content-Type", "application/json; charset=utf-8"), *(headers or {}).items()],
        json.dumps(document).encode(),
    )


def md5_of(body: bytes) -> str:
    """Give the checksum as the store of images writes it."""
    return base64.b64encode(hashlib.md5(body).digest()).decode()
