"""The same counts as panoptes_aggregation, whose outputs tests/comparison/record_panoptes_aggregation.py recorded."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "comparison"))

from exports_to_compare import CASES, Case
from panoptes_exports import write_export

from zoocut.results import Rules, Unit, VersionRule, reduce_export
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

TESTS = Path(__file__).resolve().parents[1]
RECORD = json.loads((TESTS / "comparison" / "panoptes_aggregation-5.3.1.json").read_text(encoding="utf-8"))
SEVERAL = ("several_answers", "missing_tasks")
"""Here the shares differ by definition: of all votes there, of all volunteers here."""

Table = dict[str, dict[str, str]]


def version(case: Case) -> VersionRule:
    major, minor = map(int, case.version.split("."))
    return VersionRule(major, minor or None, newest=False)


@pytest.fixture(scope="module", params=CASES)
def counted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Table]:
    """One export counted as panoptes_aggregation does: every row of the workflow and version, by subject."""
    case, folder = CASES[request.param], tmp_path_factory.mktemp(request.param)
    rows = case.rows()
    run = Run.create(folder / "run")
    names = sorted({str(row.subject) for row in rows})
    write_manifest(run.manifest, (ManifestRow(name, (f"images/{name}.png",)) for name in names), [])
    rules = Rules(workflow="77", version=version(case), unit=Unit.SUBJECT, all_votes=True)
    reduce_export([run], write_export(folder / "c.csv", rows), folder / "r.csv", rules, {})
    with (folder / "r.csv").open(encoding="utf-8", newline="") as file:
        file.readline()
        return request.param, {row["subject_id"]: row for row in csv.DictReader(file)}


def votes(row: dict[str, str], task: str, slugs: dict[str, str]) -> dict[str, int]:
    """Give the votes of a row by the names that panoptes_aggregation makes of labels; those of 0 are left out."""
    found = {}
    for label, slug in slugs.items():
        key = f'"{label}"' if label.isdecimal() else label
        count = int(row.get(f"{task}.{key}.votes", "0"))
        found |= {slug: count} if count else {}
    return found


def test_votes_cell_by_cell(counted: tuple[str, Table]) -> None:
    name, table = counted
    theirs: dict[tuple[str, str], dict[str, int]] = {}
    for row in RECORD[name]["question_reducer"]:
        cells = {
            key.removeprefix("data."): int(value) for key, value in row.items() if key.startswith("data.")
        }
        theirs[str(row["subject_id"]), row["task"]] = cells
    ours = {
        (subject, task): cells
        for subject, row in table.items()
        for task in CASES[name].questions
        if (cells := votes(row, task, RECORD[name]["slugs"]))
    }
    assert ours == {key: cells for key, cells in theirs.items() if cells}
    assert sum(map(len, ours.values())) >= 9


def test_consensus_cell_by_cell(counted: tuple[str, Table]) -> None:
    name, table = counted
    slugs = RECORD[name]["slugs"]
    decided = 0
    for theirs in RECORD[name]["question_consensus_reducer"]:
        row, task = table[str(theirs["subject_id"])], theirs["task"]
        if not theirs["data.num_votes"]:
            continue
        assert max(votes(row, task, slugs).values()) == theirs["data.num_votes"]
        if name not in SEVERAL:
            assert float(row[f"{task}.agreement"]) == pytest.approx(theirs["data.agreement"], abs=1e-15)
        if key := row[f"{task}.consensus"]:
            assert slugs[key.strip('"')] == str(theirs["data.most_likely"])
            decided += 1
        else:
            assert list(votes(row, task, slugs).values()).count(theirs["data.num_votes"]) > 1
    assert decided > 2


def test_all_of_it_is_compared(counted: tuple[str, Table]) -> None:
    name, table = counted
    recorded: list[dict[str, Any]] = RECORD[name]["question_reducer"]
    assert {str(row["subject_id"]) for row in recorded} == set(table)
    assert {row["task"] for row in recorded} == set(CASES[name].questions)
