"""The exports that panoptes_aggregation and zoocut both count: made by chance from a seed, the same everywhere."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panoptes_exports import Row

__all__ = ["CASES", "Case"]

LABELS = ("Real", "Bogus", "Cannot tell")
SUBJECTS = range(9001, 9013)
ODD_LABELS = ("Não é real!", "Yes, 100 % – sure", "日食", "  spaces  around ", "<b>bold</b> & so on", "42")


class Case:
    """An export to be counted.

    Parameters
    ----------
    rows : callable
        Makes its rows, given chance.
    questions : tuple of str
        Its question tasks.
    version : str
        The version of the workflow that counts, as panoptes_aggregation takes it: `12.0` is all of 12.
    """

    def __init__(
        self, rows: Callable[[random.Random], Iterator[Row]], *questions: str, version: str = "12.0"
    ) -> None:
        self._rows = rows
        self.questions = questions
        self.version = version

    def rows(self) -> list[Row]:
        made = list(self._rows(random.Random(self._rows.__name__)))
        for number, row in enumerate(made):
            row.number, row.source = 500_000_000 + number, str(row.subject)
            row.created_at = (
                f"2026-08-{1 + number // 1440 % 28:02d} {number // 60 % 24:02d}:{number % 60:02d}:00 UTC"
            )
        return made


def asked(task: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"task": task, "task_label": f"Question {task}?", "value": value, **more}


def user(chance: random.Random) -> str | None:
    return chance.choice([None, *(f"user{number}" for number in range(40))])


def plain(chance: random.Random) -> Iterator[Row]:
    for _ in range(300):
        yield Row(chance.choice(SUBJECTS), chance.choice(LABELS), user(chance))


def repeated_users(chance: random.Random) -> Iterator[Row]:
    for _ in range(200):
        yield Row(chance.choice(SUBJECTS[:3]), chance.choice(LABELS), chance.choice(["one", "two", None]))


def several_answers(chance: random.Random) -> Iterator[Row]:
    for _ in range(200):
        chosen = chance.sample(LABELS, chance.randrange(4))
        yield Row(chance.choice(SUBJECTS), [*chosen, *chosen[:1]], user(chance))


def missing_tasks(chance: random.Random) -> Iterator[Row]:
    for _ in range(300):
        annotations = [
            asked("T0", chance.choice(LABELS)),
            *([asked("T1", chance.choice(["One", "Two"]))] * chance.randrange(2)),
            *([asked("T7", chance.sample(["Spike", "Trail"], 2))] * chance.randrange(2)),
        ]
        chance.shuffle(annotations)
        yield Row(chance.choice(SUBJECTS), user=user(chance), annotations=annotations[chance.randrange(2) :])


def versions(chance: random.Random) -> Iterator[Row]:
    for _ in range(300):
        version = chance.choice(["12.1", "12.10", "12.100", "11.99", "9.12", "2.5", "120.3"])
        yield Row(chance.choice(SUBJECTS), chance.choice(LABELS), user(chance), version=version)


def one_version(chance: random.Random) -> Iterator[Row]:
    yield from versions(chance)


def other_workflows(chance: random.Random) -> Iterator[Row]:
    for _ in range(200):
        workflow = chance.choice([("77", "Real or bogus?"), ("78", "Another"), ("7", "Real or bogus?")])
        yield Row(chance.choice(SUBJECTS), chance.choice(LABELS), user(chance), workflow=workflow)


def odd_json(chance: random.Random) -> Iterator[Row]:
    for _ in range(300):
        other = chance.choice(
            [
                [asked("T2", [{"x": 1.5, "y": 2e-7, "tool": 0, "details": [{"value": None}]}])],
                [asked("T3", 'a "quoted", text\nof two lines with , ; and \\u0041')],
                [{"task": "T4", "value": {"a": [1, {"b": None}]}}],
                [{"task": "T5", "value": [{"choice": "LION", "answers": {}, "filters": {}}], "more": []}],
                [],
            ]
        )
        first = asked("T0", chance.choice(ODD_LABELS), markIndex=None, taskType="single")
        yield Row(
            chance.choice(SUBJECTS),
            user=user(chance),
            annotations=[first, *other] if chance.random() < 0.5 else [*other, first],
            metadata={"odd": {"nested": [None, 1e300, "\u2028"]}},
            subject_metadata={"#note": 'quotes " and , commas', "list": [1, 2], "retired": None},
        )


CASES = {
    "plain": Case(plain, "T0"),
    "repeated_users": Case(repeated_users, "T0"),
    "several_answers": Case(several_answers, "T0"),
    "missing_tasks": Case(missing_tasks, "T0", "T1", "T7"),
    "versions": Case(versions, "T0"),
    "one_version": Case(one_version, "T0", version="12.10"),
    "other_workflows": Case(other_workflows, "T0"),
    "odd_json": Case(odd_json, "T0"),
}
