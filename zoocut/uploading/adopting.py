"""Rebuild a ledger from the server: one that was lost, or that never was because another tool began the upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from zoocut.ledger import Entry, Ledger, State
from zoocut.metadata_keys import SubjectKey
from zoocut.run.folder import Run
from zoocut.uploading.context import UploadContext, key_of
from zoocut.uploading.machine import (
    Created,
    Differs,
    Gone,
    Linked,
    Measured,
    Proved,
    Sent,
    after,
)
from zoocut.uploading.matching import match, own_subjects, what_adopting_needs
from zoocut.uploading.planning import plan
from zoocut.uploading.steps.measure import measure
from zoocut.uploading.targets import Choice
from zoocut.zooniverse.panoptes import RetryingPanoptes, Subject

__all__ = ["Adoption", "adopt", "as_shown", "take_back_unknown"]


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


def as_shown(run: Run, choice: Choice, user_id: str, panoptes: RetryingPanoptes) -> Choice:
    """Return a choice with the manifest by addresses where subjects show these, and not what Zooniverse stored.

    Parameters
    ----------
    run, choice : Run, Choice
        What is to be adopted, and where; what the ledger knows already stays as it is.
    user_id : str
        Whose subjects are looked through where the set has none.
    panoptes : RetryingPanoptes
        The server.
    """
    if choice.known is not None or choice.subject_set is None or not run.urls_manifest.is_file():
        return choice
    addresses = {address for row in run.by_addresses().rows() for address in row.locations}

    def shows_one(subject: Subject) -> bool | None:
        return any(one.url in addresses for one in subject.addresses) or None

    shown = any(panoptes.of_members(choice.subject_set.set_id, shows_one)) or any(
        panoptes.newest_subjects(choice.project.project_id, user_id, 0, shows_one)
    )
    return replace(choice, manifest=run.urls_manifest.name) if shown else choice


def adopt(
    run: Run, context: UploadContext, ledger: Ledger, confirm: Callable[[str], object], adoption: Adoption
) -> None:
    """Find the subjects of one target's rows that the ledger has not begun, and note them.

    Subjects are recognised by zoocut's own key, else, after `confirm`, by what another tool left: external_id or
    diaSourceId, equal locations, equal metadata, equal images. What each serves is compared with the images on disk.

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
    keep = partial(what_adopting_needs, context)
    members = list(context.retrying.of_members(context.target.set_id, keep))
    _let_go_of_rivals(context, ledger, members)
    newest = list(context.retrying.newest_subjects(context.target.project_id, context.user_id, 0, keep))
    entries = list(_in_states(ledger, context, State.PLANNED))
    found = match(context, entries, [*members, *newest], lambda entry: _measured(context, entry))
    if found.foreign:
        ways = ", ".join(f"{count} by {way}" for way, count in found.ways.items())
        unlinked = sum(not one.sets for one in found.foreign.values())
        confirm(
            f"{len(found.foreign)} subjects made by another tool are taken for rows of this run ({ways}), "
            f"{len(found.foreign) - unlinked} of them in the set {context.target.set_name!r} and {unlinked} in none yet"
        )
    for entry in entries:
        subject = found.own.get(entry.row) or found.foreign.get(entry.row)
        if subject is None:
            adoption.left += 1
        else:
            ledger.save([_adopted(context, entry, subject, adoption)])


def take_back_unknown(context: UploadContext, ledger: Ledger) -> None:
    """Take over subjects of this run that a ledger which was put back to an older copy does not know.

    Their ids are above all that the ledger knows, so nothing is read where nobody has made any since. Where another
    copy of the run held the lease before, all subjects of the account are looked through.

    Raises
    ------
    NotNow
        When the server cannot be asked.
    """
    known = ledger.highest_subject_id(context.target)
    if context.lease is not None and context.lease.from_a_copy:
        known = 0
    elif not known:
        return
    if not ledger.counts(context.target)[State.PLANNED]:
        return
    server, project_id = context.retrying, context.target.project_id
    if server.newest_subject_id(project_id) <= known:
        return
    keep = partial(what_adopting_needs, context)
    newer = own_subjects(context, server.newest_subjects(project_id, context.user_id, known, keep))
    for entry in list(_in_states(ledger, context, State.PLANNED)) if newer else ():
        subject = newer.get(entry.external_id)
        if subject is not None and context.target.set_id not in subject.sets:
            ledger.save([_adopted(context, entry, subject, Adoption())])


def _let_go_of_rivals(context: UploadContext, ledger: Ledger, members: Sequence[Subject]) -> None:
    """Begin rows anew that are not linked here and whose key another subject in the set carries: it is taken over."""
    held = own_subjects(context, members)
    begun = [*_in_states(ledger, context, State.CREATED), *_in_states(ledger, context, State.STORED)]
    rivals = [
        one for one in begun if one.external_id in held and held[one.external_id].subject_id != one.subject_id
    ]
    ledger.save([after(entry, Gone()) for entry in rivals])


def _in_states(ledger: Ledger, context: UploadContext, state: State) -> Iterator[Entry]:
    last = -1
    while page := ledger.entries(context.target, state, last):
        yield from page
        last = page[-1].row


def _measured(context: UploadContext, entry: Entry) -> Entry | None:
    event = measure(context, entry).events.get(entry.row)
    return after(entry, event) if isinstance(event, Measured) else None


def _adopted(context: UploadContext, entry: Entry, subject: Subject, adoption: Adoption) -> Entry:
    known = _measured(context, entry)
    serves = _served(context, known, subject) if known is not None else ()
    if known is None or not _may_be_of(context, known, subject, serves):
        adoption.differing += 1
        return after(entry, _differs(context, subject))
    names = tuple(address.name for address in subject.addresses)
    sent = Sent(context.panoptes.now(), context.user_id, int(subject.subject_id) - 1)
    created = after(after(known, sent), Created(subject.subject_id, names))
    linked = context.target.set_id in subject.sets
    if linked and None in serves:
        adoption.differing += 1
        return after(entry, _differs(context, subject))
    if not linked:
        adoption.created += 1
        return created
    adoption.linked += 1
    for position in created.images_to_store:
        created = after(created, Proved(position))
    return after(created, Linked())


def _served(context: UploadContext, entry: Entry, subject: Subject) -> Sequence[str | None]:
    """Return the checksums of what a subject serves; addresses that were just read for the row are not read again."""
    if [one.url for one in subject.addresses] == [image.path for image in entry.images]:
        return [image.md5 for image in entry.images]
    return context.store.checksums(subject)


def _may_be_of(context: UploadContext, entry: Entry, subject: Subject, serves: Sequence[str | None]) -> bool:
    """Whether what a subject serves, and the checksum in its key, are those of the row's images."""
    key = SubjectKey.read(subject.key)
    if key is not None and subject.key != key_of(context, entry):
        return False
    images = [image.md5 for image in entry.images]
    return len(serves) == len(images) and all(
        told in (None, md5) for told, md5 in zip(serves, images, strict=True)
    )


def _differs(context: UploadContext, subject: Subject) -> Differs:
    where = "in the set" if context.target.set_id in subject.sets else "in no set"
    return Differs(
        f"subject {subject.subject_id}, {where}, shows another image than the row, and an image is never exchanged "
        "under a subject: take it out with `zoocut sets remove SET ID` if it is in the set, then "
        "`zoocut upload RUN --retry-rejected` makes a new one; the old one keeps its image"
    )
