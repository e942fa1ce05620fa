"""What looking after subject sets asks of Panoptes beyond uploading: workflows, statuses, changes of sets.

The server checks no precondition when a set is changed, so a change is read back, from a document whose
`updated_at` the change itself has moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from zoocut.zooniverse.api import PAGE_SIZE, Document
from zoocut.zooniverse.lists import Kept
from zoocut.zooniverse.panoptes import Project, RetryingPanoptes, Subject, SubjectSet
from zoocut.zooniverse.request_errors import Refused, malformed_is_doubtful

__all__ = ["SetAdmin", "SetDetails", "Status", "Workflow"]


@dataclass(frozen=True, slots=True)
class SetDetails:
    """A subject set with what it takes part in.

    Parameters
    ----------
    subject_set : SubjectSet
        Its id, name, project and metadata.
    workflow_ids : tuple of str
        The workflows that serve it.
    completeness : mapping of str to float
        The share of its subjects that is retired, 0 to 1, by workflow id; empty until one was.
    """

    subject_set: SubjectSet
    workflow_ids: tuple[str, ...]
    completeness: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow.

    Parameters
    ----------
    workflow_id, name, project_id : str
        Its id, display name and project.
    active : bool
        Whether volunteers meet it.
    set_ids : tuple of str
        The subject sets it serves.
    tasks : mapping
        Its tasks by key, as the server holds them.
    configuration : mapping
        What it asks of Zooniverse's site, such as a viewer.
    prioritized : bool
        Whether it serves subjects by their priority.
    """

    workflow_id: str
    name: str
    project_id: str
    active: bool
    set_ids: tuple[str, ...]
    tasks: Mapping[str, Any]
    configuration: Mapping[str, Any] = field(default_factory=dict)
    prioritized: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Where a subject stands in a workflow.

    Parameters
    ----------
    subject_id, workflow_id : str
        Of which.
    classifications : int
        How many it has.
    retired : bool
        Whether it is served no more.
    """

    subject_id: str
    workflow_id: str
    classifications: int
    retired: bool


class SetAdmin:
    """What those ask of a Panoptes server who look after its sets.

    Parameters
    ----------
    panoptes : RetryingPanoptes
        The server, for what uploading asks of it too.
    """

    def __init__(self, panoptes: RetryingPanoptes) -> None:
        self.panoptes = panoptes
        self._api = panoptes.api

    def sets_of(self, project: Project) -> Iterator[SetDetails]:
        """List the sets of a project by id."""
        pages = self._api.pages("/subject_sets", "subject_sets", {"project_id": project.project_id})
        return map(_details, pages)

    def details(self, set_id: str) -> SetDetails:
        """Read one set.

        Raises
        ------
        Refused
            With status 404 when it does not exist or is not this account's to see.
        """
        return _details(self._api.one(f"/subject_sets/{set_id}", "subject_sets"))

    def count_subjects(self, set_id: str) -> int:
        """Count the subjects of a set by listing: the set's own counter is minutes behind."""
        return self.panoptes.count_subjects(set_id)

    def of_subjects(self, project: Project, keep: Callable[[Subject], Kept | None]) -> Iterable[Kept]:
        """List what is to be kept of a project's subjects, by their ids."""
        return self.panoptes.listed({"project_id": project.project_id}, keep).kept.values()

    def workflows(self, project: Project) -> list[Workflow]:
        """List the workflows of a project by id."""
        params = {"project_id": project.project_id}
        return [_workflow(document) for document in self._api.pages("/workflows", "workflows", params)]

    def workflow(self, workflow_id: str) -> Workflow:
        """Read one workflow.

        Raises
        ------
        Refused
            With status 404 when it does not exist or is not this account's to see.
        """
        return _workflow(self._api.one(f"/workflows/{workflow_id}", "workflows"))

    def statuses(self, workflow_id: str, subject_ids: Sequence[str]) -> Iterator[Status]:
        """Return where subjects stand in a workflow; those that it never met are left out."""
        for batch in _batches(subject_ids):
            params = {"workflow_id": workflow_id, "subject_ids": ",".join(batch), "page_size": str(PAGE_SIZE)}
            for document in self._api.page("/subject_workflow_statuses", "subject_workflow_statuses", params):
                yield _status(document)

    def of_project(self, project: Project, subject_ids: Sequence[str]) -> set[str]:
        """Return which subjects are a project's own."""
        found: set[str] = set()
        for batch in _batches(subject_ids):
            params = {"ids": ",".join(batch), "project_id": project.project_id, "page_size": str(PAGE_SIZE)}
            found |= {str(one["id"]) for one in self._api.page("/subjects", "subjects", params)}
        return found

    def collected(self, subject_ids: Sequence[str]) -> set[str]:
        """Return which subjects are in a collection that this account may see."""
        found: set[str] = set()
        for batch in _batches(subject_ids):
            params = {"ids": ",".join(batch), "page_size": str(PAGE_SIZE)}
            documents = self._api.page("/subjects", "subjects", params)
            found |= {str(one["id"]) for one in documents if one.get("links", {}).get("collections")}
        return found

    def rename(self, set_id: str, name: str) -> None:
        """Give a set another name.

        Raises
        ------
        Refused
            With status 400 when the name is taken.
        """
        body = {"subject_sets": {"display_name": name}}
        self._api.repeatable("PUT", f"/subject_sets/{set_id}", body=body)

    def serve(self, workflow_id: str, set_id: str) -> None:
        """Let a workflow serve a set of its own project that it does not serve yet.

        Raises
        ------
        Refused
            With status 400 when it serves it already.
        """
        body = {"subject_sets": [set_id]}
        self._api.unrepeatable("POST", f"/workflows/{workflow_id}/links/subject_sets", body)

    def stop_serving(self, workflow_id: str, set_id: str) -> None:
        """Let a workflow serve a set no more; one that it does not serve is fine."""
        self._delete(f"/workflows/{workflow_id}/links/subject_sets/{set_id}")

    def unlink(self, set_id: str, subject_ids: Sequence[str]) -> None:
        """Take subjects out of a set; those that are not in it are passed over, none is deleted."""
        for batch in _batches(subject_ids):
            self._delete(f"/subject_sets/{set_id}/links/subjects/{','.join(batch)}")

    def delete_set(self, set_id: str) -> None:
        """Delete a set; one that is gone already is fine."""
        try:
            etag = self._api.repeatable("GET", f"/subject_sets/{set_id}").etag
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            raise
        self._delete(f"/subject_sets/{set_id}", etag)

    def set_priority(self, member_id: str, priority: float) -> None:
        """Serve a membership's subject by another priority.

        Raises
        ------
        Refused
            With status 404 when it is gone or not this account's to change.
        """
        body = {"set_member_subjects": {"priority": priority}}
        self._api.repeatable("PUT", f"/set_member_subjects/{member_id}", body=body)

    def replace_metadata(self, subject: Subject, metadata: Mapping[str, Any]) -> None:
        """Replace all metadata of a subject as it was read, images untouched.

        Raises
        ------
        Refused
            With status 412 when it was changed since.
        """
        body = {"subjects": {"metadata": dict(metadata)}}
        self._api.repeatable("PUT", f"/subjects/{subject.subject_id}", body=body, etag=subject.etag)

    def _delete(self, path: str, etag: str | None = None) -> None:
        try:
            self._api.repeatable("DELETE", path, etag=etag)
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise


