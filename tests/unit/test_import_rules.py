"""What an import by the real site needs, looked at without asking it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zoocut.config.manifest import ManifestSettings
from zoocut.error_kinds import ImportUnfit, NotPublishable, NotWritable
from zoocut.ledger import Ledger
from zoocut.ledger.published import PublishedFiles
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.uploading.import_rules import require_importable

SITE = "https://www.zooniverse.org"
ROOT = "https://images.example.org/night"


def run_of(path: Path, *addresses: str) -> Run:
    run = Run.create(path)
    rows = [ManifestRow(str(number), (address,)) for number, address in enumerate(addresses)]
    write_manifest(run.manifest, rows, [])
    return replace(
        run, settings=run.settings.model_copy(update={"manifest": ManifestSettings(url_root=ROOT)})
    )


def published(run: Run, to: Path) -> Run:
    with Ledger.open(run.ledger, run.run_id) as ledger:
        PublishedFiles(ledger).note(str(to), ROOT)
    return run


def test_a_run_that_was_not_published_is_told_how(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", f"{ROOT}/1.png")
    with pytest.raises(
        ImportUnfit, match=r"was not published: set manifest\.url_root.*`zoocut publish .*run"
    ):
        require_importable(run, SITE, 0)
    assert require_importable(run, "http://127.0.0.1:8642", 0)[0].startswith("1 rows are meant for")


def test_a_published_run_of_public_addresses_may_be_imported(tmp_path: Path) -> None:
    run = published(run_of(tmp_path / "run", f"{ROOT}/1.png", f"{ROOT}/2.jpg"), tmp_path / "www")
    assert require_importable(run, SITE, 0)[0].startswith("2 rows are meant for server-side import")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://images.example.org/3.png", "is http, which browsers do not load"),
        ("http://127.0.0.1:8000/3.png", "is on this machine"),
        ("https://192.168.0.9/3.png", "is in a local network"),
        ("https://images.example.org/3.png?sig=1", "has a query string"),
        ("https://images.example.org/3.JPG", "ends in .JPG"),
        ("https://me:word@images.example.org/3.png", "holds a name or a password"),
    ],
)
def test_one_such_address_and_nothing_is_sent(tmp_path: Path, address: str, told: str) -> None:
    run = published(run_of(tmp_path / "run", f"{ROOT}/1.png", address), tmp_path / "www")
    with pytest.raises(NotPublishable, match="1 of 2 rows cannot be imported; nothing was sent") as refused:
        require_importable(run, SITE, 0)
    assert told in str(refused.value)
    assert "upload with --urls" in str(refused.value)


def test_where_it_was_published_to_is_looked_at(tmp_path: Path) -> None:
    """What was a folder is a file now: the manifest's parts could not be put there."""
    run = published(run_of(tmp_path / "run", f"{ROOT}/1.png"), tmp_path / "www")
    (tmp_path / "www").write_text("no folder")
    with pytest.raises(NotWritable, match="www cannot be written"):
        require_importable(run, SITE, 0)
