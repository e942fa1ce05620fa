"""Which subjects a set holds: added, taken out, copied, merged, split; the subjects stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from zoocut.error_kinds import ChangeNotSeen, WrongSubjects
from zoocut.metadata_keys import values_of
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.panoptes import Project
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["Retired", "add", "already_retired", "remove", "split_by"]


@dataclass(frozen=True, slots=True)
class Retired:
    """How many of some subjects a workflow will not serve again, from whichever set they come.

    Parameters
    ----------
    workflow_id, name : str
        The workflow.
    subjects : int
        How many.
    """

    workflow_id: str
    name: str
    subjects: int


def already_retired(admin: SetAdmin, project: Project, subject_ids: Sequence[str]) -> list[Retired]:
    """Count the subjects that a project's workflows have retired; retirement goes by subject, not by set."""
    counted = (
        Retired(
            workflow.workflow_id,
            workflow.name,
            sum(status.retired for status in admin.statuses(workflow.workflow_id, subject_ids)),
        )
        for workflow in admin.workflows(project)
    )
    return [one for one in counted if one.subjects]


def add(admin: SetAdmin, set_id: str, subject_ids: Sequence[str]) -> int:
    """Put subjects into a set and see that they are in it.

    Returns
    -------
    int
        How many were not in it before.

    Raises
    ------
    VerificationFailed
        When one is not in it afterwards.
    """
    added = 0
    for batch in _batches(subject_ids):
        missing = _missing(admin, set_id, batch)
        if missing:
            admin.panoptes.link(set_id, missing)
            added += len(missing)
            if _missing(admin, set_id, batch):
                raise ChangeNotSeen(f"not every subject is in set {set_id} now: run the same command again")
    return added


def remove(admin: SetAdmin, set_id: str, subject_ids: Sequence[str]) -> int:
    """Take subjects out of a set and see that they are not in it any more.

    Returns
    -------
    int
        How many were in it.

    Raises
    ------
    VerificationFailed
        When one is still in it.
    """
    removed = 0
    for batch in _batches(subject_ids):
        held = admin.panoptes.linked(set_id, batch)
        if held:
            admin.unlink(set_id, sorted(held))
            removed += len(held)
            if admin.panoptes.linked(set_id, batch):
                raise ChangeNotSeen(f"not every subject is out of set {set_id}: run the same command again")
    return removed


def split_by(admin: SetAdmin, set_id: str, key: str) -> Mapping[str, list[str]]:
    """Sort a set's subjects by a metadata value.

    Parameters
    ----------
    admin : SetAdmin
        The server.
    set_id : str
        The set.
    key : str
        A metadata key, with or without its prefix.

    Returns
    -------
    mapping of str to list of str
        The value to the subjects that have it.

    Raises
    ------
    InputError
        When a subject has no such value.
    """
    groups: dict[str, list[str]] = {}
    for number, values in admin.panoptes.of_members(
        set_id, lambda one: (one.subject_id, values_of(one.metadata, key))
    ):
        if len(values) != 1:
            raise WrongSubjects(
                f"subject {number} has no one value of {key}: choose a key that all subjects have"
            )
        groups.setdefault(values[0], []).append(number)
    return groups


def _missing(admin: SetAdmin, set_id: str, batch: Sequence[str]) -> list[str]:
    held = admin.panoptes.linked(set_id, batch)
    return [number for number in batch if number not in held]


def _batches(subject_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (subject_ids[at : at + PAGE_SIZE] for at in range(0, len(subject_ids), PAGE_SIZE))
