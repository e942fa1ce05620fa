"""Subjects that carry the same diaSourceId: one is kept, the others leave the sets that hold it too.

Talk and other people's collections cannot be seen through the API, so only a subject that no workflow has
ever served may be deleted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from zoocut.errors import VerificationFailed
from zoocut.metadata_keys import values_of
from zoocut.zooniverse.panoptes import Project, Subject
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["Copy", "Group", "delete_unseen", "find_groups", "shared_sets", "unlink_others"]

TRAINING = "training_subject"


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
    """

    subject: Subject
    classifications: int
    served: bool
    collected: bool

    @property
    def unseen(self) -> bool:
        """Whether no volunteer can have met it, and no run relies on it."""
        return not (self.classifications or self.served or self.collected or self.subject.key)


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
    """

    dia_source_id: str
    kept: Copy
    others: tuple[Copy, ...]


def find_groups(admin: SetAdmin, project: Project, subjects: Iterable[Subject]) -> list[Group]:
    """Find the sources that have several subjects; training subjects are left alone.

    Parameters
    ----------
    admin : SetAdmin
        The server.
    project : Project
        Whose workflows are asked.
    subjects : iterable of Subject
        Of one set, or of the project.
    """
    by_source: dict[str, list[Subject]] = defaultdict(list)
    for subject in subjects:
        if subject.dia_source_id and not _is_training(subject):
            by_source[subject.dia_source_id].append(subject)
    several = {source: found for source, found in by_source.items() if len(found) > 1}
    copies = _looked_at(admin, project, [subject for found in several.values() for subject in found])
    return [_group(source, [copies[one.subject_id] for one in found]) for source, found in several.items()]


def _is_training(subject: Subject) -> bool:
    return any(value.lower() == "true" for value in values_of(subject.metadata, TRAINING))


def _looked_at(admin: SetAdmin, project: Project, subjects: list[Subject]) -> Mapping[str, Copy]:
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
        )
        for one in subjects
    }


def _group(source: str, copies: list[Copy]) -> Group:
    kept, *others = sorted(copies, key=_rank)
    return Group(source, kept, tuple(others))


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
        if not set(subject_ids).isdisjoint(one.subject_id for one in admin.panoptes.subjects_of_set(set_id)):
            raise VerificationFailed(f"not every copy is out of set {set_id}: run the same command again")
    return sum(map(len, by_set.values()))


def _shared(groups: Iterable[Group]) -> Iterator[tuple[str, str]]:
    for group in groups:
        for other in group.others:
            for set_id in shared_sets(group, other):
                yield set_id, other.subject.subject_id


def delete_unseen(admin: SetAdmin, groups: Iterable[Group]) -> list[str]:
    """Delete the others that no volunteer can have met and that are in no set now; return their ids."""
    deleted = []
    for other in (one for group in groups for one in group.others if one.unseen):
        subject = admin.panoptes.subject(other.subject.subject_id)
        if not subject.sets:
            admin.panoptes.delete_subject(subject.subject_id)
            deleted.append(subject.subject_id)
    return deleted
