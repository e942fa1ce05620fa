"""Another uploader of the same rows: found in the set after a link, and given way to.

Two uploaders of one run are kept apart by the lease of the set. Where they met all the same, each sees the other's
subjects when it reads the set after its link, at the latest the one whose link came last. The one whose subject has
the higher id takes its own out and stops; the other one waits for that, and takes its own out where it waits in vain,
because then nobody else will: a row that both took out is completed by the next upload, a row that shows twice is not
noticed by anybody.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from zoocut.error_kinds import OtherCopy
from zoocut.files import typed
from zoocut.ledger import Entry
from zoocut.uploading.context import Outcome, UploadContext, key_of
from zoocut.uploading.machine import Event, Linked
from zoocut.zooniverse.records import Subject
from zoocut.zooniverse.request_errors import NotNow, Refused

__all__ = ["find_rivals", "give_way"]

GIVES_WAY_S = 10.0
"""How long the other uploader has for taking its subjects out; it does so within a request of its own."""

LOOKS = 10

Rivals = dict[int, str]
"""By row, the id of another subject in the set that carries the row's key."""


def find_rivals(context: UploadContext, entries: Sequence[Entry], members: int | None) -> tuple[Rivals, int]:
    """Look for members of the set that carry the keys of these entries and are not their subjects.

    Parameters
    ----------
    context, entries : UploadContext, sequence of Entry
        The set, and what was linked just now.
    members : int or None
        How many members the set had before: where it has gained no more than these, the newest ones are looked at,
        else all of them. None when it was not counted yet.

    Returns
    -------
    tuple of (dict, int)
        The rivals, and how many members the set has.

    Raises
    ------
    NotNow, Refused
        When it cannot be told now.
    """
    rows = {key_of(context, entry): entry for entry in entries}

    def rival(one: Subject) -> tuple[int, str] | None:
        entry = rows.get(one.key)
        return (entry.row, one.subject_id) if entry and one.subject_id != entry.subject_id else None

    newest, count = context.panoptes.newest_members(context.target.set_id)
    expected = len(newest) if members is None else members + len(entries)
    if count > expected:
        return dict(context.panoptes.of_members(context.target.set_id, rival)), count
    return dict(filter(None, map(rival, newest))), count


def give_way(context: UploadContext, linked: Sequence[Entry], rivals: Rivals) -> Outcome:
    """Take out own subjects of rows that another uploader has linked as well, and end this upload.

    Parameters
    ----------
    context : UploadContext
        The set.
    linked : sequence of Entry
        The entries that the set holds.
    rivals : dict of int to str
        As `find_rivals` finds them.
    """
    mine = [entry for entry in linked if entry.row in rivals]
    higher = [entry for entry in mine if int(entry.subject_id or 0) > int(rivals[entry.row])]
    lower = [entry for entry in mine if entry not in higher]
    out = [*higher, *_waited_in_vain(context, lower, rivals)]
    ending = OtherCopy(
        f"another copy of this run uploads to the set {context.target.set_name!r} as well: {len(mine)} rows were there "
        f"twice, {len(out)} of them were taken out again; let one copy finish, then run `zoocut adopt "
        f"{typed(context.folder)}` and `zoocut upload {typed(context.folder)}`"
    )
    try:
        if out:
            context.retrying.unlink(context.target.set_id, [str(entry.subject_id) for entry in out])
    except (NotNow, Refused) as error:
        ending = OtherCopy(f"{ending}; taking them out failed ({error}): `zoocut verify RUN` tells them")
    events: dict[int, Event] = {entry.row: Linked() for entry in linked if entry not in out}
    return Outcome(events, ending=ending)


def _waited_in_vain(context: UploadContext, entries: Sequence[Entry], rivals: Rivals) -> list[Entry]:
    """Wait until the subjects with higher ids have left; give the entries whose other subject stays."""
    left = list(entries)
    for _ in range(LOOKS if left else 0):
        try:
            held = context.panoptes.linked(context.target.set_id, [rivals[entry.row] for entry in left])
            left = [entry for entry in left if rivals[entry.row] in held]
        except (NotNow, Refused):
            pass
        if not left:
            break
        time.sleep(GIVES_WAY_S / LOOKS)
    return left
