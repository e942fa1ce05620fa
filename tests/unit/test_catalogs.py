"""Tables and alert packets become sources; rows that cannot are refused one by one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import MaskedColumn, Table

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import AlertsSettings, TableSettings
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

BIG = 2**53 + 1
"""No double holds it."""


def read_table(path: Path) -> tuple[list[DiaSource], list[Rejection]]:
    rows = list(open_catalog(TableSettings(kind="table", path=path.name), path.parent).sources())
    return [r for r in rows if isinstance(r, DiaSource)], [r for r in rows if isinstance(r, Rejection)]


def csv(folder: Path, text: str) -> Path:
    path = folder / "sources.csv"
    path.write_text(text)
    return path


def parquet(folder: Path, ids: pa.Array) -> Path:
    path = folder / "sources.parquet"
    pq.write_table(pa.table({"diaSourceId": ids, "ra": [10.0] * len(ids), "dec": [1.0] * len(ids)}), path)
    return path


def test_ids_beyond_doubles_with_a_null_stay_exact(tmp_path: Path) -> None:
    ecsv = tmp_path / "sources.ecsv"
    ids = MaskedColumn([BIG, 0, BIG + 2], mask=[False, True, False], dtype="int64")
    Table({"diaSourceId": ids, "ra": [10.0] * 3, "dec": [1.0] * 3}).write(ecsv)
    tables = [
        csv(tmp_path, f"diaSourceId,ra,dec\n{BIG},10,1\n,10,1\n{BIG + 2},10,1\n"),
        parquet(tmp_path, pa.array([BIG, None, BIG + 2], pa.int64())),
        ecsv,
    ]
    for table in tables:
        sources, rejections = read_table(table)
        assert [s.dia_source_id for s in sources] == [BIG, BIG + 2], table
        assert [s.columns["diaSourceId"] for s in sources] == [BIG, BIG + 2]
        assert [r.reason for r in rejections] == ["its id is missing: give every row one"]
        assert rejections[0].row == f"{table.name} row 2"


def test_ids_that_went_through_floating_point_are_refused(tmp_path: Path) -> None:
    sources, rejections = read_table(parquet(tmp_path, pa.array([12.0, float(BIG), None], pa.float64())))
    assert [s.dia_source_id for s in sources] == [12]
    assert "floating-point" in rejections[0].reason
    assert "missing" in rejections[1].reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("abc,10,1", "'abc' is not a whole number"),
        ("-5,10,1", "not between 0 and"),
        (f"{2**63},10,1", "not between 0 and"),
        ("7,,1", "position is missing"),
        ("7,nan,1", "position is missing"),
        ("7,10,91", "not in degrees on the sky"),
        ("7,10", "it has 2 cells where the header has 3"),
    ],
)
def test_bad_rows_are_refused_alone(tmp_path: Path, line: str, reason: str) -> None:
    sources, rejections = read_table(csv(tmp_path, f"diaSourceId,ra,dec\n1,10.5,1\n{line}\n2,11,1\n"))
    assert [s.dia_source_id for s in sources] == [1, 2]
    assert sources[0].ra_deg == 10.5
    assert len(rejections) == 1
    assert reason in rejections[0].reason


def test_rows_of_an_exposure_come_together(tmp_path: Path) -> None:
    text = "diaSourceId,ra,dec,visit,detector\n1,1,1,9,1\n2,1,1,8,2\n3,1,1,9,1\n4,1,1,8,1\n"
    sources, _ = read_table(csv(tmp_path, text))
    assert [s.dia_source_id for s in sources] == [4, 2, 1, 3]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("sources.csv", b"id,ra,dec\n1,2,3\n", "has no column diaSourceId: name its columns in"),
        ("sources.csv", b"diaSourceId,ra,dec\n", "has no rows"),
        ("sources.csv", b"", "cannot be read as csv"),
        ("sources.parquet", b"PAR1 but no more", "cannot be read as parquet"),
        ("sources.ecsv", b"no header", "cannot be read as ecsv"),
        ("sources.xls", b"", "must end in .csv, .ecsv, .parquet"),
    ],
)
def test_unusable_tables(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / name)
    assert says in str(caught.value)
    assert name in str(caught.value)


def test_missing_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sources\.csv does not exist"):
        read_table(tmp_path / "sources.csv")


def alerts(folder: Path, pattern: str) -> list[DiaSource | Rejection]:
    return list(open_catalog(AlertsSettings(kind="alerts", path=pattern), folder).sources())


def test_ztf_packets(shared: Path) -> None:
    rows = alerts(shared / "data", "ztf/*.avro")
    assert len(rows) == 18
    for row in rows:
        assert isinstance(row, DiaSource)
        assert Path(row.origin).stem == str(row.dia_source_id) == str(row.columns["diaSourceId"])
        assert row.ra_deg is not None
        assert isinstance(row.columns["magpsf"], float)
        assert "cutoutScience" not in row.columns


def test_a_truncated_packet_costs_only_itself(shared: Path, tmp_path: Path) -> None:
    whole = sorted((shared / "data" / "ztf").glob("*.avro"))[:2]
    (tmp_path / "a.avro").write_bytes(whole[0].read_bytes()[:20_000])
    (tmp_path / "b.avro").write_bytes(whole[1].read_bytes())
    (tmp_path / "c.avro").write_bytes(b"no avro")
    bad, good, worse = alerts(tmp_path, "*.avro")
    assert isinstance(good, DiaSource)
    assert isinstance(bad, Rejection)
    assert isinstance(worse, Rejection)
    assert "a.avro breaks off or is no Avro file" in bad.reason


def test_no_packets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file matches"):
        alerts(tmp_path, "*.avro")
