"""Names and ids to the things they mean; what could be two things is refused with both."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from zoocut.error_kinds import NotFoundThere, OtherProject, SeveralMeant, WrongSubjects
from zoocut.zooniverse.finding import ID, is_number, means, number_of
from zoocut.zooniverse.finding import find_set as find_subject_set
from zoocut.zooniverse.panoptes import Project, Subject
from zoocut.zooniverse.request_errors import Refused
from zoocut.zooniverse.set_admin import SetAdmin, SetDetails, Workflow

__all__ = ["find_project", "find_set", "find_subjects", "find_workflow", "shown_by"]

MOST_NAMED = 5

Source = tuple[str, str]
"""A source's id, and the id of a subject that shows it."""

Among = Callable[[Callable[[Subject], Source | None]], Iterable[Source]]


def find_project(admin: SetAdmin, reference: str | None) -> Project | None:
    """Find the project that was named, if one was.

    Raises
    ------
    NotPermitted
        When there is none that this account may see.
    """
    return None if reference is None else admin.panoptes.project(reference)


def find_set(admin: SetAdmin, project: Project | None, reference: str) -> SetDetails:
    """Find a set by its name or id.

    Raises
    ------
    ConfigError
        When a name comes without its project, or means several sets.
    NotPermitted
        When there is none, or it belongs to another project than the one that was named.
    """
    found = find_subject_set(admin.panoptes, project, reference)
    if found is None:
        raise NotFoundThere(
            f"there is no subject set {reference!r} that this account may see: `zoocut sets list --project OWNER/NAME`"
        )
    return admin.details(found.set_id)


def find_workflow(admin: SetAdmin, project: Project, reference: str) -> Workflow:
    """Find a workflow of a project by its name or id.

    Raises
    ------
    ConfigError
        When a name means several.
    NotPermitted
        When there is none, or it belongs to another project.
    """
    known = admin.workflows(project)
    found = [one for one in known if means(reference, one.workflow_id, one.name)]
    if len(found) > 1:
        listed = "; ".join(f"{ID}{one.workflow_id} is {one.name!r}" for one in found)
        raise SeveralMeant(f"{reference!r} could be {len(found)} workflows ({listed}): give the id")
    if not found:
        number = number_of(reference)
        if number is not None:
            _refuse_foreign_workflow(admin, project, number)
        names = ", ".join(f"{one.name!r} ({one.workflow_id})" for one in known) or "none"
        raise NotFoundThere(f"{project.slug} has no workflow {reference!r}: it has {names}")
    return found[0]


def _refuse_foreign_workflow(admin: SetAdmin, project: Project, number: str) -> None:
    try:
        workflow = admin.workflow(number)
    except Refused:
        return
    raise OtherProject(
        f"workflow {number} belongs to project {workflow.project_id}, the set to {project.slug}: linking "
        "would copy the set there; use `zoocut sets link SET WORKFLOW --copy` if that is what you want"
    )


def find_subjects(
    admin: SetAdmin,
    project: Project,
    ids: Iterable[str],
    dia_source_ids: Iterable[str],
    among: Among,
) -> list[str]:
    """Find subjects by their ids and by their sources' ids.

    Parameters
    ----------
    admin : SetAdmin
        The server.
    project : Project
        Whose subjects they have to be.
    ids : iterable of str
        Subject ids.
    dia_source_ids : iterable of str
        Sources' ids.
    among : callable
        Lists what is kept of the subjects that sources' ids are looked up in; called only when some were given.

    Returns
    -------
    list of str
        Subject ids, each once, in order.

    Raises
    ------
    InputError
        When one of them does not exist or is another project's, or a source has several subjects.
    """
    wanted = list(dict.fromkeys(dia_source_ids))
    numbers = list(dict.fromkeys(ids))
    _require_subjects(admin, project, numbers)
    return list(dict.fromkeys([*numbers, *(_by_source(wanted, among) if wanted else ())]))


def _require_subjects(admin: SetAdmin, project: Project, numbers: Sequence[str]) -> None:
    wrong = [number for number in numbers if not is_number(number)]
    if wrong:
        raise WrongSubjects(f"{wrong[0]!r} is not a subject's id: give whole numbers")
    missing = set(numbers) - admin.of_project(project, numbers)
    if missing:
        raise WrongSubjects(
            f"{project.slug} has no subject {_some(missing)}: correct the ids, or name their project"
        )


def shown_by(sources: Container[str]) -> Callable[[Subject], Source | None]:
    """Return what keeps of a subject its source and its id, where it is one of these sources."""
    return lambda one: (one.dia_source_id, one.subject_id) if one.dia_source_id in sources else None


def _by_source(wanted: Sequence[str], among: Among) -> list[str]:
    known: dict[str, list[str]] = {source: [] for source in wanted}
    for source, number in among(shown_by(known)):
        if source in known:
            known[source].append(number)
    for source, subjects in known.items():
        if len(subjects) > 1:
            raise WrongSubjects(
                f"diaSourceId {source} has several subjects ({_some(subjects)}): give the id of one"
            )
    missing = [source for source, subjects in known.items() if not subjects]
    if missing:
        raise WrongSubjects(f"no subject there has the diaSourceId {_some(missing)}: correct the ids")
    return [subject for subjects in known.values() for subject in subjects]


def _some(values: Iterable[str]) -> str:
    listed = sorted(values)
    more = len(listed) - MOST_NAMED
    return ", ".join(listed[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
