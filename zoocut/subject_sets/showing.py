"""What the sets of a project hold and how far volunteers have come with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoocut.notebook import data_frame, html_table
from zoocut.subject_sets.local import LocalRun
from zoocut.zooniverse.panoptes import Project, Subject
from zoocut.zooniverse.set_admin import SetAdmin, SetDetails

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Line", "Member", "SetList", "WorkflowShare", "describe", "list_members", "list_sets"]


@dataclass(frozen=True, slots=True)
class WorkflowShare:
    """A workflow that serves a set.

    Parameters
    ----------
    workflow_id, name : str
        The workflow.
    active : bool
        Whether volunteers meet it.
    completeness : float or None
        The share of the set's subjects that it has retired; None while the server has not counted.
    """

    workflow_id: str
    name: str
    active: bool
    completeness: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A set in a list of sets.

    Parameters
    ----------
    set_id, name, project_id : str
        The set.
    subjects : int
        Its subjects, counted by listing.
    workflows : tuple of WorkflowShare
        What serves it.
    run : str
        The local run that was uploaded to it; empty when none is found.
    metadata : mapping
        What is noted about it.
    """

    set_id: str
    name: str
    project_id: str
    subjects: int
    workflows: tuple[WorkflowShare, ...]
    run: str
    metadata: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut sets list --json`."""
        return {
            "id": self.set_id,
            "display_name": self.name,
            "project": self.project_id,
            "subjects": self.subjects,
            "workflows": [
                {
                    "id": w.workflow_id,
                    "display_name": w.name,
                    "active": w.active,
                    "completeness": w.completeness,
                }
                for w in self.workflows
            ],
            "run": self.run or None,
            "metadata": dict(self.metadata),
        }

    def to_row(self) -> dict[str, Any]:
        """Return it as one row of a table."""
        return {
            "id": self.set_id,
            "name": self.name,
            "subjects": self.subjects,
            "workflows": "; ".join(
                f"{one.name} ({one.workflow_id}{'' if one.active else ', inactive'})"
                for one in self.workflows
            ),
            "complete": "; ".join(
                "?" if w.completeness is None else f"{w.completeness:.0%}" for w in self.workflows
            ),
            "run": self.run,
        }


@dataclass(frozen=True, slots=True)
class SetList:
    """The sets of a project.

    Parameters
    ----------
    project : str
        As owner/name.
    lines : tuple of Line
        The sets, by id.
    """

    project: str
    lines: tuple[Line, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut sets list --json`."""
        return {"version": 1, "sets": [line.to_dict() for line in self.lines]}

    def to_pandas(self) -> pd.DataFrame:
        """Return the sets as a data frame, one a row."""
        return data_frame(line.to_row() for line in self.lines)

    def _repr_html_(self) -> str:
        return html_table(f"{self.project}: {len(self.lines)} sets", [line.to_row() for line in self.lines])


@dataclass(frozen=True, slots=True)
class Member:
    """A subject of a set.

    Parameters
    ----------
    subject_id, dia_source_id : str
        The subject, and the source it shows; empty when it does not tell.
    """

    subject_id: str
    dia_source_id: str


def list_members(admin: SetAdmin, set_id: str) -> Iterator[Member]:
    """Yield the subjects of a set by id, whichever tool made them."""
    return iter(admin.panoptes.of_members(set_id, _member))


def _member(subject: Subject) -> Member:
    told = subject.dia_source_id
    # what another tool calls its subject by is no source, unless it is a number
    is_source = bool(subject.key) or (told.isascii() and told.isdecimal())
    return Member(subject.subject_id, told if is_source else "")


def list_sets(admin: SetAdmin, project: Project, runs: Mapping[str, LocalRun]) -> Iterator[Line]:
    """Yield every set of a project by id."""
    workflows = {one.workflow_id: one for one in admin.workflows(project)}
    for details in admin.sets_of(project):
        shares = tuple(
            WorkflowShare(number, workflows[number].name, workflows[number].active, share)
            for number, share in _shares(details).items()
            if number in workflows
        )
        yield _line(admin, details, shares, runs)


def describe(admin: SetAdmin, details: SetDetails, runs: Mapping[str, LocalRun]) -> Line:
    """Return what is known about one set."""
    served = {number: admin.workflow(number) for number in details.workflow_ids}
    shares = tuple(
        WorkflowShare(number, served[number].name, served[number].active, share)
        for number, share in _shares(details).items()
    )
    return _line(admin, details, shares, runs)


def _shares(details: SetDetails) -> dict[str, float | None]:
    return {number: details.completeness.get(number) for number in details.workflow_ids}


def _line(
    admin: SetAdmin, details: SetDetails, shares: tuple[WorkflowShare, ...], runs: Mapping[str, LocalRun]
) -> Line:
    found = details.subject_set
    run = runs.get(found.set_id)
    return Line(
        found.set_id,
        found.name,
        found.project_id,
        admin.count_subjects(found.set_id),
        shares,
        "" if run is None else str(run.path),
        found.metadata,
    )
