"""Read public addresses back before subjects are linked: a store may confirm bytes and lose them.

Only ever after the put: a front door may remember for long that an address had nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from zoocut.ledger import Entry
from zoocut.uploading.place import Place
from zoocut.zooniverse.faults import Refused
from zoocut.zooniverse.panoptes import Subject

__all__ = ["lost_images"]


def lost_images(place: Place, entries: Sequence[Entry]) -> list[Entry]:
    """Name the entries whose images are not served as they were sent.

    A sample of `place.checks` entries is read; when one of them fails, so are all the others.

    Raises
    ------
    Busy, Doubtful, Unreachable, Refused
        When it cannot be told now.
    """
    sample = random.sample(list(entries), min(place.checks, len(entries)))
    if not sample:
        return []
    subjects = {
        s.subject_id: s for s in place.panoptes.subjects([str(entry.subject_id) for entry in entries])
    }
    known = [entry for entry in sample if entry.subject_id in subjects]
    if all(_serves(place, entry, subjects[str(entry.subject_id)]) for entry in known):
        return []
    return [
        entry
        for entry in entries
        if entry.subject_id in subjects and not _serves(place, entry, subjects[str(entry.subject_id)])
    ]


def _serves(place: Place, entry: Entry, subject: Subject) -> bool:
    try:
        return all(
            place.store.fetch(address.url)[1:] == (image.size, image.md5)
            for image, address in zip(entry.images, subject.addresses, strict=True)
            if image.hosted
        )
    except Refused as error:
        if error.status == 404:
            return False
        raise
