"""Once across runs, and second chances: which rows the set already holds, which rejected ones may go on."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from zoocut.errors import LedgerError
from zoocut.files import typed
from zoocut.ledger import Entry, Ledger, Member, State
from zoocut.run.folder import Run
from zoocut.run.manifest import read_manifest
from zoocut.uploading.place import Place
from zoocut.zooniverse.faults import Refused

__all__ = ["note_index_fields", "skip_held", "take_back_rejected"]


def skip_held(place: Place, ledger: Ledger) -> None:
    """Mark the planned rows whose external_id the set already holds from another run or tool.

    The set is listed when the manifest has been taken in; while it holds as many members as then plus what this run
    linked, the list kept in the ledger is trusted.

    Raises
    ------
    LedgerError
        When they are of this very run: it was uploaded from a copy with another ledger.
    """
    target = place.target
    if not ledger.counts(target)[State.PLANNED]:
        return
    members = place.panoptes.count_members(target.set_id)
    others = members - ledger.counts(target)[State.LINKED]
    if others > 0 and ledger.members_count(target) != others:
        listed = (
            Member(subject.subject_id, subject.external_id, subject.key)
            for subject in place.panoptes.subjects_of_set(target.set_id)
        )
        ledger.keep_members(target, listed, others)
    if others > 0:
        _refuse_another_copy(place, ledger)
        ledger.skip_members(target)


def _refuse_another_copy(place: Place, ledger: Ledger) -> None:
    count = ledger.count_own_strangers(place.target, f"{place.run_id}/{place.target.set_id}/")
    if count:
        raise LedgerError(
            f"the set {place.target.set_name!r} holds {count} subjects of this run that the ledger in {place.folder} "
            f"does not know, uploaded from another copy: run `zoocut adopt {typed(place.folder)} --set "
            f"{quote(place.target.set_name)}` first, which takes them over"
        )


def take_back_rejected(place: Place, ledger: Ledger) -> None:
    """Send rejected rows that have a subject on their way again; those whose subject is gone begin anew."""
    after = -1
    while page := ledger.entries(place.target, State.REJECTED, after):
        after = page[-1].row
        ledger.save([_second_chance(place, entry) for entry in page if entry.subject_id is not None])


def _second_chance(place: Place, entry: Entry) -> Entry:
    try:
        place.panoptes.subject(entry.subject_id or "")
    except Refused as error:
        if error.status != 404:
            raise
        images = tuple(replace(image, sha256=None, media_name=None, proved=False) for image in entry.images)
        return replace(entry, state=State.PLANNED, subject_id=None, images=images, reason=None)
    images = tuple(replace(image, proved=not image.hosted) for image in entry.images)
    return replace(entry, state=State.CREATED, images=images, reason=None)


def note_index_fields(place: Place, run: Run) -> None:
    """Note the manifest's index fields, those with a leading %, with the set, as panoptes-cli does."""
    first = next(read_manifest(run.manifest), None)
    fields = ",".join(key.lstrip("%") for key in (first.metadata if first else {}) if key.startswith("%"))
    if not fields:
        return
    subject_set = place.panoptes.subject_set(place.target.set_id)
    if subject_set.metadata.get("indexFields") != fields:
        place.panoptes.set_metadata(subject_set, {**subject_set.metadata, "indexFields": fields})
