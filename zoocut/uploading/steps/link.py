"""Link a batch of subjects to the set, which publishes them, and read every membership back."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from zoocut.error_kinds import NotFoundThere
from zoocut.ledger import Entry
from zoocut.uploading.context import UNCONFIRMED, Outcome, UploadContext, key_of
from zoocut.uploading.machine import Differs, Event, Linked, Rejected, Unproved
from zoocut.uploading.steps.rivals import find_rivals, give_way
from zoocut.zooniverse.parallel import in_parallel
from zoocut.zooniverse.records import Subject
from zoocut.zooniverse.request_errors import Doubtful, NotNow, Refused, Unreachable

__all__ = ["BATCH", "link"]

BATCH = 100
"""Subjects a request: as many memberships as fit on the page that is read back, or the last would never be seen."""

LOST = "the store of images confirmed an image and does not serve it: it is sent again"


def link(context: UploadContext, entries: Sequence[Entry], members: int | None = None) -> Outcome:
    """Link the subjects of these entries and look which ones the set holds then.

    Raises
    ------
    NotPermitted
        When the set does not exist any more, or not for this account.
    """
    ids = [str(entry.subject_id) for entry in entries]
    try:
        subjects = {subject.subject_id: subject for subject in context.panoptes.subjects(ids)}
        if foreign := _not_ours(context, entries, subjects):
            return Outcome(foreign)
        lost = lost_images(context, entries, subjects)
        if lost:
            return Outcome({entry.row: Unproved() for entry in lost}, trouble=Doubtful(LOST))
        if not context.may_send:
            return Outcome(trouble=Unreachable(UNCONFIRMED))
        context.panoptes.link(context.target.set_id, ids)
        held, (rivals, count) = in_parallel(
            lambda: context.panoptes.linked(context.target.set_id, ids),
            lambda: find_rivals(context, entries, members),
        )
    except Refused as error:
        return _refused(context, entries, error)
    except NotNow as trouble:
        return Outcome(trouble=trouble)
    if rivals:
        return give_way(context, [entry for entry in entries if entry.subject_id in held], rivals)
    return Outcome(
        {entry.row: Linked() for entry in entries if entry.subject_id in held},
        trouble=None
        if held.issuperset(ids)
        else Doubtful("not every subject that was linked is in the set yet"),
        members=count,
    )


def _not_ours(
    context: UploadContext, entries: Sequence[Entry], subjects: Mapping[str, Subject]
) -> dict[int, Event]:
    """Name the entries whose subject is another's: whatever it is, this run does not publish it."""
    return {
        entry.row: Differs(
            f"subject {entry.subject_id} does not carry this row's key and does not show its images: it is left alone; "
            "if a new subject may be made, run `zoocut upload RUN --retry-rejected`"
        )
        for entry in entries
        if (subject := subjects.get(entry.subject_id or "")) and not _is_own(context, entry, subject)
    }


def _is_own(context: UploadContext, entry: Entry, subject: Subject) -> bool:
    """Whether a subject is the row's: by its key, or, taken over from a tool that writes none, by what it shows."""
    if subject.key:
        return subject.key == key_of(context, entry)
    return len(subject.addresses) == len(entry.images) and _serves(context, entry, subject)


def _refused(context: UploadContext, entries: Sequence[Entry], error: Refused) -> Outcome:
    if error.status == HTTPStatus.NOT_FOUND:
        context.panoptes.account()  # a token that was pruned may touch nothing: this renews it, or fails
        _require_set(context)
        return Outcome(trouble=error)
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return _missing(context, entries, error)
    return Outcome(trouble=error)


def _require_set(context: UploadContext) -> None:
    try:
        context.panoptes.subject_set(context.target.set_id)
    except Refused as error:
        raise NotFoundThere(
            f"subject set {context.target.set_id} ({context.target.set_name}) is gone from "
            f"{context.panoptes.endpoint}, or this account may not see it any more: "
            "restore the rights, or upload to another set with --set"
        ) from error


def _missing(context: UploadContext, entries: Sequence[Entry], error: Refused) -> Outcome:
    try:
        there = {
            subject.subject_id for subject in context.panoptes.subjects([str(e.subject_id) for e in entries])
        }
    except (Refused, NotNow) as trouble:
        return Outcome(trouble=trouble)
    gone = {
        entry.row: Rejected(
            f"subject {entry.subject_id} was deleted before it was linked: if it may be made anew, run "
            "`zoocut upload RUN --retry-rejected`"
        )
        for entry in entries
        if entry.subject_id not in there
    }
    return Outcome(dict(gone), trouble=None if gone else error)


def lost_images(
    context: UploadContext, entries: Sequence[Entry], subjects: Mapping[str, Subject]
) -> list[Entry]:
    """Name the entries whose images are not served as they were sent.

    A sample of `context.checks` entries is read; when one of them fails, so are all the others.

    Raises
    ------
    NotNow, Refused
        When it cannot be told now.
    """
    sample = random.sample(list(entries), min(context.checks, len(entries)))
    known = [entry for entry in sample if entry.subject_id in subjects]
    if all(_serves(context, entry, subjects[str(entry.subject_id)]) for entry in known):
        return []
    return [
        entry
        for entry in entries
        if entry.subject_id in subjects and not _serves(context, entry, subjects[str(entry.subject_id)])
    ]


def _serves(context: UploadContext, entry: Entry, subject: Subject) -> bool:
    return all(
        context.store.holds_retrying(address.url, image.md5)
        for image, address in zip(entry.images, subject.addresses, strict=True)
        if image.hosted
    )
