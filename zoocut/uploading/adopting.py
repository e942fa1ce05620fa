"""Rebuild a ledger from the server: one that was lost, or that never was because another tool began the upload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from zoocut.ledger import Entry, Ledger, State
from zoocut.metadata_keys import DIA_SOURCE_ID, SubjectKey
from zoocut.run.folder import Run
from zoocut.uploading.context import UploadContext
from zoocut.uploading.machine import Created, Differs, Linked, Measured, Proved, Sent, after, images_to_store
from zoocut.uploading.planning import plan
from zoocut.uploading.steps.measure import measure
from zoocut.zooniverse.panoptes import Subject

__all__ = ["Adoption", "adopt"]


@dataclass
class Adoption:
    """What was taken over.

    Parameters
    ----------
    linked : int
        Rows whose subject is in the set, with the image on disk.
    created : int
        Rows whose subject is in no set yet: the next upload stores and links it.
    differing : int
        Rows whose subject in the set shows another image: rejected.
    left : int
        Rows that the next upload begins.
    """

    linked: int = 0
    created: int = 0
    differing: int = 0
    left: int = 0


def adopt(
    run: Run, context: UploadContext, ledger: Ledger, confirm: Callable[[str], object], adoption: Adoption
) -> None:
    """Find the subjects of one target's rows that the ledger has not begun, and note them.

    Subjects are recognised by zoocut's own key, else, after `confirm`, by external_id or a diaSourceId in
    their metadata. Images are compared with those on disk.

    Parameters
    ----------
    run, context, ledger : Run, UploadContext, Ledger
        What, where, and the ledger to fill.
    confirm : callable
        Told what would be assumed; raises when it should not be.
    adoption : Adoption
        Counts what is taken over.

    Raises
    ------
    ZoocutError
        When the server or the ledger cannot be used to the end; adopting again goes on.
    """
    plan(run.by(context.target.manifest), ledger, context.target, anew=True)
    members = list(context.retrying.subjects_of_set(context.target.set_id))
    own = context.retrying.newest_subjects(context.target.project_id, context.user_id, 0)
    by_key = _by_name(chain(members, own), lambda s: _named_by_key(context, s))
    by_external_id = _by_name(members, lambda s: "" if s.key else s.external_id)
    by_source = _by_name(members, lambda s: "" if s.key else s.dia_source_id)
    by_name = by_source | by_external_id
    foreign = by_name.keys() - by_key.keys()
    if foreign:
        confirm(
            f"{len(foreign)} subjects of the set {context.target.set_name!r} were made by another tool: rows are taken "
            f"for them where external_id or {DIA_SOURCE_ID} agree"
        )
    for entry in _planned(ledger, context):
        subject = by_key.get(entry.external_id) or by_name.get(entry.external_id)
        if subject is None:
            adoption.left += 1
        else:
            ledger.save([_adopted(context, entry, subject, adoption)])


def _planned(ledger: Ledger, context: UploadContext) -> Iterator[Entry]:
    after_row = -1
    while page := ledger.entries(context.target, State.PLANNED, after_row):
        yield from page
        after_row = page[-1].row


def _by_name(subjects: Iterable[Subject], name_of: Callable[[Subject], str]) -> dict[str, Subject]:
    """Arrange subjects by the row they stand for, the first one in a set before all others."""
    found: dict[str, Subject] = {}
    for subject in subjects:
        name = name_of(subject)
        if name and (name not in found or (subject.sets and not found[name].sets)):
            found[name] = subject
    return found


def _named_by_key(context: UploadContext, subject: Subject) -> str:
    """Return the row that a subject of this run was made for; empty for all others."""
    key = SubjectKey.read(subject.key)
    return key.external_id if key and key.belongs_to(context.run_id, context.target.set_id) else ""


def _adopted(context: UploadContext, entry: Entry, subject: Subject, adoption: Adoption) -> Entry:
    event = measure(context, entry).events.get(entry.row)
    if not isinstance(event, Measured) or len(subject.addresses) != len(entry.images):
        adoption.differing += 1
        return after(entry, _differs(subject))
    names = tuple(address.name for address in subject.addresses)
    sent = Sent(context.panoptes.now(), context.user_id, int(subject.subject_id) - 1)
    created = after(after(after(entry, event), sent), Created(subject.subject_id, names))
    if context.target.set_id not in subject.sets:
        adoption.created += 1
        return created
    if not _serves(context, created, subject):
        adoption.differing += 1
        return after(entry, _differs(subject))
    adoption.linked += 1
    for position in images_to_store(created):
        created = after(created, Proved(position))
    return after(created, Linked())


def _serves(context: UploadContext, entry: Entry, subject: Subject) -> bool:
    return all(
        context.store.holds_retrying(address.url, image.md5)
        for image, address in zip(entry.images, subject.addresses, strict=True)
    )


def _differs(subject: Subject) -> Differs:
    return Differs(
        f"subject {subject.subject_id} in the set shows another image than the row: take it out of the set, then "
        "run `zoocut upload --retry-rejected`"
    )
