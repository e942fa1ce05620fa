"""The way to a server: what a proxy's page, silence, and odd clocks come to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from zoocut.errors import ConfigError, SignInError, ZooniverseError
from zoocut.sandbox import Running
from zoocut.zooniverse.clock import Clock
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import PRODUCTION, Credentials, find_credentials, normalise_endpoint
from zoocut.zooniverse.request_errors import Doubtful, Unreachable
from zoocut.zooniverse.store import Store
from zoocut.zooniverse.transport import Transport

OWNER = Credentials("owner", "sandbox-password")


class LoginPage(BaseHTTPRequestHandler):
    """A hotel's network: every address answers 200 with a page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Welcome. Please log in.</html>")

    do_POST = do_GET  # noqa: N815 (the name that http.server calls)

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], **known: object) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        vars(server).update(known)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_log_in_page_in_the_way_is_named() -> None:
    with serving(LoginPage) as endpoint, pytest.raises(ZooniverseError, match="proxy or log-in page"):
        connect(endpoint, OWNER)


def test_silence_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Doubtful, match="did not answer in time"):
            connect(endpoint, OWNER, read_s=0.3)


class Drip(BaseHTTPRequestHandler):
    """Promises an answer and sends a byte of it now and then, so that no wait is ever long."""

    drop = b" "
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.connection.sendall(self.opening)
        while not self.server.over.wait(0.05):  # type: ignore[attr-defined]
            try:
                self.connection.sendall(self.drop)
            except OSError:
                break
        self.close_connection = True

    do_POST = do_GET  # noqa: N815

    def log_message(self, *words: object) -> None:
        pass


class DrippingBody(Drip):
    opening = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"


class DrippingUntilClosed(Drip):
    opening = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n"


class DrippingHeaders(Drip):
    opening = b"HTTP/1.1 200 OK\r\nX-Long: "
    drop = b"x"


@contextmanager
def dripping(kind: type[Drip]) -> Iterator[str]:
    over = threading.Event()
    with serving(kind, over=over) as endpoint:
        try:
            yield endpoint
        finally:
            over.set()


@pytest.mark.parametrize("kind", [DrippingBody, DrippingUntilClosed, DrippingHeaders])
def test_a_drip_ends_in_time(kind: type[Drip]) -> None:
    with dripping(kind) as endpoint, pytest.raises(Doubtful):
        connect(endpoint, OWNER, read_s=0.2)


def test_a_proxy_that_drips_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(DrippingUntilClosed) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        store = Store(Transport(read_s=0.2))
        # under load the next byte may come later than read_s, which is told as a connection that broke
        with pytest.raises(Doubtful, match=r"did not answer in time|images\.invalid/image\.png broke"):
            store.fetch("http://images.invalid/image.png")


def test_a_public_address_that_drips_ends_in_time() -> None:
    with dripping(DrippingUntilClosed) as endpoint, pytest.raises(Doubtful):
        Store(Transport(read_s=0.2)).fetch(f"{endpoint}/image.png")


def test_a_closed_port_is_told_from_a_lost_answer() -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        connect("http://127.0.0.1:9", OWNER)


def test_a_wrong_password_is_told_without_it(sandbox: Running) -> None:
    with pytest.raises(SignInError, match="refuses the account owner") as caught:
        connect(sandbox.endpoint, Credentials("owner", "hunter2"))
    assert "hunter2" not in str(caught.value)


def test_credentials_do_not_show() -> None:
    assert "sandbox-password" not in repr(OWNER)


@pytest.mark.parametrize("off_s", [-86_400, 0, 86_400])
def test_the_servers_clock_is_followed_whatever_this_one_says(off_s: int) -> None:
    import time

    clock = Clock()
    clock.heard(formatdate(time.time() + off_s, usegmt=True))
    assert clock.server_now() == pytest.approx(time.time() + off_s, abs=60)
    assert clock.now() == pytest.approx(time.time(), abs=60)
    assert clock.own_time_of(clock.server_now() + 300) == pytest.approx(clock.now() + 300, abs=60)


def test_the_clock_does_not_go_back_for_a_rounded_second() -> None:
    import time

    clock = Clock()
    before = clock.server_now()
    clock.heard(formatdate(time.time() - 1, usegmt=True))
    assert clock.server_now() >= before


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://www.Zooniverse.org/", "https://www.zooniverse.org"),
        ("https://panoptes.zooniverse.org:443", "https://panoptes.zooniverse.org"),
        ("http://127.0.0.1:8642/", "http://127.0.0.1:8642"),
        ("http://[::1]:8642", "http://[::1]:8642"),
        ("https://www.zooniverse.org/api/", "https://www.zooniverse.org"),
        ("http://127.0.0.1:8642/api", "http://127.0.0.1:8642"),
    ],
)
def test_endpoints_are_written_in_one_way(given: str, normal: str) -> None:
    assert normalise_endpoint(given) == normal


