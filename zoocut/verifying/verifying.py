"""Compare what the server holds with the run; nothing is written.

Of a set's members the ids are kept, eight bytes each, and the subjects that the ledger does not know; what the ledger
knows is read a page at a time, as often as it is looked at.
"""

from __future__ import annotations

import hashlib
import random
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.id_set import IdSet
from zoocut.ledger import Entry, Ledger, State, Target
from zoocut.metadata_keys import SubjectKey
from zoocut.priorities import other_priorities
from zoocut.run.folder import Run
from zoocut.talk_audit import audit_talk
from zoocut.verifying.audit import Audit
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.panoptes import RetryingPanoptes, Subject
from zoocut.zooniverse.request_errors import NotNow, Refused
from zoocut.zooniverse.store import Store

if TYPE_CHECKING:
    pass

__all__ = ["verify"]

SAMPLE = 100
"""How many subjects a sample reads the images of: a fault that 3 in 100 subjects have is met with 95 % certainty."""


Found = defaultdict[str, list[str]]
"""What was found of each kind."""


def verify(
    run: Run, ledger: Ledger, target: Target, panoptes: RetryingPanoptes, store: Store, check: str
) -> Audit:
    """Audit one target.

    Parameters
    ----------
    run, ledger, target : Run, Ledger, Target
        What should be there.
    panoptes, store : RetryingPanoptes, Store
        What is asked.
    check : str
        Whose images are read back: all, sample or none.

    Raises
    ------
    ZooniverseError
        When the server cannot be asked to the end.
    """
    found: Found = defaultdict(list)
    known = _known(ledger, target)
    members, strangers = panoptes.members(target.set_id, known.subjects)
    others = _sort_strangers(run, target, strangers, found)
    linked = partial(_linked, ledger, target, members)
    twins = _twins(others, linked, store, check)
    found["duplicates"].extend(
        f"{_named(one)}: subject {one.subject_id}, of another run or tool" for one in twins
    )
    _note_unlinked(ledger, target, members, found)
    found["strays"].extend(_strays(run, target, panoptes, known))
    for entries in _batches(_sampled(linked, check)):
        _compare_images(run.path, panoptes, store, entries, found)
    talk = audit_talk(run.run_id, ledger, target, panoptes, store, check != "none")
    rows = sum(ledger.counts(target).values())
    return Audit(
        target,
        rows,
        len(members),
        len(others) - len(twins),
        missing=tuple(found["missing"]),
        unlinked=tuple(found["unlinked"]),
        wrong_bytes=tuple(found["wrong_bytes"]),
        duplicates=tuple(found["duplicates"]),
        strays=tuple(found["strays"]),
        unread=tuple(found["unread"]),
        talk_missing=tuple(talk.missing),
        talk_strays=tuple(talk.strays),
        priorities=tuple(map(str, other_priorities(run, ledger, target, panoptes))),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows of its target's subjects: their ids, and what is needed to look for strays."""

    subjects: IdSet
    looked_for: frozenset[str]
    senders: frozenset[str]
    above: int


def _known(ledger: Ledger, target: Target) -> _Known:
    subjects, looked_for, senders, above = array("q"), set[str](), set[str](), None
    for entry in ledger.every(target):
        if entry.subject_id is not None:
            subjects.append(int(entry.subject_id))
        if entry.state.unsettled:
            looked_for.add(entry.external_id)
        if entry.sent_as is not None:
            senders.add(entry.sent_as)
            above = entry.watermark if above is None else min(above, entry.watermark)
    return _Known(IdSet(subjects), frozenset(looked_for), frozenset(senders), above or 0)


def _linked(ledger: Ledger, target: Target, members: IdSet) -> Iterator[Entry]:
    """Yield the entries whose subjects are in the set."""
    return (entry for entry in ledger.every(target) if _is_in(entry, members))


def _is_in(entry: Entry, members: IdSet) -> bool:
    return entry.subject_id is not None and int(entry.subject_id) in members


def _note_unlinked(ledger: Ledger, target: Target, members: IdSet, found: Found) -> None:
    for entry in ledger.every(target):
        if entry.state is State.SKIPPED or _is_in(entry, members):
            continue
        if entry.subject_id is not None:
            found["unlinked"].append(f"{entry.external_id}: subject {entry.subject_id}, {entry.state.value}")
        else:
            found["missing"].append(f"{entry.external_id}: {entry.state.value}")


def _sort_strangers(run: Run, target: Target, strangers: Iterable[Subject], found: Found) -> list[Subject]:
    """Find duplicates among the members that the ledger does not know; give those of other runs or tools."""
    others = []
    for subject in strangers:
        if _made_for(subject, run, target):
            found["duplicates"].append(f"{subject.external_id}: subject {subject.subject_id}")
        else:
            others.append(subject)
    return others


def _twins(
    others: list[Subject], linked: Callable[[], Iterator[Entry]], store: Store, check: str
) -> list[Subject]:
    """Find members of other tools that name a row which is linked, and members of anybody that show its images.

    Those of which the images are read are as many as of the run's own.
    """
    told = {one.row_name for one in others if SubjectKey.read(one.key) is None}
    names = told and {entry.external_id for entry in linked() if entry.external_id in told}
    named = [one for one in others if SubjectKey.read(one.key) is None and one.row_name in names]
    left = [one for one in others if one not in named and one.addresses]
    read = left if check == "all" else random.sample(left, min(SAMPLE, len(left)) if check == "sample" else 0)
    sums = {one.subject_id: _checksums(store, one) for one in read}
    shown = read and {sums_of for entry in linked() if (sums_of := _md5s(entry)) in sums.values()}
    return [*named, *(one for one in read if sums[one.subject_id] in shown)]


def _md5s(entry: Entry) -> tuple[str | None, ...]:
    return tuple(image.md5 for image in entry.images if image.hosted)


def _checksums(store: Store, subject: Subject) -> tuple[str | None, ...] | None:
    try:
        return store.checksums(subject)
    except (NotNow, Refused):
        return None


def _named(subject: Subject) -> str:
    return subject.row_name or "no id"


def _compare_images(
    folder: Path, panoptes: RetryingPanoptes, store: Store, entries: Sequence[Entry], found: Found
) -> None:
    subjects = {one.subject_id: one for one in panoptes.subjects([str(e.subject_id) for e in entries])}
    for entry in entries:
        words = f"{entry.external_id}: subject {entry.subject_id}"
        subject = subjects.get(str(entry.subject_id))
        if subject is None:
            found["unread"].append(f"{words}, which is gone since the set was listed")
            continue
        try:
            if not _serves(folder, store, entry, subject):
                found["wrong_bytes"].append(words)
        except (NotNow, Refused) as error:
            found["unread"].append(f"{words}, {error}")


def _made_for(subject: Subject, run: Run, target: Target) -> bool:
    key = SubjectKey.read(subject.key)
    return key is not None and key.belongs_to(run.run_id, target.set_id)


def _strays(run: Run, target: Target, panoptes: RetryingPanoptes, known: _Known) -> Iterator[str]:
    for sender in known.senders:
        for subject in panoptes.newest_subjects(target.project_id, sender, known.above, known.subjects):
            waited_for = subject.external_id in known.looked_for
            if _made_for(subject, run, target) and not waited_for and not subject.sets:
                yield subject.subject_id


def _sampled(linked: Callable[[], Iterator[Entry]], check: str) -> Iterable[Entry]:
    """Choose the entries whose images are read, each with the same chance (Vitter's algorithm R)."""
    if check != "sample":
        return linked() if check == "all" else ()
    chosen: list[Entry] = []
    for number, entry in enumerate(linked()):
        at = number if number < SAMPLE else random.randrange(number + 1)
        if at < SAMPLE:
            chosen[at : at + 1] = [entry]
    return chosen


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Divide entries by what a page of subjects holds."""
    rest = iter(entries)
    while batch := list(islice(rest, PAGE_SIZE)):
        yield batch


def _serves(folder: Path, store: Store, entry: Entry, subject: Subject) -> bool:
    try:
        return len(subject.addresses) == len(entry.images) and all(
            store.holds_retrying(address.url, _md5(folder / image.path) if image.hosted else image.md5)
            for image, address in zip(entry.images, subject.addresses, strict=True)
            if image.hosted or image.md5
        )
    except OSError:
        return False


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
