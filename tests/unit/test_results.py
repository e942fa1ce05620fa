"""From an export and a run to votes: what counts, what is left out, and what the file says."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table as AstropyTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panoptes_exports import Row, write_export

from zoocut.errors import ConfigError, InputError
from zoocut.ledger import Ledger, PlannedRow, State
from zoocut.ledger.withdrawals import Withdrawals
from zoocut.results import Rules, Summary, Unit, parse_version, reduce_export
from zoocut.results.rules import Reason
from zoocut.results.workflow import WorkflowTasks, workflow_tasks
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.run.sources import DrawnSource, DrawnWriter, put_together

FIRST = 170_059_034_123_456_781
"""Odd and beyond 2**53: it does not survive floating point."""

DEFAULT = Rules()

Table = dict[str, dict[str, str]]


def source(number: int) -> str:
    return str(FIRST + 2 * number)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Four sources of two objects, as `zoocut generate` leaves them."""
    made = Run.create(tmp_path / "run")
    with DrawnWriter(made.sources) as writer:
        for number in range(4):
            columns: dict[str, Any] = {"diaSourceId": FIRST + 2 * number, "band": "gr"[number % 2]}
            columns |= {"snr": 5.5 + number, "diaObjectId": 9_007_199_254_740_993 + number // 2}
            images = (f"images/{source(number)}.png",)
            writer.add(DrawnSource(columns, images, ("00" * 32,)), number)
    put_together(made.sources)
    rows = (ManifestRow(source(number), (f"images/{source(number)}.png",)) for number in range(4))
    write_manifest(made.manifest, rows, [])
    return made


Reduce = Callable[..., tuple[Summary, Table]]


@pytest.fixture
def reduce(tmp_path: Path, run: Run) -> Reduce:
    """Write an export, count it, and give the summary and the rows by their first column."""

    def reduced(
        rows: Sequence[Row], rules: Rules = DEFAULT, workflows: Any = None, runs: Sequence[Run] = ()
    ) -> tuple[Summary, Table]:
        export = write_export(tmp_path / "classifications.csv", rows)
        table = tmp_path / "results.csv"
        summary = reduce_export(list(runs) or [run], export, table, rules, workflows or {})
        return summary, read(table)

    return reduced


def read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        assert file.readline().startswith("# {")
        rows = list(csv.DictReader(file))
    return {next(iter(row.values())): row for row in rows}


def vote(at: int, answer: Any = "Real", user: str | None = "one", **more: Any) -> Row:
    return Row(9001 + at, answer, user, source=source(at), **more)


def tasks(
    *answers: str, task: str = "T0", kind: str = "single", version: str = "12.34"
) -> dict[str, WorkflowTasks]:
    major, minor = version.split(".")
    definition = {"type": kind, "question": "Is it real?", "answers": [{"label": one} for one in answers]}
    document = {"major_number": major, "minor_number": minor, "tasks": {task: definition}, "strings": {}}
    return {"77": workflow_tasks("77", [document])}


def test_votes_fractions_and_the_catalog_of_each_source(reduce: Reduce) -> None:
    rows = [vote(0), vote(0, user="two"), vote(0, "Bogus", "three"), vote(0, user=None), vote(1, "Bogus")]
    summary, table = reduce(rows, workflows=tasks("Bogus", "Real", "Cannot tell"))
    assert (summary.read, summary.used, summary.left_out, summary.rows) == (5, 5, {}, 4)
    first = table[source(0)]
    assert [first[f"T0.{key}.votes"] for key in "012"] == ["1", "3", "0"]
    assert [float(first[f"T0.{key}.fraction"]) for key in "012"] == [0.25, 0.75, 0.0]
    assert (first["T0.n"], first["T0.consensus"], first["T0.consensus_label"]) == ("4", "1", "Real")
    assert (first["classifications"], first["anonymous"], first["subject_ids"]) == ("4", "1", "9001")
    assert (first["band"], first["snr"], first["diaObjectId"]) == ("g", "5.5", "9007199254740993")
    assert table[source(1)]["T0.consensus"] == "0"


def test_a_source_without_votes_has_a_row(reduce: Reduce) -> None:
    _, table = reduce([vote(0)])
    silent = table[source(3)]
    assert (silent["classifications"], silent["T0.n"], silent["T0.Real.votes"]) == ("0", "0", "0")
    assert (silent["T0.Real.fraction"], silent["T0.consensus"], silent["T0.Real.low"]) == ("", "", "")


def test_wilson_interval(reduce: Reduce) -> None:
    """Against the formula: centre (p + z²/2n) / (1 + z²/n), z of the level asked for."""
    rows = [vote(0, "Real" if n < 7 else "Bogus", f"user{n}") for n in range(10)]
    _, table = reduce(rows, Rules(confidence=0.95))
    row, z, p, n = table[source(0)], 1.959963984540054, 0.7, 10
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert float(row["T0.Real.low"]) == pytest.approx(centre - half)
    assert float(row["T0.Real.high"]) == pytest.approx(centre + half)


def test_a_tie_is_no_consensus(reduce: Reduce) -> None:
    _, table = reduce([vote(0, "Real", "a"), vote(0, "Bogus", "b")])
    assert (table[source(0)]["T0.consensus"], table[source(0)]["T0.agreement"]) == ("", "0.5")


LEFT_OUT = {
    Reason.WORKFLOW: vote(1, workflow=("78", "Another")),
    Reason.VERSION: vote(1, version="9.40"),
    Reason.BEFORE_LAUNCH: vote(1, metadata={"live_project": False}),
    Reason.ALREADY_SEEN: vote(1, metadata={"subject_selection_state": {"already_seen": True}}),
    Reason.GOLD_STANDARD: vote(1, gold_standard="true"),
    Reason.TRAINING: vote(1, subject_metadata={"#training_subject": "True"}),
    Reason.SEVERAL: vote(1, cells={"subject_ids": "9002;9003"}),
    Reason.UNKNOWN: Row(9999, source="42"),
    Reason.NO_ANSWER: vote(1, None),
    Reason.REPEATED_VOTE: vote(0, "Bogus", created_at="2026-08-01 10:00:01 UTC"),
    Reason.REPEATED_ROW: vote(1, number=1),
    "annotations cannot be read as JSON": vote(1, cells={"annotations": '[{"task": "T0"'}),
    "annotations cannot be read as JSON, nested": vote(1, cells={"annotations": "[" * 100_000}),
    "metadata is not in UTF-8": vote(1, cells={"metadata": '{"a": "\udce9"}'}),
    "annotations is not made": vote(1, cells={"annotations": "{}"}),
    "metadata cannot be read as JSON": vote(1, cells={"metadata": "{'live_project': True}"}),
    "metadata is not made": vote(1, cells={"metadata": "null"}),
    "subject_data cannot be read as JSON": vote(1, cells={"subject_data": ""}),
    "subject_data is about another subject": vote(1, cells={"subject_data": '{"9001": {}}'}),
    "created_at is not a time": vote(1, cells={"created_at": "yesterday"}),
    "workflow_id is not a whole number": vote(1, cells={"workflow_id": "Real or bogus?"}),
    "workflow_version is not a version": vote(1, cells={"workflow_version": "v12"}),
    "classification_id is not a whole number": vote(1, cells={"classification_id": "5e8"}),
    "subject_ids is not a whole number": vote(1, cells={"subject_ids": "9002.0"}),
}


@pytest.mark.parametrize("reason", LEFT_OUT, ids=str)
def test_what_is_left_out_is_counted_by_its_reason(reduce: Reduce, reason: str) -> None:
    summary, table = reduce([vote(0, number=1), LEFT_OUT[reason]], Rules(workflow="77"))
    assert (summary.read, summary.used) == (2, 1)
    ((told, count),) = summary.left_out.items()
    assert told.startswith(reason.removesuffix(", nested").replace("annotations is", "annotations are"))
    assert count == 1
    assert table[source(0)]["T0.Real.votes"] == "1"
    assert table[source(1)]["classifications"] == "0"


def test_all_reasons_together_add_up(reduce: Reduce) -> None:
    summary, _ = reduce([vote(0, number=1), *LEFT_OUT.values()], Rules(workflow="77"))
    assert summary.read == summary.used + sum(summary.left_out.values()) == 1 + len(LEFT_OUT)
    assert len(summary.left_out) == len(LEFT_OUT) - 1
    assert sum(summary.broken.reasons.values()) == sum(
        isinstance(key, str) and not isinstance(key, Reason) for key in LEFT_OUT
    )


@pytest.mark.parametrize(
    ("reason", "rules"),
    [
        (Reason.BEFORE_LAUNCH, Rules(before_launch=True)),
        (Reason.ALREADY_SEEN, Rules(already_seen=True)),
        (Reason.VERSION, Rules(version=parse_version("all"))),
        (Reason.WORKFLOW, Rules(workflow="Another")),
    ],
)
def test_switches_count_what_is_left_out_otherwise(reduce: Reduce, reason: Reason, rules: Rules) -> None:
    _, table = reduce([vote(0), LEFT_OUT[reason]], rules)
    assert table[source(1)]["T0.Real.votes"] == "1"


def test_seen_before_of_panoptes_itself_counts_as_already_seen(reduce: Reduce) -> None:
    summary, _ = reduce([vote(0), vote(1, metadata={"seen_before": True})])
    assert summary.left_out == {Reason.ALREADY_SEEN: 1}


def test_an_export_of_before_the_launch_state_was_noted(reduce: Reduce) -> None:
    row = vote(0)
    metadata = json.loads(row.written()[10])
    del metadata["live_project"], metadata["subject_selection_state"]
    row.cells = {"metadata": json.dumps(metadata)}
    assert reduce([row])[0].used == 1


def test_first_vote_is_the_earliest_whatever_the_sequence_of_rows(reduce: Reduce) -> None:
    late, early = (
        vote(0, answer, created_at=f"2026-08-0{day} 10:00:00 UTC")
        for answer, day in (("Real", 2), ("Bogus", 1))
    )
    _, table = reduce([late, early])
    assert (table[source(0)]["T0.Bogus.votes"], table[source(0)]["T0.Real.votes"]) == ("1", "0")
    _, table = reduce([late, early], Rules(all_votes=True))
    assert (table[source(0)]["T0.Bogus.votes"], table[source(0)]["T0.Real.votes"]) == ("1", "1")


def test_first_vote_of_one_second_is_the_lower_id_as_a_number(reduce: Reduce) -> None:
    _, table = reduce([vote(0, "Real", number=1000), vote(0, "Bogus", number=999)])
    assert table[source(0)]["T0.consensus"] == "Bogus"


def test_a_first_vote_that_is_left_out_is_none(reduce: Reduce) -> None:
    before = vote(0, "Bogus", created_at="2026-07-01 10:00:00 UTC", metadata={"live_project": False})
    _, table = reduce([before, vote(0, "Real")])
    assert table[source(0)]["T0.consensus"] == "Real"


def test_a_classroom_is_counted_whole_unless_told_otherwise(reduce: Reduce) -> None:
    pupils = [vote(0, user=None), vote(0, user=None), vote(0, user=None, network="ff")]
    summary, table = reduce(pupils)
    assert (summary.anonymous, table[source(0)]["anonymous"], table[source(0)]["T0.n"]) == (3, "3", "3")
    summary, table = reduce(pupils, Rules(drop_anonymous_repeats=True))
    assert (table[source(0)]["T0.n"], summary.left_out) == ("2", {Reason.REPEATED_VOTE: 1})


def test_newest_version_is_compared_as_numbers(reduce: Reduce) -> None:
    rows = [vote(0, "Bogus", "a", version="9.9"), vote(0, "Real", "b", version="10.2")]
    summary, table = reduce(rows)
    assert (summary.version.words, table[source(0)]["T0.consensus"]) == ("10", "Real")
    assert summary.versions == {"9.9": 1, "10.2": 1}


def test_newest_version_is_that_of_the_runs_own_classifications(reduce: Reduce) -> None:
    summary, _ = reduce([vote(0, version="9.9"), Row(9999, source="42", version="10.1")])
    assert (summary.version.words, summary.used) == ("9", 1)


def test_minor_versions_are_no_decimal_fractions(reduce: Reduce) -> None:
    rows = [vote(0, version="12.1"), vote(1, version="12.10")]
    summary, table = reduce(rows, Rules(version=parse_version("12.10")))
    assert (summary.used, table[source(0)]["T0.n"], table[source(1)]["T0.n"]) == (1, "0", "1")


def test_versions_told_apart_have_rows_of_their_own(reduce: Reduce, tmp_path: Path) -> None:
    reduce(
        [vote(0, "Bogus", "a", version="9.9"), vote(0, "Real", "b", version="10.2")],
        Rules(version=parse_version("each")),
    )
    with (tmp_path / "results.csv").open() as file:
        file.readline()
        rows = [row for row in csv.DictReader(file) if row["diaSourceId"] == source(0)]
    assert [(row["workflow_version"], row["T0.consensus"]) for row in rows] == [
        ("9", "Bogus"),
        ("10", "Real"),
    ]


@pytest.mark.parametrize("version", ["13", "12.35", "9"])
def test_a_version_that_nobody_classified_in_is_refused(reduce: Reduce, version: str) -> None:
    with pytest.raises(ConfigError, match=r"it has 12\.34"):
        reduce([vote(0)], Rules(version=parse_version(version)))


@pytest.mark.parametrize("text", ["", "v12", "12.", "latest", "1.2.3", "-1", "١٢"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ConfigError, match="workflow version"):
        parse_version(text)


def test_several_workflows_need_a_choice(reduce: Reduce) -> None:
    rows = [vote(0), vote(1, workflow=("78", "Another"))]
    with pytest.raises(ConfigError, match=r"--workflow, of 77 \('Real or bogus\?': 1\), 78 \('Another': 1\)"):
        reduce(rows)
    with pytest.raises(ConfigError, match="no classifications of a workflow 'Variable stars'"):
        reduce(rows, Rules(workflow="Variable stars"))
    assert reduce(rows, Rules(workflow="Another"))[0].workflow_id == "78"


def test_retired_subjects_are_marked(reduce: Reduce) -> None:
    retired = {"retired_at": "2026-08-01T12:00:00.123Z", "retirement_reason": "classification_count"}
    late = vote(0, user="b", retired=retired, created_at="2026-08-01 12:00:05 UTC")
    summary, table = reduce([vote(0, user="a", retired=retired), late, vote(1)])
    assert summary.after_retirement == 1
    assert (table[source(0)]["after_retirement"], table[source(0)]["classifications"]) == ("1", "2")
    assert table[source(0)]["retired_at"] == "2026-08-01T12:00:00Z"
    assert (table[source(1)]["after_retirement"], table[source(1)]["retired_at"]) == ("0", "")


def test_last_classification_in_utc(reduce: Reduce) -> None:
    rows = [vote(0, user="a", created_at="2026-08-03 00:10:00 +0200"), vote(0, user="b")]
    rows[0].cells = {"created_at": "2026-08-03T00:10:00+02:00"}
    assert reduce(rows)[1][source(0)]["last_classified_at"] == "2026-08-02T22:10:00Z"


def test_by_subject_and_by_object(reduce: Reduce) -> None:
    again = Row(9501, "Bogus", "one", source=source(0))
    rows = [vote(0), again, vote(1, "Bogus"), vote(2)]
    _, table = reduce(rows, Rules(unit=Unit.SUBJECT))
    assert {key: (row["diaSourceId"], row["T0.consensus"]) for key, row in table.items()} == {
        "9001": (source(0), "Real"),
        "9501": (source(0), "Bogus"),
        "9002": (source(1), "Bogus"),
        "9003": (source(2), "Real"),
    }
    _, table = reduce(rows, Rules(unit=Unit.OBJECT))
    assert {key: (row["sources"], row["T0.n"], row["T0.Bogus.votes"]) for key, row in table.items()} == {
        "9007199254740993": ("2", "3", "2"),
        "9007199254740994": ("2", "1", "0"),
    }
    _, table = reduce(rows)
    assert (table[source(0)]["T0.n"], table[source(0)]["subject_ids"]) == ("2", "9001;9501")


def test_a_catalog_column_that_is_also_one_of_the_results(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "odd")
    rows = [ManifestRow(source(0), ("a.png",), {"classifications": "SN Ia", "T0.n": "x"})]
    write_manifest(run.manifest, rows, ["classifications", "T0.n"])
    export = write_export(tmp_path / "c.csv", [vote(0)])
    reduce_export([run], export, tmp_path / "r.csv", Rules(), {})
    row = read(tmp_path / "r.csv")[source(0)]
    assert (row["classifications"], row["catalog_classifications"], row["catalog_T0.n"]) == (
        "1",
        "SN Ia",
        "x",
    )


def test_no_name_no_address_of_a_volunteer_is_written(reduce: Reduce, tmp_path: Path) -> None:
    rows = [vote(0, user="somebody"), vote(0, user=None, network="c0ffee")]
    reduce(rows)
    for name in ("csv", "ecsv", "parquet"):
        reduce_export(
            [Run.open(tmp_path / "run")],
            tmp_path / "classifications.csv",
            tmp_path / f"r.{name}",
            Rules(),
            {},
        )
        content = (tmp_path / f"r.{name}").read_bytes()
        assert b"somebody" not in content
        assert b"c0ffee" not in content


def test_nothing_that_counts_is_an_error_and_leaves_the_old_table(reduce: Reduce, tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("old")
    with pytest.raises(InputError, match="another project, or of other runs"):
        reduce([Row(1, source="42"), Row(2, source="43")])
    assert (tmp_path / "results.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classifications.csv", "results.csv", "run"]


def test_runs_that_were_only_uploaded(tmp_path: Path) -> None:
    """The ledger tells the source of a subject whose metadata do not; the manifest tells what is known of it."""
    run = Run.create(tmp_path / "uploaded")
    rows = [
        ManifestRow("row-1", ("a.png",), {"#diaSourceId": source(0), "!snr": "7.5"}),
        ManifestRow("row-2", ("b.png",)),
    ]
    write_manifest(run.manifest, rows, ["#diaSourceId", "!snr"])
    uploaded(run, {"9001": "row-1", "9002": "row-2"})
    export = write_export(
        tmp_path / "c.csv", [Row(9001), Row(9002, "Bogus"), Row(9001, user="b", source=source(1))]
    )
    summary = reduce_export([run], export, tmp_path / "r.csv", Rules(), {})
    table = read(tmp_path / "r.csv")
    assert summary.left_out == {Reason.CONFLICT: 1}
    assert (table[source(0)]["T0.n"], table[source(0)]["snr"], table[source(0)]["subject_ids"]) == (
        "1",
        "7.5",
        "9001",
    )
    assert (table["row-2"]["T0.consensus"], table["row-2"]["snr"]) == ("Bogus", "")


def test_runs_that_went_to_several_servers_need_the_right_one(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "uploaded")
    write_manifest(run.manifest, [ManifestRow(source(0), ("a.png",)), ManifestRow(source(1), ("b.png",))], [])
    uploaded(run, {"9001": source(0)}, "http://127.0.0.1:1")
    uploaded(run, {"9001": source(1)}, "http://127.0.0.1:2")
    export = write_export(tmp_path / "c.csv", [Row(9001)])
    with pytest.raises(InputError, match=r"several servers.*127\.0\.0\.1:1, http://127\.0\.0\.1:2"):
        reduce_export([run], export, tmp_path / "r.csv", Rules(), {})
    reduce_export([run], export, tmp_path / "r.csv", Rules(), {}, "http://127.0.0.1:2")
    table = read(tmp_path / "r.csv")
    assert (table[source(0)]["T0.n"], table[source(1)]["T0.n"]) == ("0", "1")


def uploaded(run: Run, subjects: dict[str, str], endpoint: str = "http://127.0.0.1:1") -> None:
    with Ledger.open(run.ledger, run.run_id) as ledger:
        target = ledger.add_target(endpoint, "12", "owner/name", "501", "Night")
        ledger.plan(target, [PlannedRow(name, {}, ()) for name in subjects.values()], "00")
        by_name = {name: subject for subject, name in subjects.items()}
        ledger.save(
            replace(entry, state=State.CREATED, subject_id=by_name[entry.external_id], attempt=1)
            for entry in ledger.every(target)
        )


def test_withdrawn_is_what_left_the_workflow_with_its_set_before_it_was_retired(
    reduce: Reduce, run: Run, tmp_path: Path
) -> None:
    at = {"retired_at": "2026-08-01T12:00:00Z", "retirement_reason": "classification_count"}
    names = {str(9001 + n): source(n) for n in range(4)}
    uploaded(run, names)
    copy = shutil.copytree(run.path, tmp_path / "copy")
    rows = [
        vote(0, retired=at), vote(1), vote(2, workflow=("78", "Another"), retired=at),
        vote(3, workflow=("78", "Another")),
    ]  # fmt: skip

    def found(unit: Unit = Unit.SOURCE, runs: Sequence[Run] = ()) -> tuple[int, list[str]]:
        summary, table = reduce(rows, Rules("77", unit=unit), runs=runs)
        assert summary.document()["withdrawn"] == summary.withdrawn
        return summary.withdrawn, [row["withdrawn"] for row in table.values()]

    with Ledger.open(run.ledger, run.run_id) as ledger:
        (target,) = ledger.targets()
        Withdrawals(ledger).note(target, "78", 0.5)
        Withdrawals(ledger).note(target, "77", 0.5)
        assert found() == (0, ["False"] * 4), "what was never linked was never served"
        ledger.save(replace(entry, state=State.LINKED) for entry in ledger.every(target))
        assert found() == (3, ["False", "True", "True", "True"])
        assert found(Unit.SUBJECT) == (3, ["False", "True", "True", "True"])
        assert found(Unit.OBJECT) == (3, ["True", "True"])
        for runs in ([run, Run.open(copy)], [Run.open(copy), run]):
            assert found(runs=runs) == (0, ["False"] * 4), "another run's set has the subjects and is served"
        Withdrawals(ledger).note(target, "77", 1.0)
        assert found()[0] == 3, "what was noted first stays"
        Withdrawals(ledger).end(target, "77")
        assert found() == (0, ["False"] * 4)
        Withdrawals(ledger).note(target, "77", 1.0)
        assert found() == (0, ["False"] * 4), "of a complete set nothing is unfinished"


def confused(summary: Summary) -> dict[tuple[str, str, str, str], int]:
    return {(one.basis, one.task, one.right, one.given): one.votes for one in summary.confusion}


FEEDBACK = {"#training_subject": "True", "#feedback_1_id": "rule", "#feedback_1_answer": "1"}


def test_training_subjects_make_a_confusion_matrix_and_no_votes(reduce: Reduce) -> None:
    told = {
        "feedback": {
            "T0": [{"id": "rule", "answer": "1", "success": True, "strategy": "singleAnswerQuestion"}]
        }
    }
    rows = [
        vote(0),
        *(vote(1, "Real", f"u{n}", subject_metadata=FEEDBACK, metadata=told) for n in range(3)),
        vote(1, "Bogus", "x", subject_metadata=FEEDBACK, metadata=told),
        vote(
            1, "Bogus", "u0", subject_metadata=FEEDBACK, metadata=told, created_at="2026-08-02 10:00:00 UTC"
        ),
        Row(9777, "Bogus", "y", subject_metadata=FEEDBACK, metadata=told),
    ]
    summary, table = reduce(rows, workflows=tasks("Bogus", "Real"))
    assert table[source(1)]["classifications"] == "0"
    assert confused(summary) == {("training", "T0", "1", "1"): 3, ("training", "T0", "1", "0"): 2}
    assert summary.left_out == {Reason.TRAINING: 5, Reason.REPEATED_VOTE: 1}


@pytest.mark.parametrize(
    "marks", [{"#training_subject": True}, {"%Training_Subject": "true"}, {"#feedback_1_id": "x"}]
)
def test_what_marks_a_training_subject(reduce: Reduce, marks: dict[str, Any]) -> None:
    assert reduce([vote(0), vote(1, subject_metadata=marks)])[0].left_out == {Reason.TRAINING: 1}


@pytest.mark.parametrize(
    "marks", [{"#training_subject": "False"}, {"#training_subject": ""}, {"training": "True"}]
)
def test_what_does_not(reduce: Reduce, marks: dict[str, Any]) -> None:
    assert reduce([vote(0), vote(1, subject_metadata=marks)])[0].left_out == {}


def test_right_answers_of_the_metadata_are_about_the_only_task(reduce: Reduce) -> None:
    rows = [vote(0), vote(1, "Real", subject_metadata=FEEDBACK)]
    assert confused(reduce(rows, workflows=tasks("Bogus", "Real"))[0]) == {("training", "T0", "1", "1"): 1}


def test_experts_make_a_confusion_matrix_of_what_volunteers_say(reduce: Reduce) -> None:
    expert = {"gold_standard": "true", "user": "expert"}
    rows = [
        vote(0, "Real", **expert), vote(0, "Real", "a"), vote(0, "Bogus", "b"),
        vote(1, "Bogus", **expert), vote(1, "Bogus", "a"),
        vote(2, "Bogus", **expert), vote(2, "Real", gold_standard="true", user="another"), vote(2, "Bogus", "a"),
    ]  # fmt: skip
    summary, table = reduce(rows)
    assert confused(summary) == {
        ("gold standard", "T0", "Real", "Real"): 1,
        ("gold standard", "T0", "Real", "Bogus"): 1,
        ("gold standard", "T0", "Bogus", "Bogus"): 1,
    }
    assert (table[source(0)]["T0.n"], summary.left_out) == ("2", {Reason.GOLD_STANDARD: 4})


def test_answers_without_the_workflow_go_by_their_labels(reduce: Reduce) -> None:
    rows = [vote(0, "3", "a"), vote(0, 3, "b"), vote(0, "three", "c")]
    summary, table = reduce(rows)
    assert list(summary.tasks[0].labels) == ['"3"', "answer 3", "three"]
    assert [table[source(0)][f"T0.{key}.votes"] for key in ('"3"', "answer 3", "three")] == ["1", "1", "1"]


def test_a_label_that_was_corrected_is_the_same_answer(reduce: Reduce) -> None:
    known = [
        {"major_number": 12, "minor_number": minor, "strings": {"a": word, "b": "Bogus"},
         "tasks": {"T0": {"type": "single", "answers": [{"label": "b"}, {"label": "a"}]}}}
        for minor, word in ((1, "Reel"), (2, "Real"))
    ]  # fmt: skip
    rows = [vote(0, "Reel", "a", version="12.1"), vote(0, "Real", "b", version="12.2")]
    summary, table = reduce(rows, workflows={"77": workflow_tasks("77", known)})
    assert summary.tasks[0].labels == {"0": "Bogus", "1": "Real"}
    assert table[source(0)]["T0.1.votes"] == "2"


def test_an_answer_that_no_version_has_is_kept_by_its_words(reduce: Reduce) -> None:
    summary, table = reduce([vote(0, "unknown answer label")], workflows=tasks("Bogus", "Real"))
    assert list(summary.tasks[0].labels) == ["0", "1", "unknown answer label"]
    assert table[source(0)]["T0.unknown answer label.votes"] == "1"


def test_a_task_of_texts_is_not_reduced_and_not_written(reduce: Reduce, tmp_path: Path) -> None:
    def both(number: int) -> list[dict[str, Any]]:
        texts = {"task": "T1", "task_label": "Tell us", "value": f"my words {number}"}
        return [{"task": "T0", "task_label": "", "value": "Real"}, texts]

    summary, _ = reduce([vote(0, user=f"u{n}", annotations=both(n)) for n in range(150)])
    assert list(summary.not_reduced) == ["T1"]
    assert [task.name for task in summary.tasks] == ["T0"]
    assert "my words" not in (tmp_path / "results.csv").read_text()
    known = tasks("Real", task="T0")["77"]
    with_text = {**known.at((12, 34)), **tasks(kind="text", task="T1")["77"].at((12, 34))}
    workflow = WorkflowTasks("77", {(12, 34): with_text})
    summary, _ = reduce([vote(0, annotations=both(0))], workflows={"77": workflow})
    assert (list(summary.not_reduced), [task.name for task in summary.tasks]) == (["T1"], ["T0"])


def test_several_answers_may_be_none(reduce: Reduce) -> None:
    rows = [vote(0, ["Real", "Trail"], "a"), vote(0, ["Real"], "b"), vote(0, [], "c"), vote(0, None, "d")]
    _, table = reduce(rows, workflows=tasks("Real", "Trail", kind="multiple"))
    row = table[source(0)]
    assert (row["T0.n"], row["T0.0.votes"], row["T0.1.votes"]) == ("3", "2", "1")
    assert float(row["T0.0.fraction"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("suffix", [".parquet", ".ecsv", ".csv"])
def test_formats_hold_the_same(reduce: Reduce, tmp_path: Path, suffix: str) -> None:
    retired = {"retired_at": "2026-08-01T12:00:00Z", "retirement_reason": "consensus"}
    _, expected = reduce([vote(0, 'Real, "quoted"\n#', "a"), vote(1, "Bogus", "b", retired=retired)])
    path = tmp_path / f"r{suffix}"
    runs, export = [Run.open(tmp_path / "run")], tmp_path / "classifications.csv"
    reduce_export(runs, export, path, Rules(), {}, rows_at_once=3)
    table = TABLES[suffix](path)
    assert table.colnames == list(next(iter(expected.values())))
    for row in table:
        for name, text in expected[str(row["diaSourceId"])].items():
            value = row[name]
            told = "" if value is np.ma.masked or value is None else str(value)
            assert told == (text.replace("\n", "\\n") if suffix == ".ecsv" else text)
    assert table["diaSourceId"].dtype == np.int64
    assert table["diaSourceId"].max() == FIRST + 6


def from_csv(path: Path) -> AstropyTable:
    rows = list(read(path).values())
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return AstropyTable(columns | {"diaSourceId": np.array([int(one) for one in columns["diaSourceId"]])})


def from_parquet(path: Path) -> AstropyTable:
    table = pq.read_table(path)
    assert json.loads(table.schema.metadata[b"zoocut"])["workflow"]["id"] == "77"
    columns = {name: table[name].to_pylist() for name in table.column_names}
    return AstropyTable(
        {
            name: np.array(values, None if name == "diaSourceId" else object)
            for name, values in columns.items()
        }
    )


def from_ecsv(path: Path) -> AstropyTable:
    table = AstropyTable.read(path, format="ascii.ecsv")
    assert table.meta["zoocut"]["workflow"]["id"] == "77"
    return table


TABLES = {".csv": from_csv, ".parquet": from_parquet, ".ecsv": from_ecsv}


def test_ecsv_refuses_ids_that_its_readers_take_for_comments(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "uploaded")
    write_manifest(run.manifest, [ManifestRow("#1", ("a.png",), {"diaSourceId": "#1"})], ["diaSourceId"])
    export = write_export(tmp_path / "c.csv", [Row(9001, source="#1")])
    with pytest.raises(InputError, match=r"begins with #.*\.parquet"):
        reduce_export([run], export, tmp_path / "r.ecsv", Rules(), {})
    reduce_export([run], export, tmp_path / "r.csv", Rules(), {})
    assert read(tmp_path / "r.csv")["#1"]["T0.n"] == "1"
    assert not (tmp_path / "r.ecsv").exists()


@pytest.mark.parametrize("identity", ["007", "9223372036854775808", "ZTF18abcdefg", "1_000", "١٢"])
def test_ids_that_no_whole_number_can_hold_stay_text(tmp_path: Path, identity: str) -> None:
    run = Run.create(tmp_path / "uploaded")
    write_manifest(run.manifest, [ManifestRow("7", ("a.png",)), ManifestRow(identity, ("b.png",))], [])
    export = write_export(tmp_path / "c.csv", [Row(9001, source=identity)])
    reduce_export([run], export, tmp_path / "r.parquet", Rules(), {})
    table = pq.read_table(tmp_path / "r.parquet")
    assert table["diaSourceId"].to_pylist() == ["7", identity]
    assert table["T0.n"].to_pylist() == [0, 1]


def test_an_answer_given_twice_is_one_vote(reduce: Reduce) -> None:
    _, table = reduce([vote(0, ["Real", 1, "Real"])], workflows=tasks("Bogus", "Real", kind="multiple"))
    assert (table[source(0)]["T0.1.votes"], table[source(0)]["T0.n"]) == ("1", "1")


def test_numbers_of_a_slider_are_no_answers(reduce: Reduce) -> None:
    slider = [{"task": "T0", "task_label": "", "value": "Real"}, {"task": "T1", "value": 2.5}]
    summary, _ = reduce([vote(0, annotations=slider)])
    assert (list(summary.not_reduced), [task.name for task in summary.tasks]) == (["T1"], ["T0"])


def test_runs_whose_columns_differ(tmp_path: Path, run: Run) -> None:
    """The first run counts where a source is in both; a column of two types is text."""
    other = Run.create(tmp_path / "other")
    rows = [
        ManifestRow(source(0), ("a.png",), {"snr": "high"}),
        ManifestRow("12", ("b.png",), {"snr": "low", "by": "me"}),
    ]
    write_manifest(other.manifest, rows, ["snr", "by"])
    export = write_export(tmp_path / "c.csv", [vote(0), Row(9900, source="12")])
    reduce_export([run, other], export, tmp_path / "r.csv", Rules(), {})
    table = read(tmp_path / "r.csv")
    assert [(table[key]["snr"], table[key]["by"], table[key]["T0.n"]) for key in (source(0), "12")] == [
        ("5.5", "", "1"), ("low", "me", "1"),
    ]  # fmt: skip


def test_an_export_without_classifications_says_so(reduce: Reduce) -> None:
    with pytest.raises(InputError, match="nobody had classified"):
        reduce([])
    with pytest.raises(InputError, match=r"can be read \(2 metadata cannot be read as JSON\)"):
        reduce([vote(0, cells={"metadata": "{"})] * 2)


def test_long_lists_and_questions_of_many_answers_are_no_texts(reduce: Reduce) -> None:
    def chosen(number: int) -> list[dict[str, Any]]:
        option = {"select_label": "Host", "option": True, "value": f"v{number}", "label": f"Galaxy {number}"}
        return [{"task": "T0", "value": f"Answer {number}"}, {"task": "T1", "value": [option]}]

    rows = [vote(0, user=f"u{n}", annotations=chosen(n)) for n in range(150)]
    summary, table = reduce(rows, workflows=tasks(*(f"Answer {n}" for n in range(150))))
    assert summary.not_reduced == {}
    assert (table[source(0)]["T0.149.votes"], table[source(0)]["T1.0.v149.votes"]) == ("1", "1")
    assert summary.tasks[1].labels["v149"] == "Galaxy 149"
