"""Compare what the server holds with the run: read only, unless strays are to be pruned."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from zoocut.errors import InputError
from zoocut.ledger import Entry, Ledger, State, Target
from zoocut.run.folder import Run
from zoocut.zooniverse.panoptes import Panoptes, Subject
from zoocut.zooniverse.request_errors import Busy, Doubtful, Refused, Unreachable
from zoocut.zooniverse.store import Store

__all__ = ["Audit", "prune", "target_of", "verify"]

SAMPLE = 100
"""How many subjects a sample reads the images of."""


@dataclass
class Audit:
    """What an audit of one target found; every list holds words for a person.

    Parameters
    ----------
    target : Target
        Which.
    rows, members : int
        How many rows the run has and how many subjects the set holds.
    missing : list of str
        Rows without a subject in the set.
    unlinked : list of str
        Rows with a subject that is not in the set.
    wrong_bytes : list of str
        Subjects whose image is not the image on disk.
    duplicates : list of str
        Members beyond the one that a row has.
    strays : list of str
        Ids of this run's subjects that the ledger does not know, does not look for, and that no set holds.
    unread : list of str
        Subjects whose image could not be read to the end.
    others : int
        Members that other runs or tools made: no difference.
    """

    target: Target
    rows: int = 0
    members: int = 0
    missing: list[str] = field(default_factory=list)
    unlinked: list[str] = field(default_factory=list)
    wrong_bytes: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    others: int = 0

    @property
    def differences(self) -> int:
        """How many differences there are."""
        found = (self.missing, self.unlinked, self.wrong_bytes, self.duplicates, self.strays, self.unread)
        return sum(len(words) for words in found)


def target_of(run: Run, ledger: Ledger) -> list[Target]:
    """List the targets to audit.

    Raises
    ------
    InputError
        When nothing was uploaded yet.
    """
    targets = ledger.targets()
    if not targets:
        raise InputError(
            f"{run.path} was not uploaded yet: there is nothing to verify; run `zoocut upload` first"
        )
    return targets


def verify(run: Run, ledger: Ledger, target: Target, panoptes: Panoptes, store: Store, check: str) -> Audit:
    """Audit one target.

    Parameters
    ----------
    run, ledger, target : Run, Ledger, Target
        What should be there.
    panoptes, store : Panoptes, Store
        What is asked.
    check : str
        Whose images are read back: all, sample or none.

    Raises
    ------
    ZooniverseError
        When the server cannot be asked to the end.
    """
    audit = Audit(target)
    members = {subject.subject_id: subject for subject in panoptes.subjects_of_set(target.set_id)}
    audit.members = len(members)
    linked = _compare_rows(ledger, target, members, audit)
    _sort_members(run, target, members, {entry.subject_id for entry in linked}, audit)
    audit.strays.extend(_strays(run, ledger, target, panoptes))
    for entry in _sampled(linked, check):
        try:
            right = _serves(run.path, store, entry, members[str(entry.subject_id)])
        except (Busy, Doubtful, Unreachable) as error:
            audit.unread.append(f"{entry.external_id}: subject {entry.subject_id}, {error}")
        else:
            audit.wrong_bytes += [] if right else [f"{entry.external_id}: subject {entry.subject_id}"]
    return audit


def prune(panoptes: Panoptes, audit: Audit) -> int:
    """Delete the strays of an audit that are still in no set; tell how many.

    Raises
    ------
    ZooniverseError
        When the server cannot be asked to the end; pruning again goes on.
    """
    pruned = 0
    for subject_id in audit.strays:
        if not any(subject.sets for subject in panoptes.subjects([subject_id])):
            panoptes.delete_subject(subject_id)
            pruned += 1
    return pruned


def _compare_rows(ledger: Ledger, target: Target, members: dict[str, Subject], audit: Audit) -> list[Entry]:
    linked = []
    for entry in ledger.every(target):
        audit.rows += 1
        if entry.subject_id in members:
            linked.append(entry)
        elif entry.state is State.SKIPPED:
            continue
        elif entry.subject_id is not None:
            audit.unlinked.append(f"{entry.external_id}: subject {entry.subject_id}, {entry.state.value}")
        else:
            audit.missing.append(f"{entry.external_id}: {entry.state.value}")
    return linked


def _sort_members(
    run: Run, target: Target, members: dict[str, Subject], ours: set[str | None], audit: Audit
) -> None:
    for subject in members.values():
        if subject.subject_id in ours:
            continue
        if subject.key.startswith(f"{run.run_id}/{target.set_id}/"):
            audit.duplicates.append(f"{subject.external_id}: subject {subject.subject_id}")
        else:
            audit.others += 1


def _strays(run: Run, ledger: Ledger, target: Target, panoptes: Panoptes) -> Iterator[str]:
    known, senders, above, looked_for = set(), set(), None, set()
    for entry in ledger.every(target):
        if entry.subject_id is not None:
            known.add(entry.subject_id)
        if entry.state in (State.INTENT, State.IN_DOUBT):
            looked_for.add(entry.external_id)
        if entry.sent_as is not None:
            senders.add(entry.sent_as)
            above = entry.watermark if above is None else min(above, entry.watermark)
    for sender in senders:
        for subject in panoptes.newest_subjects(target.project_id, sender, above or 0):
            ours = subject.key.startswith(f"{run.run_id}/{target.set_id}/")
            waited_for = subject.subject_id in known or subject.external_id in looked_for
            if ours and not waited_for and not subject.sets:
                yield subject.subject_id


def _sampled(linked: list[Entry], check: str) -> list[Entry]:
    if check == "none":
        return []
    return linked if check == "all" else random.sample(linked, min(SAMPLE, len(linked)))


def _serves(folder: Path, store: Store, entry: Entry, subject: Subject) -> bool:
    try:
        return len(subject.addresses) == len(entry.images) and all(
            store.fetch_retrying(address.url)[2] == _md5(folder / image.path)
            for image, address in zip(entry.images, subject.addresses, strict=True)
            if image.hosted
        )
    except (Refused, OSError):
        return False


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
