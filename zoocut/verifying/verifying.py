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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from zoocut.id_set import IdSet
from zoocut.ledger import Entry, Image, Ledger, State, Target
from zoocut.ledger.outlines import outlines, senders
from zoocut.metadata_keys import SubjectKey
from zoocut.priorities import other_priorities
from zoocut.run.folder import PICTURES_REMOVED, Run
from zoocut.talk_audit import audit_talk
from zoocut.verifying.audit import Audit
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.panoptes import RetryingPanoptes, Subject
from zoocut.zooniverse.parallel import in_parallel
from zoocut.zooniverse.request_errors import NotNow, Refused
from zoocut.zooniverse.store import Store

__all__ = ["Progress", "verify"]

SAMPLE = 100
"""How many subjects a sample reads the images of: a fault that 3 in 100 subjects have is met with 95 % certainty."""

READERS = 32
"""Images read at once: hosts of images serve browsers, each of which reads six at once."""

Found = defaultdict[str, list[str]]
"""What was found of each kind."""

Progress = Callable[[str, int, int], object]
"""Told what is counted, how many of it are done and how many there are."""


def _unreported(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def verify(
    run: Run,
    ledger: Ledger,
    target: Target,
    panoptes: RetryingPanoptes,
    store: Store,
    check: str,
    report: Progress = _unreported,
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
    report : callable
        Told the progress.

    Raises
    ------
    ZooniverseError
        When the server cannot be asked to the end.
    """
    found: Found = defaultdict(list)
    known = _known(ledger, target)
    of_set = partial(report, "subjects of the set listed")
    of_account = partial(report, "subjects of the account listed")
    listed, strays = in_parallel(
        lambda: panoptes.members(target.set_id, lambda one: one, known.subjects.lacking, of_set),
        lambda: list(_strays(run, target, panoptes, known, of_account)),
    )
    members = listed.ids
    others = _sort_strangers(run, target, listed.kept.values(), found)
    linked = partial(_linked, ledger, target, members)
    twins = _twins(others, linked, store, check)
    found["duplicates"].extend(
        f"{_named(one)}: subject {one.subject_id}, of another run or tool" for one in twins
    )
    sampled = _compare_rows(ledger, target, members, found, SAMPLE if check == "sample" else 0)
    found["strays"].extend(strays)
    for number, entries in enumerate(_batches(linked() if check == "all" else sampled)):
        _compare_images(run.path, panoptes, store, entries, found)
        done, all_of_them = number * PAGE_SIZE + len(entries), len(sampled or members)
        report("subjects whose images were read", done, all_of_them)
    talk = audit_talk(run.run_id, ledger, target, panoptes, store, check != "none")
    kinds: dict[str, Any] = {kind: tuple(words) for kind, words in found.items()}
    return Audit(
        target,
        sum(ledger.counts(target).values()),
        len(members),
        len(others) - len(twins),
        talk_missing=tuple(talk.missing),
        talk_strays=tuple(talk.strays),
        priorities=tuple(map(str, other_priorities(run, ledger, target, panoptes))),
        **kinds,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows of its target's subjects: their ids, and what is needed to look for strays."""

    subjects: IdSet
    looked_for: frozenset[str]
    senders: frozenset[str]
    above: int


def _known(ledger: Ledger, target: Target) -> _Known:
    subjects, looked_for = array("q"), set[str]()
    for row in outlines(ledger, target):
        if row.subject_id is not None:
            subjects.append(row.subject_id)
        if row.state.unsettled:
            looked_for.add(row.external_id)
    sent = senders(ledger, target)
    return _Known(IdSet(subjects), frozenset(looked_for), frozenset(sent), min(sent.values(), default=0))


def _linked(ledger: Ledger, target: Target, members: IdSet) -> Iterator[Entry]:
    """Yield the entries whose subjects are in the set."""
    entries = ledger.every(target)
    return (entry for entry in entries if entry.subject_id is not None and int(entry.subject_id) in members)


def _compare_rows(
    ledger: Ledger, target: Target, members: IdSet, found: Found, sample: int
) -> Sequence[Entry]:
    """Find rows without a subject in the set; give a sample of the others.

    Each has the same chance to be in it (Vitter's algorithm R).
    """
    chosen, linked = list[int](), 0
    for row in outlines(ledger, target):
        if row.subject_id is not None and row.subject_id in members:
            at = linked if linked < sample else random.randrange(linked + 1)
            chosen[at : at + 1] = [row.row] if at < sample else []
            linked += 1
        elif row.subject_id is not None and row.state is not State.SKIPPED:
            found["unlinked"].append(f"{row.external_id}: subject {row.subject_id}, {row.state.value}")
        elif row.state is not State.SKIPPED:
            found["missing"].append(f"{row.external_id}: {row.state.value}")
    return ledger.rows(target, chosen) if chosen else ()


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
    """Read the images of a page of subjects, several at once, and compare them with the files."""
    subjects = {one.subject_id: one for one in panoptes.subjects([str(e.subject_id) for e in entries])}
    with ThreadPoolExecutor(READERS, thread_name_prefix="zoocut-verify") as readers:
        looked = readers.map(
            lambda entry: _image_problem(folder, store, entry, subjects.get(str(entry.subject_id))), entries
        )
        for kind, words in filter(None, looked):
            found[kind].append(words)


def _image_problem(
    folder: Path, store: Store, entry: Entry, subject: Subject | None
) -> tuple[str, str] | None:
    """Name the kind of difference, and say it; None where a subject shows what is on disk."""
    words = f"{entry.external_id}: subject {entry.subject_id}"
    if subject is None:
        return "unread", f"{words}, which is gone since the set was listed"
    try:
        return None if _serves(folder, store, entry, subject) else ("wrong_bytes", words)
    except (NotNow, Refused) as error:
        return "unread", f"{words}, {error}"


def _made_for(subject: Subject, run: Run, target: Target) -> bool:
    key = SubjectKey.read(subject.key)
    return key is not None and key.belongs_to(run.run_id, target.set_id)


def _strays(
    run: Run, target: Target, panoptes: RetryingPanoptes, known: _Known, report: Callable[[int, int], object]
) -> Iterator[str]:
    """Find strays among what the senders of the rows have in the project and the ledger does not know."""

    def stray(one: Subject) -> str | None:
        return one.subject_id if _is_stray(one, run, target, known) else None

    for sender in known.senders:
        yield from panoptes.newest_subjects(
            target.project_id, sender, known.above, stray, known.subjects, report
        )


def _is_stray(subject: Subject, run: Run, target: Target, known: _Known) -> bool:
    waited_for = subject.external_id in known.looked_for
    return _made_for(subject, run, target) and not waited_for and not subject.sets


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Divide entries by what a page of subjects holds."""
    rest = iter(entries)
    while batch := list(islice(rest, PAGE_SIZE)):
        yield batch


def _serves(folder: Path, store: Store, entry: Entry, subject: Subject) -> bool:
    try:
        return len(subject.addresses) == len(entry.images) and all(
            store.holds_retrying(address.url, _expected(folder, image) if image.hosted else image.md5)
            for image, address in zip(entry.images, subject.addresses, strict=True)
            if image.hosted or image.md5
        )
    except OSError:
        return False


def _expected(folder: Path, image: Image) -> str | None:
    """Return the checksum of an image on disk; of one that `night.keep` has removed, that of what was sent."""
    path = folder / image.path
    if (folder / PICTURES_REMOVED).exists() and not path.exists():
        return image.md5
    return _md5(path)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