@pytest.mark.parametrize("given", ["http://www.zooniverse.org", "www.zooniverse.org", "ftp://127.0.0.1", ""])
def test_endpoints_that_would_not_do_are_refused(given: str) -> None:
    with pytest.raises(ConfigError):
        normalise_endpoint(given)


def test_credentials_of_panoptes_cli_are_read(tmp_path: Path) -> None:
    (tmp_path / ".panoptes").mkdir()
    file = tmp_path / ".panoptes" / "config.yml"
    file.write_text("username: me\npassword: '12345'\n")
    file.chmod(0o600)
    found = find_credentials({}, tmp_path, PRODUCTION)
    assert found == Credentials("me", "12345")
    assert found.source == str(tmp_path / ".panoptes" / "config.yml")
    environment = {"PANOPTES_USERNAME": "you", "PANOPTES_PASSWORD": "x"}
    found = find_credentials(environment, tmp_path, PRODUCTION)
    assert found == Credentials("you", "x")
    assert "PANOPTES_USERNAME" in found.source
    with pytest.raises(SignInError, match="PANOPTES_USERNAME"):
        find_credentials({}, tmp_path / "nowhere", PRODUCTION)


def test_an_account_of_panoptes_cli_for_another_server_is_not_sent_here(tmp_path: Path) -> None:
    (tmp_path / ".panoptes").mkdir()
    file = tmp_path / ".panoptes" / "config.yml"
    file.write_text("username: me\npassword: x\nendpoint: https://panoptes-staging.zooniverse.org\n")
    file.chmod(0o600)
    assert find_credentials({}, tmp_path, "https://panoptes-staging.zooniverse.org").username == "me"
    with pytest.raises(SignInError, match="has one for https://panoptes-staging"):
        find_credentials({}, tmp_path, PRODUCTION)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"PANOPTES_USERNAME": "me"}, "PANOPTES_USERNAME is set and PANOPTES_PASSWORD is not"),
        ({"PANOPTES_PASSWORD": "x"}, "PANOPTES_PASSWORD is set and PANOPTES_USERNAME is not"),
        ({"PANOPTES_USERNAME": "me", "PANOPTES_PASSWORD": ""}, "and PANOPTES_PASSWORD is not"),
        ({"PANOPTES_CLIENT_ID": "i"}, "PANOPTES_CLIENT_ID is set and PANOPTES_CLIENT_SECRET is not"),
    ],
)
def test_half_of_an_account_is_told_never_another_one_used(
    tmp_path: Path, given: dict[str, str], says: str
) -> None:
    with pytest.raises(SignInError, match=says):
        find_credentials(given, tmp_path, PRODUCTION, lambda: Credentials("other", "y"))


class Portal(BaseHTTPRequestHandler):
    """Sends every request on to another server, as a log-in portal does."""

    def do_GET(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"{self.server.onward}{self.path}")  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *words: object) -> None:
        pass


def test_a_password_is_not_sent_on(sandbox: Running) -> None:
    with serving(Portal, onward=sandbox.endpoint) as portal:
        before = len(requests.get(f"{sandbox.endpoint}/sandbox/requests", timeout=240).json()["requests"])
        with pytest.raises(Doubtful, match=r"sends us on to 127\.0\.0\.1"):
            connect(portal, OWNER)
        after = requests.get(f"{sandbox.endpoint}/sandbox/requests", timeout=240).json()["requests"]
    assert [one["path"] for one in after[before:] if not one["path"].startswith("/sandbox")] == []


class Between(BaseHTTPRequestHandler):
    """A proxy that passes sign-ins on, and answers everything else itself."""

    def do_GET(self) -> None:
        if not self.path.startswith("/api"):
            return self._pass_on()
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Not here.</html>")
        return None

    do_POST = do_GET  # noqa: N815

    def _pass_on(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        answer = requests.request(
            self.command,
            f"{self.server.onward}{self.path}",  # type: ignore[attr-defined]
            data=self.rfile.read(length),
            headers={k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")},
            timeout=240,
        )
        self.send_response(answer.status_code)
        for name in ("Content-Type", "Set-Cookie", "X-CSRF-Token"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 408, 409, 413, 415, 422, 425, 429, 451])
def test_what_a_proxy_refuses_is_not_the_servers_word(sandbox: Running, status: int) -> None:
    with serving(Between, onward=sandbox.endpoint, status=status) as endpoint:
        panoptes, _ = connect(endpoint, OWNER)
        with pytest.raises(Doubtful, match="something that is not Panoptes"):
            panoptes.create_subject("1", "a", {}, ["image/png"])
