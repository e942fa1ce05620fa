"""How far volunteers have come with a set, counted subject by subject: the server's own counters lag."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from zoocut.zooniverse.request_errors import Refused
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["Progress", "WorkflowProgress", "progress"]


@dataclass(frozen=True, slots=True)
class WorkflowProgress:
    """How far one workflow has come with a set.

    Parameters
    ----------
    workflow_id, name : str
        The workflow.
    active : bool
        Whether volunteers meet it.
    classified, retired : int
        How many subjects have a classification, and how many are served no more.
    """

    workflow_id: str
    name: str
    active: bool
    classified: int
    retired: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A set as it is now.

    Parameters
    ----------
    subjects : int
        How many it holds, counted by listing.
    workflows : tuple of WorkflowProgress
        What serves it.
    """

    subjects: int
    workflows: tuple[WorkflowProgress, ...]


def progress(admin: SetAdmin, set_id: str) -> Progress | None:
    """Count a set's subjects and what became of them; None when the set is not there for this account."""
    try:
        details = admin.details(set_id)
    except Refused as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    ids = [str(number) for number in admin.panoptes.member_ids(set_id)] if details.workflow_ids else []
    served = tuple(_workflow(admin, number, ids) for number in details.workflow_ids)
    return Progress(len(ids) if details.workflow_ids else admin.count_subjects(set_id), served)


def _workflow(admin: SetAdmin, number: str, ids: list[str]) -> WorkflowProgress:
    workflow = admin.workflow(number)
    classified = retired = 0
    for status in admin.statuses(number, ids):
        classified += status.classifications > 0
        retired += status.retired
    return WorkflowProgress(number, workflow.name, workflow.active, classified, retired)