def _batches(subject_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (subject_ids[at : at + PAGE_SIZE] for at in range(0, len(subject_ids), PAGE_SIZE))


@malformed_is_doubtful("a set")
def _details(document: Document) -> SetDetails:
    links = document["links"]
    return SetDetails(
        SubjectSet(
            str(document["id"]),
            str(document["display_name"]),
            str(links["project"]),
            document.get("metadata") or {},
            str(document.get("created_at") or ""),
        ),
        tuple(str(number) for number in links.get("workflows") or ()),
        {str(key): float(share) for key, share in (document.get("completeness") or {}).items()},
    )


@malformed_is_doubtful("a workflow")
def _workflow(document: Document) -> Workflow:
    links = document["links"]
    return Workflow(
        str(document["id"]),
        str(document["display_name"]),
        str(links["project"]),
        bool(document.get("active")),
        tuple(str(number) for number in links.get("subject_sets") or ()),
        document.get("tasks") or {},
        document.get("configuration") or {},
        bool(document.get("prioritized")),
    )


@malformed_is_doubtful("a subject's status")
def _status(document: Document) -> Status:
    links = document["links"]
    return Status(
        str(links["subject"]),
        str(links["workflow"]),
        int(document.get("classifications_count") or 0),
        document.get("retired_at") is not None,
    )
