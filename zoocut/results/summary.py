"""What came of counting an export: the numbers that a person, a program and the file's header are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoocut.results.answers import ReducedTask
from zoocut.results.rules import VersionRule
from zoocut.results.votes import Confused

__all__ = ["Broken", "Summary"]

NOT_WRITTEN = Path()


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows of an export that cannot be read.

    Parameters
    ----------
    reasons : mapping of str to int
        How many, by reason.
    lines : sequence of int
        The lines that the first of them end on.
    """

    reasons: Mapping[str, int]
    lines: Sequence[int]


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of it.

    Parameters
    ----------
    used : int
        How many classifications count.
    left_out : mapping of str to int
        How many do not, by reason; those that cannot be read are among them.
    broken : Broken
        Those that cannot be read.
    workflow_id, workflow_name : str
        The workflow.
    versions : mapping of str to int
        How many classifications of the runs each version of it has.
    version : VersionRule
        Which of them count.
    tasks : sequence of ReducedTask
        The tasks that are counted.
    not_reduced : mapping of str to str
        Those that are not, and why.
    anonymous, after_retirement : int
        How many of the used ones were made without sign-in, or after the subject was retired.
    confusion : sequence of Confused
        How volunteers answered where the right answer is known.
    per_day : mapping of str to int
        The used classifications of each day, in UTC.
    withdrawn : int
        How many subjects were taken out of the workflow with their set before they were retired.
    path : Path
        The results' file, once it is written.
    rows : int
        How many rows it has.
    """

    used: int
    left_out: Mapping[str, int]
    broken: Broken
    workflow_id: str
    workflow_name: str
    versions: Mapping[str, int]
    version: VersionRule
    tasks: Sequence[ReducedTask]
    not_reduced: Mapping[str, str]
    anonymous: int
    after_retirement: int
    confusion: Sequence[Confused]
    per_day: Mapping[str, int]
    withdrawn: int = 0
    path: Path = NOT_WRITTEN
    rows: int = 0

    @property
    def read(self) -> int:
        """How many classifications the export has: those used and those left out."""
        return self.used + sum(self.left_out.values())

    def document(self) -> dict[str, Any]:
        """Return the summary for JSON."""
        return {
            "workflow": {"id": self.workflow_id, "name": self.workflow_name, "versions": dict(self.versions)},
            "workflow_version": self.version.words,
            "classifications": {
                "read": self.read,
                "used": self.used,
                "left_out": dict(self.left_out),
                "anonymous": self.anonymous,
                "after_retirement": self.after_retirement,
            },
            "withdrawn": self.withdrawn,
            "tasks": {task.name: {"question": task.question, "answers": task.labels} for task in self.tasks},
            "not_reduced": dict(self.not_reduced),
        }

    def confusion_document(self) -> list[dict[str, Any]]:
        """Return the confusion matrix for JSON, a cell a line."""
        return [
            {"basis": one.basis, "task": one.task, "right": one.right, "given": one.given, "votes": one.votes}
            for one in self.confusion
        ]
