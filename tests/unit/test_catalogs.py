"""Tables and alert packets become sources; rows that cannot are refused one by one."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import MaskedColumn, Table

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import AlertsSettings, TableSettings
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection
from zoocut.packets.container import LARGEST_BLOCK_BYTES
from zoocut.packets.files import LARGEST_MEMBER_BYTES

BIG = 2**53 + 1
"""No double holds it."""


def read_table(path: Path) -> tuple[list[DiaSource], list[Rejection]]:
    rows = list(open_catalog(TableSettings(kind="table", path=path.name, columns={}), path.parent).sources())
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
    names = ("sources.ecsv", "sources.vot", "sources.fits", "sources.fits.gz")
    ids = MaskedColumn([BIG, 0, BIG + 2], mask=[False, True, False], dtype="int64")
    formats = ("ascii.ecsv", "votable", "fits", "fits")
    for name, kind in zip(names, formats, strict=True):
        table = Table({"diaSourceId": ids, "ra": [10.0] * 3, "dec": [1.0] * 3, "band": ["r", "i", "r"]})
        table.write(tmp_path / name, format=kind)
    tables = [
        csv(tmp_path, f"diaSourceId,ra,dec\n{BIG},10,1\n,10,1\n{BIG + 2},10,1\n"),
        parquet(tmp_path, pa.array([BIG, None, BIG + 2], pa.int64())),
        *(tmp_path / name for name in names),
    ]
    for table in tables:
        sources, rejections = read_table(table)
        assert [s.dia_source_id for s in sources] == [BIG, BIG + 2], table
        assert [s.columns["diaSourceId"] for s in sources] == [BIG, BIG + 2]
        assert [r.reason for r in rejections] == ["its id is missing: give every row one"]
        assert rejections[0].row == f"{table.name} {'line 3' if table.suffix == '.csv' else 'row 2'}"


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
        ("sources.csv", b"", "sources.csv is empty: give a table"),
        ("sources.parquet", b"PAR1 but no more", "cannot be read as parquet"),
        ("sources.ecsv", b"no header", "cannot be read as ecsv"),
        ("sources.xls", b"", "save its sheet as CSV UTF-8"),
        ("sources.tbl", b"", "must end in .csv, .tsv, .dat, .txt, .parquet, .ecsv"),
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
    return list(open_catalog(AlertsSettings(kind="alerts", path=pattern, columns={}), folder).sources())


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


def test_lsst_alerts_in_parquet_and_on_the_wire(shared: Path) -> None:
    settings = AlertsSettings(
        kind="alerts", path="lsst", dia_source_id="diaSourceId", measurements="diaSource", columns={}
    )
    rows = list(open_catalog(settings, shared / "data").sources())
    assert len(rows) == 26
    sources = [row for row in rows if isinstance(row, DiaSource)]
    assert len(sources) == 26
    wire = next(source for source in sources if source.origin.endswith("_7912941781254298.avro"))
    assert wire.dia_source_id == wire.columns["diaSourceId"] > 2**53 // 2
    for source in sources:
        assert isinstance(source.columns["band"], str)
        assert isinstance(source.columns["visit"], int)
        assert isinstance(source.columns["reliability"], float)
        assert "cutoutDifference" not in source.columns
        assert source.ra_deg is not None


def test_a_survey_nobody_named_needs_field_names_only(shared: Path) -> None:
    columns = {"snr": "candidate.scorr", "objectId": "objectid", "first": "candidate.jdstarthist"}
    settings = AlertsSettings(kind="alerts", path="winter/*.avro", columns=columns)
    rows = list(open_catalog(settings, shared / "data").sources())
    assert [row.dia_source_id for row in rows if isinstance(row, DiaSource)] == [
        3608694,
        3608701,
        3608704,
        3608721,
    ]
    assert isinstance(rows[0], DiaSource)
    assert str(rows[0].columns["objectId"]).startswith("WNTR24")
    assert rows[0].columns["first"] == rows[0].columns["jdstarthist"]
    assert rows[0].columns["snr"] == rows[0].columns["scorr"]


def test_archives_of_packets(shared: Path, tmp_path: Path) -> None:
    whole = sorted((shared / "data" / "ztf").glob("*.avro"))[:3]
    wire = next((shared / "data" / "lsst").glob("*.avro"))
    (tmp_path / "note.txt").write_text("no packet")
    (tmp_path / "broken.avro").write_bytes(whole[0].read_bytes()[:30_000])
    for mode, name in (("w", "night.tar"), ("w:gz", "night.tar.gz")):
        with tarfile.open(tmp_path / name, mode) as archive:  # type: ignore[call-overload]
            for path in (*whole, tmp_path / "note.txt", tmp_path / "broken.avro", wire):
                archive.add(path, arcname=f"night/{path.name}")
        rows = alerts(tmp_path, name)
        assert [r.dia_source_id for r in rows if isinstance(r, DiaSource)] == [int(p.stem) for p in whole]
        refused = [row for row in rows if isinstance(row, Rejection)]
        assert [row.row.removeprefix(f"{name}/night/") for row in refused] == ["broken.avro", wire.name]
        assert "its field candid is missing: name the one with the id" in refused[1].reason


def test_a_truncated_archive_costs_what_is_behind(shared: Path, tmp_path: Path) -> None:
    whole = sorted((shared / "data" / "ztf").glob("*.avro"))[:3]
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        for path in whole:
            archive.add(path)
    content = (tmp_path / "all.tar.gz").read_bytes()
    (tmp_path / "night.tar.gz").write_bytes(content[: len(content) * 2 // 3])
    rows = alerts(tmp_path, "night.tar.gz")
    assert [r.dia_source_id for r in rows if isinstance(r, DiaSource)][:1] == [int(whole[0].stem)]
    assert isinstance(rows[-1], Rejection)
    assert "night.tar.gz breaks off" in rows[-1].reason


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("into_header", [0, 1, 511])
def test_an_archive_that_was_cut_between_members_is_told(tmp_path: Path, mode: str, into_header: int) -> None:
    """There tarfile itself takes the cut for the end."""
    place = {"type": "record", "name": "c", "fields": [{"name": n, "type": "double"} for n in ("ra", "dec")]}
    fields = [{"name": "candid", "type": "long"}, {"name": "candidate", "type": place}]
    schema = {"type": "record", "name": "p", "fields": fields}
    with tarfile.open(tmp_path / "whole.tar", "w") as archive:
        for number in (1, 2, 3):
            path = tmp_path / f"{number}.avro"
            with path.open("wb") as file:
                fastavro.writer(file, schema, [{"candid": number, "candidate": {"ra": 1.0, "dec": 2.0}}])
            archive.add(path, arcname=path.name)
    with tarfile.open(tmp_path / "whole.tar") as archive:
        third = archive.getmembers()[2].offset
    pattern = {"w": "night.tar", "w:gz": "night.tar.gz"}[mode]
    for end, lost in ((third + into_header, True), (None, False)):
        content = (tmp_path / "whole.tar").read_bytes()[:end]
        (tmp_path / pattern).write_bytes(gzip.compress(content) if mode == "w:gz" else content)
        rows = alerts(tmp_path, pattern)
        assert [r.dia_source_id for r in rows if isinstance(r, DiaSource)] == ([1, 2] if lost else [1, 2, 3])
        assert ["breaks off between" in r.reason for r in rows if isinstance(r, Rejection)] == (
            [True] if lost else []
        )


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    schema = {"type": "record", "name": "p", "fields": [{"name": "candid", "type": "bytes"}]}
    with (tmp_path / "a.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"candid": b"\0" * (LARGEST_BLOCK_BYTES + 1)}], codec="deflate")
    assert (tmp_path / "a.avro").stat().st_size < 2**20
    member = tarfile.TarInfo("huge.avro")
    member.size = LARGEST_MEMBER_BYTES + 1
    with (tmp_path / "b.tar").open("wb") as archive:  # its content is a hole in the file
        archive.write(member.tobuf())
        archive.truncate(member.size + 4 * tarfile.BLOCKSIZE)
    reasons = [row.reason for row in alerts(tmp_path, "[ab].*") if isinstance(row, Rejection)]
    assert len(reasons) == 2
    assert "unpacks to more than 256 MB" in reasons[0]
    assert "which no packet has" in reasons[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda packet: packet[:1] + (12345).to_bytes(4, "big") + packet[5:], "schema id 12345"),
        (lambda packet: packet[:2000], "breaks off"),
        (lambda packet: packet + b"more", "is longer than an alert of schema 900"),
        (lambda packet: b"\0", "lacks the zero byte and the schema id"),
        (lambda packet: b"hello, no packet", "is no alert packet, parquet or tar"),
    ],
)
def test_bad_wire_packets(shared: Path, tmp_path: Path, change: Callable[[bytes], bytes], says: str) -> None:
    wire = next((shared / "data" / "lsst").glob("*.avro"))
    (tmp_path / "a.avro").write_bytes(change(wire.read_bytes()))
    (row,) = alerts(tmp_path, "a.avro")
    assert isinstance(row, Rejection)
    assert says in row.reason
    assert "a.avro" in row.reason


def test_columns_under_other_names(tmp_path: Path) -> None:
    csv(tmp_path, "id,RA,DE,obs,ccd\n5,1,2,9,1\n6,1,2,8,1\n7,1,2,9,1\n")
    settings = TableSettings(
        kind="table",
        path="sources.csv",
        dia_source_id="id",
        ra="RA",
        dec="DE",
        columns={"visit": "obs", "detector": "ccd"},
    )
    sources = list(open_catalog(settings, tmp_path).sources())
    assert [s.columns["visit"] for s in sources if isinstance(s, DiaSource)] == [8, 9, 9]
    missing = settings.model_copy(update={"columns": {"band": "filter"}})
    with pytest.raises(InputError, match="has no column filter"):
        open_catalog(missing, tmp_path)


def test_positions_in_pixels(tmp_path: Path) -> None:
    csv(tmp_path, "diaSourceId,x,y\n5,1,20.5\n6,,2\n")
    settings = TableSettings(kind="table", path="sources.csv", x="x", y="y", first_pixel=1, columns={})
    good, bad = open_catalog(settings, tmp_path).sources()
    assert isinstance(good, DiaSource)
    assert (good.pixel_yx, good.ra_deg) == ((19.5, 0.0), None)
    assert isinstance(bad, Rejection)
    assert "its pixel is missing" in bad.reason


def test_dates_of_parquet_become_text(tmp_path: Path) -> None:
    table = {"diaSourceId": [1], "ra": [1.0], "dec": [2.0], "time": [datetime(2026, 1, 2, 3, 4)]}
    pq.write_table(pa.table(table), tmp_path / "sources.parquet")
    ((source,), _) = read_table(tmp_path / "sources.parquet")
    assert source.columns["time"] == "2026-01-02T03:04:00"
