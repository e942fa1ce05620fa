"""Hosts of images on loopback, with what can be wrong with one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from zoocut.config.manifest import ManifestSettings
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

Answer = Callable[[BaseHTTPRequestHandler], bool]
"""Answers a GET otherwise than the file would; False where the file is to be sent."""


@dataclass
class Host:
    """A web server of a folder."""

    root: Path
    endpoint: str = ""
    asked: list[str] = field(default_factory=list)
    instead: Answer = lambda handler: False


class Handler(SimpleHTTPRequestHandler):
    """Python's server, watched."""

    def __init__(self, *args: Any, host: Host, **kwargs: Any) -> None:
        self.host = host
        super().__init__(*args, directory=str(host.root), **kwargs)

    def do_GET(self) -> None:
        self.host.asked.append(self.path)
        if not self.host.instead(self):
            super().do_GET()

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serving(root: Path) -> Iterator[Host]:
    """Serve a folder."""
    root.mkdir(parents=True, exist_ok=True)
    host = Host(root)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, host=host)) as server:
        host.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield host
        server.shutdown()
        thread.join()


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> bool:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


def address_rows(path: Path, url_root: str) -> Path:
    """Write manifest-urls.csv beside a run's manifest, as generate does, and what the run keeps of it."""
    run = Run.open(path)
    rows = list(run.rows())
    addressed = [
        ManifestRow(row.external_id, tuple(f"{url_root}/{name}" for name in row.locations), row.metadata)
        for row in rows
    ]
    keys = dict.fromkeys(key for row in rows for key in row.metadata)
    write_manifest(run.urls_manifest, addressed, keys, max(len(row.locations) for row in rows))
    settings = run.settings.model_copy(update={"manifest": ManifestSettings(url_root=url_root)})
    replace(run, settings=settings).remember_settings()
    return path
