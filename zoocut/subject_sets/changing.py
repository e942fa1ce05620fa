"""Changes of one set: made, then read back, for the server checks no precondition and may answer stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from zoocut.error_kinds import ChangeNotSeen, NameTaken, OtherProject
from zoocut.zooniverse.finding import require_new_name
from zoocut.zooniverse.panoptes import Project, SubjectSet
from zoocut.zooniverse.request_errors import Doubtful, Refused
from zoocut.zooniverse.set_admin import SetAdmin, SetDetails, Workflow

__all__ = [
    "Deletion",
    "change_metadata",
    "create",
    "delete",
    "foresee_deletion",
    "link",
    "link_copy",
    "rename",
    "unlink",
]

READ_BACK_S = 6.0
"""How long a change is read back: the server may answer a document as it was up to a second ago, and slowly."""


def create(admin: SetAdmin, project: Project, name: str, metadata: Mapping[str, str]) -> SubjectSet:
    """Make a set in a project.

    Raises
    ------
    ConfigError
        When the name cannot be used, or is taken.
    """
    _require_name(admin, project.project_id, project, name)
    try:
        return admin.panoptes.create_subject_set(project, name, metadata)
    except (Doubtful, Refused) as error:
        if isinstance(error, Refused) and error.status != HTTPStatus.BAD_REQUEST:
            raise
        found = admin.panoptes.subject_sets(project, name)
        if isinstance(error, Refused) or len(found) != 1:
            raise
        return found[0]


def rename(admin: SetAdmin, details: SetDetails, name: str) -> None:
    """Give a set another name and see that it has it.

    Raises
    ------
    ConfigError
        When the name cannot be used.
    VerificationFailed
        When the set has another name afterwards.
    """
    found = details.subject_set
    if name == found.name:
        return
    _require_name(admin, found.project_id, Project(found.project_id, found.project_id), name)
    admin.rename(found.set_id, name)
    _see(lambda: admin.details(found.set_id).subject_set.name == name, f"the name of set {found.set_id}")


def _require_name(admin: SetAdmin, project_id: str, project: Project, name: str) -> None:
    require_new_name(name)
    taken = admin.panoptes.subject_sets(project, name)
    if taken:
        raise NameTaken(
            f"project {project_id} has a set {name!r} already (id {taken[0].set_id}): choose another name"
        )


def change_metadata(
    admin: SetAdmin, details: SetDetails, given: Mapping[str, str], removed: frozenset[str]
) -> Mapping[str, Any]:
    """Set and remove keys of a set's metadata, leaving the others, and see that they are so.

    Returns
    -------
    mapping
        All of the set's metadata now.

    Raises
    ------
    VerificationFailed
        When the set says something else afterwards: somebody changed it at the same time.
    """
    found = admin.details(details.subject_set.set_id).subject_set
    wanted = {key: value for key, value in {**found.metadata, **given}.items() if key not in removed}
    admin.panoptes.set_metadata(found, wanted)
    _see(
        lambda: admin.details(found.set_id).subject_set.metadata == wanted,
        f"the metadata of set {found.set_id}",
    )
    return wanted


def link(admin: SetAdmin, details: SetDetails, workflow: Workflow) -> bool:
    """Let a workflow serve a set and see that it does; one that does already is left as it is.

    Returns
    -------
    bool
        Whether anything was changed.

    Raises
    ------
    NotPermitted
        When the workflow is another project's: the server would copy the set.
    VerificationFailed
        When it does not serve it afterwards.
    """
    found = details.subject_set
    if workflow.project_id != found.project_id:
        raise OtherProject(
            f"workflow {workflow.workflow_id} belongs to project {workflow.project_id}, the set to project "
            f"{found.project_id}: linking would copy the set there; add --copy if that is what you want"
        )
    if found.set_id in workflow.set_ids:
        return False
    _serve(admin, workflow, found.set_id)
    _see(
        lambda: found.set_id in admin.workflow(workflow.workflow_id).set_ids,
        f"the sets of workflow {workflow.workflow_id}",
    )
    return True


def link_copy(admin: SetAdmin, details: SetDetails, workflow: Workflow) -> str:
    """Have the server copy a set into the project of a workflow, and link the copy.

    Returns
    -------
    str
        The id of the copy, which has the same subjects.

    Raises
    ------
    ConfigError
        When that project has a set of this name already: the server would make another one at every call.
    VerificationFailed
        When no copy is linked afterwards.
    """
    project = Project(workflow.project_id, workflow.project_id)
    _require_name(admin, workflow.project_id, project, details.subject_set.name)
    admin.serve(workflow.workflow_id, details.subject_set.set_id)
    copies = [one.set_id for one in admin.panoptes.subject_sets(project, details.subject_set.name)]
    _see(
        lambda: len(copies) == 1 and copies[0] in admin.workflow(workflow.workflow_id).set_ids,
        f"the sets of workflow {workflow.workflow_id}",
    )
    return copies[0]


def _serve(admin: SetAdmin, workflow: Workflow, set_id: str) -> None:
    """Link; when the answer was lost or says that it is done, reading back decides."""
    try:
        admin.serve(workflow.workflow_id, set_id)
    except Doubtful:
        return
    except Refused as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise


def unlink(admin: SetAdmin, details: SetDetails, workflow: Workflow) -> bool:
    """Let a workflow serve a set no more; return whether it did.

    Raises
    ------
    VerificationFailed
        When it still does.
    """
    set_id = details.subject_set.set_id
    if set_id not in workflow.set_ids:
        return False
    admin.stop_serving(workflow.workflow_id, set_id)
    _see(
        lambda: set_id not in admin.workflow(workflow.workflow_id).set_ids,
        f"the sets of workflow {workflow.workflow_id}",
    )
    return True


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting a set would do.

    Parameters
    ----------
    subjects : int
        How many it holds.
    elsewhere : int
        How many of them are in other sets too, and stay.
    served : int
        How many of the rest some workflow has classified or retired, and stay, in no set.
    workflows : tuple of str
        The names of the workflows that serve it.
    """

    subjects: int
    elsewhere: int
    served: int
    workflows: tuple[str, ...]

    @property
    def lost(self) -> int:
        """How many subjects the server may remove for good."""
        return self.subjects - self.elsewhere - self.served


