"""The steps of one night, each a use case that stands for itself and can be taken again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoocut.api.server import sign_in
from zoocut.api.server_reports import verify
from zoocut.api.uploads import plan_upload, upload
from zoocut.config.load import Loaded
from zoocut.config.settings import Settings
from zoocut.error_kinds import NotConfirmed
from zoocut.errors import NotPermitted, SignInError, ZooniverseError
from zoocut.generating import Inputs, generate
from zoocut.generating.runs import open_record, open_run
from zoocut.ledger import Ledger
from zoocut.night.choosing import ChosenCatalog
from zoocut.night.names import set_names
from zoocut.night.publishing import publish_run, served_from
from zoocut.night.record import NightRecord, nights_in
from zoocut.night.report import write_report
from zoocut.night.votes import told_of_votes
from zoocut.night.withdrawing import note_served
from zoocut.run.folder import Run
from zoocut.subject_sets import find_set as find_details
from zoocut.subject_sets import find_workflow, link
from zoocut.uploading.report import UploadSummary
from zoocut.zooniverse.finding import find_set
from zoocut.zooniverse.panoptes import Project
from zoocut.zooniverse.set_admin import SetAdmin, Workflow

__all__ = ["STEPS_OF_A_NIGHT", "Night", "look_ahead"]


@dataclass(frozen=True, slots=True)
class Night:
    """What the steps of a night work with.

    Parameters
    ----------
    config : Loaded
        The settings.
    open_inputs : callable
        Opens the catalog and the images; a night that is drawn needs neither.
    jobs : int
        Processes to draw with.
    tell : callable
        Told what is done.
    """

    config: Loaded
    open_inputs: Callable[[], Inputs]
    jobs: int
    tell: Callable[[str], None]

    def send(self, record: NightRecord) -> str:
        """Tell how a night's images are sent: as those that are there already."""
        return record.send or self.config.settings.night.send


def look_ahead(night: Night, nights: Iterable[str]) -> None:
    """Look for what would stop new nights before anything of them is drawn; they are drawn where the server is away.

    Raises
    ------
    NotPermitted, SignInError
        When the account may not, or the project or the workflow is not there.
    ConfigError
        When a set would have to be made that may not be made.
    """
    settings = night.config.settings
    names = set_names(settings)
    try:
        admin = sign_in(None)
        project = admin.panoptes.project(str(settings.upload.project))
        if settings.night.workflow is not None:
            find_workflow(admin, project, settings.night.workflow)
        if not settings.night.create and names.set_by is None:
            run_date = datetime.now(UTC).date().isoformat()
            wanted = dict.fromkeys(names.of(one, run_date) for one in nights)
            _require_made([name for name in wanted if find_set(admin.panoptes, project, name) is None])
    except (NotPermitted, SignInError):
        raise
    except ZooniverseError:
        return  # told when it is needed


def _generate(night: Night, record: NightRecord) -> NightRecord:
    inputs = night.open_inputs()
    begun = (record.path / "run.toml").exists()
    drawn = open_record(open_run(record.path, night.config.settings)) if begun else ()
    chosen = replace(inputs, catalog=ChosenCatalog(inputs.catalog, record.chosen, drawn))
    settings = served_from(night.config.settings, record.path.name, night.send(record))
    config = replace(night.config, settings=_of_night(settings, record))
    done = generate(config, record.path, jobs=night.jobs, inputs=chosen)
    return record.with_step("generated", drawn=done.rows, not_drawn=done.rejected.total())


def _of_night(settings: Settings, record: NightRecord) -> Settings:
    """Name the set as far as it is known, so that `zoocut upload RUN` goes on where the night does."""
    named = set_names(settings, record.subject_set).of(record.night, record.run_date or "{run_date}")
    return settings.model_copy(update={"upload": settings.upload.model_copy(update={"subject_set": named})})


def _publish(night: Night, record: NightRecord) -> NightRecord:
    record = _begun(night, record)
    if record.send == "images" or not record.publish:
        return record.with_step("published")
    to = f"{record.publish.rstrip('/')}/{record.path.name}"
    ended = publish_run(Run.open(record.path), to, night.tell)
    return record.with_step("published", published=ended)


def _upload(night: Night, record: NightRecord) -> NightRecord:
    settings = night.config.settings
    record = record if record.subject_set else _begun(night, record)
    names, send = set_names(settings, record.subject_set), record.send
    where: dict[str, Any] = {
        "project": record.project,
        "subject_set": names.of(record.night, record.run_date),
        "set_by": names.set_by,
        "urls": send == "addresses",
        "server_import": send == "import",
    }
    if settings.night.workflow is not None:
        _served(record.project, settings.night.workflow)  # told before anything is made
    if not settings.night.create:
        _require_sets(record.path, where)
    summary = upload(
        record.path,
        **where,
        confirm=settings.night.workflow is not None or _refuse,
        create=settings.night.create,
        tell=night.tell,
        progress=False,
    )
    return record.with_step("uploaded", **_counts(summary))


def _begun(night: Night, record: NightRecord) -> NightRecord:
    """Write down where a night goes before it does: what goes on later goes on there, and in the set of that date."""
    upload, own = night.config.settings.upload, night.config.settings.night
    now = {
        "project": upload.project or "",
        "subject_set": upload.subject_set or "",
        "send": own.send,
        "publish": own.publish or "",
    }
    if record.run_date and record.subject_set:
        _tell_of_changes(night, record, now)
        return record
    date = record.run_date or datetime.now(UTC).date().isoformat()
    return replace(record, run_date=date, **now).save()  # type: ignore[arg-type]


def _tell_of_changes(night: Night, record: NightRecord, now: dict[str, str]) -> None:
    for name, value in now.items():
        begun = getattr(record, name)
        if value != begun:
            night.tell(
                f"{record.path.name} goes on with {name} = {begun!r}, as it was begun; {value!r} is for new nights"
            )


def _counts(summary: UploadSummary) -> dict[str, int]:
    linked = sum(
        count for target in summary.targets for state, count in target.counts.items() if state.in_set
    )
    found = {"linked": linked, "rejected": summary.rejected}
    if any(target.talk for target in summary.targets):
        found["on_talk"] = sum(target.talk.get("attached", 0) for target in summary.targets)
        found["not_on_talk"] = summary.not_on_talk
    return found


def _refuse(concern: str) -> bool:
    raise NotConfirmed(
        f"{concern}, which nobody can be asked here: set night.workflow to the workflow that is to serve the nights"
    )


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


def _require_sets(path: Path, where: dict[str, Any]) -> None:
    plan = plan_upload(path, **where)
    _require_made([target.set_name for target in plan.targets if target.set_id is None])


def _require_made(new: list[str]) -> None:
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
        note_served(nights_in(record.path.parent), target, served.workflow_id, night.tell)
    return record.with_step("linked")


def _report(night: Night, record: NightRecord) -> NightRecord:
    done = record.with_step("reported")
    write_report(Run.open(record.path), done, told_of_votes(record.path.parent))
    return done


STEPS_OF_A_NIGHT: dict[str, Callable[[Night, NightRecord], NightRecord]] = {
    "generated": _generate,
    "published": _publish,
    "uploaded": _upload,
    "verified": _verify,
    "linked": _link,
    "reported": _report,
}
"""In order: each begins when the one before it is written down."""
