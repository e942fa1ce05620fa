"""APDBs in SQLite and PostgreSQL: pages by key, conditions, any version of the schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import ApdbSettings
from zoocut.config.load import load
from zoocut.config.select import Cut
from zoocut.errors import ConfigError, InputError
from zoocut.model import DiaSource, Rejection


def sqlite(path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)


def apdb(path: Path, **settings: Any) -> list[DiaSource]:
    rows = list(
        open_catalog(ApdbSettings(kind="apdb", path=path.name, columns={}, **settings), path.parent).sources()
    )
    assert not [row for row in rows if isinstance(row, Rejection)]
    return [row for row in rows if isinstance(row, DiaSource)]


@contextmanager
def queries() -> Iterator[list[str]]:
    """Collect the statements that SQLAlchemy sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def key(source: DiaSource) -> tuple[Any, ...]:
    return source.columns["visit"], source.columns["detector"], source.dia_source_id


@pytest.fixture
def real(shared: Path) -> Path:
    return shared / "data" / "apdb" / "apdb.sqlite3"


@pytest.mark.parametrize("rows_at_once", [7, 145, 290, 1000])
def test_every_row_once_in_order_one_query_a_page(real: Path, rows_at_once: int) -> None:
    catalog = open_catalog(
        ApdbSettings(kind="apdb", path=real.name, rows_at_once=rows_at_once, columns={}), real.parent
    )
    assert catalog.expected == 290
    with queries() as sent:
        sources = [row for row in catalog.sources() if isinstance(row, DiaSource)]
    assert len(sources) == len({source.dia_source_id for source in sources}) == 290
    assert list(map(key, sources)) == sorted(map(key, sources))
    assert len(sent) == 290 // rows_at_once + 1
    assert all("OFFSET" not in statement.upper().replace("OFFSET ?", "") for statement in sent)


def test_columns_of_a_row(real: Path) -> None:
    with sqlite(real).connect() as connection:
        rows = connection.execute(sa.text('select * from "DiaSource"')).mappings().all()
    truth = {row["diaSourceId"]: row for row in rows}
    for source in apdb(real):
        row = truth[source.dia_source_id]
        assert source.columns["instrument"] == "LSSTCam-imSim"
        assert (source.ra_deg, source.dec_deg) == (row["ra"], row["dec"])
        assert source.columns["psfFlux"] == row["psfFlux"]
        flag = source.columns["pixelFlags_edge"]
        assert isinstance(flag, bool) or flag is None
        assert flag == (None if row["pixelFlags_edge"] is None else bool(row["pixelFlags_edge"]))
        assert source.columns["diaObjectId"] == row["diaObjectId"]


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"where": "snr > 10 and band = 'r' and isDipole = 0"}, "snr > 10 and band = 'r' and isDipole = 0"),
        ({"where": "visit = 982985 or detector = 168", "rows_at_once": 9}, "1"),
        ({"where": "psfFlux > 0 or ':x' = 'y' or '%' = 'y'"}, "psfFlux > 0"),
    ],
)
def test_conditions(real: Path, settings: dict[str, Any], where: str) -> None:
    with sqlite(real).connect() as connection:
        count = connection.execute(sa.text(f'select count(*) from "DiaSource" where {where}')).scalar_one()
    assert count > 0
    assert len(apdb(real, **settings)) == count


def make(engine: sa.Engine, rows: int, schema: str | None = None) -> None:
    """A small APDB of another version: no metadata table, fewer columns, ids beyond 2^53."""
    metadata = sa.MetaData()
    table = sa.Table(
        "DiaSource",
        metadata,
        sa.Column("diaSourceId", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger) for name in ("visit", "detector", "diaObjectId")),
        *(sa.Column(name, sa.Double) for name in ("ra", "dec", "reliability")),
        sa.Column("isNegative", sa.Boolean),
        sa.Column("timeProcessed", sa.DateTime),
        schema=schema,
    )
    notes = sa.Table(
        "metadata", metadata, sa.Column("name", sa.Text), sa.Column("value", sa.Text), schema=schema
    )
    metadata.create_all(engine)
    values = [
        {
            "diaSourceId": 2**60 + (n * 7919) % rows,
            "visit": 2026010100000 + n % 3,
            "detector": n % 4,
            "diaObjectId": None if n % 5 == 0 else 2**62 + n,
            "ra": float(n % 360),
            "dec": 1.0,
            "reliability": n / rows,
            "isNegative": n % 2 == 0,
        }
        for n in range(rows)
    ]
    with engine.begin() as connection:
        connection.execute(table.insert(), values)
        connection.execute(notes.insert(), [{"name": "instrument", "value": "LSSTCam"}])


