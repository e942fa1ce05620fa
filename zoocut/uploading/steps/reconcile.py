"""Settle doubts: look once through the newest subjects at the server and match them with many rows."""

from __future__ import annotations

from collections.abc import Sequence

from zoocut.ledger import Entry
from zoocut.uploading.context import Outcome, UploadContext, key_of
from zoocut.uploading.machine import Absent, Created, Event
from zoocut.zooniverse.panoptes import Subject
from zoocut.zooniverse.request_errors import NotNow, Refused

__all__ = ["look"]


def look(context: UploadContext, entries: Sequence[Entry], settle_s: float) -> Outcome:
    """Look for the subjects of entries in doubt, under the users that announced them."""
    began = context.panoptes.now()
    try:
        found = _found(context, entries)
    except (Refused, NotNow) as trouble:
        return Outcome(trouble=trouble)
    verdicts = {entry.row: _verdict(context, entry, found, Absent(began, settle_s)) for entry in entries}
    return Outcome(verdicts, looked_at=began)


def _found(context: UploadContext, entries: Sequence[Entry]) -> dict[str, list[Subject]]:
    found: dict[str, list[Subject]] = {key_of(context, entry): [] for entry in entries}
    for user_id in {entry.sent_as or context.user_id for entry in entries}:
        above = min(entry.watermark for entry in entries if (entry.sent_as or context.user_id) == user_id)
        for subject in context.panoptes.newest_subjects(
            context.target.project_id, user_id, above, lambda one: one if one.key in found else None
        ):
            found[subject.key].append(subject)
    return found


def _verdict(context: UploadContext, entry: Entry, found: dict[str, list[Subject]], absent: Absent) -> Event:
    subjects = [s for s in found[key_of(context, entry)] if len(s.addresses) == len(entry.images)]
    if not subjects:
        return absent
    chosen = min(subjects, key=lambda s: (context.target.set_id not in s.sets, int(s.subject_id)))
    return Created(chosen.subject_id, tuple(address.name for address in chosen.addresses))
