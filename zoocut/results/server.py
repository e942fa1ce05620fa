"""Where an export comes from: the server, project and workflow that the runs went to, or that the user names."""

from __future__ import annotations

from collections.abc import Sequence

from zoocut.error_kinds import SeveralMeant, SeveralServers
from zoocut.ledger import Ledger, Target
from zoocut.run.folder import Run
from zoocut.subject_sets.finding import find_workflow
from zoocut.zooniverse.panoptes import Project
from zoocut.zooniverse.set_admin import SetAdmin, Workflow

__all__ = ["project_of", "server_of", "workflow_of"]


def server_of(runs: Sequence[Run], named: str | None) -> str | None:
    """Return the server that the runs went to; None when they went nowhere and none is named.

    Raises
    ------
    InputError
        When they went to several and none is named.
    """
    known = list(dict.fromkeys(target.endpoint for target in _targets(runs)))
    if named is None and len(known) > 1:
        raise SeveralServers(
            f"the runs went to several servers: choose one with --endpoint, of {', '.join(known)}"
        )
    return named or (known[0] if known else None)


def project_of(admin: SetAdmin, runs: Sequence[Run], named: str | None) -> Project:
    """Find the project: the one that is named, else the one that the runs went to.

    Raises
    ------
    ConfigError
        When none is named and the runs went to none, or to several.
    NotPermitted
        When this account may not see it.
    """
    known = {
        one.project_id: one.project_slug for one in _targets(runs) if one.endpoint == admin.panoptes.endpoint
    }
    if named is None and len(known) != 1:
        listed = ", ".join(known.values()) or "none"
        raise SeveralMeant(
            f"choose a project with --project: the runs went to {listed} at {admin.panoptes.endpoint}"
        )
    return admin.panoptes.project(named or next(iter(known)))


def workflow_of(admin: SetAdmin, project: Project, runs: Sequence[Run], named: str | None) -> Workflow:
    """Find the workflow: the one that is named, else the only one that serves the runs' sets.

    Raises
    ------
    ConfigError
        When none is named and no workflow serves the sets, or several do.
    NotPermitted
        When there is none of the name.
    """
    if named is not None:
        return find_workflow(admin, project, named)
    sets = {one.set_id for one in _targets(runs) if one.endpoint == admin.panoptes.endpoint}
    found = [one for one in admin.workflows(project) if sets & set(one.set_ids)]
    if len(found) != 1:
        listed = ", ".join(f"{one.workflow_id} ({one.name!r})" for one in found) or "none"
        raise SeveralMeant(f"choose a workflow with --workflow: the runs' sets are served by {listed}")
    return found[0]


def _targets(runs: Sequence[Run]) -> list[Target]:
    found: list[Target] = []
    for run in runs:
        if run.ledger.exists():
            with Ledger.read(run.ledger) as ledger:
                found += ledger.targets()
    return found
