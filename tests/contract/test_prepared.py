"""Requests that are prepared once go out as requests' own session sends them: by proxies, with cookies, no further."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
import requests

from zoocut.zooniverse.prepared import PreparedSession
from zoocut.zooniverse.request_errors import Doubtful
from zoocut.zooniverse.transport import Transport, foreign_errors


@dataclass
class Recorder:
    """A server, or a proxy, that notes what it is asked and answers what it is told to."""

    port: int = 0
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, recorder: Recorder, *words: Any) -> None:
        self.recorder = recorder
        super().__init__(*words)

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.recorder.asked.append((self.command, self.path, headers, body))
        status, further = self.recorder.answers.get(self.path, (200, {}))
        self.send_response(status)
        for key, value in {"Content-Length": "2", **further}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = answer  # noqa: N815  # the names that the library asks for

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Recorder]:
    recorder = Recorder()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, recorder)) as server:
        recorder.port = server.server_port
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Recorder]:
    with serving() as recorder:
        yield recorder


def session() -> PreparedSession:
    return PreparedSession(Transport(read_s=10))


@pytest.mark.parametrize("body", ["json", "bytes", "file", "long file"])
def test_what_arrives_is_what_requests_itself_sends(server: Recorder, body: str) -> None:
    long = b"x" * 300_000
    given = {"json": {"json": {"ä": [1, "ö"]}}, "bytes": {"data": b"\x00\x01"}}.get(body)
    headers = {"content-type": "image/png", "X-More": "1"} if body != "json" else {"Accept": "a/b"}
    url = f"{server.address}/some/path?sig=a%2Bb%3D&se=2026-01-01T00%3A00%3A00Z"
    for one in (requests.Session(), session()):
        for _ in range(2):  # the second time on the connection that is open
            data = given or {"data": io.BytesIO(b"abc" if body == "file" else long)}
            assert one.request("PUT", url, headers=headers, **data).status_code == 200  # type: ignore[arg-type]
    plain, _, *prepared = server.asked
    assert prepared == [plain, plain]


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


OPEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nETag: W/x\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
ANSWERS = {
    "plain": b"HTTP/1.1 201 Created\r\nContent-Type: text/plain; charset=latin-1\r\nX-A:  a b\r\n"
    b"Content-Length: 1\r\n\r\n\xe4",
    "without a reason": b"HTTP/1.1 400\r\nContent-Length: 3\r\n\r\nabc",
    "large": b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000,
    "chunked": CHUNKED,
    "zipped": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
    % (len(zipped(b"{}")), zipped(b"{}")),
    "without a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "after a 100": b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED,
    "headers twice": b"HTTP/1.1 200 OK\r\nVia: a\r\nVia: b\r\nContent-Length: 2\r\n\r\n{}",
    "a folded header": b"HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "a cookie": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}",
    "to its end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
    "closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "bare line ends": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
}
BROKEN = {
    "nothing": b"",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "half a chunk": CHUNKED[:-12],
}


class Script(StreamRequestHandler):
    """Answers the first request of each connection with `OPEN`, the second as it is told, and hangs up."""

    def handle(self) -> None:
        for answer in (OPEN, self.server.told):  # type: ignore[attr-defined]
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length"):
                    length = int(line.partition(b":")[2])
            if line:
                self.rfile.read(length)
                self.server.asked.append(self.client_address)  # type: ignore[attr-defined]
                self.wfile.write(answer)


@contextmanager
def scripted(told: bytes) -> Iterator[tuple[str, list[Any]]]:
    with ThreadingTCPServer(("127.0.0.1", 0), Script) as server:
        vars(server).update(told=told, asked=[], block_on_close=False, daemon_threads=True)
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/a", vars(server)["asked"]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_on_an_open_connection_are_read_as_requests_itself_reads_them(kind: str) -> None:
    told = []
    for one in (requests.Session(), session()):
        with scripted(ANSWERS[kind]) as (address, asked):
            one.request("POST", address, data=b"first")
            answer = one.request("POST", address, data=b"second")
            assert len(asked) == 2
            assert len(set(asked)) == 1
        told.append((answer.status_code, answer.reason, dict(answer.headers), answer.content, answer.text))
        assert one.cookies.get("a") == ("b" if kind == "a cookie" else None)
    assert told[0] == told[1]


@pytest.mark.parametrize("kind", BROKEN)
def test_an_answer_that_breaks_off_is_a_doubt_and_is_asked_for_no_second_time(kind: str) -> None:
    with scripted(BROKEN[kind]) as (address, asked):
        one = session()
        one.request("POST", address, data=b"first")
        with pytest.raises(Doubtful), foreign_errors("there"):
            one.request("POST", address, data=b"second")
        assert (len(asked), len(set(asked))) == (2, 1)


def test_proxies_are_those_of_the_environment(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address.replace("//", "//me:secret@"))
        monkeypatch.setenv("NO_PROXY", "localhost")
        one = session()
        for _ in range(2):
            one.request("POST", f"{server.address}/api/subjects", json={})
        one.request("PUT", "http://images.example/a.png?sig=1", data=b"x")
        one.request("GET", f"http://localhost:{server.port}/direct")
        assert [path for _, path, _, _ in proxy.asked] == [
            *[f"{server.address}/api/subjects"] * 2,
            "http://images.example/a.png?sig=1",
        ]
        assert all("proxy-authorization" in headers for _, _, headers, _ in proxy.asked)
        assert [path for _, path, _, _ in server.asked] == ["/direct"]


def test_cookies_are_sent_where_they_belong_and_replaced(server: Recorder) -> None:
    one = session()
    server.answers["/sign_in"] = 200, {"Set-Cookie": "who=first; path=/api"}
    for path in ("/sign_in", "/api/a", "/elsewhere", "/api/a"):
        one.request("GET", f"{server.address}{path}")
    server.answers["/api/a"] = 200, {"Set-Cookie": "who=second; path=/api"}
    for _ in range(2):
        one.request("GET", f"{server.address}/api/a")
    assert [headers.get("cookie") for _, _, headers, _ in server.asked] == [
        *(None, "who=first", None, "who=first", "who=first", "who=second"),
    ]


def test_no_redirect_is_followed(server: Recorder) -> None:
    server.answers["/a.png"] = 307, {"Location": f"{server.address}/elsewhere"}
    answer = session().request(
        "PUT", f"{server.address}/a.png", data=b"x", headers={"Authorization": "Bearer t"}
    )
    assert answer.status_code == 307
    assert [path for _, path, _, _ in server.asked] == ["/a.png"]
