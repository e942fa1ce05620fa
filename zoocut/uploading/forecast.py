"""What an upload would do, told without writing anything here or there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from zoocut.ledger import Image, Ledger, PlannedRow, Target
from zoocut.metadata_keys import SubjectKey
from zoocut.run.folder import Run
from zoocut.uploading.changed_pictures import (
    changed_since_upload,
    held_with_another,
    tell_changed,
    tell_held_with_another,
)
from zoocut.uploading.duplicates import alike_warning
from zoocut.uploading.matching import Foreign, foreign, look_alikes
from zoocut.uploading.picture_content import content_problem
from zoocut.uploading.pictures import read_picture
from zoocut.uploading.planning import planned_rows
from zoocut.uploading.preflight import CONVENTION_BYTES, look_first, upload_warnings
from zoocut.uploading.request import UploadRequest
from zoocut.uploading.targets import Choice
from zoocut.uploading.upload_plan import TargetPlan, UploadPlan
from zoocut.zooniverse.panoptes import RetryingPanoptes, Subject, SubjectSet

__all__ = ["forecast"]


def forecast(run: Run, request: UploadRequest, panoptes: RetryingPanoptes) -> UploadPlan:
    """Return what an upload would do.

    Raises
    ------
    ZoocutError
        When the upload could not begin.
    """
    start = look_first(run, request, _targets(run), panoptes)
    account = start.account
    project = panoptes.project(request.goal.project or "")
    targets = tuple(_target(run, request, panoptes, choice) for choice in start.choices)
    rows = sum(target.to_upload for target in targets)
    large = sum(target.large_images for target in targets)
    return UploadPlan(
        panoptes.endpoint,
        account.login,
        account.banned,
        start.left,
        project.slug,
        "owner or collaborator" if panoptes.holds_role(project) else "none of its own; perhaps by a group",
        start.rights.basis,
        run.describe_manifest(),
        targets,
        (
            *upload_warnings(account, start.left, rows, large, importing=request.importing is not None),
            *start.questions,
            *start.notes,
            *_alike(run, targets),
            *(note for target in targets for note in target.notes),
        ),
        importing=request.importing is not None,
    )


def _alike(run: Run, targets: Iterable[TargetPlan]) -> Iterator[str]:
    for target in targets:
        if target.look_alikes:
            yield alike_warning(run.path, target.set_name, target.look_alikes)


def _targets(run: Run) -> list[Target]:
    if not run.ledger.exists():
        return []
    with Ledger.read(run.ledger) as ledger:
        return ledger.targets()


def _target(run: Run, request: UploadRequest, panoptes: RetryingPanoptes, choice: Choice) -> TargetPlan:
    found, run = choice.subject_set, run.by(choice.manifest)
    begun = _begun(run, choice.known)
    rows = [_opened(run, row) for row in islice(planned_rows(run, choice.share), request.sample)]
    members = _members(panoptes, run, found) if found else []
    held = {} if request.again else dict(named for named, _ in members)
    alike = look_alikes(
        ((row.metadata, row.external_id) for row in rows), (stranger for _, stranger in members if stranger)
    )
    coming = [
        row
        for row in rows
        if row.external_id not in begun and row.external_id not in held and not row.problem
    ]
    images = [image for row in coming for image in row.images]
    return TargetPlan(
        found.set_id if found else None,
        choice.name,
        tuple(panoptes.active_workflows(found.set_id)) if found else (),
        rows=len(rows),
        begun=sum(row.external_id in begun for row in rows),
        held_from_elsewhere=sum(row.external_id in held for row in rows),
        to_upload=len(coming),
        faulty=tuple((row.external_id, row.problem) for row in rows if row.problem),
        sent_bytes=sum(image.size or 0 for image in images),
        large_images=sum((image.size or 0) > CONVENTION_BYTES for image in images),
        look_alikes=alike,
        notes=tuple(_changed(run, choice, rows, held)),
    )


def _changed(run: Run, choice: Choice, rows: Iterable[PlannedRow], held: Mapping[str, str]) -> Iterator[str]:
    """Tell of pictures that are others now than those in the set."""
    others = [
        row.external_id
        for row in rows
        if row.images and held_with_another(run.path, row.images[0], held.get(row.external_id, ""))
    ]
    if others:
        yield tell_held_with_another(run.path, choice.name, others)
    if choice.known is None:
        return
    with Ledger.read(run.ledger) as ledger:
        changed = list(changed_since_upload(run.path, ledger.every(choice.known)))
    if changed:
        yield tell_changed(run.path, choice.name, changed)


def _opened(run: Run, row: PlannedRow) -> PlannedRow:
    problems = [row.problem] if row.problem else [_problem(run, image) for image in row.images]
    found = next(filter(None, problems), None)
    return PlannedRow(row.external_id, row.metadata, row.images, found)


def _problem(run: Run, image: Image) -> str | None:
    if not image.hosted:
        return None
    try:
        return content_problem(image, read_picture(run.path / image.path))
    except OSError as error:
        return f"{image.path} cannot be read ({error.strerror}): check its permissions"


def _begun(run: Run, known: Target | None) -> set[str]:
    """Return the rows that may have a subject at a target."""
    if known is None:
        return set()
    with Ledger.read(run.ledger) as ledger:
        return {entry.external_id for entry in ledger.every(known) if entry.begun}


def _members(
    panoptes: RetryingPanoptes, run: Run, subject_set: SubjectSet
) -> list[tuple[tuple[str, str], Foreign | None]]:
    """Return what a set holds from other runs or tools: external_id and key of each, and what is no run's."""
    own = SubjectKey.start(run.run_id, subject_set.set_id)

    def kept(one: Subject) -> tuple[tuple[str, str], Foreign | None] | None:
        return None if one.key.startswith(own) else ((one.row_name, one.key), foreign(one))

    return list(panoptes.of_members(subject_set.set_id, kept))
