"""Create one subject, in no set yet, after its intent is on disk."""

from __future__ import annotations

from zoocut.errors import NotPermitted
from zoocut.ledger import Entry
from zoocut.metadata_keys import KEY
from zoocut.uploading.context import UNCONFIRMED, Outcome, UploadContext, key_of
from zoocut.uploading.machine import Created, LostSight, NotCreated, Rejected
from zoocut.zooniverse.records import Subject
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused, Unreachable

__all__ = ["create"]

BEING_CHANGED = 409
"""Panoptes takes everything back and says so, where two changes of one record meet: try again."""


def create(context: UploadContext, entry: Entry) -> Outcome:
    """Send one create, once.

    Raises
    ------
    NotPermitted, QuotaReached, SignInError
        When no create can succeed; this one had no effect.
    """
    key = key_of(context, entry)
    if not context.may_send:
        return Outcome({entry.row: NotCreated()}, trouble=Unreachable(UNCONFIRMED))
    try:
        subject = context.panoptes.create_subject(
            context.target.project_id,
            entry.external_id,
            {**entry.metadata, KEY: key},
            [image.mime if image.hosted else {image.mime: image.path} for image in entry.images],
        )
    except Refused as error:
        if error.status == BEING_CHANGED:
            return Outcome({entry.row: NotCreated()}, trouble=error)
        return Outcome(
            {entry.row: Rejected(f"{context.panoptes.endpoint} refuses row {entry.external_id}: {error}")}
        )
    except (Busy, Unreachable) as trouble:
        return Outcome({entry.row: NotCreated()}, trouble=trouble)
    except Doubtful as trouble:
        return Outcome({entry.row: LostSight(str(trouble))}, trouble=trouble)
    if (
        not subject.key
        and subject.external_id == entry.external_id
        and len(subject.addresses) == len(entry.images)
    ):
        return _without_key(context, entry, subject)
    if subject.key != key or len(subject.addresses) != len(entry.images):
        return Outcome({entry.row: LostSight("the answer to a create tells of another subject")})
    names = tuple(address.name for address in subject.addresses)
    return Outcome({entry.row: Created(subject.subject_id, names)}, addresses=subject.addresses)


def _without_key(context: UploadContext, entry: Entry, subject: Subject) -> Outcome:
    """Stop at the first subject whose key does not come back: no lost answer could be settled any more."""
    names = tuple(address.name for address in subject.addresses)
    return Outcome(
        {entry.row: Created(subject.subject_id, names)},
        addresses=subject.addresses,
        ending=NotPermitted(
            f"{context.panoptes.endpoint} made subject {subject.subject_id} of row {entry.external_id} and its answer "
            f"lacks the metadata {KEY} that was sent: without it a subject whose answer is lost could not be found "
            "again, and would be made twice. Ask who runs the server, or what stands in between, why it is dropped; "
            "the run is safe"
        ),
    )
