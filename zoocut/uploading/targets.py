"""Which set at which server: what the user names, found there or in the ledger, or made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoocut.error_kinds import (
    DestinationMissing,
    NameTaken,
    NotFoundThere,
    NotThere,
    OtherServer,
    SeveralMeant,
    UnsplitSet,
)
from zoocut.ledger import Ledger, Target
from zoocut.metadata_keys import index_name
from zoocut.run.folder import Run
from zoocut.run.record import MANIFEST
from zoocut.uploading.context import UploadContext
from zoocut.uploading.goals import WHERE_TO, Goal, Share, goals, resolve
from zoocut.zooniverse.finding import ID, find_set, require_new_name
from zoocut.zooniverse.panoptes import Project, RetryingPanoptes, SubjectSet
from zoocut.zooniverse.request_errors import Refused

__all__ = ["Choice", "choose", "choose_existing", "note_index_fields", "projects_of", "target_of"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which set some of a run's rows go to, found without changing anything.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        The set's name.
    subject_set : SubjectSet or None
        None when it is to be made.
    share : Share
        The rows.
    known : Target or None
        The target, when the ledger has it already.
    manifest : str
        The run's manifest that the rows are taken from.
    """

    project: Project
    name: str
    subject_set: SubjectSet | None
    share: Share
    known: Target | None
    manifest: str


def projects_of(goal: Goal, panoptes: RetryingPanoptes) -> dict[str, Project]:
    """Find the projects of the sets that a goal names, by how each is named.

    Raises
    ------
    ConfigError
        When the project or a set is not named.
    NotPermitted
        When a project is not there for this account.
    """
    if not goal.begun and not (goal.project and goal.subject_set):
        raise DestinationMissing(WHERE_TO)
    named = [_project_named(known) for known in goal.begun] or [goal.project or ""]
    return {reference: panoptes.project(reference) for reference in dict.fromkeys(named)}


def _project_named(known: Target) -> str:
    return f"{ID}{known.project_id}"


def choose(
    run: Run,
    goal: Goal,
    set_by: str | None,
    targets: Sequence[Target],
    panoptes: RetryingPanoptes,
    projects: Mapping[str, Project],
) -> list[Choice]:
    """Find the set of each share of a run's rows; nothing is made.

    What the user names is looked for at the server first; the name that the ledger remembers counts where no set
    bears it today.

    Parameters
    ----------
    run : Run
        The run.
    goal, set_by : Goal, str or None
        Where to, and the metadata key whose values have a set each.
    targets : sequence of Target
        Where the run went before.
    panoptes : RetryingPanoptes
        The server.
    projects : mapping of str to Project
        As `projects_of` finds them.

    Raises
    ------
    ConfigError
        When a name means several sets or could not be given to a new one.
    NotPermitted
        When a set is not there for this account.
    """
    if goal.begun:
        return [
            _choose_begun(run, known, targets, panoptes, projects[_project_named(known)])
            for known in goal.begun
        ]
    project = projects[goal.project or ""]
    here = _targets_of(targets, panoptes, project)
    return [
        _choose(panoptes, project, here, named.subject_set or "", share, run.manifest_name)
        for named, share in goals(run, goal, set_by)
    ]


def _choose_begun(
    run: Run, known: Target, targets: Sequence[Target], panoptes: RetryingPanoptes, project: Project
) -> Choice:
    """Find the set of a target that goes on with the rows it has."""
    share = Share(known.set_by, known.set_value)
    here = _targets_of(targets, panoptes, project)
    return _choose(panoptes, project, here, f"{ID}{known.set_id}", share, run.manifest_name)


def _targets_of(targets: Sequence[Target], panoptes: RetryingPanoptes, project: Project) -> list[Target]:
    at = (panoptes.endpoint, project.project_id)
    return [one for one in targets if (one.endpoint, one.project_id) == at]


def choose_existing(
    run: Run, goal: Goal, set_by: str | None, targets: Sequence[Target], panoptes: RetryingPanoptes
) -> list[Choice]:
    """Find the sets of a run's rows that are there, as `choose` does.

    Raises
    ------
    ConfigError
        When none of them is.
    """
    found = choose(run, goal, set_by, targets, panoptes, projects_of(goal, panoptes))
    existing = [choice for choice in found if choice.subject_set is not None]
    if not existing:
        slug = found[0].project.slug
        raise NotThere(
            f"{slug} has no set {found[0].name!r}: `zoocut sets list --project {slug}` shows what it has"
        )
    return existing


