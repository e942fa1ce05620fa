"""What an export may be instead of a whole one, and odd answers inside whole ones."""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panoptes_exports import COLUMNS, Row, write_export

from zoocut.errors import InputError
from zoocut.results.annotations import MADE_UP, Answered, Choice, answered
from zoocut.results.export_file import ExportFile
from zoocut.results.workflow import Version, WorkflowTasks, read_workflow_export, workflow_tasks


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """The bytes of an export of three rows."""
    return write_export(tmp_path / "whole.csv", [Row(9001), Row(9002), Row(9003)]).read_bytes()


def lines(path: Path) -> list[int]:
    return [row.line for row in ExportFile(path).rows()]


NOT_EXPORTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda whole: b"", "is empty"),
    "blank lines": (lambda whole: b"\n\n", "is empty"),
    "XML error of the store": (
        lambda whole: b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code></Error>",
        "answer of a server.*AuthenticationFailed",
    ),
    "page of a proxy": (lambda whole: b"\n<!DOCTYPE html><title>502</title>", "answer of a server.*502"),
    "JSON error of the API": (
        lambda whole: b'{"errors":[{"message":"Not Found"}]}',
        "answer of a server.*Not Found",
    ),
    "ZIP": (lambda whole: b"PK\x03\x04rest", "ZIP archive"),
    "UTF-16": (lambda whole: whole.decode().encode("utf-16"), "UTF-16"),
    "semicolons": (lambda whole: whole.replace(b",", b";"), "another separator than commas"),
    "subject export": (lambda whole: b"subject_id,project_id,locations\n1,2,{}\n", "is a subject export"),
    "workflow export": (lambda whole: b"workflow_id,tasks,strings\n1,{},{}\n", "is a workflow export"),
    "reductions": (lambda whole: b"subject_id,task,reducer\n1,T0,q\n", "table of panoptes_aggregation"),
    "another table": (lambda whole: b"a,b\n1,2\n", "lacks classification_id"),
    "cut in a row": (lambda whole: whole[:-150], "cut off"),
    "cut in the last id": (lambda whole: whole[:-2], "cut off"),
    "cut in quotes at a line's end": (lambda whole: whole[:-150] + b"\n", "cut off"),
    "cut after the header's first half": (lambda whole: whole[:40], "lacks"),
    "gzip that is cut": (lambda whole: gzip.compress(whole)[:-12], "cut off or damaged"),
    "gzip that is damaged": (lambda whole: gzip.compress(whole)[:60] + b"\0" * 40, "cut off or damaged"),
    "gzip of an XML error": (
        lambda whole: gzip.compress(b"<?xml version='1.0'?><Error/>"),
        "answer of a server",
    ),
}


@pytest.mark.parametrize("name", NOT_EXPORTS)
def test_what_is_no_whole_export(tmp_path: Path, whole: bytes, name: str) -> None:
    change, message = NOT_EXPORTS[name]
    path = tmp_path / "classifications.csv"
    path.write_bytes(change(whole))
    with pytest.raises(InputError, match=message) as told:
        lines(path)
    assert str(path) in str(told.value)


def test_every_length_but_the_whole_one_is_refused_or_ends_with_a_row(tmp_path: Path, whole: bytes) -> None:
    """A cut at the end of a row leaves a whole export: nothing in the file could tell."""
    path = tmp_path / "classifications.csv"
    ends = {len("".join(whole.decode().splitlines(keepends=True)[:n])) for n in range(1, 5)}
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        if length in ends:
            lines(path)
        else:
            with pytest.raises(InputError):
                lines(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="give the file of a classification export"):
            lines(path)


@pytest.mark.parametrize(
    "change",
    [gzip.compress, lambda whole: b"\xef\xbb\xbf" + whole, lambda whole: whole.replace(b"\n", b"\r\n")],
    ids=["gzip", "byte-order mark", "Windows' line ends"],
)
def test_whole_exports_in_other_clothes(
    tmp_path: Path, whole: bytes, change: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "classifications.csv"
    path.write_bytes(change(whole))
    rows = list(ExportFile(path).rows())
    assert [row.cells and row.cells["subject_ids"] for row in rows] == ["9001", "9002", "9003"]


def test_a_row_with_another_number_of_cells_is_told_by_its_line(tmp_path: Path) -> None:
    path = write_export(tmp_path / "c.csv", [Row(9001)])
    with path.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["a"] * (len(COLUMNS) + 1), Row(9002).written()])
    assert [(row.line, row.cells is None) for row in ExportFile(path).rows()] == [
        (2, False),
        (3, True),
        (4, False),
    ]


def question(value: Any, task: str = "T0", **more: Any) -> dict[str, Any]:
    return {"task": task, "task_label": "Is it real?", "value": value, **more}


def found(*annotations: Any) -> dict[str, list[str | int] | None]:
    return {
        one.task: None if one.choices is None else [choice.mark for choice in one.choices]
        for one in answered(list(annotations))
    }


def test_questions() -> None:
    assert found(question("Yes"), question(["A", "B", "A"], "T1"), question([], "T2")) == {
        "T0": ["Yes"],
        "T1": ["A", "B"],
        "T2": [],
    }
    assert found(question(None), question("", "T1")) == {}
    assert found({"task": "T0", "value": 1}, {"task": "T1", "value": [0, 2]}) == {"T0": [1], "T1": [0, 2]}


