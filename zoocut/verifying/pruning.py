"""Deleting the strays that an audit found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zoocut.ledger import Target
from zoocut.talk_audit import prune_talk
from zoocut.verifying.audit import Audit
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.lease_note import leased
from zoocut.zooniverse.panoptes import RetryingPanoptes, Subject
from zoocut.zooniverse.request_errors import Refused

__all__ = ["prune"]


def prune(panoptes: RetryingPanoptes, audit: Audit, settle_s: float, confirm: Callable[[str], object]) -> int:
    """Delete the strays of an audit that are still in no set; tell how many.

    Subjects younger than `settle_s` are left alone, and all of them while anybody uploads to the set: they may be
    another uploader's, who is about to link them.

    Parameters
    ----------
    panoptes : RetryingPanoptes
        The server.
    audit : Audit
        With its strays.
    settle_s : float
        In seconds of the server's clock.
    confirm : callable
        Told what would be deleted; raises when it should not be.

    Raises
    ------
    ZooniverseError
        When the server cannot be asked to the end; pruning again goes on.
    """
    old = [one for one in _loose(panoptes, audit.strays) if one.age_s(panoptes.server_now()) >= settle_s]
    name = audit.target.set_name
    if not (old or audit.talk_strays) or not _is_free(panoptes, audit.target):
        return 0
    ids = [one.subject_id for one in old]
    files = f" and {len(audit.talk_strays)} files of Talk pages" if audit.talk_strays else ""
    confirm(
        f"{len(ids)} subjects of this run that no set holds, beside {name!r},{files} would be deleted for good"
    )
    left = _loose(panoptes, ids) if _is_free(panoptes, audit.target) else []
    for one in left:
        panoptes.delete_subject(one.subject_id)
    return len(left) + prune_talk(panoptes, audit.talk_strays)


def _loose(panoptes: RetryingPanoptes, subject_ids: Sequence[str]) -> list[Subject]:
    """Read those of the subjects that are in no set."""
    batches = (subject_ids[at : at + PAGE_SIZE] for at in range(0, len(subject_ids), PAGE_SIZE))
    return [one for batch in batches for one in panoptes.subjects(batch) if not one.sets]


def _is_free(panoptes: RetryingPanoptes, target: Target) -> bool:
    try:
        return leased(panoptes.subject_set(target.set_id), panoptes.server_now()) is None
    except Refused:  # a set that is gone is nobody's
        return True
