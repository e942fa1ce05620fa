"""The files that are made of `sources.parquet`: written when they are not what would be made of it now.

To find that there is nothing to do must not cost what writing them costs. So a small file beside them keeps what they
were made from, and their checksums: who changes one of them, or copies the run, gets them written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoocut.config.settings import Settings
from zoocut.files import write_whole
from zoocut.generating.manifest_rows import write_manifest_of, write_urls_manifest_of
from zoocut.run.folder import Run
from zoocut.version import __version__

__all__ = ["write_manifests"]

KEPT = ".manifests.json"


def write_manifests(run: Run, settings: Settings) -> int:
    """Bring `manifest.csv`, `manifest-urls.csv` and `talk.csv` up to date; tell how many rows they have.

    Raises
    ------
    InputError
        When the run has drawn nothing, or a file cannot be read or written.
    """
    source, kept = _made_from(run, settings), _kept(run.path / KEPT)
    if source is not None and kept.get("from") == source and kept.get("files") == _checksums(run, settings):
        return int(kept.get("rows", 0))
    write_urls_manifest_of(run, settings.metadata, settings.manifest.url_root)
    rows = write_manifest_of(run, settings.metadata)
    now = {"from": source, "files": _checksums(run, settings), "rows": rows}
    write_whole(run.path / KEPT, json.dumps(now).encode())
    return rows


def _made_from(run: Run, settings: Settings) -> dict[str, Any] | None:
    """Tell what the files depend on; None where there is nothing to make them of."""
    try:
        found = run.sources.stat()
    except FileNotFoundError:
        return None
    return {
        "zoocut": __version__,
        "sources": [found.st_size, found.st_mtime_ns],
        "settings": settings.model_dump(mode="json", include={"metadata", "manifest", "talk"}),
    }


def _kept(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _checksums(run: Run, settings: Settings) -> dict[str, str | None]:
    wanted = [run.manifest]
    wanted += [run.urls_manifest] if settings.manifest.url_root is not None else []
    wanted += [run.talk] if settings.talk.attach else []
    return {path.name: _sha256(path) for path in wanted}


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
