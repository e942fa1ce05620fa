"""Requests that are prepared once go out as requests' own session sends them: by proxies, with cookies, no further."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests

from zoocut.zooniverse.prepared import PreparedSession
from zoocut.zooniverse.transport import Transport


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
        thread = Thread(target=server.serve_forever)
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
        data = given or {"data": io.BytesIO(b"abc" if body == "file" else long)}
        assert one.request("PUT", url, headers=headers, **data).status_code == 200  # type: ignore[arg-type]
    plain, prepared = server.asked
    assert plain == prepared


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