def foresee_deletion(admin: SetAdmin, project: Project, details: SetDetails) -> Deletion:
    """Return what would become of a set's subjects."""
    found = admin.panoptes.listed(
        {"subject_set_id": details.subject_set.set_id},
        lambda one: one.subject_id if len(one.sets) < 2 else None,
    )
    alone = list(found.kept.values())
    workflows = admin.workflows(project)
    served = {
        status.subject_id
        for workflow in workflows
        for status in admin.statuses(workflow.workflow_id, alone)
        if status.classifications or status.retired
    }
    names = tuple(one.name for one in workflows if one.workflow_id in details.workflow_ids)
    return Deletion(len(found.ids), len(found.ids) - len(alone), len(served), names)


def delete(admin: SetAdmin, details: SetDetails) -> None:
    """Delete a set and see that it is gone.

    Raises
    ------
    VerificationFailed
        When it is still there.
    """
    found = details.subject_set
    admin.delete_set(found.set_id)
    project = Project(found.project_id, found.project_id)
    _see(
        lambda: all(one.set_id != found.set_id for one in admin.panoptes.subject_sets(project, found.name)),
        f"whether set {found.set_id} is gone",
    )


def _see(holds: Callable[[], bool], what: str) -> None:
    retry = Retrying(
        retry=retry_if_result(lambda held: not held), stop=stop_after_delay(READ_BACK_S), wait=wait_fixed(0.5)
    )
    try:
        retry(holds)
    except RetryError:
        raise ChangeNotSeen(
            f"the server tells something else about {what} than was written: is somebody changing it at the "
            "same time? look at it with `zoocut sets show SET` and run again"
        ) from None
