"""The proof of an import: the set is listed, and what it holds is compared with the rows.

Presence is proved by being seen, so one pass through the set suffices where it shows every row; absence is not, so what
one pass does not show is waited for and looked for again, in a list that two passes agree about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from threading import Event as Flag

from zoocut.errors import Interrupted, VerificationFailed
from zoocut.files import typed
from zoocut.ledger import Entry, Image, Ledger, State
from zoocut.ledger.imports import ImportRecords
from zoocut.ledger.outlines import outlines
from zoocut.metadata_keys import KEY, SubjectKey
from zoocut.uploading.context import UploadContext, key_of
from zoocut.uploading.machine import Absent, Created, Differs, Linked, Sent, after
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.imports import ImportAdmin
from zoocut.zooniverse.records import Subject

__all__ = ["look_for_doubles", "prove", "see_members"]

UNSETTLED = (State.INTENT, State.IN_DOUBT)


def prove(context: UploadContext, ledger: Ledger, settle_s: float, stop: Flag) -> None:
    """Mark the rows whose subjects the set holds as linked, and those that it surely does not hold as planned.

    Parameters
    ----------
    context, ledger : UploadContext, Ledger
        The set, and the rows that were imported into it.
    settle_s : float
        How long absence is waited for, in seconds.
    stop : threading.Event
        Ends the waiting.

    Raises
    ------
    Interrupted
        When it was to stop.
    NotNow
        When the server cannot be asked to the end.
    """
    if see_members(context, ledger):
        return
    missing = _unsettled(ledger, context)
    if stop.wait(settle_s):
        raise Interrupted("stopped; the run is safe: run the same command again")
    began = context.panoptes.now()
    above = min(entry.watermark for entry in missing)
    senders = {entry.sent_as or context.user_id for entry in missing}
    unfinished = {row.external_id for row in outlines(ledger, context.target) if not row.state.at_rest}

    def of_unfinished(subject: Subject) -> Subject | None:
        key = _own(context, subject)
        return subject if key is not None and key.external_id in unfinished else None

    for sender in senders:
        listed = context.retrying.newest_subjects(context.target.project_id, sender, above, of_unfinished)
        _take(
            context,
            ledger,
            sorted(listed, key=lambda one: (context.target.set_id not in one.sets, int(one.subject_id))),
        )
    ledger.save([_absent(entry, began) for entry in _unsettled(ledger, context)])


def _absent(entry: Entry, looked_at: float) -> Entry:
    """Begin anew: it was waited for since the import was over, whatever the clock said when it was announced."""
    return after(replace(entry, sent_at=looked_at), Absent(looked_at, 0.0))


def _unsettled(ledger: Ledger, context: UploadContext) -> list[Entry]:
    found = list[Entry]()
    for state in UNSETTLED:
        last = -1
        while page := ledger.entries(context.target, state, last):
            found += page
            last = page[-1].row
    return found


def see_members(context: UploadContext, ledger: Ledger) -> bool:
    """Go through the set once, a page at a time, and mark what is seen; tell whether nothing is left to be seen.

    It begins where the members end that are known already: an import adds higher ids.
    """
    admin, known = ImportAdmin(context.panoptes), ledger.counts(context.target)[State.LINKED]
    for page in count(max(1, known // PAGE_SIZE)):
        subjects, _ = admin.members(context.target.set_id, page)
        _take(context, ledger, subjects)
        if len(subjects) < PAGE_SIZE:
            break
    counts = ledger.counts(context.target)
    return not any(counts[state] for state in UNSETTLED)


def _take(context: UploadContext, ledger: Ledger, subjects: Sequence[Subject]) -> None:
    records = ImportRecords(ledger, context.target)
    for start in range(0, len(subjects), PAGE_SIZE):
        own = [(key, one) for one in subjects[start : start + PAGE_SIZE] if (key := _own(context, one))]
        entries = records.entries([key.external_id for key, _ in own])
        changed = list[Entry]()
        for key, subject in own:
            entry = entries.pop(key.external_id, None)
            if entry is not None and not entry.state.at_rest:
                changed.append(_seen(context, entry, subject))
        ledger.save(changed)


def _own(context: UploadContext, subject: Subject) -> SubjectKey | None:
    key = SubjectKey.read(subject.key)
    return key if key is not None and key.belongs_to(context.run_id, context.target.set_id) else None


def _seen(context: UploadContext, entry: Entry, subject: Subject) -> Entry:
    """Return what an entry becomes whose subject was seen: linked where it is in the set and says what the row says."""
    entry = replace(entry, images=tuple(map(_named, entry.images)))
    if difference := _difference(context, entry, subject):
        return after(entry, Differs(difference))
    sent = entry
    if not entry.state.unsettled:  # a single create of it, or none, was begun: the one in the set is taken
        sent = after(replace(entry, subject_id=None), Sent(context.panoptes.now(), context.user_id, 0))
    created = after(sent, Created(subject.subject_id, tuple(one.name for one in subject.addresses)))
    return after(created, Linked()) if context.target.set_id in subject.sets else created


def _named(image: Image) -> Image:
    """Give an address that was not measured the checksum that keys are made with: its own."""
    address = hashlib.sha256(image.path.encode()).hexdigest()
    return image if image.sha256 or image.hosted else replace(image, sha256=address)


def _difference(context: UploadContext, entry: Entry, subject: Subject) -> str | None:
    wanted = {**entry.metadata, KEY: key_of(context, entry)}
    shown = [one.url for one in subject.addresses]
    what = [
        name
        for name, differs in {
            "external_id": subject.external_id != entry.external_id,
            "metadata": subject.metadata != wanted,
            "locations": shown != [image.path for image in entry.images],
        }.items()
        if differs
    ]
    if not what:
        return None
    return (
        f"subject {subject.subject_id} was imported with other {' and '.join(what)} than the row has: take it out with "
        f"`zoocut sets remove id:{context.target.set_id} {subject.subject_id}`, then "
        f"`zoocut upload {typed(context.folder)} --retry-rejected` makes a new one"
    )


def look_for_doubles(context: UploadContext, ledger: Ledger, tell: Callable[[str], object]) -> None:
    """Look at the set again after everything has settled: doubles that an import made are taken out, the younger ones.

    Raises
    ------
    VerificationFailed
        When the set holds fewer subjects than rows are linked, or doubles that cannot be taken out.
    """
    target, server = context.target, context.retrying
    if server.count_subjects(target.set_id) == ledger.counts(target)[State.LINKED]:
        return
    members = list(server.of_members(target.set_id, partial(_seen_as, context)))
    younger = _younger(context, ledger, members)
    for start in range(0, len(younger), PAGE_SIZE):
        server.unlink(target.set_id, younger[start : start + PAGE_SIZE])
    _tell_of(context, members, younger, tell)
    left = server.member_ids(target.set_id)
    missing = sum(int(entry.subject_id or 0) not in left for entry in _linked(ledger, context))
    twice = sum(int(one) in left for one in set(younger))
    if missing or twice:
        raise VerificationFailed(
            f"the set {target.set_name!r} lacks {missing} subjects of linked rows and holds {twice} "
            f"rows twice: `zoocut verify {typed(context.folder)}` tells which and what to do"
        )


def _linked(ledger: Ledger, context: UploadContext) -> Iterable[Entry]:
    return (entry for entry in ledger.every(context.target) if entry.state is State.LINKED)


def _seen_as(context: UploadContext, subject: Subject) -> tuple[str, str | None]:
    """Return a member's id and, of this run's, the row that it is of."""
    key = _own(context, subject)
    return subject.subject_id, None if key is None else key.external_id


def _younger(context: UploadContext, ledger: Ledger, members: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return the younger of each two; where the ledger knows that one, it takes the older over first."""
    records, younger = ImportRecords(ledger, context.target), list[str]()
    for subject_id, external_id in members:
        entry = records.entries([external_id]).get(external_id) if external_id is not None else None
        if entry is None or entry.state is not State.LINKED or entry.subject_id == subject_id:
            continue
        if int(subject_id) < int(entry.subject_id or 0) and _says_the_same(context, entry, subject_id):
            younger.append(str(entry.subject_id))
            ledger.save([replace(entry, subject_id=subject_id)])
        else:
            younger.append(subject_id)
    return younger


def _says_the_same(context: UploadContext, entry: Entry, subject_id: str) -> bool:
    """Whether a subject, read again, says what the row says."""
    return any(not _difference(context, entry, one) for one in context.retrying.subjects([subject_id]))


def _tell_of(
    context: UploadContext,
    members: Iterable[tuple[str, str | None]],
    younger: Sequence[str],
    tell: Callable[[str], object],
) -> None:
    others = sum(external_id is None for _, external_id in members)
    name = context.target.set_name
    if younger:
        tell(
            f"{len(younger)} rows were in the set {name!r} twice after an import; the younger were taken out"
        )
    if others:
        tell(
            f"the set {name!r} holds {others} subjects that are not of this run, which came while it was imported"
        )
