"""Input that cannot be used: one sentence that says what is wrong and what to do, and no secret in it."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from zoocut.config.load import load
from zoocut.errors import ZoocutError
from zoocut.generating import generate

TABLES = "goodSeeingDiff_diaSrcTable"
IMAGES = '[images]\nkind = "butler"\nrepository = "/nowhere"\ncollections = ["night"]\n'
STAMPS = '[images]\nkind = "stamps"\n'
PASSWORD = "hunter2-hunter2"


def butler(repository: object, **settings: str) -> str:
    lines = {"repository": repository, "dataset_type": TABLES} | settings
    given = "\n".join(f'{key} = "{value}"' for key, value in lines.items())
    return f'[catalog]\nkind = "butler"\ncollections = ["night"]\n{given}\n{IMAGES}'


def apdb(place: str, *lines: str) -> str:
    return "\n".join(['[catalog]\nkind = "apdb"', place, *lines, IMAGES])


def alerts(pattern: str, name: str = "candid") -> str:
    return f'[catalog]\nkind = "alerts"\npath = "{pattern}"\ndia_source_id = "{name}"\n{STAMPS}'


def a_table(repository: Any, folder: Path, **columns: list[Any]) -> str:
    pq.write_table(pa.table(columns or {"diaSourceId": [1], "ra": [1.0], "dec": [1.0]}), folder / "a.parq")
    repository.put(TABLES, 5, 6, folder / "a.parq")
    return str(repository.root)


def real(shared: Path) -> str:
    return f'path = "{shared}/data/apdb/apdb.sqlite3"'


def no_repository(_: Any, __: Path) -> str:
    return butler("/nowhere/repo")


def broken_repository(_: Any, folder: Path) -> str:
    (folder / "repo").mkdir()
    (folder / "repo" / "butler.yaml").write_text("{ this is [ no yaml")
    return butler("repo")


def no_repository_of_images(ask: Any, folder: Path) -> str:
    return butler(a_table(ask("repository"), folder), instrument="LSSTCam")


def no_such_tables(ask: Any, folder: Path) -> str:
    return butler(a_table(ask("repository"), folder), where="visit = 77")


def mistyped_tables(ask: Any, folder: Path) -> str:
    return butler(a_table(ask("repository"), folder), where="visit = ")


def table_without_columns(ask: Any, folder: Path) -> str:
    return butler(a_table(ask("repository"), folder, id=[1], ra=[1.0], dec=[1.0]))


def no_such_rows(ask: Any, _: Path) -> str:
    return apdb(real(ask("shared")), 'where = "snr > 1e9"')


def no_rows_within_cuts(ask: Any, _: Path) -> str:
    return apdb(real(ask("shared")), "[select.cuts]\nreliability = { min = 2 }")


def mistyped_rows(ask: Any, _: Path) -> str:
    return apdb(real(ask("shared")), 'where = "snr >"')


def other_database(statement: str) -> Callable[[Any, Path], str]:
    def make(_: Any, folder: Path) -> str:
        engine = sa.create_engine(f"sqlite:///{folder / 'a.db'}", poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(statement))
        return apdb('path = "a.db"')

    return make


def wrong_password(ask: Any, _: Path) -> str:
    ask("monkeypatch").setenv("PGPASSWORD", PASSWORD)
    return apdb(f'url = "{ask("postgres").url("postgres")}"')


def other_schema(_: Any, folder: Path) -> str:
    schema = {"type": "record", "name": "x", "fields": [{"name": "objid", "type": "long"}]}
    with (folder / "a.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"objid": 1}])
    return alerts("a.avro")


def unknown_schema(ask: Any, folder: Path) -> str:
    wire = next((ask("shared") / "data" / "lsst").glob("*.avro")).read_bytes()
    (folder / "a.avro").write_bytes(wire[:1] + (12345).to_bytes(4, "big") + wire[5:])
    return alerts("a.avro", "diaSourceId")


def truncated_archive(ask: Any, folder: Path) -> str:
    with tarfile.open(folder / "whole.tar.gz", "w:gz") as archive:
        archive.add(next((ask("shared") / "data" / "ztf").glob("*.avro")))
    (folder / "a.tar.gz").write_bytes((folder / "whole.tar.gz").read_bytes()[:20_000])
    return alerts("a.tar.gz")


BAD: dict[Callable[[Any, Path], str], str] = {
    no_repository: "there is no Butler repository at /nowhere/repo.*check `repository`",
    broken_repository: "repo cannot be opened.*check `repository`",
    no_repository_of_images: "nothing could be drawn.*no Butler repository at /nowhere.*check `repository`",
    no_such_tables: "there is no goodSeeing.* that meets 'visit = 77' in night: check catalog.where",
    mistyped_tables: "catalog.where = 'visit = ' cannot be used .*mend it",
    table_without_columns: "has no column diaSourceId: name its columns in .catalog. .it has id, ra, dec",
    no_such_rows: "no source that meets what is asked: check catalog.where, .select. and --reliability-min",
    no_rows_within_cuts: "no source that meets what is asked: check catalog.where",
    mistyped_rows: "syntax error.*: check catalog.where, which is an SQL condition",
    other_database("create table other (x)"): "no table DiaSource .it has other.: is it an APDB",
    other_database(
        'create table "DiaSource" (visit, detector)'
    ): "no column dec, diaSourceId, ra in DiaSource: give",
    wrong_password: "password authentication failed.*check .* the password in ~/.pgpass or PGPASSWORD",
    other_schema: "its field candid is missing: name the one with the id in catalog.dia_source_id .it has objid",
    unknown_schema: "has the schema id 12345, which the installed lsst-alert-packet does not know.*upgrade it",
    truncated_archive: "a.tar.gz breaks off .*: fetch it again",
}


@pytest.mark.parametrize(("make", "says"), list(BAD.items()), ids=[make.__name__ for make in BAD])
def test_bad_input(
    request: pytest.FixtureRequest, tmp_path: Path, make: Callable[[Any, Path], str], says: str
) -> None:
    (tmp_path / "zoocut.toml").write_text(make(request.getfixturevalue, tmp_path))
    with pytest.raises(ZoocutError, match=says) as caught:
        generate(load(tmp_path / "zoocut.toml"), tmp_path / "run")
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert re.fullmatch(r"[^\n]{20,500}[^.]", message), "one sentence"
    assert PASSWORD not in message
    assert not (tmp_path / "run" / "manifest.csv").exists()
