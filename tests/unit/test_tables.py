"""Tables of sources: what a volunteer or a path gets is what stands in the file, whatever the file is."""

from __future__ import annotations

import gzip
import http.server
import pickle
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from zoocut.catalogs import open_catalog
from zoocut.catalogs.data_frame import DataFrameCatalog
from zoocut.config.catalog import TableSettings
from zoocut.config.select import SelectSettings
from zoocut.errors import ConfigError, InputError
from zoocut.model import DiaSource, Rejection, Value
from zoocut.select import Selection

ID = 170059034123456789


class Read:
    """A table as its catalog gives it."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.notes: list[str] = []
        known = TableSettings.model_validate({"kind": "table", "path": path.name, **settings})
        self.catalog = open_catalog(known, path.parent, tell=self.notes.append)
        rows = list(self.catalog.sources())
        self.sources = [row for row in rows if isinstance(row, DiaSource)]
        self.rejected = [row for row in rows if isinstance(row, Rejection)]

    def column(self, name: str) -> list[Value]:
        return [source.columns[name] for source in self.sources]


def csv(folder: Path, header: str, *cells: str, name: str = "s.csv") -> Path:
    """Write a table of one further column."""
    rows = [f"{ID + n},150.0,2.0,{cell}" for n, cell in enumerate(cells)]
    (folder / name).write_text("\n".join([f"diaSourceId,ra,dec,{header}", *rows]) + "\n")
    return folder / name


def parquet(folder: Path, name: str = "s.parquet", **columns: Any) -> Path:
    count = len(next(iter(columns.values())))
    known = {"diaSourceId": [ID + n for n in range(count)], "ra": [150.0] * count, "dec": [2.0] * count}
    pq.write_table(pa.table({**known, **columns}), folder / name)
    return folder / name


@pytest.mark.parametrize(
    "cells",
    [
        ("007", "008"), ("2024E10", "1E5"), ("NA", "null"), ("true", "FALSE"), ("1.50", "2.25"), ("+5", "6"),
        ("2024-11-09", "2024-11-11 00:00"), ("1e5", "2e5"), ("0x1f", "7"), ("1_000", "5"), ("5", "5.0"),
        ("10:20:30", "11:00:00"), ("170059034123456701", "170059034123456702.0"), ("-0", "1"), ("1", "true"),
        ("18446744073709551616", "5"), ("0.1234567890123456789", "2.5"), ("INF", "1"), (" x", "y "),
    ],
)  # fmt: skip
def test_text_stays_as_it_was_written(tmp_path: Path, cells: tuple[str, ...]) -> None:
    read = Read(csv(tmp_path, "c", *cells))
    assert read.column("c") == [cell.lstrip(" ") for cell in cells]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1", "-2", ""), [1, -2, None]),
        (("170059034123456701", "", "170059034123456702"), [170059034123456701, None, 170059034123456702]),
        (("1.5", "nan", "-2.25"), [1.5, None, -2.25]),
        (("1", "NaN", "3"), [1, None, 3]),
        (("True", "False", ""), [True, False, None]),
        (("", "nan", ""), [None, None, None]),
        (("1e-05", "1e+16", "0.1"), [1e-5, 1e16, 0.1]),
    ],
)
def test_cells_that_print_back_are_numbers(
    tmp_path: Path, cells: tuple[str, ...], values: list[Value]
) -> None:
    found = Read(csv(tmp_path, "c", *cells)).column("c")
    assert [(value, type(value)) for value in found] == [(value, type(value)) for value in values]


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ("5.0", "as whole numbers"),
        ("", None),
        ("99999999999999999999", "beyond 64 bits"),
        ("--", "as whole numbers"),
    ],
)
def test_one_odd_cell_changes_no_other_and_is_told(tmp_path: Path, odd: str, says: str | None) -> None:
    others = ("170059034123456701", "-170059034123456703")
    read = Read(csv(tmp_path, "objectId", *others, odd))
    assert [str(value) for value in read.column("objectId")[:2]] == list(others)
    assert str(read.column("objectId")[2] or "") == odd
    assert [
        note for note in read.notes if "objectId" in note and odd in note and str(says) in note
    ] or says is None


@pytest.mark.parametrize("mark", ["--", "INDEF", "masked", "None", "nan", "n/a", "10,5"])
@pytest.mark.parametrize("column", ["ra", "dec"])
def test_one_text_among_positions_costs_its_row_alone(tmp_path: Path, column: str, mark: str) -> None:
    cells = [("1", "150.0", "2.0"), ("2", mark, "2.0") if column == "ra" else ("2", "150.0", mark)]
    cells.append(("3", "150.25", "2.125"))
    (tmp_path / "s.csv").write_text("diaSourceId;ra;dec\n" + "".join(f"{';'.join(row)}\n" for row in cells))
    read = Read(tmp_path / "s.csv")
    assert [(s.dia_source_id, s.ra_deg, s.dec_deg) for s in read.sources] == [
        (1, 150.0, 2.0),
        (3, 150.25, 2.125),
    ]
    (refused,) = read.rejected
    assert (refused.dia_source_id, refused.row) == ("2", "s.csv line 3")
    assert f"{column} = {'None' if mark == 'nan' else mark}" in refused.reason
    assert ("write decimal points" in refused.reason) == (mark == "10,5")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_dialects_give_the_same_sources(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = [
        ["# by me"],
        ["diaSourceId", "ra", "dec", "note"],
        [str(ID), "150.5", "-2.5", '"a\nb"'],
        ["", "", "", ""],
    ]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    (tmp_path / "s.csv").write_bytes(gzip.compress(text.encode(encoding)))
    read = Read(tmp_path / "s.csv")
    (source,) = read.sources
    assert (source.dia_source_id, source.ra_deg, source.dec_deg, source.columns["note"]) == (
        ID,
        150.5,
        -2.5,
        "a\nb",
    )
    assert not read.rejected
    assert read.notes


@pytest.mark.parametrize("name", ["s.dat", "s.txt", "s.dat.gz", "s.tsv"])
def test_tables_of_other_endings(tmp_path: Path, name: str) -> None:
    text = f"# night 1\n# diaSourceId  ra    dec  band\n{ID}  150.5  -2.5   r\n"
    if name == "s.tsv":
        text = text.replace("# d", "d").replace("    ", "\t").replace("   ", "\t").replace("  ", "\t")
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    (source,) = Read(tmp_path / name).sources
    assert (source.dia_source_id, source.ra_deg, source.columns["band"]) == (ID, 150.5, "r")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"diaSourceId,ra,dec,n\n1,2,3,Gr\xf6\xdfe\n", "line 2 holds the bytes 0xf6"),
        (b"diaSourceId,ra,dec,\xe9\n1,2,3,4\n", "line 1 holds the bytes 0xe9"),
        (b"PK\x03\x04", "Excel workbook"),
        (b"diaSourceId,ra,dec,ra\n1,2,3,4\n", "several columns named ra"),
        (b'diaSourceId,ra,dec\n1,2,"3\n', "line 2 cannot be read"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        Read(tmp_path / "s.csv")
    assert says in str(caught.value)


def test_a_name_that_is_there_twice_is_refused_in_every_table(tmp_path: Path) -> None:
    names = ["diaSourceId", "ra", "dec", "n", "n"]
    pq.write_table(pa.table([[1], [1.0], [2.0], [3], [4]], names=names), tmp_path / "s.parquet")
    with pytest.raises(InputError, match=r"s\.parquet: it has several columns named n"):
        Read(tmp_path / "s.parquet")
    with pytest.raises(InputError, match="several columns named n"):
        DataFrameCatalog(pd.DataFrame([[1, 1.0, 2.0, 3, 4]], columns=names))


def test_an_encoding_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes("diaSourceId,ra,dec,n\n1,2,3,Größe €\n".encode("cp1252"))
    assert Read(tmp_path / "s.csv", encoding="cp1252").column("n") == ["Größe €"]
    with pytest.raises(ConfigError, match="is no encoding of text"):
        Read(tmp_path / "s.csv", encoding="klingon")


def test_lines_that_are_no_rows_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(b"diaSourceId,ra,dec,\n1,2,3,x\n2,2\n3,2,3,a\0b\n,,,\n4,2,3,\n")
    read = Read(path)
    assert [(s.dia_source_id, s.columns["column 4"]) for s in read.sources] == [(1, "x"), (4, None)]
    assert [(r.row, r.reason) for r in read.rejected] == [
        ("s.csv line 3", "it has 2 cells where the header has 4: mend the line"),
        ("s.csv line 4", "it holds NUL bytes: mend the line"),
    ]
    assert any("column 4 has no name" in note for note in read.notes)


# --- names as ids


def test_names_as_ids(tmp_path: Path) -> None:
    names = ["cand-0001", "AT2024abc", "at2024ABC", "007", "7"]
    (tmp_path / "s.csv").write_text("name,ra,dec\n" + "".join(f"{name},150.0,2.0\n" for name in [*names, ""]))
    read = Read(tmp_path / "s.csv", dia_source_id="name", id_kind="text")
    assert [s.dia_source_id for s in read.sources] == names == read.column("diaSourceId")
    assert [r.reason for r in read.rejected] == ["its id is missing: give every row one"]
    numbers = Read(tmp_path / "s.csv", dia_source_id="name")
    assert [s.dia_source_id for s in numbers.sources] == [7]
    assert sum("catalog.id_kind = 'text'" in r.reason for r in numbers.rejected) == 4


def test_lists_of_names_to_leave_out(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("diaSourceId,ra,dec,snr\na-1,1,1,5\nA-1,1,1,7.50\n007,1,1,--\n7,1,1,9\n")
    (tmp_path / "seen.csv").write_text("note;diaSourceId\nx;a-1\ny;\nz;007\n")
    catalog = Read(tmp_path / "s.csv", id_kind="text").catalog

    def chosen(**settings: Any) -> list[object]:
        selection = Selection(catalog, SelectSettings.model_validate(settings), tmp_path, "text")
        return [row.dia_source_id for row in selection.sources() if isinstance(row, DiaSource)]

    assert chosen(exclude=["seen.csv"]) == ["A-1", "7"]
    assert chosen(cuts={"snr": {"min": 7.5}}) == ["A-1", "7"]
    assert len(chosen(sample={"size": 2})) == 2


# --- cuts on columns that are text


@pytest.mark.parametrize(
    ("cells", "cut", "kept"),
    [
        (("5.00", "10.00", "--"), {"min": 6}, [1]),
        (("5.00", "10.00", "INDEF"), {"max": 6}, [0]),
        (("007", "008", "7"), {"one_of": ["007"]}, [0]),
        (("007", "008", "7"), {"one_of": [7]}, [0, 2]),
        (("7", "8", "9"), {"one_of": ["8"]}, [1]),
        (("NA", "null", "SN"), {"one_of": ["NA"]}, [0]),
        (("true", "FALSE", "1"), {"set": True}, [0, 2]),
        (("true", "FALSE", "--"), {"set": False}, [1, 2]),
        (("2024-11-09", "2024-11-10", "2024-11-11 00:00"), {"min": "2024-11-10"}, [1, 2]),
        (("170059034123456701", "170059034123456702.0", ""), {"one_of": [170059034123456701]}, [0]),
    ],
)
def test_cuts(tmp_path: Path, cells: tuple[str, ...], cut: dict[str, Any], kept: list[int]) -> None:
    catalog = Read(csv(tmp_path, "c", *cells)).catalog
    rows = Selection(catalog, SelectSettings.model_validate({"cuts": {"c": cut}}), tmp_path).sources()
    assert [row.dia_source_id - ID for row in rows if isinstance(row, DiaSource)] == kept  # type: ignore[operator]


@pytest.mark.parametrize("cut", [{"min": 5}, {"set": True}, {"max": 2.5}])
def test_a_cut_that_no_cell_could_meet(tmp_path: Path, cut: dict[str, Any]) -> None:
    catalog = Read(csv(tmp_path, "c", "x", "z")).catalog
    with pytest.raises(ConfigError, match="limits of another kind than the column, which holds 'x'"):
        list(Selection(catalog, SelectSettings.model_validate({"cuts": {"c": cut}}), tmp_path).sources())


def test_one_per_object_by_numbers_written_as_text(tmp_path: Path) -> None:
    path = csv(tmp_path, "diaObjectId,snr", "17,9.50", "17,10.25", "17,--", "18,INDEF")
    chosen = Selection(
        Read(path).catalog, SelectSettings.model_validate({"one_per_object": {}}), tmp_path
    ).sources()
    assert [row.dia_source_id - ID for row in chosen if isinstance(row, DiaSource)] == [1, 3]  # type: ignore[operator]


# --- columns that have types


def test_numbers_of_32_bits_print_their_shortest_form(tmp_path: Path) -> None:
    values = np.array([18.634450912475586, 0.1, 1e-5, 123456.789, np.nan], np.float32)
    expected = [None if np.isnan(value) else float(str(value)) for value in values]
    assert expected[1] == 0.1
    table = Table({"diaSourceId": range(5), "ra": [1.0] * 5, "dec": [2.0] * 5, "f": values})
    table.write(tmp_path / "s.fits")
    table.write(tmp_path / "s.vot", format="votable")
    table.write(tmp_path / "s.ecsv")
    parquet(tmp_path, f=pa.array(values))
    for name in ("s.fits", "s.vot", "s.ecsv", "s.parquet"):
        assert Read(tmp_path / name).column("f") == expected, name
    frame = table.to_pandas()
    for given in (frame, table):
        rows = [row for row in DataFrameCatalog(given).sources() if isinstance(row, DiaSource)]
        assert [row.columns["f"] for row in rows] == expected
    half = Read(parquet(tmp_path, "h.parquet", h=pa.array(np.array([0.1, 0.2], np.float16)))).column("h")
    assert half == [0.1, 0.2]


def test_whole_numbers_that_pandas_made_floating_point(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"visit": [7, None], "snr": [5.5, None], "objectId": [170059034123456703, None], "n": [1.0, 2.0]}
    )
    frame = frame.assign(diaSourceId=[1, 2], ra=1.0, dec=2.0)
    frame.to_parquet(tmp_path / "s.parquet")
    read = Read(tmp_path / "s.parquet")
    assert [str(value) for value in read.column("visit")] == ["7", "None"]
    assert read.column("snr") == [5.5, None]
    assert read.column("objectId") == [None, None]
    assert [str(value) for value in read.column("n")] == ["1.0", "2.0"]
    (note,) = read.notes
    assert "column objectId: 1 whole numbers beyond 2^53 went through floating point" in note


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([2**64 - 1, None, 5], pa.uint64()), [2**64 - 1, None, 5]),
        (pa.array([-(2**63), None, 5], pa.int64()), [-(2**63), None, 5]),
        (
            pa.array([Decimal("170059034123456701"), None, Decimal(5)], pa.decimal128(20, 0)),
            [170059034123456701, None, 5],
        ),
        (pa.array([Decimal("1.50"), None, Decimal("0.25")], pa.decimal128(20, 2)), [1.5, None, 0.25]),
        (pa.array(["007", None, "1e5"]).dictionary_encode(), ["007", None, "1e5"]),
        (pa.array(["007", None, "é"], pa.large_string()), ["007", None, "é"]),
        (pa.array(["é".encode(), None, b"x"], pa.binary()), ["é", None, "x"]),
    ],
)
def test_columns_of_parquet_are_exact(tmp_path: Path, column: pa.Array, values: list[Value]) -> None:
    assert Read(parquet(tmp_path, c=column)).column("c") == values


def test_bytes_that_are_no_text_are_left_out_and_told(tmp_path: Path) -> None:
    read = Read(parquet(tmp_path, c=pa.array([b"\xff\xfe", b"x"])))
    assert "c" not in read.sources[0].columns
    assert read.notes == ["column c holds bytes that are no UTF-8 text: it is left out"]


@pytest.mark.parametrize("kind", [pa.uint64(), pa.float64(), pa.int64(), pa.string()])
def test_ids_out_of_range_cost_their_row_alone(tmp_path: Path, kind: pa.DataType) -> None:
    large = {pa.uint64(): 2**64 - 1, pa.float64(): 2.0**63, pa.int64(): -1, pa.string(): str(2**63)}[kind]
    good = "5" if kind == pa.string() else 5
    table = {"diaSourceId": pa.array([good, large], kind), "ra": [1.0, 1.0], "dec": [2.0, 2.0]}
    pq.write_table(pa.table(table), tmp_path / "s.parquet")
    read = Read(tmp_path / "s.parquet")
    assert [s.dia_source_id for s in read.sources] == [5]
    assert len(read.rejected) == 1


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    for n, visit in enumerate((7, 8)):
        folder = tmp_path / "night" / f"visit={visit}"
        folder.mkdir(parents=True)
        table = {
            "diaSourceId": [ID + n],
            "ra": [1.0],
            "dec": [2.0],
            "objectId": pa.array([None if n else 9], pa.int64()),
        }
        pq.write_table(pa.table(table), folder / "part.parquet")
        (folder / "._part.parquet").write_bytes(b"of macOS")
        (folder / "_metadata.parquet").write_bytes(b"of a writer")
    read = Read(tmp_path / "night")
    assert [(s.dia_source_id, s.columns["visit"], s.columns["objectId"]) for s in read.sources] == [
        (ID, 7, 9),
        (ID + 1, 8, None),
    ]
    pq.write_table(
        pa.table({"diaSourceId": ["x"], "ra": [1.0], "dec": [2.0]}), tmp_path / "night" / "other.parquet"
    )
    with pytest.raises(InputError, match="differ in the types of their columns"):
        Read(tmp_path / "night")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is a folder without parquet files"):
        Read(tmp_path / "empty")


# --- astronomers' tables


@pytest.mark.parametrize(
    ("delimiter", "texts", "says"),
    [
        (
            " ",
            ["#one", "two"],
            r"line \d+ begins with #.* as many cells as a row: put its first cell into double",
        ),
        (",", ["# one", "two"], r"line \d+ begins with #.* as many cells as a row"),
        (",", ["zero", "#1 north"], r"line \d+ begins with #.* as many cells as a row"),
        (
            " ",
            ["two", "several\n#lines\nhere"],
            r"line \d+ begins with #.* the line before: save the table",
        ),
    ],
)
def test_rows_of_an_ecsv_that_astropy_takes_for_comments_are_refused(
    tmp_path: Path, delimiter: str, texts: list[str], says: str
) -> None:
    table = Table({"name": texts, "diaSourceId": [ID, ID + 1], "ra": [150.0, 151.0], "dec": [2.0, 2.1]})
    table.write(tmp_path / "s.ecsv", delimiter=delimiter)
    with pytest.raises(InputError, match=says):
        Read(tmp_path / "s.ecsv")


@pytest.mark.parametrize("name", ["s.ecsv", "s.ecsv.gz"])
def test_what_is_quoted_in_an_ecsv_is_a_row_and_comments_are_told(tmp_path: Path, name: str) -> None:
    table = Table(
        {"name": ["one", "two"], "diaSourceId": [ID, ID + 1], "ra": [150.0, 151.0], "dec": [2.0, 2.1]}
    )
    table.write(tmp_path / "plain.ecsv", delimiter=",")
    text = (
        (tmp_path / "plain.ecsv")
        .read_text()
        .replace("one,", '"#one",')
        .replace("two,", "# second half\ntwo,")
    )
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    read = Read(tmp_path / name)
    assert read.column("name") == ["#one", "two"]
    assert f"{name}: 1 lines among its rows begin with # and are left out as comments" in read.notes


def astropy_table() -> Table:
    return Table({"diaSourceId": [ID, ID + 1], "ra": [150.001, 149.999], "dec": [2.001, 1.999]})


def test_columns_of_times_and_positions(tmp_path: Path) -> None:
    table = astropy_table()
    table["t"] = Time(["2024-11-09T06:12:53", "2024-11-10T00:00:00"])
    table["where"] = SkyCoord([10.5, 11.5], [-1.5, 2.5], unit="deg")
    table["galactic"] = SkyCoord([10.5, 11.5], [-1.5, 2.5], unit="deg").galactic
    table["pair"] = [[1, 2], [3, 4]]
    table.write(tmp_path / "s.ecsv")
    read = Read(tmp_path / "s.ecsv")
    assert read.column("t") == ["2024-11-09T06:12:53.000", "2024-11-10T00:00:00.000"]
    assert read.column("where.ra") == pytest.approx([10.5, 11.5])
    assert read.column("galactic.dec") == pytest.approx([-1.5, 2.5])
    assert any("column pair holds an array" in note for note in read.notes)
    placed = Read(tmp_path / "s.ecsv", ra="where.ra", dec="where.dec")
    assert [s.ra_deg for s in placed.sources] == pytest.approx([10.5, 11.5])


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        (u.hourangle, "is converted from"),
        (u.rad, "is converted from rad"),
        (u.arcmin, "is converted"),
        (u.deg, None),
    ],
)
@pytest.mark.parametrize("name", ["s.ecsv", "s.vot", "s.fits"])
def test_units_of_angles(tmp_path: Path, name: str, unit: u.Unit, told: str | None) -> None:
    if name != "s.ecsv" and unit == u.hourangle:
        pytest.skip("astropy cannot write this unit there")
    table = astropy_table()
    ra, dec = (np.array(table[key]) * u.deg for key in ("ra", "dec"))
    table["ra"], table["dec"] = ra.to(unit).value, dec.to(u.rad).value
    table["ra"].unit, table["dec"].unit = unit, u.rad
    table.write(tmp_path / name, **({"format": "votable"} if name == "s.vot" else {}))
    read = Read(tmp_path / name)
    assert [s.ra_deg for s in read.sources] == pytest.approx([150.001, 149.999], abs=1e-12)
    assert [s.dec_deg for s in read.sources] == pytest.approx([2.001, 1.999], abs=1e-12)
    assert read.column("ra") == pytest.approx(list(ra.to(unit).value))
    assert any(note.startswith("ra ") and str(told) in note for note in read.notes) == (told is not None)
    assert any(note.startswith("dec is converted from rad") for note in read.notes)


def test_units_of_tables_in_memory() -> None:
    table = QTable({"diaSourceId": [1], "ra": [1.5] * u.hourangle, "dec": Angle(["-00:30:00"], unit=u.deg)})
    (source,) = DataFrameCatalog(table).sources()
    assert isinstance(source, DiaSource)
    assert (source.ra_deg, source.dec_deg) == pytest.approx((22.5, -0.5))


def test_a_unit_that_is_none_of_angles(tmp_path: Path) -> None:
    table = astropy_table()
    table["ra"].unit = u.m
    table.write(tmp_path / "s.ecsv")
    with pytest.raises(InputError, match="its column ra is in 'm', which is no unit of angles: give degrees"):
        Read(tmp_path / "s.ecsv")


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("05:34:31.94", "+22:00:52.2"), ("05 34 31.94", "22 00 52.2"), ("5h34m31.94s", "22d00m52.2s"),
        ("23:59:59.999", "-00:00:30"), ("00:00:00", "-89:59:59"), ("83d37m59.1s", "-5:00:00.5"),
    ],
)  # fmt: skip
def test_sexagesimal_text(tmp_path: Path, ra: str, dec: str) -> None:
    (tmp_path / "s.csv").write_text(
        f"diaSourceId;ra;dec\n1;{ra};{dec}\n2;05:60:00;1:00:00\n3;150.5;2:00:00\n"
    )
    read = Read(tmp_path / "s.csv")
    (source,) = read.sources
    sky = SkyCoord(ra, dec, unit=(u.deg if "d" in ra else u.hourangle, u.deg))
    assert (source.ra_deg, source.dec_deg) == pytest.approx((sky.ra.deg, sky.dec.deg), abs=1e-10)
    assert (source.columns["ra"], source.columns["dec"]) == (ra, dec)
    assert [r.dia_source_id for r in read.rejected] == ["2", "3"]
    assert any("ra is read as sexagesimal hours" in note for note in read.notes)


def test_masked_cells(tmp_path: Path) -> None:
    table = astropy_table()
    table["n"] = MaskedColumn([5, 7], mask=[True, False])
    table["name"] = MaskedColumn(["x", "007"], mask=[True, False])
    table["dec"] = MaskedColumn([1.5, 2.5], mask=[False, True])
    for name in ("s.ecsv", "s.vot", "s.fits"):
        table.write(tmp_path / name, **({"format": "votable"} if name == "s.vot" else {}))
        read = Read(tmp_path / name)
        assert [(s.dia_source_id, s.columns["n"]) for s in read.sources] == [(ID, None)], name
        assert [(r.dia_source_id, r.row) for r in read.rejected] == [(str(ID + 1), f"{name} row 2")]


HUGE = "99999999999999999999"


def test_numbers_too_large_for_64_bits_cost_their_row_alone(tmp_path: Path) -> None:
    ids, others = (str(ID), HUGE, str(ID + 2)), ("5", "6", f"-{HUGE}")
    header = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: diaSourceId, datatype: int64}\n"
    header += "# - {name: ra, datatype: float64, unit: rad}\n# - {name: dec, datatype: float64}\n"
    header += "# - {name: other, datatype: int64}\n# schema: astropy-2.0\ndiaSourceId ra dec other\n"
    rows = [f"{one} 0.5 2.0 {other}" for one, other in zip(ids, others, strict=True)]
    (tmp_path / "s.ecsv").write_text(header + "\n".join(rows) + "\n")
    cells = "".join(
        f"<TR><TD>{one}</TD><TD>0.5</TD><TD>2.0</TD><TD>{other}</TD></TR>"
        for one, other in zip(ids, others, strict=True)
    )
    fields = '<FIELD name="diaSourceId" datatype="long"/><FIELD name="ra" datatype="double" unit="rad"/>'
    fields += '<FIELD name="dec" datatype="double"/><FIELD name="other" datatype="long"/>'
    votable(tmp_path / "s.vot", fields, f"<TABLEDATA>{cells}</TABLEDATA>")
    for name in ("s.ecsv", "s.vot"):
        read = Read(tmp_path / name)
        assert [s.dia_source_id for s in read.sources] == [ID, ID + 2], name
        assert [s.ra_deg for s in read.sources] == pytest.approx([np.degrees(0.5)] * 2)
        assert str(read.sources[0].columns["other"]) == "5"
        assert str(read.sources[1].columns["other"]) in ("None", f"-{HUGE}")
        assert len(read.rejected) == 1
        assert read.notes


@pytest.mark.parametrize(("kind", "limit"), [("short", 2**15 - 1), ("int", 2**31 - 1), ("unsignedByte", 255)])
def test_a_limit_of_a_type_is_a_number_and_one_beyond_it_is_none(
    tmp_path: Path, kind: str, limit: int
) -> None:
    fields = '<FIELD name="diaSourceId" datatype="long"/><FIELD name="ra" datatype="double"/>'
    fields += f'<FIELD name="dec" datatype="double"/><FIELD name="n" datatype="{kind}"/>'
    rows = "".join(
        f"<TR><TD>{ID + n}</TD><TD>1</TD><TD>2</TD><TD>{cell}</TD></TR>"
        for n, cell in enumerate((limit, limit + 1, 7))
    )
    votable(tmp_path / "s.vot", fields, f"<TABLEDATA>{rows}</TABLEDATA>")
    read = Read(tmp_path / "s.vot")
    assert read.column("n") == [limit, None, 7]
    assert read.notes == ["column n: 1 numbers do not fit its type and are left out"]


def votable(path: Path, fields: str, data: str, prolog: str = "") -> None:
    path.write_text(
        f'<?xml version="1.0"?>{prolog}<VOTABLE version="1.3"><RESOURCE><TABLE>{fields}<DATA>{data}</DATA></TABLE>'
        "</RESOURCE></VOTABLE>"
    )


class Counting(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    "stream", ['STREAM href="{}"', "STREAM type='locator' href='{}'", 'STREAM\n  encoding="gzip" href="{}"']
)
@pytest.mark.parametrize("where", ["file", "host"])
def test_a_votable_reads_no_other_file_and_calls_no_host(
    tmp_path: Path, host: str, where: str, stream: str
) -> None:
    (tmp_path / "secret").write_bytes(b"TOP-SECRET")
    place = (tmp_path / "secret").as_uri() if where == "file" else f"{host}/x"
    fields = '<FIELD name="diaSourceId" datatype="long"/><FIELD name="note" datatype="char" arraysize="10"/>'
    votable(tmp_path / "s.vot", fields, f"<BINARY><{stream.format(place)}/></BINARY>")
    with pytest.raises(InputError, match="refers to another file") as caught:
        Read(tmp_path / "s.vot")
    assert "TOP-SECRET" not in str(caught.value)
    assert Counting.asked == 0


def test_a_votable_with_entities_is_refused(tmp_path: Path) -> None:
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    votable(tmp_path / "s.vot", '<FIELD name="diaSourceId" datatype="long"/>', "<TABLEDATA/>", entity)
    with pytest.raises(InputError, match="defines an XML entity"):
        Read(tmp_path / "s.vot")


def test_a_votable_with_its_data_inside_is_read(tmp_path: Path) -> None:
    for kind in ("tabledata", "binary", "binary2"):
        astropy_table().write(tmp_path / "s.vot", format="votable", tabledata_format=kind, overwrite=True)
        assert [s.dia_source_id for s in Read(tmp_path / "s.vot").sources] == [ID, ID + 1], kind


@pytest.mark.parametrize("name", ["s.xlsx", "s.xls", "s.ods"])
def test_workbooks_are_told_how_to_be_saved(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="save its sheet as CSV UTF-8"):
        Read(tmp_path / name)


def test_a_table_that_is_read_while_it_is_used_is_the_same_as_one_in_memory(tmp_path: Path) -> None:
    """What a column is only its last row group tells; rows that are not in order are sorted in memory."""
    whole, nan = [1.0, 2.0, 3.0, 4.0], float("nan")
    columns = {
        "diaSourceId": pa.array([5, None, 3, 2, 2**63, 9], pa.uint64()),
        "ra": [150.0, 150.0, nan, 150.5, 150.0, 361.0],
        "dec": pa.array([2.0] * 6, pa.float32()),
        "visit": [1, 1, 2, 2, 2, 3],
        "detector": [1, 4, 0, 0, 3, 0],
        "late_gap": [*whole, 5.0, nan],
        "late_fraction": [nan, *whole, 5.5],
        "late_inexact": [*whole, 5.0, 2.0**60],
        "all_whole": [*whole, 5.0, 6.0],
        "single": pa.array([0.1, 7, None, 1, 2, 3], pa.float32()),
        "half": pa.array([one and np.float16(one) for one in (1, 7, None, 1, 2, 3)], pa.float16()),
        "text": pa.array([b"a", b"b", None, b"c", b"d", b"e"]),
        "no_text": pa.array([b"a", b"b", None, b"c", b"d", b"\xff"]),
        "words": pa.array(["g", "r", None, "g", "r", "i"]).dictionary_encode(),
        "when": pa.array([0, 1, 2, None, 4, 5], pa.timestamp("s")),
    }
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "streamed.parquet", row_group_size=2)
    backwards = table.take([5, 4, 2, 3, 1, 0])  # rows of one exposure keep their order
    pq.write_table(backwards, tmp_path / "sorted.parquet", row_group_size=2)
    streamed, held = Read(tmp_path / "streamed.parquet"), Read(tmp_path / "sorted.parquet")
    assert [dict(one.columns) for one in streamed.sources] == [dict(one.columns) for one in held.sources]
    assert [list(one.columns) for one in streamed.sources] == [list(one.columns) for one in held.sources]
    assert [(o.dia_source_id, o.ra_deg, o.dec_deg) for o in streamed.sources] == [
        (o.dia_source_id, o.ra_deg, o.dec_deg) for o in held.sources
    ]
    assert [one.row for one in streamed.sources] == ["streamed.parquet row 1", "streamed.parquet row 4"]
    assert [one.row for one in held.sources] == ["sorted.parquet row 6", "sorted.parquet row 4"]
    assert [(o.dia_source_id, o.reason) for o in streamed.rejected] == [
        (o.dia_source_id, o.reason) for o in held.rejected
    ]
    assert len(streamed.rejected) == 4
    assert streamed.notes == held.notes
    values = {name: [one.columns[name] for one in streamed.sources] for name in ("late_gap", "late_fraction")}
    assert [type(value) for value in values["late_gap"]] == [int, int]
    assert values["late_fraction"] == [None, 3.0]
    assert streamed.column("single") == [0.1, 1.0]
    row = streamed.sources[0].columns
    assert pickle.loads(pickle.dumps(row)) == dict(row)
    assert (row.get("none"), "none" in row, len(row)) == (None, False, 14)
    with pytest.raises(KeyError):
        row["none"]
