"""Subjects that carry the same diaSourceId: one is kept, the others leave the sets that hold it too.

Nothing is deleted: Talk and other people's collections cannot be seen through the API, and a deleted subject gives
no quota back. Only subjects that say and show the same are taken out; what differs in metadata or images is somebody's
intention, and what is young or in a set that is being uploaded to may be somebody's work of this minute.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from zoocut.error_kinds import ChangeNotSeen
from zoocut.metadata_keys import DIA_SOURCE_ID, KEY, bare_name, values_of
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.lease_note import leased
from zoocut.zooniverse.panoptes import Project, Subject
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["Copy", "Group", "find_groups", "shared_sets", "source_and_id", "unlink_others"]

TRAINING = "training_subject"

Source = tuple[str, str]
"""A source, and the id of a subject that shows it."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One of several subjects of a source.

    Parameters
    ----------
    subject : Subject
        The subject.
    classifications : int
        How many it has, over all workflows of the project.
    served : bool
        Whether a workflow has met it, or serves one of its sets.
    collected : bool
        Whether it is in a collection that this account may see.
    images : tuple of (str or None)
        The checksum of what each of its addresses serves; None where nothing is.
    """

    subject: Subject
    classifications: int
    served: bool
    collected: bool
    images: tuple[str | None, ...] = ()

    def says_and_shows_as(self, other: Copy) -> bool:
        """Whether both have the same metadata, but for keys of runs, and the same images."""
        return self.images == other.images and _told(self.subject) == _told(other.subject)


@dataclass(frozen=True, slots=True)
class Group:
    """The subjects of one source.

    Parameters
    ----------
    dia_source_id : str
        The source.
    kept : Copy
        The one with the most classifications; of equal ones one that a run made, one that was
        served, the oldest.
    others : tuple of Copy
        The rest.
    left_alone : mapping of str to str
        Why those of the others that stay do so, by subject id.
    """

    dia_source_id: str
    kept: Copy
    others: tuple[Copy, ...]
    left_alone: Mapping[str, str] = field(default_factory=dict)

    @property
    def twins(self) -> tuple[Copy, ...]:
        """The others that may leave the sets."""
        return tuple(one for one in self.others if one.subject.subject_id not in self.left_alone)


def find_groups(
    admin: SetAdmin,
    project: Project,
    sources: Iterable[Source],
    checksums: Callable[[Subject], tuple[str | None, ...]],
    settle_s: float,
) -> list[Group]:
    """Find the sources that have several subjects; these are read again, each whole.

    Parameters
    ----------
    admin : SetAdmin
        The server.
    project : Project
        Whose workflows are asked.
    sources : iterable of (str, str)
        What `source_and_id` told of the subjects of one set, or of the project.
    checksums : callable
        Reads what a subject serves.
    settle_s : float
        Subjects younger than this are left alone, in seconds of the server's clock.
    """
    several = _several(sources)
    read = {one.subject_id: one for one in _read(admin, [one for ids in several.values() for one in ids])}
    copies = _looked_at(admin, project, list(read.values()), checksums)
    busy = _leased_sets(admin, {set_id for one in copies.values() for set_id in one.subject.sets})
    now = admin.panoptes.server_now()
    there = {source: [copies[one] for one in ids if one in copies] for source, ids in several.items()}
    return [_group(source, found, busy, settle_s, now) for source, found in there.items() if len(found) > 1]


def source_and_id(subject: Subject, *, by_external_id: bool = False) -> Source | None:
    """Return the source that a subject is compared by, and its id; None for training subjects and where none is told.

    Parameters
    ----------
    subject : Subject
        The subject.
    by_external_id : bool
        Whether one without a diaSourceId is compared by its external_id, which other tools may number anew in each set.
    """
    told = values_of(subject.metadata, DIA_SOURCE_ID)
    source = told[0] if len(told) == 1 else subject.row_name if by_external_id and not told else ""
    return (source, subject.subject_id) if source and not _is_training(subject) else None


def _several(sources: Iterable[Source]) -> Mapping[str, list[str]]:
    """Arrange the ids of subjects by their sources, where one has several."""
    first, several = dict[str, str](), dict[str, list[str]]()
    for source, number in sources:
        if first.setdefault(source, number) != number:
            several.setdefault(source, [first[source]]).append(number)
    return {source: several[source] for source in first if source in several}


def _read(admin: SetAdmin, ids: Sequence[str]) -> Iterator[Subject]:
    for start in range(0, len(ids), PAGE_SIZE):
        yield from admin.panoptes.subjects(ids[start : start + PAGE_SIZE])


def _told(subject: Subject) -> dict[str, str]:
    return {
        bare_name(key): str(value).strip()
        for key, value in subject.metadata.items()
        if bare_name(key) != bare_name(KEY) and str(value).strip()
    }


def _leased_sets(admin: SetAdmin, set_ids: Iterable[str]) -> set[str]:
    now = admin.panoptes.server_now()
    return {set_id for set_id in set_ids if leased(admin.details(set_id).subject_set, now)}


def _is_training(subject: Subject) -> bool:
    return any(value.lower() == "true" for value in values_of(subject.metadata, TRAINING))


def _looked_at(
    admin: SetAdmin,
    project: Project,
    subjects: list[Subject],
    checksums: Callable[[Subject], tuple[str | None, ...]],
) -> Mapping[str, Copy]:
    ids = [subject.subject_id for subject in subjects]
    counts: Counter[str] = Counter()
    met: set[str] = set()
    serving: set[str] = set()
    for workflow in admin.workflows(project) if ids else ():
        serving.update(workflow.set_ids)
        for status in admin.statuses(workflow.workflow_id, ids):
            counts[status.subject_id] += status.classifications
            met.add(status.subject_id)
    collected = admin.collected(ids)
    return {
        one.subject_id: Copy(
            one,
            counts[one.subject_id],
            one.subject_id in met or not serving.isdisjoint(one.sets),
            one.subject_id in collected,
            checksums(one),
        )
        for one in subjects
    }


def _group(source: str, copies: list[Copy], busy: set[str], settle_s: float, now: float) -> Group:
    kept, *others = sorted(copies, key=_rank)
    reasons = {one.subject.subject_id: _why_left(kept, one, busy, settle_s, now) for one in others}
    return Group(source, kept, tuple(others), {number: why for number, why in reasons.items() if why})


def _why_left(kept: Copy, one: Copy, busy: set[str], settle_s: float, now: float) -> str:
    if not one.says_and_shows_as(kept):
        return "differs"
    if not busy.isdisjoint(one.subject.sets):
        return "an upload is under way"
    return "too young" if min(one.subject.age_s(now), kept.subject.age_s(now)) < settle_s else ""


def _rank(one: Copy) -> tuple[int, bool, bool, int]:
    return -one.classifications, not one.subject.key, not one.served, int(one.subject.subject_id)


def shared_sets(group: Group, other: Copy) -> list[str]:
    """Name the sets that hold one of the others beside the kept one."""
    return sorted(set(other.subject.sets) & set(group.kept.subject.sets))


def unlink_others(admin: SetAdmin, groups: Iterable[Group]) -> int:
    """Take the others out of every set that holds the kept one; return how many memberships ended.

    Raises
    ------
    VerificationFailed
        When one is still in such a set.
    """
    by_set: dict[str, list[str]] = defaultdict(list)
    for set_id, subject_id in _shared(groups):
        by_set[set_id].append(subject_id)
    for set_id, subject_ids in by_set.items():
        admin.unlink(set_id, subject_ids)
        held = admin.panoptes.member_ids(set_id)
        if any(int(one) in held for one in subject_ids):
            raise ChangeNotSeen(f"not every copy is out of set {set_id}: run the same command again")
    return sum(map(len, by_set.values()))


def _shared(groups: Iterable[Group]) -> Iterator[tuple[str, str]]:
    for group in groups:
        for other in group.twins:
            for set_id in shared_sets(group, other):
                yield set_id, other.subject.subject_id
