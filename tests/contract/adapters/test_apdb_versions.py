"""APDBs of the newest schema, made by lsst.dax.apdb, and of the earliest, by the names of its columns."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import ApdbSettings
from zoocut.config.load import load
from zoocut.config.select import Cut, SelectSettings
from zoocut.errors import InputError
from zoocut.generating.inputs import open_inputs
from zoocut.model import Catalog, DiaSource
from zoocut.select import Selection

PLACE = ("diaSourceId", "diaObjectId", "midpointMjdTai", "ra", "dec", "x", "y", "pixelId")
KNOWN = (
    "band",
    "visit",
    "detector",
    "snr",
    "psfFlux",
    "psfFluxErr",
    "scienceFlux",
    "reliability",
    "isDipole",
)
FORMER = {
    "band": "filterName",
    "dec": "decl",
    "midpointMjdTai": "midPointTai",
    "psfChi2": "psChi2",
    "psfFlux": "psFlux",
    "psfFluxErr": "psFluxErr",
    "psfNdata": "psNdata",
    "reliability": "spuriousness",
    "scienceFlux": "totFlux",
    "scienceFluxErr": "totFluxErr",
}

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def given(shared: Path) -> Rows:
    """The rows of a real APDB of schema 1.0.0, with reliabilities of two digits."""
    engine = sa.create_engine(f"sqlite:///{shared / 'data/apdb/apdb.sqlite3'}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        found = connection.execute(
            sa.text('select * from "DiaSource" order by visit, detector, "diaSourceId"')
        )
        rows = [dict(row) for row in found.mappings()]
    return [row | {"reliability": round(number * 7 % 290 / 290, 2)} for number, row in enumerate(rows)]


def fill_newest(url: str, namespace: str | None, rows: Rows) -> None:
    """Let lsst.dax.apdb make its tables, and put the rows in by the columns that zoocut looks at."""
    pytest.importorskip("lsst.dax.apdb", reason="needs lsst-dax-apdb: pip install 'zoocut[test]'")
    make = f"from lsst.dax.apdb.sql import ApdbSql as A\nA.init_database({url!r}, namespace={namespace!r})"
    subprocess.run([sys.executable, "-c", make], check=True, timeout=240)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    table = sa.Table("DiaSource", sa.MetaData(), schema=namespace, autoload_with=engine)
    needed = {column.name: 0 for column in table.columns if not column.nullable}
    values = [needed | {name: row[name] for name in (*PLACE, *KNOWN)} for row in rows]
    with engine.begin() as connection:
        connection.execute(table.insert(), [row | {"isDipole": bool(row["isDipole"])} for row in values])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, given: Rows, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """An APDB of the newest schema with the rows."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("newest") / "apdb.db"
        fill_newest(f"sqlite:///{path}", None, given)
        yield {"path": str(path)}
        return
    server = request.getfixturevalue("postgres")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", server.password)
        url = server.create("newest", "create schema pp_apdb")
        fill_newest(url.replace("://", "+psycopg://"), "pp_apdb", given)
        yield {"url": url, "namespace": "pp_apdb"}


@pytest.fixture
def newest(place: dict[str, Any]) -> Callable[..., Catalog]:
    def opened(cuts: dict[str, Cut] | None = None, **settings: Any) -> Catalog:
        return open_catalog(ApdbSettings(kind="apdb", columns={}, **place, **settings), Path(), cuts or {})

    return opened


def sources_of(catalog: Catalog) -> list[DiaSource]:
    return [row for row in catalog.sources() if isinstance(row, DiaSource)]


def test_the_newest_schema(newest: Callable[..., Catalog], given: Rows) -> None:
    sources = sources_of(newest(rows_at_once=100))
    assert [source.dia_source_id for source in sources] == [row["diaSourceId"] for row in given]
    for source, row in zip(sources, given, strict=True):
        assert (source.ra_deg, source.dec_deg) == (row["ra"], row["dec"])
        for name in KNOWN:
            told = source.columns[name]
            if isinstance(row[name], float):
                assert isinstance(told, float)
                assert math.isclose(told, row[name], rel_tol=1e-6)
            else:
                assert told == row[name]
    assert "instrument" not in sources[0].columns, "its metadata table does not tell it any more"
    assert {"timeProcessedMjdTai", "reliabilityVersion", "glint_trail"} <= set(sources[0].columns)
    named = sources_of(newest(instrument="LSSTCam"))
    assert {source.columns["instrument"] for source in named} == {"LSSTCam"}


