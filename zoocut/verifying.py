"""Compare what the server holds with the run: read only, unless strays are to be pruned."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.errors import VerificationFailed
from zoocut.ledger import Entry, Ledger, State, Target
from zoocut.metadata_keys import SubjectKey
from zoocut.notebook import data_frame, html_table
from zoocut.priorities import other_priorities
from zoocut.run.folder import Run
from zoocut.talk_audit import TalkStray, audit_talk, prune_talk
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.lease_note import leased
from zoocut.zooniverse.panoptes import RetryingPanoptes, Subject
from zoocut.zooniverse.request_errors import NotNow, Refused
from zoocut.zooniverse.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "Audit", "Verification", "prune", "verify"]

KINDS = (
    "missing",
    "unlinked",
    "wrong_bytes",
    "duplicates",
    "strays",
    "unread",
    "talk_missing",
    "talk_strays",
)
"""Of differences, in the order they are told."""

SAMPLE = 100
"""How many subjects a sample reads the images of: a fault that 3 in 100 subjects have is met with 95 % certainty."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit of one target found; every tuple holds words for a person.

    Parameters
    ----------
    target : Target
        Which.
    rows, members : int
        How many rows the run has and how many subjects the set holds.
    others : int
        Members that other runs or tools made: no difference.
    missing : tuple of str
        Rows without a subject in the set.
    unlinked : tuple of str
        Rows with a subject that is not in the set.
    wrong_bytes : tuple of str
        Subjects whose image is not the image on disk.
    duplicates : tuple of str
        Members beyond the one that a row has.
    strays : tuple of str
        Ids of this run's subjects that the ledger does not know, does not look for, and that no set holds.
    unread : tuple of str
        Subjects whose image could not be read to the end.
    pruned : int
        How many of the strays were deleted.
    talk_missing, talk_strays : tuple
        Files that are not on the Talk page of their subject, and media there that nothing accounts for.
    priorities : tuple of str
        Subjects that are served by another priority than the manifest says: no difference, since Zooniverse
        copies priorities minutes after linking.
    """

    target: Target
    rows: int
    members: int
    others: int = 0
    missing: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()
    wrong_bytes: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    pruned: int = 0
    talk_missing: tuple[str, ...] = ()
    talk_strays: tuple[TalkStray, ...] = ()
    priorities: tuple[str, ...] = ()

    @property
    def differences(self) -> int:
        """How many differences are left."""
        return sum(len(getattr(self, kind)) for kind in KINDS) - self.pruned

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut verify --json`."""
        where = self.target
        return {
            "endpoint": where.endpoint,
            "project": {"id": where.project_id, "slug": where.project_slug},
            "subject_set": {"id": where.set_id, "display_name": where.set_name},
            "rows": self.rows,
            "members": self.members,
            "others": self.others,
            "pruned": self.pruned,
            "priorities": list(self.priorities),
            **{kind: list(map(str, getattr(self, kind))) for kind in KINDS},
        }

    def to_rows(self) -> Iterator[dict[str, str]]:
        """Yield a row for each difference."""
        for kind in KINDS:
            for words in getattr(self, kind):
                yield {"subject_set": self.target.set_name, "kind": kind, "what": str(words)}


