"""Take the manifest into the ledger: every row looked at, its faults noted, nothing sent."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from zoocut.errors import InputError
from zoocut.ledger import Image, Ledger, PlannedRow, Target
from zoocut.manifest import ManifestRow, read_manifest
from zoocut.run import Run
from zoocut.upload.targets import Share
from zoocut.zooniverse.names import missing_feedback

__all__ = ["plan", "planned_rows"]

HOSTED_TYPES = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/svg+xml",
    "audio/mpeg",
    "audio/mp4",
    "video/mp4",
    "video/mpeg",
    "text/plain",
    "application/json",
)
"""What both the server and its published client take."""

LARGEST_BYTES = 256 << 20
"""The store refuses anything larger."""


def plan(run: Run, ledger: Ledger, target: Target, *, sample: int | None = None, anew: bool = False) -> None:
    """Bring the ledger's rows of a target up to date with the manifest.

    Parameters
    ----------
    run : Run
        The run.
    ledger, target : Ledger, Target
        Where rows are kept.
    sample : int or None
        Only so many rows, the first ones, unless more are planned already.
    anew : bool
        Look at every row again although the manifest is the same: rejected rows get another chance.

    Raises
    ------
    InputError
        When the manifest is missing or cannot be read.
    LedgerError
        When it contradicts what was uploaded.
    """
    checksum = f"{_checksum(run.manifest)} {sample or ''}".strip()
    if sample is not None and sum(ledger.counts(target).values()) >= sample:
        return
    if anew or ledger.manifest_of(target) != checksum:
        share = Share(target.set_by, target.set_value)
        rows = (row for row in planned_rows(run) if share.holds(row.metadata))
        ledger.plan(target, islice(rows, sample), checksum)


def planned_rows(run: Run) -> Iterator[PlannedRow]:
    """Look at every manifest row."""
    root = run.path.resolve()
    for row in read_manifest(run.manifest):
        yield _planned(root, row)


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist: finish `zoocut generate` first, it writes it last"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): see to its rights") from error


def _planned(root: Path, row: ManifestRow) -> PlannedRow:
    metadata = {key.removeprefix("%"): value for key, value in row.metadata.items()}
    images = tuple(_image(root, location) for location in row.locations)
    problem = _row_problem(row) or next(filter(None, (_image_problem(root, i) for i in images)), None)
    return PlannedRow(row.external_id, metadata, images, problem)


def _image(root: Path, location: str) -> Image:
    if not Image(location, "").hosted:
        return Image(location, "")
    kind, _ = mimetypes.guess_type(location)
    try:
        return Image(location, kind or "", (root / location).stat().st_size)
    except (OSError, ValueError):
        return Image(location, kind or "")


def _row_problem(row: ManifestRow) -> str | None:
    if not row.external_id.strip():
        return "the row has no external_id: give it one of its own"
    if not row.locations:
        return f"row {row.external_id} has no location: name its image"
    odd = [
        key
        for key, value in row.metadata.items()
        if not (key + value).isprintable() and _control(key + value)
    ]
    if _control(row.external_id) or odd:
        return f"row {row.external_id} has control characters in {', '.join(odd) or 'its id'}: remove them"
    return _metadata_problem(row)


def _control(text: str) -> bool:
    return any((ord(letter) < 32 and letter not in "\t\n\r") or ord(letter) == 127 for letter in text)


def _metadata_problem(row: ManifestRow) -> str | None:
    lower = {key.lower(): value for key, value in row.metadata.items()}
    priority = lower.get("#priority")
    if priority is not None and not _is_number(priority):
        return (
            f"row {row.external_id} has #priority {priority!r}, which is not a number: it would take the "
            "priorities of its whole batch away; correct it"
        )
    if lower.get("#training_subject", "").lower() == "true" and (missing := missing_feedback(lower)):
        return f"row {row.external_id} is a #training_subject without {', '.join(missing)}: complete it"
    if "#zoocut" in lower:
        return f"row {row.external_id} has a metadata column #zoocut, which is kept for zoocut: rename it"
    return None


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _image_problem(root: Path, image: Image) -> str | None:
    if not image.hosted:
        return None
    try:
        inside = (root / image.path).resolve().is_relative_to(root) and not Path(image.path).is_absolute()
    except (OSError, ValueError):
        inside = False
    if not inside:
        return f"{image.path!r} leads out of the run folder: only images inside it are uploaded"
    if image.size is None or not (root / image.path).is_file():
        return f"{image.path} is missing: restore it, then run `zoocut upload --retry-rejected`"
    if image.size == 0:
        return f"{image.path} is empty: draw it again, then run `zoocut upload --retry-rejected`"
    if image.size > LARGEST_BYTES:
        return f"{image.path} has {image.size >> 20} MiB, more than the store takes: draw it smaller"
    if image.mime not in HOSTED_TYPES:
        return f"{image.path} is of a type that Zooniverse does not take: make it a PNG or JPEG"
    return None
