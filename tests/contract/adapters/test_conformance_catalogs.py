"""What every catalog must hold, whatever it reads."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fastavro
import fastavro.schema
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from astropy.table import MaskedColumn, Table

from zoocut.catalogs import open_catalog
from zoocut.catalogs.data_frame import DataFrameCatalog
from zoocut.config.catalog import AlertsSettings, ApdbSettings, ButlerTableSettings, TableSettings
from zoocut.model import Catalog, DiaSource, Rejection

BIG = 2**60 + 1
"""No double holds it, nor its neighbours."""

GOOD: list[dict[str, Any]] = [
    {
        "diaSourceId": BIG + 2 * n,
        "visit": 9000000001 + n % 2,
        "detector": n % 3,
        "ra": 10.0 + n / 1000,
        "dec": -30.0,
        "band": "r" if n % 2 else "i",
        "snr": None if n == 4 else 5.5 + n,
        "diaObjectId": None if n % 3 == 0 else BIG + 100 + n,
        "isDipole": n % 2 == 0,
    }
    for n in range(12)
]
ROWS = [*GOOD[:6], GOOD[6] | {"diaSourceId": -1}, *GOOD[6:]]
"""One of them has no usable id."""

COLUMNS = tuple(ROWS[0])


def table_settings(path: Path) -> TableSettings:
    return TableSettings(kind="table", path=str(path), columns={})


def masked(name: str, kind: str | None = None) -> MaskedColumn:
    values = [row[name] for row in ROWS]
    filled = [0 if value is None else value for value in values]
    return MaskedColumn(filled, name=name, mask=[value is None for value in values], dtype=kind)


def astropy_table() -> Table:
    kinds = {"diaSourceId": "int64", "diaObjectId": "int64", "visit": "int64"}
    return Table([masked(name, kinds.get(name)) for name in COLUMNS])


def make_csv(folder: Path, _: Any) -> Callable[[], Catalog]:
    # pandas' nullable integers keep what its plain ones would turn into floating point
    frame = pd.DataFrame(ROWS).astype({"diaObjectId": "object"})
    frame["diaObjectId"] = pd.array([row["diaObjectId"] for row in ROWS], dtype="Int64")
    frame.to_csv(folder / "sources.csv", index=False)
    return lambda: open_catalog(table_settings(folder / "sources.csv"), folder)


def make_with_astropy(name: str, kind: str) -> Callable[[Path, Any], Callable[[], Catalog]]:
    def make(folder: Path, _: Any) -> Callable[[], Catalog]:
        astropy_table().write(folder / name, format=kind)
        return lambda: open_catalog(table_settings(folder / name), folder)

    return make


def make_parquet(folder: Path, _: Any) -> Callable[[], Catalog]:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "sources.parquet")
    return lambda: open_catalog(table_settings(folder / "sources.parquet"), folder)


def make_data_frame(_folder: Path, _: Any) -> Callable[[], Catalog]:
    frame = pa.Table.from_pylist(ROWS).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return lambda: DataFrameCatalog(frame.set_index("diaSourceId"))


def fill_database(engine: sa.Engine) -> None:
    kinds = {int: sa.BigInteger, float: sa.Double, bool: sa.Boolean, str: sa.Text}
    first = {name: next(row[name] for row in ROWS if row[name] is not None) for name in COLUMNS}
    metadata = sa.MetaData()
    columns = (sa.Column(name, kinds[type(first[name])]) for name in COLUMNS)
    table = sa.Table("DiaSource", metadata, *columns)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), ROWS)


def make_sqlite(folder: Path, _: Any) -> Callable[[], Catalog]:
    fill_database(sa.create_engine(f"sqlite:///{folder / 'apdb.sqlite3'}", poolclass=sa.NullPool))
    settings = ApdbSettings(kind="apdb", path="apdb.sqlite3", rows_at_once=5, columns={})
    return lambda: open_catalog(settings, folder)


def make_postgres(folder: Path, request: pytest.FixtureRequest) -> Callable[[], Catalog]:
    server = request.getfixturevalue("postgres")
    request.getfixturevalue("monkeypatch").setenv("PGPASSWORD", server.password)
    url = server.create(f"conformance_{abs(hash(folder))}")
    fill_database(sa.create_engine(url.replace("://", "+psycopg://"), poolclass=sa.NullPool))
    settings = ApdbSettings(kind="apdb", url=url, rows_at_once=5, columns={})
    return lambda: open_catalog(settings, folder)


def make_butler(folder: Path, request: pytest.FixtureRequest) -> Callable[[], Catalog]:
    repository = request.getfixturevalue("repository")
    for exposure in sorted({(row["visit"], row["detector"]) for row in ROWS}):
        here = [row for row in ROWS if (row["visit"], row["detector"]) == exposure]
        path = folder / f"{exposure[0]}_{exposure[1]}.parq"
        pq.write_table(pa.Table.from_pylist(here), path)
        repository.put("dia_source_detector", *exposure, path)
    settings = ButlerTableSettings(
        kind="butler",
        repository=str(repository.root),
        collections=("night",),
        dataset_type="dia_source_detector",
        columns={},
    )
    return lambda: open_catalog(settings, folder)


def packets() -> list[dict[str, Any]]:
    return [{"diaSourceId": row["diaSourceId"], "diaSource": row} for row in in_order(ROWS)]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["visit"], row["detector"], row["diaSourceId"]))


def write_avro(path: Path, several: list[dict[str, Any]]) -> None:
    kinds = {int: "long", float: "double", bool: "boolean", str: "string"}
    first = {name: next(row[name] for row in ROWS if row[name] is not None) for name in COLUMNS}
    fields = [{"name": name, "type": ["null", kinds[type(first[name])]]} for name in COLUMNS]
    record = {"type": "record", "name": "diaSource", "fields": fields}
    schema = {
        "type": "record",
        "name": "alert",
        "fields": [{"name": "diaSourceId", "type": "long"}, {"name": "diaSource", "type": record}],
    }
    with path.open("wb") as file:
        fastavro.writer(file, schema, several)


def alerts(folder: Path, name: str) -> Callable[[], Catalog]:
    settings = AlertsSettings(
        kind="alerts", path=name, dia_source_id="diaSourceId", measurements="diaSource", columns={}
    )
    return lambda: open_catalog(settings, folder)


def make_avro(folder: Path, _: Any) -> Callable[[], Catalog]:
    write_avro(folder / "night.avro", packets())
    return alerts(folder, "night.avro")


def make_alert_parquet(folder: Path, _: Any) -> Callable[[], Catalog]:
    pq.write_table(pa.Table.from_pylist(packets()), folder / "night.parquet")
    return alerts(folder, "night.parquet")


def make_archive(folder: Path, _: Any) -> Callable[[], Catalog]:
    with tarfile.open(folder / "night.tar.gz", "w:gz") as archive:
        for number, packet in enumerate(packets()):
            write_avro(folder / f"{number}.avro", [packet])
            archive.add(folder / f"{number}.avro", arcname=f"{number}.avro")
            (folder / f"{number}.avro").unlink()
    return alerts(folder, "night.tar.gz")


def make_streamed(folder: Path, request: pytest.FixtureRequest) -> Callable[[], Catalog]:
    """Packets of LSST as they are streamed: a real one, under the rows' ids and values."""
    path = next((request.getfixturevalue("shared") / "data" / "lsst").glob("*.avro"))
    content = path.read_bytes()
    schema = fastavro.schema.load_schema(str(next(_schema_folder().glob("9/0/lsst.v9_0.alert.avsc"))))
    packet: Any = fastavro.schemaless_reader(io.BytesIO(content[5:]), schema, None)
    for number, row in enumerate(in_order(ROWS)):
        mine = packet | {"diaSourceId": row["diaSourceId"], "diaSource": packet["diaSource"] | row}
        with (folder / f"{number:02}.avro").open("wb") as file:
            file.write(content[:5])
            fastavro.schemaless_writer(file, schema, mine)
    return alerts(folder, "*.avro")


