"""The mapping from sources to subjects, in every format."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from zoocut.errors import InputError
from zoocut.exporting import export
from zoocut.ledger import Entry, Image, Ledger, PlannedRow, State
from zoocut.run.folder import Run

FIRST = 170059034123456789
SITE = "https://www.zooniverse.org"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.create(tmp_path / "run")
    planned = [PlannedRow(str(FIRST + n), {}, (Image(f"images/{n}.png", "image/png"),)) for n in range(3)]
    with Ledger.open(run.ledger, run.run_id) as ledger:
        for endpoint in (SITE, "http://127.0.0.1:8642"):
            target = ledger.add_target(endpoint, "12", "owner/name", "501", "Night 1")
            ledger.plan(target, planned, "0" * 64)
            for n, entry in enumerate(ledger.entries(target, State.PLANNED)[:2]):
                ledger.save([made(entry, str(9001 + n))])
    return run


def made(entry: Entry, subject_id: str) -> Entry:
    images = tuple(Image(i.path, i.mime, 3, "a" * 64, "b" * 32, "x.png", True) for i in entry.images)
    return Entry(
        entry.target,
        entry.row,
        entry.external_id,
        {},
        State.LINKED,
        images,
        subject_id,
        1,
        1_790_000_000.0,
        "7",
    )


def test_table_has_every_subject_with_its_page(run: Run) -> None:
    path = run.path / "mapping.parquet"
    assert export(run, path).subjects == 4
    rows = pq.read_table(path).to_pylist()
    assert [row["diaSourceId"] for row in rows] == [FIRST, FIRST + 1] * 2
    assert rows[0] == {
        "diaSourceId": FIRST, "subject_id": 9001, "subject_set_id": 501, "project_id": 12, "endpoint": SITE,
        "state": "linked", "talk": f"{SITE}/projects/owner/name/talk/subjects/9001",
        "uploaded_at": "2026-09-21T14:13:20+00:00", "sha256:1": "a" * 64,
    }  # fmt: skip
    assert rows[2]["talk"] == ""


def test_all_formats_hold_the_same(run: Run) -> None:
    done = [export(run, run.path / name) for name in ("mapping.csv", "mapping.ecsv", "mapping.parquet")]
    rows = pq.read_table(run.path / "mapping.parquet").to_pylist()
    ecsv = Table.read(run.path / "mapping.ecsv", format="ascii.ecsv")
    assert [int(value) for value in ecsv["diaSourceId"]] == [row["diaSourceId"] for row in rows]
    lines = (run.path / "mapping.csv").read_text().splitlines()
    assert lines[0] == ",".join(rows[0])
    assert lines[1:] == [",".join(map(str, row.values())) for row in rows]
    assert [list(one) for one in done] == [rows] * 3


def test_other_endings_and_runs_without_an_upload_are_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"should end in one of \.csv, \.parquet, \.ecsv"):
        export(run, tmp_path / "mapping.xlsx")
    with pytest.raises(InputError, match="was not uploaded yet: run `zoocut upload"):
        export(Run.create(tmp_path / "new"), tmp_path / "mapping.csv")


@pytest.mark.parametrize(
    "names", [("007", "7"), ("=1+2", "@x"), ("cand-0001", "AT2024abc"), ("１２３", "123"), ("-x", "+5")]
)
def test_names_of_rows_stay_as_they_are(tmp_path: Path, names: tuple[str, str]) -> None:
    run = Run.create(tmp_path / "run")
    planned = [PlannedRow(name, {}, (Image("a.png", "image/png"),)) for name in names]
    with Ledger.open(run.ledger, run.run_id) as ledger:
        target = ledger.add_target(SITE, "12", "owner/name", "501", "Night 1")
        ledger.plan(target, planned, "0" * 64)
        for n, entry in enumerate(ledger.entries(target, State.PLANNED)):
            ledger.save([made(entry, str(9001 + n))])
    for name in ("mapping.csv", "mapping.parquet"):
        assert tuple(export(run, tmp_path / name).columns["diaSourceId"]) == names
    assert tuple(pq.read_table(tmp_path / "mapping.parquet")["diaSourceId"].to_pylist()) == names
    cells = [line.split(",")[0] for line in (tmp_path / "mapping.csv").read_text().splitlines()[1:]]
    assert cells == [f"'{name}" if name[0] in "=@" or name == "-x" else name for name in names]
