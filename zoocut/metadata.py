"""Bring the metadata of uploaded subjects to what the manifest says now; images are never exchanged.

What the run itself sent earlier and the manifest no longer says is removed; keys that others have added stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from zoocut.ledger import Entry, Image, Ledger, PlannedRow, Target
from zoocut.metadata_keys import sent_name
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.run.row_rules import row_problem
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.request_errors import Refused
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["Change", "Left", "apply", "apply_all", "differences"]

TRIES = 3

GONE = "its subject {} is gone from the server: `zoocut verify RUN` tells more"
OTHER_IMAGES = (
    "it has other images now, and an image is never exchanged under a subject: make new subjects with "
    "`zoocut supersede OLD NEW`"
)


@dataclass(frozen=True, slots=True)
class Change:
    """A subject whose metadata is not what the manifest says.

    Parameters
    ----------
    entry : Entry
        Its row's entry.
    row : PlannedRow
        What the manifest says.
    given : mapping of str to (before, after)
        The keys that differ; None where there is no such key.
    """

    entry: Entry
    row: PlannedRow
    given: Mapping[str, tuple[Any, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Left:
    """A row that is left as it is.

    Parameters
    ----------
    external_id, reason : str
        Which, and why.
    """

    external_id: str
    reason: str


def differences(run: Run, ledger: Ledger, target: Target, admin: SetAdmin) -> Iterator[Change | Left]:
    """Yield every uploaded row whose subject, or ledger entry, says something else than the manifest.

    A row that the manifest names no longer or with other images, and one whose subject is gone, is yielded as `Left`.
    """
    rows = {row.external_id: _planned(row) for row in run.by(target.manifest).rows()}
    waiting: list[Entry] = []
    for entry in ledger.every(target):
        if entry.state.has_subject:
            waiting.append(entry)
        if len(waiting) == PAGE_SIZE:
            yield from _compare(rows, waiting, admin)
            waiting = []
    if waiting:
        yield from _compare(rows, waiting, admin)


def unlike_other_manifest(run: Run, target: Target) -> list[str]:
    """Name the rows whose metadata are others in `manifest.csv` than in the manifest that the target went by."""
    if target.manifest == run.manifest_name or not run.has_manifest:
        return []
    others = {row.external_id: row.metadata for row in run.rows()}
    rows = run.by(target.manifest).rows()
    return [row.external_id for row in rows if others.get(row.external_id, row.metadata) != row.metadata]


def _planned(row: ManifestRow) -> PlannedRow:
    metadata = {sent_name(key): value for key, value in row.metadata.items()}
    images = tuple(Image(location, "") for location in row.locations)
    return PlannedRow(row.external_id, metadata, images, row_problem(row))


def _compare(
    rows: Mapping[str, PlannedRow], entries: Sequence[Entry], admin: SetAdmin
) -> Iterator[Change | Left]:
    subjects = {one.subject_id: one for one in admin.panoptes.subjects([str(e.subject_id) for e in entries])}
    for entry in entries:
        row, subject = rows.get(entry.external_id), subjects.get(str(entry.subject_id))
        if row is None:
            yield Left(entry.external_id, "it is missing from the manifest: put it back if that is a mistake")
            continue
        if subject is None:
            yield Left(entry.external_id, GONE.format(entry.subject_id))
            continue
        if row.problem is not None:
            yield Left(entry.external_id, row.problem)
            continue
        if [image.path for image in row.images] != [image.path for image in entry.images]:
            yield Left(entry.external_id, OTHER_IMAGES)
            continue
        given = _differing(entry, row, subject.metadata)
        if given or dict(entry.metadata) != row.metadata:
            yield Change(entry, row, given)


def _differing(entry: Entry, row: PlannedRow, held: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    keys = dict.fromkeys([*row.metadata, *entry.metadata])
    pairs = {key: (held.get(key), row.metadata.get(key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def apply_all(ledger: Ledger, admin: SetAdmin, changes: Iterable[Change]) -> Iterator[Change | Left]:
    """Write one subject after the other; yield those that were changed, and those that the server refused."""
    for change in changes:
        try:
            if apply(ledger, admin, change):
                yield change
        except Refused as error:
            gone = error.status == HTTPStatus.NOT_FOUND
            yield Left(change.entry.external_id, GONE.format(change.entry.subject_id) if gone else str(error))


def apply(ledger: Ledger, admin: SetAdmin, change: Change) -> bool:
    """Write one subject's metadata, then the ledger; killed in between, the next call finds it done.

    Returns
    -------
    bool
        Whether the subject itself was changed.

    Raises
    ------
    Refused
        When the subject is gone, may not be changed, or somebody else keeps changing it.
    """
    changed = bool(change.given) and _write(admin, change)
    ledger.amend(change.entry, change.row)
    return changed


def _write(admin: SetAdmin, change: Change) -> bool:
    for _ in range(TRIES):
        subject = admin.panoptes.subject(str(change.entry.subject_id))
        given = _differing(change.entry, change.row, subject.metadata)
        if not given:
            return False
        merged = {**subject.metadata, **{key: after for key, (_, after) in given.items()}}
        try:
            admin.replace_metadata(
                subject, {key: value for key, value in merged.items() if value is not None}
            )
            return True
        except Refused as error:
            if error.status != HTTPStatus.PRECONDITION_FAILED:
                raise
    raise Refused(
        f"subject {change.entry.subject_id} is being changed by somebody else: run again later",
        HTTPStatus.PRECONDITION_FAILED,
    )
