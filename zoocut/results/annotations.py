"""Answers to question and drop-down tasks, taken from the annotations of a classification.

An export holds the labels of the answers that were chosen; where Panoptes no longer finds the version of the
workflow it leaves their numbers. Both are handed on as they are: `zoocut.results.workflow` tells which answer
they mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Answered", "Choice", "answered"]

MOST_NESTED = 4
"""Combo tasks hold no combo tasks; whoever nests them all the same is not followed for ever."""

CHOOSING = frozenset({"", "single", "multiple", "shortcut", "combo", "dropdown", "dropdown-simple"})
"""Types of tasks whose answers are choices; an export mostly leaves the type out."""

MADE_UP = "(own words)"
"""Stands for what volunteers typed where a drop-down list lets them: their words are not repeated."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen answer.

    Parameters
    ----------
    mark : str or int
        What tells it from the task's other answers: its label or number, or the value of a list's option.
    label : str
        Its words; empty when the export does not hold them.
    """

    mark: str | int
    label: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a classification says to one task.

    Parameters
    ----------
    task : str
        The task's key; for a drop-down task followed by the number of the list, such as `T1.0`.
    question : str
        The words of the task; empty when the export does not hold them.
    choices : tuple of Choice or None
        Empty when several may be chosen and none was; None for what is no choice, such as a drawing.
    listed : bool
        Whether it was chosen from a drop-down list.
    """

    task: str
    question: str
    choices: tuple[Choice, ...] | None
    listed: bool = False


def answered(annotations: Any) -> list[Answered]:
    """Find what was answered; of a task that comes twice the first annotation counts.

    Parameters
    ----------
    annotations : Any
        The cell `annotations`, decoded.

    Raises
    ------
    ValueError
        When it is not made as Panoptes makes annotations.
    """
    if not isinstance(annotations, list):
        raise ValueError("annotations are no list")
    found: dict[str, Answered] = {}
    for answer in _flat(annotations, 0):
        found.setdefault(answer.task, answer)
    return list(found.values())


def _flat(annotations: Sequence[Any], depth: int) -> Iterator[Answered]:
    for annotation in annotations:
        if not isinstance(annotation, dict) or not isinstance(annotation.get("task"), str):
            raise ValueError("an annotation names no task")
        value = annotation.get("value")
        if isinstance(value, list) and any(map(_names_task, value)):
            if depth < MOST_NESTED:
                yield from _flat([part for part in value if _names_task(part)], depth + 1)
        else:
            yield from _of_task(annotation, value)


def _names_task(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("task"), str) and "value" in part


def _of_task(annotation: Mapping[str, Any], value: Any) -> Iterator[Answered]:
    task, question = annotation["task"], _text(annotation.get("task_label"))
    parts = value if isinstance(value, list) else [] if value in (None, "") else [value]
    if (annotation.get("taskType") or annotation.get("task_type") or "") not in CHOOSING:
        yield Answered(task, question, None)
    elif all(map(_is_choice, parts)):
        if parts or isinstance(value, list):
            yield Answered(task, question, tuple(_choice(part) for part in dict.fromkeys(parts)))
    elif all(map(_is_of_list, parts)):
        yield from _of_lists(task, question, parts)
    else:
        yield Answered(task, question, None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_choice(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _choice(value: str | int) -> Choice:
    return Choice(value, _text(value))


def _is_of_list(part: Any) -> bool:
    """Whether it says what was chosen from a list of a drop-down task; drawings and surveys say otherwise."""
    return isinstance(part, dict) and any(name in part for name in ("select_label", "option", "selection"))


def _of_lists(task: str, question: str, lists: Sequence[Mapping[str, Any]]) -> Iterator[Answered]:
    for number, chosen in enumerate(lists):
        mark = chosen.get("value", chosen.get("selection"))
        if _is_choice(mark) and mark != "":
            words = " / ".join(filter(None, (question, _text(chosen.get("select_label")))))
            own = chosen.get("option") is False
            choice = Choice(MADE_UP, MADE_UP) if own else Choice(mark, _text(chosen.get("label")))
            yield Answered(f"{task}.{number}", words, (choice,), listed=True)