def _schema_folder() -> Path:
    found = find_spec("lsst.alert.packet")
    assert found is not None
    return Path(str(found.origin)).parent / "schema"


CATALOGS: dict[str, Callable[[Path, Any], Callable[[], Catalog]]] = {
    "csv": make_csv,
    "ecsv": make_with_astropy("sources.ecsv", "ascii.ecsv"),
    "votable": make_with_astropy("sources.vot", "votable"),
    "fits": make_with_astropy("sources.fits", "fits"),
    "parquet": make_parquet,
    "data frame": make_data_frame,
    "apdb sqlite": make_sqlite,
    "apdb postgresql": make_postgres,
    "butler": make_butler,
    "alerts avro": make_avro,
    "alerts parquet": make_alert_parquet,
    "alerts archive": make_archive,
    "alerts as streamed": make_streamed,
}


@pytest.fixture(params=list(CATALOGS))
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Catalog]:
    """Open the rows by each adapter."""
    folder = tmp_path / "input"
    folder.mkdir()
    return CATALOGS[request.param](folder, request)


def test_a_catalog(catalog: Callable[[], Catalog]) -> None:
    """Ids and nulls exact, every row once, exposures together, plain values, twice the same, told where from."""
    opened = catalog()
    rows = list(opened.sources())
    sources = [row for row in rows if isinstance(row, DiaSource)]
    assert [s.dia_source_id for s in sources] == [row["diaSourceId"] for row in in_order(GOOD)]
    for source, row in zip(sources, in_order(GOOD), strict=True):
        assert {name: source.columns[name] for name in COLUMNS} == row
        for value in source.columns.values():
            assert value is None or type(value) in (int, float, str, bool)
        assert (source.ra_deg, source.dec_deg) == (row["ra"], row["dec"])
        assert source.origin
        assert source.row
    exposures = [(s.columns["visit"], s.columns["detector"]) for s in sources]
    assert exposures == sorted(exposures)
    assert opened.expected in (len(ROWS), None)
    assert list(opened.sources()) == rows
    assert len({row.row for row in rows}) == len(ROWS)
    assert pickle.loads(pickle.dumps(rows)) == rows


def test_a_bad_row_is_refused_alone(catalog: Callable[[], Catalog]) -> None:
    (refused,) = [row for row in catalog().sources() if isinstance(row, Rejection)]
    assert refused.dia_source_id == "-1"
    assert refused.reason == "its id -1 is not between 0 and 2^63 - 1: mend the id column"
    assert refused.row
