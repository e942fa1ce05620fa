"""The manifest of one import: its rows with the keys of their subjects, at an address that the server reads."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from zoocut.addresses import Outsider, Served, in_threads, is_loopback, media_type
from zoocut.destinations import open_destination
from zoocut.errors import ZooniverseError
from zoocut.ledger import Entry, Image, Ledger, State
from zoocut.metadata_keys import KEY
from zoocut.run.folder import Run
from zoocut.uploading.context import UploadContext, key_of
from zoocut.uploading.import_rules import local_md5, published_at
from zoocut.uploading.machine import Measured, after

__all__ = ["PartHost", "part_host", "planned", "write_part"]


class PartHost(Protocol):
    """Where the server reads parts from."""

    def serve(self, name: str, text: bytes) -> str:
        """Put a part where it can be read; return its address."""


def planned(ledger: Ledger, context: UploadContext, most: int) -> Iterator[list[Entry]]:
    """Read planned rows that no import or create was ever asked for, a page at a time."""
    last, left = -1, most
    while left > 0 and (page := ledger.entries(context.target, State.PLANNED, last)):
        last = page[-1].row
        fresh = [entry for entry in page if not entry.attempt][:left]
        left -= len(fresh)
        yield fresh


def write_part(run: Run, ledger: Ledger, context: UploadContext, most: int) -> tuple[bytes, int]:
    """Measure the first planned rows and write them as the server's import reads them.

    Returns
    -------
    tuple of (bytes, int)
        The manifest, and how many rows it has.
    """
    keys = dict.fromkeys(
        key for page in planned(ledger, context, most) for one in page for key in one.metadata
    )
    widest = max((len(e.images) for page in planned(ledger, context, most) for e in page), default=1)
    text, rows = io.StringIO(), 0
    writer = csv.writer(text, lineterminator="\n")
    header = ["external_id", *(f"location:{n}" for n in range(1, widest + 1))]
    writer.writerow([*header, *(f"metadata:{key}" for key in keys), f"metadata:{KEY}"])
    for page in planned(ledger, context, most):
        measured = _measured(run, context, page)
        ledger.save(measured)
        for entry in measured:
            cells = [entry.external_id, *(image.path for image in entry.images)]
            writer.writerow([*cells, *(entry.metadata.get(key, "") for key in keys), key_of(context, entry)])
            rows += 1
    return text.getvalue().encode("ascii"), rows


def _measured(run: Run, context: UploadContext, page: list[Entry]) -> list[Entry]:
    """Note type and checksums of the rows' images: of the run's own file, else of what the address serves."""
    root = run.settings.manifest.url_root

    def look(image: Image) -> Image:
        md5 = local_md5(run.path, root, image.path) or context.store.fetch(image.path)[2]
        address = hashlib.sha256(image.path.encode()).hexdigest()
        return replace(image, mime=media_type(image.path), sha256=address, md5=md5)

    looked = iter(result for _, result in in_threads(look, [image for one in page for image in one.images]))
    return [after(one, Measured(tuple(next(looked) for _ in one.images))) for one in page]


@contextmanager
def part_host(run: Run, endpoint: str) -> Iterator[PartHost]:
    """Yield where parts are read from: beside the images, for a loopback endpoint a server of this process.

    Raises
    ------
    ConfigError
        When the run was not published, for an endpoint that is not on loopback.
    """
    if not is_loopback(endpoint):
        yield _Beside(run)
        return
    files: dict[str, bytes] = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, files)) as server:
        thread = threading.Thread(target=server.serve_forever, name="zoocut-parts", daemon=True)
        thread.start()
        yield _Loopback(files, server.server_port)
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, files: dict[str, bytes], *args: object) -> None:
        self._files = files
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        content = self._files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        return


class _Loopback:
    def __init__(self, files: dict[str, bytes], port: int) -> None:
        self._files, self._port = files, port

    def serve(self, name: str, text: bytes) -> str:
        self._files[f"/{name}"] = text
        return f"http://127.0.0.1:{self._port}/{name}"


class _Beside:
    def __init__(self, run: Run) -> None:
        self._destination, _ = open_destination(published_at(run))
        self._root = (run.settings.manifest.url_root or "").rstrip("/")

    def serve(self, name: str, text: bytes) -> str:
        path = f"imports/{name}"
        self._destination.put(path, text, "text/csv")
        address = f"{self._root}/{path}"
        md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
        problem = Outsider().problem(Served(address, md5))
        if problem:
            raise ZooniverseError(f"the manifest of an import cannot be read by the server: {problem}")
        return address
