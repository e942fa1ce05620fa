"""Which answer of a workflow's task a label or number means, in each version of the workflow.

Labels change with every correction of a text; the number of an answer stays. An export's labels are those of
the version that Panoptes finds for a classification, so the same version is looked up here.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoocut.error_kinds import BadExport
from zoocut.results.annotations import MADE_UP, Choice

__all__ = ["Task", "Version", "WorkflowTasks", "read_workflow_export"]

Version = tuple[int, int]
"""Major and minor: the first counts changes of tasks, the second changes of texts."""

QUESTIONS = frozenset({"single", "multiple", "shortcut"})


@dataclass(frozen=True, slots=True)
class Task:
    """A task, or one list of a drop-down task.

    Parameters
    ----------
    kind : str
        Panoptes' word for it, such as `single`.
    question : str
        Its words.
    labels : tuple of str
        Of its answers, in order.
    marks : tuple of str
        What an export tells the answers apart by: the labels, or the values of a list's options.
    """

    kind: str
    question: str
    labels: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def chooses(self) -> bool:
        """Whether its answers are choices."""
        return self.kind in QUESTIONS or self.kind.startswith("dropdown")

    def number(self, choice: Choice) -> int | None:
        """Return which answer a choice is; None when it is none of them, or could be several."""
        if isinstance(choice.mark, int):
            return choice.mark if 0 <= choice.mark < len(self.marks) else None
        found = [number for number, mark in enumerate(self.marks) if mark == choice.mark]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class WorkflowTasks:
    """The tasks of a workflow in the versions that are known.

    Parameters
    ----------
    workflow_id : str
        The workflow.
    versions : mapping of (int, int) to mapping of str to Task
        For each version its tasks by key.
    """

    workflow_id: str
    versions: Mapping[Version, Mapping[str, Task]] = field(repr=False)

    def at(self, version: Version) -> Mapping[str, Task]:
        """Return the tasks of a version; of one that is not known, those that Panoptes takes in its place.

        Panoptes takes the first version that is not older in either number, else the last one of all
        (`ClassificationDumpCache.find_workflow_at_version`).
        """
        known = sorted(self.versions)
        later = [one for one in known if one[0] >= version[0] and one[1] >= version[1]]
        return self.versions[(later or known[-1:])[0]] if known else {}


def tasks_of(definitions: Mapping[str, Any], strings: Mapping[str, Any]) -> dict[str, Task]:
    """Read the tasks of one version.

    Parameters
    ----------
    definitions : mapping
        As Panoptes holds them, by key.
    strings : mapping
        The texts that labels stand for; empty where they are in their places.
    """
    found: dict[str, Task] = {}
    for key, definition in definitions.items():
        kind = str(definition.get("type", ""))
        words = _words(definition.get("question") or definition.get("instruction"), strings)
        if kind.startswith("dropdown"):
            found |= _lists(key, kind, definition, words, strings)
        else:
            labels = tuple(_words(one.get("label"), strings) for one in definition.get("answers") or ())
            found[key] = Task(kind, words, labels, labels)
    return found


def _lists(
    key: str, kind: str, definition: Mapping[str, Any], words: str, strings: Mapping[str, Any]
) -> dict[str, Task]:
    found = {}
    for number, one in enumerate(definition.get("selects") or ()):
        options = [option for group in (one.get("options") or {}).values() for option in group]
        labels = (*(_words(option.get("label"), strings) for option in options), MADE_UP)
        marks = (*(str(option.get("value")) for option in options), MADE_UP)
        heading = " / ".join(filter(None, (words, _words(one.get("title"), strings))))
        found[f"{key}.{number}"] = Task(kind, heading, labels, marks)
    return found


def _words(text: Any, strings: Mapping[str, Any]) -> str:
    return str(strings.get(text, text)) if isinstance(text, str) else ""


def workflow_tasks(workflow_id: str, documents: Iterable[Mapping[str, Any]]) -> WorkflowTasks:
    """Read a workflow's versions as the server gives them.

    Parameters
    ----------
    workflow_id : str
        The workflow.
    documents : iterable of mapping
        `major_number`, `minor_number`, `tasks` and `strings` of each version.

    Raises
    ------
    ValueError, TypeError, AttributeError, KeyError
        When a document is not made as Panoptes makes them.
    """
    return WorkflowTasks(
        workflow_id,
        {
            (int(one["major_number"]), int(one["minor_number"])): tasks_of(one["tasks"], one["strings"] or {})
            for one in documents
        },
    )


def read_workflow_export(path: Path) -> dict[str, WorkflowTasks]:
    """Read a project's workflow export: every version of every workflow.

    Parameters
    ----------
    path : Path
        The CSV that Zooniverse makes.

    Returns
    -------
    dict of str to WorkflowTasks
        By workflow id.

    Raises
    ------
    InputError
        When it is not one.
    """
    csv.field_size_limit(2**31 - 1)
    documents: dict[str, list[Mapping[str, Any]]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                documents.setdefault(row["workflow_id"], []).append(_version(row))
        if not documents:
            raise ValueError("it has no rows")
        return {number: workflow_tasks(number, versions) for number, versions in documents.items()}
    except (OSError, csv.Error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadExport(
            f"{path} cannot be read as a workflow export ({type(error).__name__}: {error}): ask Zooniverse for "
            "the project's workflow export"
        ) from error


def _version(row: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "major_number": row["version"],
        "minor_number": row["minor_version"],
        "tasks": json.loads(row["tasks"]),
        "strings": json.loads(row["strings"] or "{}"),
    }
