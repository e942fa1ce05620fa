"""Every answer that was met, and what it is called: the task and the number of the answer, with labels beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from zoocut.printing import printable
from zoocut.results.annotations import Answered, Choice
from zoocut.results.classification import Classification
from zoocut.results.workflow import Task, Version, WorkflowTasks

__all__ = ["Answers", "ReducedTask"]

MOST_ANSWERS = 100
"""A task with more different answers is no question where nothing else tells: volunteers type there, and their words
stay theirs."""


@dataclass(frozen=True, slots=True)
class Met:
    """A choice as it was met in an export; without a mark, that none of several answers was chosen."""

    workflow_id: str
    task: str
    version: Version
    mark: str | int | None


@dataclass(slots=True)
class ReducedTask:
    """A task whose answers are counted.

    Parameters
    ----------
    name : str
        Its key.
    question : str
        Its words in the newest version.
    labels : dict of str to str
        For each answer its words in the newest version. An answer's key is its number, from 0; where no version
        of the workflow that is known numbers it, its label, in quotation marks when that is a number.
    """

    name: str
    question: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def unnumbered(self) -> list[str]:
        """The keys that are no numbers."""
        return [key for key in self.labels if not key.isdecimal()]

    def sort(self) -> None:
        """Put the answers in the workflow's order, those without a number last."""
        keys = sorted(self.labels, key=lambda key: (not key.isdecimal(), key.zfill(4), key))
        self.labels = {key: self.labels[key] for key in keys}


class Answers:
    """The answers of an export.

    Parameters
    ----------
    workflows : mapping of str to WorkflowTasks
        What is known of the workflows, by id.
    """

    def __init__(self, workflows: Mapping[str, WorkflowTasks]) -> None:
        self._workflows = workflows
        self._met: dict[Met, int] = {}
        self._said: dict[Met, tuple[str, Choice | None]] = {}
        self._marks: dict[tuple[str, str], set[str | int | None]] = {}
        self._not_reduced: dict[str, Counter[str]] = {}
        self._tasks_at = cache(self._look_up)

    def numbers(self, one: Classification) -> Iterator[int]:
        """Yield the numbers of what a classification answers; equal answers have equal numbers."""
        known = self._tasks_at(one.workflow_id, one.version)
        for answer in one.answers:
            if self._is_reduced(one.workflow_id, answer, known.get(answer.task)):
                for choice in answer.choices or (None,):
                    met = Met(one.workflow_id, answer.task, one.version, choice.mark if choice else None)
                    yield self._met.get(met) or self._new(met, answer, choice)
            else:
                self._not_reduced.setdefault(one.workflow_id, Counter())[answer.task] += 1

    def _look_up(self, workflow_id: str, version: Version) -> Mapping[str, Task]:
        workflow = self._workflows.get(workflow_id)
        return workflow.at(version) if workflow else {}

    def _is_reduced(self, workflow_id: str, answer: Answered, task: Task | None) -> bool:
        chooses = task is None or task.chooses
        return answer.choices is not None and chooses and not self._is_text(workflow_id, answer.task)

    def _is_text(self, workflow_id: str, task: str) -> bool:
        return len(self._marks.get((workflow_id, task), ())) > MOST_ANSWERS

    def _new(self, met: Met, answer: Answered, choice: Choice | None) -> int:
        self._met[met] = number = len(self._met) + 1
        self._said[met] = (answer.question, choice)
        if not answer.listed and met.task not in self._tasks_at(met.workflow_id, met.version):
            self._marks.setdefault((met.workflow_id, met.task), set()).add(met.mark)
        return number

    def keys(self, workflow_id: str) -> Iterator[tuple[int, str, str]]:
        """Yield number, task and answer's key of what was met in a workflow; the key is empty for none chosen."""
        for met, number in self._met.items():
            if met.workflow_id == workflow_id and not self._is_text(workflow_id, met.task):
                yield number, met.task, self._named(met)[0]

    def _named(self, met: Met) -> tuple[str, str]:
        """Return an answer's key and its words."""
        _, choice = self._said[met]
        if choice is None:
            return "", ""
        task = self._tasks_at(met.workflow_id, met.version).get(met.task)
        number = task.number(choice) if task else None
        if task is not None and number is not None:
            return str(number), task.labels[number]
        if isinstance(choice.mark, int):
            return f"answer {choice.mark}", choice.label
        return _key(choice.mark), choice.label or choice.mark

    def tasks(self, workflow_id: str, accepts: Callable[[Version], bool]) -> list[ReducedTask]:
        """List the tasks of a workflow that are counted, and their answers, also those nobody chose.

        Parameters
        ----------
        workflow_id : str
            The workflow.
        accepts : callable
            Tells whether classifications of a version are used.
        """
        met = [one for one in self._met if one.workflow_id == workflow_id and accepts(one.version)]
        met.sort(key=lambda one: one.version)
        found: dict[str, ReducedTask] = {}
        for version in dict.fromkeys(one.version for one in met):
            for name, task in self._tasks_at(workflow_id, version).items():
                self._define(found, name, task)
        for one in met:
            if not self._is_text(workflow_id, one.task):
                self._describe(found, one)
        answered = {one.task for one in met}
        kept = [reduced for name, reduced in sorted(found.items()) if name in answered]
        for reduced in kept:
            reduced.sort()
        return kept

    def _define(self, found: dict[str, ReducedTask], name: str, task: Task) -> None:
        if task.chooses:
            reduced = found.setdefault(name, ReducedTask(name))
            reduced.question = task.question or reduced.question
            reduced.labels |= {str(number): label for number, label in enumerate(task.labels)}

    def _describe(self, found: dict[str, ReducedTask], met: Met) -> None:
        reduced = found.setdefault(met.task, ReducedTask(met.task))
        question, _ = self._said[met]
        key, label = self._named(met)
        reduced.question = question or reduced.question
        if key:
            reduced.labels[key] = label

    def not_reduced(self, workflow_id: str) -> dict[str, str]:
        """Name the tasks that were answered and are not counted, with the reason."""
        other = dict.fromkeys(self._not_reduced.get(workflow_id, ()), "no question and no drop-down list")
        texts = {
            task: f"more than {MOST_ANSWERS} different answers, so taken for texts"
            for number, task in self._marks
            if number == workflow_id and self._is_text(number, task)
        }
        return dict(sorted((other | texts).items()))


def _key(mark: str) -> str:
    """Make of a label a name that columns can have, and that is no answer's number."""
    plain = printable(mark)
    return f'"{plain}"' if plain.isdecimal() else plain
