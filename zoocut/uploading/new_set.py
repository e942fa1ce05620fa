"""Make a subject set, once, however its answer is lost."""

from __future__ import annotations

from collections.abc import Mapping

from zoocut.error_kinds import NoRole
from zoocut.errors import ZooniverseError
from zoocut.zooniverse.panoptes import Project, RetryingPanoptes, SubjectSet
from zoocut.zooniverse.request_errors import NotNow, Refused
from zoocut.zooniverse.retrying import retried_for

__all__ = ["make_set"]

BEING_CHANGED = 409


def make_set(
    panoptes: RetryingPanoptes, project: Project, name: str, metadata: Mapping[str, str], patience_s: float
) -> SubjectSet:
    """Make a set of a name that no set bears.

    A name belongs to one set of a project, so a lost answer is settled by looking for it, and asking again makes no
    second one.

    Parameters
    ----------
    panoptes : RetryingPanoptes
        The server, asked again where that does no harm.
    project : Project
        Where.
    name : str
        Its name.
    metadata : mapping of str to str
        What is noted about it from its first moment on.
    patience_s : float
        For how long it is tried again when the server or what stands before it is busy.

    Raises
    ------
    NotPermitted
        When this account may not make sets there.
    ZooniverseError
        When it could not be made in that time.
    """
    try:
        return retried_for(_made_or_found, patience_s, panoptes, project, name, metadata)
    except (NotNow, Refused) as error:
        if isinstance(error, Refused) and error.status != BEING_CHANGED:
            raise NoRole(
                f"this account may not make sets in {project.slug} ({error}): ask its owner for the role of "
                "collaborator"
            ) from error
        raise ZooniverseError(
            f"the set {name!r} could not be made ({error}): run the same command again"
        ) from error


def _made_or_found(
    panoptes: RetryingPanoptes, project: Project, name: str, metadata: Mapping[str, str]
) -> SubjectSet:
    try:
        return panoptes.create_subject_set(project, name, metadata)
    except (NotNow, Refused):
        made = panoptes.subject_sets(project, name)
        if len(made) == 1:
            return made[0]
        raise