def test_reliability_and_exact_ids(tmp_path: Path) -> None:
    make(sqlite(tmp_path / "apdb.sqlite3"), 100)
    sources = apdb(tmp_path / "apdb.sqlite3", reliability_min=0.5, reliability_max=0.6, rows_at_once=3)
    assert sorted(source.columns["reliability"] for source in sources) == [n / 100 for n in range(50, 61)]
    assert all(source.dia_source_id > 2**60 - 1 for source in sources)
    objects = {source.columns["diaObjectId"] for source in sources}
    assert None in objects
    assert 2**62 + 51 in objects


def in_postgres(url: str, **settings: Any) -> list[DiaSource]:
    section = ApdbSettings(kind="apdb", url=url, namespace="apdb", columns={}, **settings)
    rows = list(open_catalog(section, Path()).sources())
    return [row for row in rows if isinstance(row, DiaSource)]


def test_postgresql_with_a_namespace(postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    url = postgres.create("apdb_night", "create schema apdb")
    engine = sa.create_engine(url.replace("://", "+psycopg://"), poolclass=sa.NullPool)
    make(engine, 100, "apdb")
    make(sqlite(tmp_path / "apdb.sqlite3"), 100)
    with queries() as sent:
        sources = in_postgres(url, rows_at_once=30)
    assert len([statement for statement in sent if "LIMIT" in statement]) == 4
    from_file = apdb(tmp_path / "apdb.sqlite3")
    assert [dict(source.columns) for source in sources] == [dict(source.columns) for source in from_file]
    assert sources[0].columns["instrument"] == "LSSTCam"
    assert len(in_postgres(url, where='"isNegative" and detector = 0')) == 25
    with pytest.raises(InputError, match=r"catalog\.where, which is an SQL"):
        in_postgres(url, where="no such thing")


def test_passwords_are_never_printed(postgres: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2-hunter2")
    with pytest.raises(InputError, match="password authentication failed") as caught:
        in_postgres(postgres.url("postgres"))
    assert "hunter2" not in str(caught.value)
    config = tmp_path / "zoocut.toml"
    address = f"postgresql://postgres:hunter2-hunter2@127.0.0.1:{postgres.port}/apdb"
    config.write_text(f'[catalog]\nkind = "apdb"\nurl = "{address}"\n[images]\nkind = "stamps"\n')
    with pytest.raises(ConfigError, match=r"catalog.url .*PGPASSWORD") as refused:
        load(config)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://nobody@127.0.0.1:1/apdb", "cannot be read .*check catalog.path, or the url"),
        ("mysql://nobody@127.0.0.1/apdb", "catalog.url is not PostgreSQL's"),
        ("nonsense", "catalog.url is no address"),
    ],
)
def test_servers_that_cannot_be_had(url: str, says: str) -> None:
    with pytest.raises((InputError, ConfigError), match=says):
        in_postgres(url)


@pytest.mark.parametrize(
    ("content", "settings", "says"),
    [
        (None, {}, "apdb.sqlite3 does not exist"),
        (b"no database at all" * 100, {}, "cannot be read .*not a database"),
        ("create table other (x)", {}, "has no table DiaSource .it has other.: is it an APDB"),
        ('create table "DiaSource" (visit, detector, ra)', {}, "has no column dec, diaSourceId in DiaSource"),
        (
            'create table "DiaSource" ("diaSourceId", visit, detector, ra, dec)',
            {"reliability_min": 0.5},
            "has no column reliability",
        ),
        (
            'create table "DiaSource" ("diaSourceId", visit, detector, ra, dec)',
            {"where": "nosuch > 3"},
            "nosuch.*check catalog.where",
        ),
    ],
)
def test_databases_that_are_none(
    tmp_path: Path, content: bytes | str | None, settings: dict[str, Any], says: str
) -> None:
    path = tmp_path / "apdb.sqlite3"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with sqlite(path).begin() as connection:
            connection.execute(sa.text(content))
    with pytest.raises(InputError, match=says):
        apdb(path, **settings)


@pytest.mark.parametrize("nothing", [0, None])
def test_an_object_id_of_zero_is_no_object(tmp_path: Path, nothing: int | None) -> None:
    """The query leaves out what the cut would."""
    path = tmp_path / "apdb.sqlite3"
    with sqlite(path).begin() as connection:
        connection.execute(
            sa.text(
                'create table "DiaSource" ("diaSourceId" bigint, visit bigint, detector int, ra double, dec double,'
                ' "ssObjectId" bigint)'
            )
        )
        insert = sa.text('insert into "DiaSource" values (:n, 1, 1, 10, 10, :ss)')
        connection.execute(insert, [{"n": 1, "ss": nothing}, {"n": 2, "ss": 2**60 + 1}])
    cuts = {"ssObjectId": Cut(not_null=True)}
    settings = ApdbSettings(kind="apdb", path=str(path), columns={})
    found = list(open_catalog(settings, tmp_path, cuts).sources())
    assert [row.dia_source_id for row in found if isinstance(row, DiaSource)] == [2]
    assert len(found) == 1
