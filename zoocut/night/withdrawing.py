"""Sets that a workflow has served for long enough: taken out of it, and noted as served again where they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from zoocut.api.server import sign_in
from zoocut.config.night import NightSettings
from zoocut.errors import LedgerError
from zoocut.ledger import Ledger, Target, sole_uploader
from zoocut.ledger.withdrawals import Withdrawals
from zoocut.night.record import NightRecord, read_night
from zoocut.run.folder import Run
from zoocut.subject_sets import find_project, find_set, find_workflow, unlink

__all__ = ["SetKey", "note_served", "sets_of", "take_out"]

UNLINKED = "unlinked"
SetKey = tuple[str, str]
"""The server and the id of a set."""


def sets_of(nights: Iterable[NightRecord]) -> set[SetKey]:
    """Return the sets that nights go to.

    Raises
    ------
    LedgerError
        When a ledger cannot be read.
    """
    return {_key(target) for night in nights for target in _targets(night)}


def take_out(
    night: NightRecord, settings: NightSettings, still_filled: Collection[SetKey], tell: Callable[[str], None]
) -> None:
    """Take the sets of an old night out of the workflow: complete ones, and others where the settings say so.

    Parameters
    ----------
    night : NightRecord
        Older than `night.unlink_after`.
    settings : NightSettings
        Which workflow, and which sets.
    still_filled : collection of SetKey
        Sets that younger nights go to as well, which stay.
    tell : callable
        Told what is taken out.

    Raises
    ------
    ZoocutError
        When a set cannot be looked at, or the run is being uploaded.
    """
    if settings.workflow is None or UNLINKED in night.steps:
        return
    targets = _targets(night)
    ripe = settings.unlink_incomplete and _was_served_for(night, settings.unlink_after or 0.0)
    least = 0.0 if ripe else 1.0
    gone = [
        _key(target) not in still_filled and _taken_out(night, target, settings.workflow, least, tell)
        for target in targets  # each is looked at
    ]
    if targets and all(gone):
        read_night(night.path).with_step(UNLINKED).save()


def _was_served_for(night: NightRecord, days: float) -> bool:
    """Whether volunteers had a night's sets for so long: one that came late must not go at once."""
    try:
        linked = datetime.fromisoformat(night.steps["linked"])
    except (KeyError, ValueError):  # not yet, or edited
        return False
    return night.done and datetime.now(UTC) - linked.astimezone(UTC) > timedelta(days=days)


def _taken_out(
    night: NightRecord, target: Target, workflow: str, least: float, tell: Callable[[str], None]
) -> bool:
    """Take a set out that is complete enough; tell whether it is, or its project is gone."""
    admin = sign_in(target.endpoint)
    project = find_project(admin, target.project_id)
    if project is None:
        return True
    served = find_workflow(admin, project, workflow)
    details = find_set(admin, project, f"id:{target.set_id}")
    share = details.completeness.get(served.workflow_id, 0.0)
    if share < least:
        return False
    run = Run.open(night.path)
    with sole_uploader(run.ledger), Ledger.open(run.ledger, run.run_id) as ledger:
        if unlink(admin, details, served):
            tell(f"workflow {served.name!r} serves {target.set_name!r} no more: {_how_far(share)}")
        Withdrawals(ledger).note(target, served.workflow_id, share)  # also when a killed call took it out
    return True


def _how_far(share: float) -> str:
    """Say how complete a set is; what lacks one subject is 99 %, not 100 %."""
    return (
        "it is complete"
        if share >= 1
        else f"{int(100 * share)}% complete: its unfinished subjects are withdrawn"
    )


def note_served(
    nights: Iterable[NightRecord], served: Target, workflow_id: str, tell: Callable[[str], None]
) -> None:
    """Note in the ledgers of all nights that go to a set that a workflow serves it.

    A ledger of another night that cannot be used is told and stops nothing: no subject hangs on the note.

    Raises
    ------
    ZoocutError
        When a record cannot be written.
    """
    for night in nights:
        try:
            same = [target for target in _targets(night) if _key(target) == _key(served)]
            ended = bool(same) and _end(Run.open(night.path), same, workflow_id)
        except LedgerError as error:
            tell(f"the night {night.night} cannot be looked at: {error}")
            continue
        if ended and UNLINKED in night.steps:
            steps = {step: moment for step, moment in night.steps.items() if step != UNLINKED}
            replace(night, steps=steps).save()


def _end(run: Run, targets: Iterable[Target], workflow_id: str) -> bool:
    """Forget that sets were taken out; return whether any was."""
    with Ledger.read(run.ledger) as ledger:
        out = [target for target in targets if workflow_id in Withdrawals(ledger).workflows(target)]
    if out:
        with sole_uploader(run.ledger), Ledger.open(run.ledger, run.run_id) as ledger:
            for target in out:
                Withdrawals(ledger).end(target, workflow_id)
    return bool(out)


def _targets(night: NightRecord) -> list[Target]:
    run = Run.open(night.path) if (night.path / "run.toml").exists() else None
    if run is None or not run.ledger.exists():
        return []
    with Ledger.read(run.ledger) as ledger:
        return list(ledger.targets())


def _key(target: Target) -> SetKey:
    return target.endpoint, target.set_id
