"""What is done beside the nights' own steps: pictures that are old, sets that are complete."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from zoocut.api.server import sign_in
from zoocut.config.load import Loaded
from zoocut.ledger import Ledger, Target
from zoocut.night.record import NightRecord, read_night
from zoocut.night.root import os_error
from zoocut.run.folder import PICTURES_REMOVED, Run
from zoocut.subject_sets import find_project, find_set, find_workflow, unlink

__all__ = ["keep_up"]

Tell = Callable[[str], None]


def keep_up(nights: Iterable[NightRecord], config: Loaded, tell: Tell) -> None:
    """Remove pictures and take complete sets out of the workflow, where the configuration says so and it is time.

    Raises
    ------
    ZoocutError
        When a set cannot be looked at, or a folder cannot be written.
    """
    settings, today = config.settings.night, datetime.now(UTC).date()
    for night in nights:
        age = today - date.fromisoformat(night.night)
        if settings.keep is not None and age > timedelta(days=settings.keep) and "verified" in night.steps:
            _remove_pictures(night, tell)
        if settings.unlink_after is not None and age > timedelta(days=settings.unlink_after):
            _unlink_complete(night, settings.workflow, tell)


def _remove_pictures(night: NightRecord, tell: Tell) -> None:
    if night.pictures_removed:
        return
    mark = night.path / PICTURES_REMOVED
    try:
        mark.touch()  # before they go: what is cut off here must not be drawn again
    except OSError as error:
        raise os_error(mark, error) from error
    for name in ("images", "numpy"):
        shutil.rmtree(night.path / name, ignore_errors=True)
    replace(read_night(night.path), pictures_removed=True).save()
    tell(f"the pictures of {night.night} are removed; ledger, manifest and sources stay")


def _unlink_complete(night: NightRecord, workflow: str | None, tell: Tell) -> None:
    run = Run.open(night.path) if (night.path / "run.toml").exists() else None
    if workflow is None or run is None or "unlinked" in night.steps or not run.ledger.exists():
        return
    with Ledger.read(run.ledger) as ledger:
        targets = ledger.targets()
    complete = [_unlinked_where_complete(target, workflow, tell) for target in targets]  # each is looked at
    if all(complete):
        read_night(night.path).with_step("unlinked").save()


def _unlinked_where_complete(target: Target, workflow: str, tell: Tell) -> bool:
    """Take a set out of the workflow once it is complete; tell whether it is, or its project is gone."""
    admin = sign_in(target.endpoint)
    project = find_project(admin, target.project_id)
    if project is None:
        return True
    served = find_workflow(admin, project, workflow)
    details = find_set(admin, project, f"id:{target.set_id}")
    if details.completeness.get(served.workflow_id, 0.0) < 1.0:
        return False
    if unlink(admin, details, served):
        tell(f"workflow {served.name!r} serves {target.set_name!r} no more: it is complete")
    return True