def _choose(
    panoptes: RetryingPanoptes,
    project: Project,
    here: Sequence[Target],
    reference: str,
    share: Share,
    manifest: str,
) -> Choice:
    same = [one for one in here if one.is_of(project.created)]
    if reference.startswith(ID) and not same:
        _refuse_another_server(here, reference)
    found = _find(panoptes, project, same, reference)
    if found is None:
        require_new_name(reference)
        _require_key(reference, share)
        return Choice(project, reference, None, share, None, manifest)
    known = next((one for one in same if one.set_id == found.set_id and one.is_set_of(found.created)), None)
    if known is None and reference.startswith(ID):
        _refuse_another_server(here, reference)
    if known is not None:
        _require_share(known, share)
        manifest = manifest_for(known, manifest)
    return Choice(project, found.name, found, share, known, manifest)


def _require_key(name: str, share: Share) -> None:
    """Refuse a new name with a field that nothing fills."""
    field = re.search(r"\{(\w+)\}", name)
    if field and not share.key:
        raise UnsplitSet(
            f"--set {name!r} has a field, {field[0]}: add --set-by {field[1]}, which makes a set of each value of it"
        )


def _refuse_another_server(here: Sequence[Target], reference: str) -> None:
    """Refuse a number that the ledger knows and that means something else today."""
    for other in (one for one in here if f"{ID}{one.set_id}" == reference):
        raise OtherServer(
            f"{other.endpoint} is another server than the one that the ledger knows: its project or its set "
            f"{other.set_id} was made at another time than where {other.set_name!r} lies, so nothing that was uploaded "
            f"there is here; to upload to this one name its set with --project {other.project_slug} --set NAME"
        )


def _find(
    panoptes: RetryingPanoptes, project: Project, here: Sequence[Target], reference: str
) -> SubjectSet | None:
    remembered = resolve(here, Goal("", None, reference))
    if remembered is not None and reference.startswith(ID):
        return _still_there(panoptes, remembered)
    found = find_set(panoptes, project, reference)
    if remembered is None or (found is not None and found.set_id == remembered.set_id):
        return found
    if found is None:
        there = _still_there(panoptes, remembered)
        return there if remembered.is_set_of(there.created) else None
    raise SeveralMeant(
        f"{reference!r} is the set {ID}{found.set_id} today, and the run went to {ID}{remembered.set_id} under that "
        f"name: say which one with --set {ID}{found.set_id} or --set {ID}{remembered.set_id}"
    )


def target_of(choice: Choice, ledger: Ledger, endpoint: str) -> Target:
    """Return the ledger's target of a choice whose set is there."""
    found = choice.subject_set
    if found is None:
        raise AssertionError(f"the set {choice.name!r} was not made yet")
    return ledger.add_target(
        endpoint,
        choice.project.project_id,
        choice.project.slug,
        found.set_id,
        found.name,
        choice.share.key,
        choice.share.value,
        choice.manifest,
        choice.project.created,
        found.created,
    )


def _require_share(known: Target, share: Share) -> None:
    if share.key and not share.is_same_as(Share(known.set_by, known.set_value)):
        takes = f"those with {known.set_by} {known.set_value}" if known.set_by else "all of them"
        raise NameTaken(
            f"the set {known.set_name!r} takes rows of this run already, {takes}: give --set a name of its own for "
            f"those with {share.key} {share.value}"
        )


def manifest_for(known: Target, given: str) -> str:
    """Name the manifest that a known target goes on with: its own, unless the one by addresses is given."""
    return known.manifest if given == MANIFEST else given


def _still_there(panoptes: RetryingPanoptes, known: Target) -> SubjectSet:
    try:
        return panoptes.subject_set(known.set_id)
    except Refused as error:
        raise NotFoundThere(
            f"subject set {known.set_id} ({known.set_name}) is gone from {known.endpoint}, or this account may not "
            "see it: restore the rights, or name another set with --set"
        ) from error


def note_index_fields(context: UploadContext, run: Run) -> None:
    """Note the manifest's index fields, those with a leading %, with the set, as panoptes-cli does."""
    first = next(run.rows(), None)
    fields = ",".join(filter(None, map(index_name, first.metadata if first else ())))
    if not fields:
        return
    subject_set = context.retrying.subject_set(context.target.set_id)
    if subject_set.metadata.get("indexFields") != fields:
        context.retrying.set_metadata(subject_set, {**subject_set.metadata, "indexFields": fields})