@contextmanager
def pages() -> Iterator[list[str]]:
    """Collect the queries for pages that SQLAlchemy sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "LIMIT" in statement:
            sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


CUTS = {"reliability": Cut(min=0.35, max=0.6), "detector": Cut(max=167.5), "band": Cut(min="a")}


def test_limits_are_part_of_the_query(newest: Callable[..., Catalog], given: Rows) -> None:
    """Also where the database keeps fewer digits: a stored 0.6 is within 0.6."""
    wanted = [
        row["diaSourceId"] for row in given if 0.35 <= row["reliability"] <= 0.6 and row["detector"] <= 167
    ]
    assert {0.35, 0.6} <= {row["reliability"] for row in given if row["diaSourceId"] in wanted}
    with pages() as sent:
        sources = sources_of(newest(CUTS, rows_at_once=20))
    assert [source.dia_source_id for source in sources] == wanted
    assert len(sent) == len(wanted) // 20 + 1
    chosen = Selection(newest(rows_at_once=20), SelectSettings(cuts=CUTS), Path())
    assert [source.dia_source_id for source in sources_of(chosen)] == wanted
    assert newest(CUTS).expected == len(wanted)


def test_reliability_of_the_command_line_is_part_of_the_query(tmp_path: Path, shared: Path) -> None:
    config = tmp_path / "zoocut.toml"
    apdb = shared / "data/apdb/apdb.sqlite3"
    config.write_text(f'[catalog]\nkind = "apdb"\npath = "{apdb}"\n[images]\nkind = "stamps"\n')
    loaded = load(config, {"select.cuts.reliability.min": 0.5, "select.cuts.reliability.max": 0.9})
    with pages() as sent:
        sources = sources_of(open_inputs(loaded).catalog)
    assert sources
    assert all(0.5 <= float(source.columns["reliability"] or 0) <= 0.9 for source in sources)
    assert len(sent) == 1
    assert "reliability >= " in sent[0]
    assert "reliability <= " in sent[0]


def test_limits_of_columns_under_other_names(shared: Path) -> None:
    """`snr` is here what the configuration calls so, not the table's own column of that name."""
    path = str(shared / "data/apdb/apdb.sqlite3")
    every = sources_of(open_catalog(ApdbSettings(kind="apdb", path=path, columns={}), Path()))
    wanted = [s.dia_source_id for s in every if float(s.columns["psfFlux"] or 0) >= 1000]
    assert 0 < len(wanted) < len(every)
    section = ApdbSettings(kind="apdb", path=path, columns={"snr": "psfFlux"})
    found = sources_of(open_catalog(section, Path(), {"snr": Cut(min=1000)}))
    assert [source.dia_source_id for source in found] == wanted


def make_earliest(path: Path, rows: Rows, left_out: tuple[str, ...] = ()) -> None:
    """The columns of an early APDB by their former names."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    kept = [name for name in rows[0] if name not in left_out]
    kinds: dict[type, Any] = {int: sa.BigInteger(), float: sa.Double(), str: sa.Text()}
    columns = [sa.Column(FORMER.get(name, name), kinds.get(type(rows[0][name]), sa.Text())) for name in kept]
    table = sa.Table("DiaSource", sa.MetaData(), *columns)
    table.create(engine)
    with engine.begin() as connection:
        values = [{FORMER.get(name, name): row[name] for name in kept} for row in rows]
        connection.execute(table.insert(), values)


def test_columns_of_the_earliest_schemas(given: Rows, tmp_path: Path) -> None:
    make_earliest(tmp_path / "old.db", given)
    section = ApdbSettings(kind="apdb", path="old.db", columns={}, reliability_min=0.2)
    sources = sources_of(open_catalog(section, tmp_path, {"reliability": Cut(max=0.7)}))
    wanted = [row for row in given if 0.2 <= row["reliability"] <= 0.7]
    assert [source.dia_source_id for source in sources] == [row["diaSourceId"] for row in wanted]
    for source, row in zip(sources, wanted, strict=True):
        assert (source.ra_deg, source.dec_deg) == (row["ra"], row["dec"])
        assert {name: source.columns[name] for name in FORMER} == {name: row[name] for name in FORMER}
        assert source.columns["filterName"] == row["band"], "the table's own names stay"


def test_an_apdb_without_visits(given: Rows, tmp_path: Path) -> None:
    make_earliest(tmp_path / "old.db", given, left_out=("visit", "detector"))
    with pytest.raises(InputError, match="has no column detector, visit in DiaSource: give the table these"):
        open_catalog(ApdbSettings(kind="apdb", path="old.db", columns={}), tmp_path)
