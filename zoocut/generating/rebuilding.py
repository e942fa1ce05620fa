"""A `run.toml` that is empty or cut off, as a power cut or a full disk may leave it, is made anew.

What it knew is taken from where else it stands: the run's id from what is left of the file, or from the ledger; the
settings from the configuration that is given. Whether these are the ones that the run was made with is not believed
but looked at: every recorded picture is drawn again and compared before the run takes them (`proved`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoocut.config.settings import Settings
from zoocut.error_kinds import NotWritable, OtherSettings
from zoocut.errors import InputError
from zoocut.generating.metadata_text import metadata_of
from zoocut.ledger import run_id_in
from zoocut.metadata_words import columns_named
from zoocut.render.patterned import LONGEST_HEAD, is_patterned
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.run.record import FIRST_ENCODING, LEDGER, MANIFEST_FORMAT, NEWEST_ENCODING, damaged_record
from zoocut.run.sources import read_drawn

__all__ = ["is_rebuilt", "proved", "rebuild", "refuse_other_metadata"]


def is_rebuilt(run: Run) -> bool:
    """Whether the run's settings are only those that a call was given, and not proved yet."""
    return damaged_record(run.path).exists()


def rebuild(path: Path, settings: Settings) -> Run:
    """Put a damaged `run.toml` aside and make another; to be called by the one process that generates.

    Raises
    ------
    InputError
        When the files cannot be renamed or written.
    LedgerError
        When the ledger cannot be read.
    """
    record, aside = path / "run.toml", damaged_record(path)
    try:
        if record.exists():
            record.replace(aside)
        left = _left_of(aside.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise NotWritable(
            f"cannot put {record} aside as {aside}: {error.strerror}; check its permissions"
        ) from error
    known = left.get("run", {})
    encoding = known.get("encoding", FIRST_ENCODING) if "id" in known else _encoding_of_pictures(path)
    run_id = known.get("id") or run_id_in(path)
    kept = {name: left[name] for name in (LEDGER, MANIFEST_FORMAT) if name in left}
    return Run.create(path, settings, kept, run_id, encoding)


def _encoding_of_pictures(path: Path) -> int:
    """Tell from the pictures of a run what they are written by; the newest where there are none."""
    met = NEWEST_ENCODING
    for picture in (path / "images").rglob("*.png"):
        with picture.open("rb") as file:
            if is_patterned(file.read(LONGEST_HEAD)):
                return NEWEST_ENCODING
        met = FIRST_ENCODING
    return met


def _left_of(text: str) -> dict[str, Any]:
    """Read the longest beginning of a text that is TOML, without its last line, which may be cut off."""
    lines = text.splitlines()
    for count in range(len(lines) - 1, 0, -1):
        try:
            return tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
    return {}


def proved(run: Run) -> str:
    """Take the settings as those that the run was made with; tell where the damaged file is and the id it has."""
    aside = damaged_record(run.path)
    kept = aside.with_suffix(".replaced")
    aside.replace(kept)
    return f"its id is {run.run_id}; what was left of it is in {kept}"


def refuse_other_metadata(run: Run, settings: Settings) -> None:
    """Refuse metadata by which the manifest's rows would be others than they are.

    Raises
    ------
    ConfigError
        At the first such row.
    """
    metadata = settings.metadata
    drawn = read_drawn(run.sources, columns_named(metadata))
    for row in _rows_there(run):
        source = next((one for one in drawn if str(one.dia_source_id) == row.external_id), None)
        if source is not None and metadata_of(source.columns, metadata) != row.metadata:
            raise OtherSettings(
                f"{run.manifest} line {row.line} has other metadata than [metadata] gives {row.external_id} now: use "
                "the settings that the run was made with, or generate into a new folder"
            )


def _rows_there(run: Run) -> Iterator[ManifestRow]:
    """Read the manifest's rows as far as they are whole; the last of a file that is cut off is none."""
    if not run.has_manifest:
        return
    previous: ManifestRow | None = None
    try:
        for row in run.rows():
            if previous is not None:
                yield previous
            previous = row
    except InputError:
        return
    if previous is not None and _ends_whole(run.manifest):
        yield previous


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
