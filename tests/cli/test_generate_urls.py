"""Images on a host of one's own: the manifest by addresses, and uploading by it."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from zoocut.sandbox import Running

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
ALERTS = Path(__file__).resolve().parents[2] / "configs" / "ztf-alerts.toml"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def root(tmp_path: Path) -> Iterator[str]:
    """Serve the run folder, as an image host would."""
    (tmp_path / "run").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "run"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def run(zoocut: Zoocut, shared: Path, tmp_path: Path, root: str) -> Path:
    options = ["--input", shared / "data/ztf/*.avro", "--limit", 3, f"--set=manifest.url_root={root}"]
    done = zoocut("generate", ALERTS, "-o", "run", "-j", 0, *options)
    assert done.returncode == 0, done.stderr
    return tmp_path / "run"


def test_subjects_by_addresses(zoocut: Zoocut, run: Path, root: str, sandbox: Running) -> None:
    account = {
        "PANOPTES_ENDPOINT": sandbox.endpoint,
        "PANOPTES_USERNAME": "owner",
        "PANOPTES_PASSWORD": "sandbox-password",
    }
    where = ["--project", "owner/rehearsal", "--set", "By addresses", "--settle", 0, "--give-up-after", 20]
    done = zoocut("upload", run, "--urls", *where, **account)
    assert done.returncode == 0, done.stderr
    truth = requests.get(f"{sandbox.endpoint}/sandbox/truth", timeout=240).json()
    ids = {one["id"] for one in truth["sets"] if one["display_name"] == "By addresses"}
    made = [subject for subject in truth["subjects"] if ids & set(subject["sets"])]
    assert len(made) == 3
    for path in run.glob("images/*/*.png"):
        assert f"{root}/images/{path.parent.name}/{path.name}" in json.dumps(made)
    again = zoocut("upload", run, **account)
    assert again.returncode == 0, again.stderr
    assert "3 linked" in again.stdout


def test_a_run_without_addresses(zoocut: Zoocut, run: Path) -> None:
    (run / "manifest-urls.csv").unlink()
    done = zoocut("upload", run, "--urls", "--dry-run", "--project", "owner/rehearsal", "--set", "x")
    assert done.returncode == 3
    assert "has no manifest-urls.csv: set manifest.url_root" in done.stderr
