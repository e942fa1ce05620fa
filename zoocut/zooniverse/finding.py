"""Names and ids to the things they mean: a number may be either, `id:N` is always an id.

What could be two things is refused with both, and a set's name is held to one rule wherever one is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from zoocut.error_kinds import DestinationMissing, NameTaken, NotFoundThere, OtherProject, SeveralMeant
from zoocut.zooniverse.panoptes import Project, RetryingPanoptes, SubjectSet
from zoocut.zooniverse.request_errors import Refused

__all__ = ["ID", "find_set", "is_number", "means", "number_of", "require_new_name", "set_name_problem"]

ID = "id:"
"""Before a number it says that an id is meant, where something may have a number for a name."""

LONGEST_NAME = 255
"""What the server's column holds."""


def is_number(text: str) -> bool:
    """Return whether a text can be an id."""
    return text.isascii() and text.isdecimal()


def number_of(reference: str) -> str | None:
    """Return the id that a reference may mean; None when it can only be a name."""
    number = reference.removeprefix(ID)
    return number if is_number(number) else None


def means(reference: str, number: str, name: str) -> bool:
    """Return whether a reference may mean the thing with this id and name."""
    if reference.startswith(ID):
        return number_of(reference) == number
    return reference == name or number_of(reference) == number


def set_name_problem(name: str) -> str | None:
    """Return why a text cannot name a new subject set, and what to do; None when it can."""
    if not name or name != name.strip():
        return "give it a name without blanks at the ends"
    if len(name) > LONGEST_NAME:
        return f"it has {len(name)} characters and Zooniverse takes {LONGEST_NAME}: give a shorter one"
    if "," in name or not name.isprintable():
        return "leave out commas and line breaks, by which Zooniverse could not find it again"
    if number_of(name) is not None or name.startswith(ID):
        return "it would be taken for an id: put a word into it"
    return None


def require_new_name(name: str) -> None:
    """Refuse a text that cannot name a new subject set.

    Raises
    ------
    ConfigError
        With what to change.
    """
    problem = set_name_problem(name)
    if problem is not None:
        raise NameTaken(f"{name!r} cannot be a new set's name: {problem}")


def find_set(panoptes: RetryingPanoptes, project: Project | None, reference: str) -> SubjectSet | None:
    """Find a subject set by its name or id.

    Parameters
    ----------
    panoptes : RetryingPanoptes
        The server.
    project : Project or None
        Whose set it has to be; None where only an id can tell.
    reference : str
        A name, a number or `id:` and a number.

    Returns
    -------
    SubjectSet or None
        None when no set bears this name, which then is one that a new set could be given.

    Raises
    ------
    ConfigError
        When several sets are meant, or a name comes without its project.
    NotPermitted
        When an id was given that no set of the project has.
    """
    number = number_of(reference)
    by_id = _set_by_id(panoptes, number) if number is not None else None
    if reference.startswith(ID) or project is None:
        return _only_by_id(by_id, project, reference)
    named = panoptes.subject_sets(project, reference)
    own = [by_id] if by_id is not None and by_id.project_id == project.project_id else []
    found = {one.set_id: one for one in [*own, *named]}
    if len(found) > 1:
        raise SeveralMeant(
            f"{reference!r} could be {len(found)} subject sets ({_listed(found.values())}): give the id"
        )
    if found:
        return found.popitem()[1]
    return None if number is None else _only_by_id(by_id, project, reference)


def _set_by_id(panoptes: RetryingPanoptes, number: str) -> SubjectSet | None:
    try:
        return panoptes.subject_set(number)
    except Refused as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise


def _only_by_id(found: SubjectSet | None, project: Project | None, reference: str) -> SubjectSet:
    if found is None and number_of(reference) is None:
        raise DestinationMissing(
            f"a subject set's name such as {reference!r} needs its project: add --project"
        )
    if found is None:
        raise NotFoundThere(
            f"there is no subject set {reference!r} that this account may see: `zoocut sets list --project OWNER/NAME` "
            "shows those of a project; a new one needs a name with a word in it"
        )
    if project is not None and found.project_id != project.project_id:
        raise OtherProject(
            f"subject set {found.set_id} belongs to project {found.project_id}, not to {project.slug} (project "
            f"{project.project_id}): name its own project"
        )
    return found


def _listed(found: Iterable[SubjectSet]) -> str:
    return "; ".join(f"{ID}{one.set_id} is {one.name!r}" for one in found)
