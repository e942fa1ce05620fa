"""A server on loopback that makes exports as Panoptes does, with the troubles that a test asks for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["ExportServer", "export_server"]

WORKFLOW = {
    "id": "77", "display_name": "Real or bogus?", "active": True, "version": "12.34",
    "links": {"project": "12", "subject_sets": ["501"]},
    "tasks": {
        "T0": {"type": "single", "question": "Is it real?", "answers": [{"label": "Bogus"}, {"label": "Real"}]}
    },
}  # fmt: skip
PROJECT = {"id": "12", "slug": "owner/name", "links": {}}


@dataclass
class ExportServer:
    """What the server holds, and what goes wrong next.

    Parameters
    ----------
    content : bytes
        The export, as its readers should get it.
    state : str or None
        Of the export; None when it was never asked for.
    ready_after : int
        After so many looks an export that was asked for is ready; a negative number: never.
    ends_as : str
        The state it is in then.
    packed : bool
        Whether the store holds it gzipped, as Panoptes' does.
    breaks : tuple of int
        At these bytes of the file the connection breaks.
    refuse : list of int
        For each of the next downloads, a status that it is refused with.
    too_soon : str or None
        What asking for an export is refused with.
    versions, checksum : bool
        Whether the server tells the versions of workflows, and the store the checksum of files.
    wrong_bytes : int
        How many of the next downloads bring other bytes.
    becomes : bytes or None
        The export that takes this one's place when a download breaks.
    becomes_at_rest : bytes or None
        The export that takes this one's place when the rest of a file is asked for.
    """

    content: bytes
    state: str | None = None
    updated_at: datetime = datetime(2026, 8, 1, tzinfo=UTC)
    ready_after: int = 1
    ends_as: str = "ready"
    packed: bool = True
    breaks: tuple[int, ...] = ()
    refuse: list[int] = field(default_factory=list)
    too_soon: str | None = None
    versions: bool = True
    checksum: bool = True
    wrong_bytes: int = 0
    becomes: bytes | None = None
    becomes_at_rest: bytes | None = None
    asked: int = 0
    downloads: list[tuple[str, int]] = field(default_factory=list)
    endpoint: str = ""
    looks: int = 0

    @property
    def stored(self) -> bytes:
        """The bytes in the store."""
        return gzip.compress(self.content, mtime=0) if self.packed else self.content

    def ask(self) -> None:
        self.asked += 1
        self.state, self.looks, self.updated_at = "creating", 0, datetime.now(UTC)

    def look(self) -> None:
        self.looks += 1
        if self.state == "creating" and 0 <= self.ready_after < self.looks:
            self.state, self.updated_at = self.ends_as, self.updated_at + timedelta(milliseconds=5)

    def medium(self) -> Mapping[str, Any]:
        return {
            "id": "9", "content_type": "text/csv", "media_type": "workflow_classifications_export",
            "src": f"{self.endpoint}/store/classifications.csv?se=later&sig=abc",
            "updated_at": self.updated_at.isoformat().replace("+00:00", "Z"),
            "metadata": {"state": self.state, "recipients": [1]},
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: ExportServer

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/oauth/token"):
            self._json({"access_token": "token", "token_type": "Bearer", "expires_in": 7200})
        elif self.held.too_soon is not None:
            self._json({"errors": [{"message": self.held.too_soon}]}, 422)
        else:
            self.held.ask()
            self._json({"media": [self.held.medium()]}, 201)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = parse_qs(parts.query)
        if parts.path.startswith("/store/"):
            self._store()
        elif parts.path.endswith("/classifications_export"):
            self._export()
        elif parts.path == "/api/projects":
            self._list("projects", [PROJECT])
        elif parts.path == "/api/workflows":
            self._list("workflows", [WORKFLOW])
        elif parts.path.startswith("/api/workflows/"):
            self._json({"workflows": [WORKFLOW]})
        elif parts.path == "/api/workflow_versions" and self.held.versions:
            assert asked["workflow_id"] == ["77"]
            answers = [{"label": "T0.a.0"}, {"label": "T0.a.1"}]
            old = {"type": "single", "question": "T0.q", "answers": answers}
            strings = {"T0.q": "Is it real?", "T0.a.0": "Bogus", "T0.a.1": "Real"}
            one = {
                "id": "1",
                "major_number": 12,
                "minor_number": 34,
                "tasks": {"T0": old},
                "strings": strings,
            }
            self._list("workflow_versions", [one])
        else:
            self._json({"errors": [{"message": "Not Found"}]}, 404)

    def _export(self) -> None:
        self.held.look()
        if self.held.state is None:
            self._json({"errors": [{"message": "No classifications_export exists for workflow #77"}]}, 404)
        else:
            self._json({"media": [self.held.medium()]})

    def _store(self) -> None:
        held, wanted = self.held, self.headers.get("Range", "")
        if wanted and held.becomes_at_rest is not None:
            held.content, held.becomes_at_rest = held.becomes_at_rest, None
        held.downloads.append((wanted, held.refuse[0] if held.refuse else 200))
        content = held.stored
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        if held.refuse:
            self._xml(held.refuse.pop(0))
        elif self.headers.get("If-Match", etag) != etag:
            self._xml(412)
        else:
            self._bytes(
                content, int(wanted.removeprefix("bytes=").removesuffix("-") or 0), bool(wanted), etag
            )

    def _bytes(self, content: bytes, start: int, part: bool, etag: str) -> None:
        held = self.held
        self.send_response(206 if part else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", etag)
        if held.packed:
            self.send_header("Content-Encoding", "gzip")
        if held.checksum and not part:
            self.send_header("Content-MD5", base64.b64encode(hashlib.md5(content).digest()).decode())
        self.end_headers()
        if held.wrong_bytes:
            held.wrong_bytes -= 1
            content = bytes(len(content))
        end = min((at for at in held.breaks if at > start), default=len(content))
        self._send(content[start:end])
        if end < len(content):
            held.content, held.becomes = held.becomes or held.content, None
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, content: bytes) -> None:
        try:
            self.wfile.write(content)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _list(self, kind: str, documents: list[Any]) -> None:
        meta = {"count": len(documents), "page": 1, "page_size": 20, "page_count": 1, "next_href": None}
        self._json({kind: documents, "meta": {kind: meta}})

    def _json(self, document: Any, status: int = 200) -> None:
        self._answer(json.dumps(document).encode(), "application/json", status)

    def _xml(self, status: int) -> None:
        self._answer(b"<?xml version='1.0'?><Error><Code>Refused</Code></Error>", "application/xml", status)

    def _answer(self, body: bytes, kind: str, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body)


@contextmanager
def export_server(held: ExportServer) -> Iterator[ExportServer]:
    """Run the server for the length of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"held": held}))
    held.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
