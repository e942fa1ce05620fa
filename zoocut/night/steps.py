"""The steps of one night, each a use case that stands for itself and can be taken again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from zoocut.api.server import sign_in
from zoocut.api.server_reports import verify
from zoocut.api.uploads import plan_upload, upload
from zoocut.config.load import Loaded
from zoocut.error_kinds import NotConfirmed
from zoocut.generating import Inputs, generate
from zoocut.generating.runs import open_record, open_run
from zoocut.ledger import Ledger, State
from zoocut.night.choosing import ChosenCatalog
from zoocut.night.names import SetNames
from zoocut.night.record import NightRecord
from zoocut.night.report import write_report
from zoocut.run.folder import Run
from zoocut.subject_sets import find_set as find_details
from zoocut.subject_sets import find_workflow, link
from zoocut.zooniverse.panoptes import Project
from zoocut.zooniverse.set_admin import SetAdmin, Workflow

__all__ = ["STEPS_OF_A_NIGHT", "Night"]


@dataclass(frozen=True, slots=True)
class Night:
    """What the steps of a night work with.

    Parameters
    ----------
    config : Loaded
        The settings.
    open_inputs : callable
        Opens the catalog and the images; a night that is drawn needs neither.
    names : SetNames
        How its sets are called.
    jobs : int
        Processes to draw with.
    tell : callable
        Told what is done.
    """

    config: Loaded
    open_inputs: Callable[[], Inputs]
    names: SetNames
    jobs: int
    tell: Callable[[str], None]


def _generate(night: Night, record: NightRecord) -> NightRecord:
    inputs = night.open_inputs()
    begun = (record.path / "run.toml").exists()
    drawn = open_record(open_run(record.path, night.config.settings)) if begun else ()
    chosen = replace(inputs, catalog=ChosenCatalog(inputs.catalog, record.chosen, drawn))
    done = generate(night.config, record.path, jobs=night.jobs, inputs=chosen)
    return record.with_step("generated", drawn=done.rows, not_drawn=done.rejected.total())


def _upload(night: Night, record: NightRecord) -> NightRecord:
    settings, names = night.config.settings, night.names
    if not record.run_date:  # written down first: what goes on after midnight goes on in the same set
        record = replace(record, run_date=datetime.now(UTC).date().isoformat()).save()
    where = {
        "project": settings.upload.project,
        "subject_set": names.of(record.night, record.run_date),
        "set_by": names.set_by,
    }
    if settings.night.workflow is not None:
        _served(str(settings.upload.project), settings.night.workflow)  # told before anything is made
    if not settings.night.create:
        _require_sets(record.path, where)
    summary = upload(
        record.path,
        **where,  # type: ignore[arg-type]
        confirm=settings.night.workflow is not None,
        create=settings.night.create,
        tell=night.tell,
        progress=False,
    )
    linked = sum(
        count for target in summary.targets for state, count in target.counts.items() if state.in_set
    )
    rejected = sum(target.counts[State.REJECTED] for target in summary.targets)
    return record.with_step("uploaded", linked=linked, rejected=rejected)


def _served(project: str, workflow: str, endpoint: str | None = None) -> tuple[SetAdmin, Project, Workflow]:
    """Find the workflow that serves the nights.

    Raises
    ------
    NotPermitted
        When the project or the workflow is not there.
    """
    admin = sign_in(endpoint)
    found = admin.panoptes.project(project)
    return admin, found, find_workflow(admin, found, workflow)


def _require_sets(path: Path, where: dict[str, str | None]) -> None:
    plan = plan_upload(path, **where)  # type: ignore[arg-type]
    new = [target.set_name for target in plan.targets if target.set_id is None]
    if new:
        raise NotConfirmed(
            f"{', '.join(map(repr, new))} would be made: set night.create = true, or make it with "
            "`zoocut sets create NAME --project OWNER/NAME`"
        )


def _verify(night: Night, record: NightRecord) -> NightRecord:
    found = verify(record.path)
    found.raise_for_differences()
    return record.with_step("verified")


def _link(night: Night, record: NightRecord) -> NightRecord:
    workflow = night.config.settings.night.workflow
    if workflow is None:
        return record.with_step("linked")
    with Ledger.read_uploaded(Run.open(record.path)) as ledger:
        targets = ledger.targets()
    for target in targets:
        admin, project, served = _served(target.project_id, workflow, target.endpoint)
        if link(admin, find_details(admin, project, f"id:{target.set_id}"), served):
            night.tell(f"workflow {served.name!r} serves {target.set_name!r}")
    return record.with_step("linked")


def _report(night: Night, record: NightRecord) -> NightRecord:
    done = record.with_step("reported")
    write_report(Run.open(record.path), done)
    return done


STEPS_OF_A_NIGHT: dict[str, Callable[[Night, NightRecord], NightRecord]] = {
    "generated": _generate,
    "uploaded": _upload,
    "verified": _verify,
    "linked": _link,
    "reported": _report,
}
"""In order: each begins when the one before it is written down."""
