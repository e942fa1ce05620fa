"""What an upload would do, told without writing anything here or there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoocut.config.upload import UploadSettings
from zoocut.errors import ConfigError
from zoocut.ledger import Ledger, State, Target
from zoocut.run import Run
from zoocut.upload.planning import planned_rows
from zoocut.upload.targets import Goal, find_set, known_target
from zoocut.zooniverse.account import PRODUCTION, normalise_endpoint
from zoocut.zooniverse.panoptes import Account, Panoptes

__all__ = ["endpoint_of", "forecast", "left_at_most"]

CONVENTION_BYTES = 1 << 20
"""panoptes-cli and the project builder refuse images above this; volunteers on phones wait for them."""


def endpoint_of(
    run: Run, endpoint: str | None, environment: Mapping[str, str], settings: UploadSettings
) -> Goal:
    """Put together where an upload goes: options, the environment, what the run's ledger knows.

    Without a project and a set named, the run goes on where its ledger says, whatever the environment.

    Raises
    ------
    ConfigError
        When the endpoint is not one, or nothing tells which of several targets is meant.
    """
    going_on = settings.project is None and settings.subject_set is None
    named = endpoint or (None if going_on else environment.get("PANOPTES_ENDPOINT"))
    goal = Goal(normalise_endpoint(named) if named else "", settings.project, settings.subject_set)
    known = known_target(_targets(run), goal)
    if known is not None:
        return Goal(known.endpoint, known.project_id, known.set_name)
    if not goal.project or not goal.subject_set:
        raise ConfigError("say where to: --project owner/name and --set NAME")
    return Goal(goal.endpoint or PRODUCTION, goal.project, goal.subject_set)


def _targets(run: Run) -> list[Target]:
    if not run.ledger.exists():
        return []
    with Ledger.read(run.ledger) as ledger:
        return ledger.targets()


def forecast(run: Run, goal: Goal, panoptes: Panoptes) -> dict[str, Any]:
    """Tell what an upload would do.

    Returns
    -------
    dict
        Rows to create, rows with faults, large images, the account, its limit, the project and the set.

    Raises
    ------
    ZoocutError
        When the upload could not begin.
    """
    account = panoptes.account()
    project = panoptes.project(goal.project or "")
    found = find_set(panoptes, project, goal.subject_set or "")
    rows = list(planned_rows(run))
    done = _done(run, goal)
    return {
        "version": 1,
        "endpoint": panoptes.endpoint,
        "account": account.login,
        "banned": account.banned,
        "may_upload_at_most": left_at_most(panoptes, account),
        "project": project.slug,
        "role": "owner or collaborator"
        if panoptes.holds_role(project)
        else "none of its own; perhaps by a group",
        "subject_set": f"{found.set_id} {found.name}" if found else f"{goal.subject_set} (to be made)",
        "active_workflows": panoptes.active_workflows(found.set_id) if found else [],
        "rows": len(rows),
        "already_linked": done,
        "faulty": [[row.external_id, row.problem] for row in rows if row.problem],
        "bytes": sum(image.size or 0 for row in rows for image in row.images),
        "images_over_1_MiB": sum(
            (image.size or 0) > CONVENTION_BYTES for row in rows for image in row.images
        ),
    }


def left_at_most(panoptes: Panoptes, account: Account) -> int | None:
    """Estimate how many subjects the account may still upload; None when it is not limited."""
    if account.limit is None:
        return None
    return max(0, account.limit - max(account.uploaded, panoptes.count_uploaded(account)))


def _done(run: Run, goal: Goal) -> int:
    if not run.ledger.exists():
        return 0
    with Ledger.read(run.ledger) as ledger:
        known = known_target(ledger.targets(), goal)
        return ledger.counts(known)[State.LINKED] if known else 0
