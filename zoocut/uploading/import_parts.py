"""The manifest of one import: its rows with the keys of their subjects, at an address that the server reads."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from zoocut.addresses import Outsider, Served, in_threads, media_type
from zoocut.destinations import Destination
from zoocut.error_kinds import ImportUnread
from zoocut.ledger import Entry, Image, Ledger, State
from zoocut.metadata_keys import KEY
from zoocut.run.folder import Run
from zoocut.uploading.context import UploadContext, key_of
from zoocut.uploading.import_rules import destination_of_parts, fits_import, local_md5
from zoocut.uploading.machine import Measured, Rejected, after
from zoocut.zooniverse.request_errors import NotNow, Refused
from zoocut.zooniverse.retrying import with_retries

__all__ = ["PartHost", "part_host", "planned", "write_part"]

TO_QUOTE = re.compile(r"""[",\r\n]|^\s|\s$""")
"""A carriage return is one too, which Python's writer leaves as it is where lines end otherwise."""


class PartHost(Protocol):
    """Where the server reads parts from."""

    def serve(self, name: str, text: bytes) -> str:
        """Put a part where it can be read; return its address."""


def planned(ledger: Ledger, context: UploadContext, most: int) -> Iterator[list[Entry]]:
    """Read the planned rows of the next import, a page at a time.

    No import or create was ever asked for them, the import takes their text, and they have as many images as the first
    of them: the job dies at an empty cell of a location, so rows of another number are another part.
    """
    last, left, images = -1, most, 0
    while left > 0 and (page := ledger.entries(context.target, State.PLANNED, last)):
        last = page[-1].row
        fit = [one for one in page if not one.attempt and fits_import(one.external_id, one.metadata)]
        images = images or (len(fit[0].images) if fit else 0)
        chosen = [one for one in fit if len(one.images) == images][:left]
        left -= len(chosen)
        yield chosen


def write_part(run: Run, ledger: Ledger, context: UploadContext, most: int) -> tuple[bytes, int]:
    """Measure the first planned rows and write them as the server's import reads them.

    Returns
    -------
    tuple of (bytes, int)
        The manifest, and how many rows it has.
    """
    keys, images = dict[str, None](), 0
    for page in planned(ledger, context, most):
        keys |= dict.fromkeys(key for one in page for key in one.metadata)
        images = images or (len(page[0].images) if page else 0)
    header = ["external_id", *(f"location:{n}" for n in range(1, images + 1))]
    lines = [_line([*header, *(f"metadata:{key}" for key in keys), f"metadata:{KEY}"])]
    for page in planned(ledger, context, most):
        measured = _measured(run, context, page)
        ledger.save(measured)
        for entry in (one for one in measured if one.state is State.PLANNED):
            cells = [entry.external_id, *(image.path for image in entry.images)]
            cells += [*(entry.metadata.get(key, "") for key in keys), key_of(context, entry)]
            lines.append(_line(cells))
    return "".join(lines).encode("ascii"), len(lines) - 1


def _line(cells: Sequence[str]) -> str:
    """Write one line; empty cells stay unquoted, which the server takes for nothing, and not for an empty text."""
    return ",".join(map(_cell, cells)) + "\n"


def _cell(text: str) -> str:
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if TO_QUOTE.search(text) else text


def _measured(run: Run, context: UploadContext, page: list[Entry]) -> list[Entry]:
    """Note type and checksums of the rows' images; a row whose address serves no such image is rejected.

    Raises
    ------
    NotNow
        When most of the addresses cannot be had now: it is their host, not they.
    """
    images = [image for one in page for image in one.images]
    looked = [result for _, result in in_threads(partial(_looked_at, run, context), images)]
    away = [result for result in looked if isinstance(result, NotNow)]
    if 2 * len(away) > len(looked):
        raise away[0]
    again = partial(with_retries, partial(_look_at, run, context))
    settled = iter(
        _told(again, image) if isinstance(result, NotNow) else result
        for image, result in zip(images, looked, strict=True)
    )
    return [_with_images(one, [next(settled) for _ in one.images]) for one in page]


def _told(look: Callable[[Image], Image | str], image: Image) -> Image | str:
    try:
        return look(image)
    except NotNow as error:
        return f"{error}: run `zoocut upload RUN --import --retry-rejected` when its host serves it"


def _looked_at(run: Run, context: UploadContext, image: Image) -> Image | str | NotNow:
    try:
        return _look_at(run, context, image)
    except NotNow as error:
        return error


def _look_at(run: Run, context: UploadContext, image: Image) -> Image | str:
    """Return an image with its checksums: of the run's own file, else of what the address serves; or why not.

    Raises
    ------
    NotNow
        When it cannot be told now.
    """
    kind, md5 = media_type(image.path), local_md5(run.path, run.settings.manifest.url_root, image.path)
    if md5 is None:
        try:
            served, _, md5 = context.store.fetch_media(image.path)
        except Refused as error:
            return f"{error}: mend the address"
        if served != kind:
            return f"{image.path} is served as {served or 'nothing'}, not as {kind}: set the host's content types"
    address = hashlib.sha256(image.path.encode()).hexdigest()
    return replace(image, mime=kind, sha256=address, md5=md5)


def _with_images(entry: Entry, looked: Sequence[Image | str]) -> Entry:
    problem = next((one for one in looked if isinstance(one, str)), None)
    if problem is not None:
        return after(entry, Rejected(problem))
    return after(entry, Measured(tuple(one for one in looked if isinstance(one, Image))))


@contextmanager
def part_host(run: Run, endpoint: str) -> Iterator[PartHost]:
    """Yield where parts are read from: beside the published images, else a server of this process.

    Raises
    ------
    ConfigError
        When the run was not published, for an endpoint that is not on loopback.
    """
    if destination := destination_of_parts(run, endpoint):
        yield _Beside(destination, run.settings.manifest.url_root or "")
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
    def __init__(self, destination: Destination, url_root: str) -> None:
        self._destination, self._root = destination, url_root.rstrip("/")

    def serve(self, name: str, text: bytes) -> str:
        path = f"imports/{name}"
        self._destination.put(path, text, "text/csv")
        address = f"{self._root}/{path}"
        md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
        problem = Outsider().problem(Served(address, md5))
        if problem:
            raise ImportUnread(f"the manifest of an import cannot be read by the server: {problem}")
        return address