def test_combo_tasks_hold_their_answers() -> None:
    combo = {"task": "T9", "task_label": None, "value": [question("Yes"), question(["A"], "T1")]}
    assert found(combo) == {"T0": ["Yes"], "T1": ["A"]}
    nested: Any = question("Yes")
    for _ in range(50):
        nested = {"task": "T9", "value": [nested]}
    assert found(nested) == {}


def test_drop_down_lists() -> None:
    first = {"select_label": "Kind", "option": True, "value": "3fa", "label": "Supernova"}
    own = {"select_label": "Other", "option": False, "value": "my own words"}
    assert answered([{"task": "T3", "value": [first, {"select_label": "None chosen"}, own]}]) == [
        Answered("T3.0", "Kind", (Choice("3fa", "Supernova"),), listed=True),
        Answered("T3.2", "Other", (Choice(MADE_UP, MADE_UP),), listed=True),
    ]
    newer = {"select_label": "Kind", "option": True, "option_index": 1, "value": "3fa", "label": "Supernova"}
    assert found({"task": "T3", "task_type": "dropdown-simple", "value": newer}) == {"T3.0": ["3fa"]}
    raw = {"task": "T3", "taskType": "dropdown-simple", "value": {"selection": 1, "option": True}}
    assert found(raw) == {"T3.0": [1]}


@pytest.mark.parametrize(
    "value",
    [
        [{"x": 1.5, "y": 2, "tool": 0, "tool_label": "Point", "details": []}],
        [{"choice": "LION", "answers": {}, "filters": {}}],
        {"x": 1},
        True,
        1.5,
        [["a"]],
    ],
)
def test_what_is_no_choice_is_not_reduced(value: Any) -> None:
    assert found(question(value)) == {"T0": None}


def test_a_text_task_that_says_so() -> None:
    assert found(question("a faint smudge", taskType="text")) == {"T0": None}


def test_of_a_task_that_comes_twice_the_first_counts() -> None:
    assert found(question("Yes"), question("No")) == {"T0": ["Yes"]}


@pytest.mark.parametrize(
    "annotations", [{}, None, 5, ["T0"], [{"value": "Yes"}], [{"task": 0, "value": 1}], [None]]
)
def test_what_panoptes_never_writes(annotations: Any) -> None:
    with pytest.raises(ValueError, match=r"annotation|task"):
        answered(annotations)


def versions(*known: Version) -> WorkflowTasks:
    def one(version: Version) -> dict[str, Any]:
        words = {"T0.question": "Real?", "T0.answers.0.label": f"Yes {version}", "T0.answers.1.label": "No"}
        answers = [{"label": "T0.answers.0.label"}, {"label": "T0.answers.1.label"}]
        task = {"type": "single", "question": "T0.question", "answers": answers}
        return {
            "major_number": version[0],
            "minor_number": version[1],
            "tasks": {"T0": task},
            "strings": words,
        }

    return workflow_tasks("77", map(one, known))


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ((2, 3), (2, 3)),
        ((2, 2), (2, 3)),
        ((1, 1), (1, 4)),
        ((2, 4), (3, 5)),
        ((4, 1), (3, 5)),
        ((1, 5), (3, 5)),
    ],
)
def test_the_version_that_panoptes_takes(asked: Version, taken: Version) -> None:
    """The first one not older in either number, else the last: find_workflow_at_version in Panoptes."""
    assert versions((3, 5), (1, 4), (2, 3)).at(asked)["T0"].labels == (f"Yes {taken}", "No")


def test_answers_by_label_number_and_neither() -> None:
    (task,) = versions((1, 1)).at((1, 1)).values()
    assert [task.number(Choice(mark, "")) for mark in ("Yes (1, 1)", "No", 1, 2, -1, "Perhaps", "0")] == [
        0, 1, 1, None, None, None, None,
    ]  # fmt: skip


def test_two_answers_of_one_label_cannot_be_told_apart() -> None:
    answers = [{"label": "Other"}, {"label": "Other"}]
    document = {
        "major_number": 1,
        "minor_number": 1,
        "strings": {},
        "tasks": {"T0": {"type": "single", "answers": answers}},
    }
    (task,) = workflow_tasks("77", [document]).at((1, 1)).values()
    assert task.number(Choice("Other", "Other")) is None


def test_workflow_export(tmp_path: Path) -> None:
    header = "workflow_id,display_name,version,tasks,strings,minor_version\n"
    row = '77,Real,12,"{""T0"":{""type"":""single"",""answers"":[{""label"":""a.0""}]}}","{""a.0"":""Sí""}",34\n'
    path = tmp_path / "workflows.csv"
    path.write_text(header + row, encoding="utf-8")
    assert read_workflow_export(path)["77"].at((12, 34))["T0"].labels == ("Sí",)


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "workflow_id,version,minor_version,tasks,strings\n77,1,2,{,{}\n"]
)
def test_what_is_no_workflow_export(tmp_path: Path, content: str) -> None:
    path = tmp_path / "workflows.csv"
    path.write_text(content)
    with pytest.raises(InputError, match="workflow export"):
        read_workflow_export(path)
