"""Take the manifest into the ledger: every row looked at, its faults noted, nothing sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from pathlib import Path

from zoocut.error_kinds import NotARun, UnreadableFile
from zoocut.ledger import Entry, Ledger, PlannedRow, State, Target
from zoocut.metadata_keys import sent_name
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.run.manifest_columns import AS_IT_TELLS
from zoocut.run.row_rules import row_problem
from zoocut.uploading.context import UploadContext
from zoocut.uploading.goals import Share
from zoocut.uploading.machine import Gone, Restored, after
from zoocut.uploading.pictures import RunPictures
from zoocut.zooniverse.request_errors import Refused

__all__ = ["plan", "planned_rows", "take_back_rejected"]


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
    if sample is not None:
        sample = max(sample, sum(ledger.counts(target).values()))
    said = "" if run.manifest_format == AS_IT_TELLS else f" {run.manifest_format}"
    checksum = f"{_checksum(run.manifest)} {sample or ''}".strip() + said
    if anew or ledger.manifest_of(target) != checksum:
        share = Share(target.set_by, target.set_value)
        ledger.plan(target, islice(planned_rows(run, share), sample), checksum)


def planned_rows(run: Run, share: Share) -> Iterator[PlannedRow]:
    """Look at every manifest row of a share."""
    pictures = RunPictures(run.path)
    for row in run.rows():
        if share.holds(row.metadata):
            yield _planned(pictures, row)


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise NotARun(
            f"{path} does not exist: finish `zoocut generate CONFIG -o RUN` first, it writes it last"
        ) from None
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror}): check its permissions") from error


def _planned(pictures: RunPictures, row: ManifestRow) -> PlannedRow:
    metadata = {sent_name(key): value for key, value in row.metadata.items()}
    looks = [pictures.look(location) for location in row.locations]
    problem = row_problem(row) or next((problem for _, problem in looks if problem), None)
    return PlannedRow(row.external_id, metadata, tuple(image for image, _ in looks), problem)


def take_back_rejected(context: UploadContext, ledger: Ledger) -> None:
    """Send rejected rows that have a subject on their way again; those whose subject is gone begin anew."""
    last = -1
    while page := ledger.entries(context.target, State.REJECTED, last):
        last = page[-1].row
        begun = [entry for entry in page if entry.subject_id is not None]
        ledger.save([after(entry, _second_chance(context, entry)) for entry in begun])


def _second_chance(context: UploadContext, entry: Entry) -> Restored | Gone:
    try:
        context.retrying.subject(entry.subject_id or "")
    except Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return Gone()
    return Restored()
