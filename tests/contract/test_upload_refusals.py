"""A server that refuses every row: the rows are not at fault."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from zoocut.errors import NotPermitted
from zoocut.ledger import Ledger, State
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running
from zoocut.uploading import Timing, UploadRequest, upload
from zoocut.uploading.targets import Goal
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.request_errors import Refused


class Refusing:
    """A real server for everything but creates, which it has new rules about."""

    def __init__(self, panoptes: Any) -> None:
        self._panoptes = panoptes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._panoptes, name)

    def create_subject(self, *row: object) -> None:
        raise Refused("metadata needs a licence", 422)


def test_ten_refusals_in_a_row_stop_the_upload(sandbox: Running, tmp_path: Path) -> None:
    run = Run.create(tmp_path)
    run.images.mkdir()
    Image.new("L", (8, 8)).save(run.images / "1.png")
    write_manifest(run.manifest, [ManifestRow(str(n), ("images/1.png",)) for n in range(100)], [])
    panoptes, store = connect(sandbox.endpoint, Credentials("owner", "sandbox-password"))
    request = UploadRequest(
        Goal(sandbox.endpoint, "owner/rehearsal", "refused"), Timing(1, 10, 2), print, print
    )
    refusing: Any = Refusing(panoptes)
    with Ledger.open(run.ledger, run.run_id) as ledger:
        with pytest.raises(NotPermitted, match="needs a licence"):
            upload(run, request, ledger, refusing, store, lambda snapshot: None, Event())
        counts = ledger.counts(ledger.targets()[0])
    assert 10 <= counts[State.REJECTED] <= 12
    assert counts[State.PLANNED] == 100 - counts[State.REJECTED]
