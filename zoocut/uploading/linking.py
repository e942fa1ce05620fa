"""Link a batch of subjects to the set, which publishes them, and read every membership back."""

from __future__ import annotations

from collections.abc import Sequence

from zoocut.errors import NotPermitted
from zoocut.ledger import Entry
from zoocut.uploading.checking import lost_images
from zoocut.uploading.machine import Linked, Rejected, Unproved
from zoocut.uploading.place import Outcome, Place
from zoocut.zooniverse.faults import Busy, Doubtful, Refused, Unreachable

__all__ = ["BATCH", "link"]

BATCH = 100
"""Subjects a request; as many memberships fit on the page that is read back."""

LOST = "the store of images confirmed an image and does not serve it: it is sent again"

GONE = 404
UNLINKABLE = 422


def link(place: Place, entries: Sequence[Entry]) -> Outcome:
    """Link the subjects of these entries and look which ones the set holds then.

    Raises
    ------
    NotPermitted
        When the set does not exist any more, or not for this account.
    """
    ids = [str(entry.subject_id) for entry in entries]
    try:
        lost = lost_images(place, entries)
        if lost:
            return Outcome({entry.row: Unproved() for entry in lost}, trouble=Doubtful(LOST))
        place.panoptes.link(place.target.set_id, ids)
        held = place.panoptes.linked(place.target.set_id, ids)
    except Refused as error:
        return _refused(place, entries, error)
    except (Busy, Doubtful, Unreachable) as trouble:
        return Outcome(trouble=trouble)
    return Outcome(
        {entry.row: Linked() for entry in entries if entry.subject_id in held},
        trouble=None
        if held.issuperset(ids)
        else Doubtful("not every subject that was linked is in the set yet"),
    )


def _refused(place: Place, entries: Sequence[Entry], error: Refused) -> Outcome:
    if error.status == GONE:
        place.panoptes.account()  # a token that was pruned may touch nothing: this renews it, or fails
        _require_set(place)
        return Outcome(trouble=error)
    if error.status == UNLINKABLE:
        return _missing(place, entries, error)
    return Outcome(trouble=error)


def _require_set(place: Place) -> None:
    try:
        place.panoptes.subject_set(place.target.set_id)
    except Refused as error:
        raise NotPermitted(
            f"subject set {place.target.set_id} ({place.target.set_name}) is gone from {place.panoptes.endpoint}, "
            "or this account may not see it any more: restore the rights, or upload to another set with --set"
        ) from error


def _missing(place: Place, entries: Sequence[Entry], error: Refused) -> Outcome:
    try:
        there = {
            subject.subject_id for subject in place.panoptes.subjects([str(e.subject_id) for e in entries])
        }
    except (Refused, Busy, Doubtful, Unreachable) as trouble:
        return Outcome(trouble=trouble)
    gone = {
        entry.row: Rejected(
            f"subject {entry.subject_id} was deleted before it was linked: if it may be made anew, run "
            "`zoocut upload --retry-rejected`"
        )
        for entry in entries
        if entry.subject_id not in there
    }
    return Outcome(dict(gone), trouble=None if gone else error)
