"""The store of images: only the right checksum is a proof, nothing is exchanged, no password is sent to it."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from zoocut.zooniverse.records import Address
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused
from zoocut.zooniverse.store import Store
from zoocut.zooniverse.transport import Transport

CONTENT = b"all of the image"


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


@dataclass
class Blobs:
    """A store that answers as it is told and keeps what it was sent."""

    endpoint: str = ""
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def serving(blobs: Blobs) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            blobs.seen.append((self.command, dict(self.headers), sent))
            self.send_response(blobs.status)
            for name, value in blobs.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(blobs.body)))
            self.end_headers()
            self.wfile.write(blobs.body)

        do_PUT = do_GET = answer  # noqa: N815

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    blobs.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def blobs() -> Iterator[Blobs]:
    held = Blobs()
    with serving(held):
        yield held


@pytest.fixture
def store() -> Store:
    return Store(Transport(10))


def put(store: Store, blobs: Blobs) -> None:
    store.put(Address(f"{blobs.endpoint}/x.png?sig=1", "x.png", 0.0), CONTENT, "image/png")


def test_the_right_checksum_is_a_proof(store: Store, blobs: Blobs) -> None:
    blobs.headers = {"Content-MD5": md5(CONTENT)}
    put(store, blobs)
    ((method, headers, sent),) = blobs.seen
    assert (method, sent) == ("PUT", CONTENT)
    assert headers["If-None-Match"] == "*"
    assert (headers["Content-MD5"], headers["Content-Type"]) == (md5(CONTENT), "image/png")


@pytest.mark.parametrize("known", [CONTENT, b"other bytes"])
def test_a_checksum_that_is_known_is_the_one_that_is_sent_and_must_come_back(
    store: Store, blobs: Blobs, known: bytes
) -> None:
    blobs.headers = {"Content-MD5": md5(CONTENT)}
    address, digest = Address(f"{blobs.endpoint}/x.png?sig=1", "x.png", 0.0), hashlib.md5(known).hexdigest()
    if known == CONTENT:
        store.put(address, CONTENT, "image/png", digest)
    else:
        with pytest.raises(Doubtful):
            store.put(address, CONTENT, "image/png", digest)
    assert [headers["Content-MD5"] for _, headers, _ in blobs.seen] == [md5(known)]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (201, {}),
        (201, {"Content-MD5": ""}),
        (201, {"Content-MD5": md5(b"other bytes")}),
        (200, {"Content-MD5": md5(CONTENT)}),
        (202, {"Content-MD5": md5(CONTENT)}),
        (302, {"Content-MD5": md5(CONTENT), "Location": "/elsewhere"}),
    ],
)
def test_anything_else_proves_nothing(
    store: Store, blobs: Blobs, status: int, headers: dict[str, str]
) -> None:
    blobs.status, blobs.headers = status, headers
    with pytest.raises(Doubtful, match="without confirming the checksum"):
        put(store, blobs)
    assert len(blobs.seen) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 413])
def test_a_refusal_keeps_its_status(store: Store, blobs: Blobs, status: int) -> None:
    blobs.status = status
    with pytest.raises(Refused) as refused:
        put(store, blobs)
    assert refused.value.status == status


def test_a_store_that_asks_to_be_left_alone(store: Store, blobs: Blobs) -> None:
    blobs.status, blobs.headers = 429, {"Retry-After": "7"}
    with pytest.raises(Busy) as busy:
        put(store, blobs)
    assert busy.value.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("body", "held"), [(CONTENT, True), (CONTENT + b" ", False), (b"", False), (CONTENT.upper(), False)]
)
def test_what_is_served_is_compared_by_its_bytes(store: Store, blobs: Blobs, body: bytes, held: bool) -> None:
    blobs.status, blobs.body = 200, body
    checksum = hashlib.md5(CONTENT).hexdigest()
    assert store.holds(f"{blobs.endpoint}/x.png", checksum) is held
    assert store.holds(f"{blobs.endpoint}/x.png", None) is False


@pytest.mark.parametrize(("status", "told"), [(404, False), (403, None), (410, None)])
def test_only_nothing_there_means_not_held(
    store: Store, blobs: Blobs, status: int, told: bool | None
) -> None:
    blobs.status = status
    if told is None:
        with pytest.raises(Refused):
            store.holds(f"{blobs.endpoint}/x.png", "0" * 32)
    else:
        assert store.holds(f"{blobs.endpoint}/x.png", "0" * 32) is told


def test_no_password_of_netrc_reaches_a_signed_address(
    store: Store, blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = urlsplit(blobs.endpoint).hostname
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {host} login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    blobs.headers = {"Content-MD5": md5(CONTENT)}
    put(store, blobs)
    blobs.status, blobs.body = 200, CONTENT
    store.fetch(f"{blobs.endpoint}/x.png")
    assert [headers.get("Authorization") for _, headers, _ in blobs.seen] == [None, None]