@dataclass(frozen=True, slots=True)
class Verification:
    """What the server really has, compared with a run.

    Parameters
    ----------
    path : Path
        The run folder.
    audits : tuple of Audit
        One for each set that it goes to.
    """

    path: Path
    audits: tuple[Audit, ...]

    @property
    def differences(self) -> int:
        """How many differences are left in all."""
        return sum(audit.differences for audit in self.audits)

    def raise_for_differences(self) -> None:
        """Let a script end where something differs.

        Raises
        ------
        VerificationFailed
            When it does.
        """
        if self.differences:
            raise VerificationFailed(
                f"the server differs from {self.path} in {self.differences} places; what to do stands with each kind"
            )

    def __iter__(self) -> Iterator[Audit]:
        return iter(self.audits)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut verify --json`."""
        return {"version": 1, "targets": [audit.to_dict() for audit in self.audits]}

    def to_pandas(self) -> pd.DataFrame:
        """Return the differences as a data frame, one a row."""
        return data_frame(row for audit in self.audits for row in audit.to_rows())

    def _repr_html_(self) -> str:
        title = f"{self.path}: {self.differences} differences"
        counts = [
            {
                "subject_set": audit.target.set_name,
                "rows": audit.rows,
                "members": audit.members,
                **{kind: len(getattr(audit, kind)) for kind in KINDS},
            }
            for audit in self.audits
        ]
        return html_table(title, counts)


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
    members = {subject.subject_id: subject for subject in panoptes.subjects_of_set(target.set_id)}
    linked = _compare_rows(ledger, target, members, found)
    others = _sort_members(run, target, members, {entry.subject_id for entry in linked}, found)
    twins = _twins(others, linked, store, check)
    found["duplicates"].extend(
        f"{_named(one)}: subject {one.subject_id}, of another run or tool" for one in twins
    )
    found["strays"].extend(_strays(run, ledger, target, panoptes))
    for entry in _sampled(linked, check):
        _compare_images(run.path, store, entry, members[str(entry.subject_id)], found)
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


def _compare_rows(ledger: Ledger, target: Target, members: dict[str, Subject], found: Found) -> list[Entry]:
    linked = []
    for entry in ledger.every(target):
        if entry.subject_id in members:
            linked.append(entry)
        elif entry.state is State.SKIPPED:
            continue
        elif entry.subject_id is not None:
            found["unlinked"].append(f"{entry.external_id}: subject {entry.subject_id}, {entry.state.value}")
        else:
            found["missing"].append(f"{entry.external_id}: {entry.state.value}")
    return linked


def _sort_members(
    run: Run, target: Target, members: dict[str, Subject], ours: set[str | None], found: Found
) -> list[Subject]:
    """Find duplicates among the members; give those of other runs or tools."""
    others = []
    for subject in members.values():
        if subject.subject_id in ours:
            continue
        if _made_for(subject, run, target):
            found["duplicates"].append(f"{subject.external_id}: subject {subject.subject_id}")
        else:
            others.append(subject)
    return others


def _twins(others: list[Subject], linked: list[Entry], store: Store, check: str) -> list[Subject]:
    """Find members of other tools that name a row which is linked, and members of anybody that show its images.

    Those of which the images are read are as many as of the run's own.
    """
    names = {entry.external_id for entry in linked}
    named = [one for one in others if SubjectKey.read(one.key) is None and one.row_name in names]
    shown = {tuple(image.md5 for image in entry.images if image.hosted) for entry in linked}
    left = [one for one in others if one not in named and one.addresses]
    read = left if check == "all" else random.sample(left, min(SAMPLE, len(left)) if check == "sample" else 0)
    return [*named, *(one for one in read if _checksums(store, one) in shown)]


def _checksums(store: Store, subject: Subject) -> tuple[str | None, ...] | None:
    try:
        return store.checksums(subject)
    except (NotNow, Refused):
        return None


def _named(subject: Subject) -> str:
    return subject.row_name or "no id"


def _compare_images(folder: Path, store: Store, entry: Entry, subject: Subject, found: Found) -> None:
    words = f"{entry.external_id}: subject {entry.subject_id}"
    try:
        if not _serves(folder, store, entry, subject):
            found["wrong_bytes"].append(words)
    except (NotNow, Refused) as error:
        found["unread"].append(f"{words}, {error}")


def _made_for(subject: Subject, run: Run, target: Target) -> bool:
    key = SubjectKey.read(subject.key)
    return key is not None and key.belongs_to(run.run_id, target.set_id)


def _strays(run: Run, ledger: Ledger, target: Target, panoptes: RetryingPanoptes) -> Iterator[str]:
    known, senders, above, looked_for = set(), set(), None, set()
    for entry in ledger.every(target):
        if entry.subject_id is not None:
            known.add(entry.subject_id)
        if entry.state.unsettled:
            looked_for.add(entry.external_id)
        if entry.sent_as is not None:
            senders.add(entry.sent_as)
            above = entry.watermark if above is None else min(above, entry.watermark)
    for sender in senders:
        for subject in panoptes.newest_subjects(target.project_id, sender, above or 0):
            ours = _made_for(subject, run, target)
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
            store.holds_retrying(address.url, _md5(folder / image.path) if image.hosted else image.md5)
            for image, address in zip(entry.images, subject.addresses, strict=True)
            if image.hosted or image.md5
        )
    except OSError:
        return False


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
