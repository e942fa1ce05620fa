"""An alert production database (APDB), SQLite or PostgreSQL, read page by page in the order of exposures.

A page begins behind the key (visit, detector, diaSourceId) of the last row of the page before it, which its
index finds at once, however far the reading has come. All columns that the table has are read, so any version
of the schema will do.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.config.catalog import ApdbSettings
from zoocut.errors import ConfigError, InputError
from zoocut.model import DiaSource, Rejection

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["ApdbCatalog"]

TABLE = "DiaSource"
KEY = ("visit", "detector", "diaSourceId")


class ApdbCatalog:
    """The DiaSources of an APDB.

    Parameters
    ----------
    settings : ApdbSettings
        The database and which of its rows.
    folder : Path
        What a relative path is relative to.

    Raises
    ------
    ConfigError
        When the PostgreSQL driver is not installed.
    InputError
        When the database cannot be reached, or has no DiaSource table with the needed columns.
    """

    def __init__(self, settings: ApdbSettings, folder: Path) -> None:
        self._settings = settings
        self._names = TableNames.of(settings)
        self._place, self._engine = _engine(settings, folder)
        weakref.finalize(self, self._engine.dispose)
        self._table = self._reflected()
        self._instrument = settings.instrument or self._recorded_instrument()

    @cached_property
    def expected(self) -> int | None:
        """How many rows meet the conditions."""
        import sqlalchemy as sa

        found = self._rows(sa.select(sa.func.count()).select_from(self._table).where(*self._conditions()))
        return int(found[0][0])

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield the rows, one query a page."""
        names = [column.name for column in self._table.columns]
        last: tuple[Any, ...] | None = None
        while page := self._page(last):
            for values in page:
                cells = dict(zip(names, values, strict=True))
                last = tuple(cells[name] for name in KEY)
                yield self._source(cells)
            if len(page) < self._settings.rows_at_once:
                return

    def _source(self, cells: dict[str, Any]) -> DiaSource | Rejection:
        if self._instrument is not None:
            cells.setdefault("instrument", self._instrument)
        row = f"{TABLE} {cells['diaSourceId']} of {self._place}"
        return source_of_row(cells, self._names, self._place, row)

    def _page(self, last: tuple[Any, ...] | None) -> Sequence[Sequence[Any]]:
        import sqlalchemy as sa

        key = [self._table.c[name] for name in KEY]
        query = sa.select(*self._table.c).where(*self._conditions()).order_by(*key)
        if last is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, last)))
        return self._rows(query.limit(self._settings.rows_at_once))

    def _conditions(self) -> list[sa.ColumnElement[bool]]:
        import sqlalchemy as sa

        settings = self._settings
        conditions: list[sa.ColumnElement[bool]] = []
        if settings.reliability_min is not None:
            conditions.append(self._table.c.reliability >= settings.reliability_min)
        if settings.reliability_max is not None:
            conditions.append(self._table.c.reliability <= settings.reliability_max)
        if settings.where is not None:
            conditions.append(sa.text(f"({settings.where.replace(':', chr(92) + ':')})"))  # type: ignore[arg-type]
        return conditions

    def _rows(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        import sqlalchemy as sa

        try:
            with self._engine.connect() as connection:
                return connection.execute(query).fetchall()
        except sa.exc.SQLAlchemyError as error:
            raise InputError(
                f"{self._place} does not answer ({_brief(error)}): {self._advice(error)}"
            ) from None

    def _advice(self, error: Exception) -> str:
        import sqlalchemy as sa

        if isinstance(error, sa.exc.ProgrammingError) or "syntax" in str(error) or "no such" in str(error):
            return "check catalog.where, which is an SQL condition on the columns of DiaSource"
        return "check catalog.path, or the url and the password in ~/.pgpass or PGPASSWORD"

    def _reflected(self) -> sa.Table:
        """Describe the table by the names it has; only booleans need their type, SQLite has none."""
        import sqlalchemy as sa

        schema = self._settings.namespace
        try:
            inspector = sa.inspect(self._engine)
            found = (
                inspector.get_columns(TABLE, schema=schema) if inspector.has_table(TABLE, schema) else None
            )
            others = inspector.get_table_names(schema) if found is None else []
        except sa.exc.SQLAlchemyError as error:
            raise InputError(
                f"{self._place} cannot be read ({_brief(error)}): {self._advice(error)}"
            ) from None
        if found is None:
            raise InputError(
                f"{self._place} has no table {TABLE} (it has {', '.join(others[:8]) or 'none'}): is it an"
                f" APDB, and catalog.namespace right?"
            )
        needed = {*KEY, *self._names.needed, *(["reliability"] if self._asks_reliability else [])}
        if missing := sorted(needed - {column["name"] for column in found}):
            raise InputError(f"{self._place} has no column {', '.join(missing)} in {TABLE}: ask for others")
        kinds = ((c["name"], sa.Boolean() if isinstance(c["type"], sa.Boolean) else None) for c in found)
        return sa.Table(TABLE, sa.MetaData(), *(sa.Column(*pair) for pair in kinds), schema=schema)

    @property
    def _asks_reliability(self) -> bool:
        return (self._settings.reliability_min, self._settings.reliability_max) != (None, None)

    def _recorded_instrument(self) -> str | None:
        import sqlalchemy as sa

        schema = self._settings.namespace
        if not sa.inspect(self._engine).has_table("metadata", schema):
            return None
        table = sa.table("metadata", sa.column("name"), sa.column("value"), schema=schema)
        found = self._rows(sa.select(table.c.value).where(table.c.name == "instrument"))
        return str(found[0][0]) if found else None


def _engine(settings: ApdbSettings, folder: Path) -> tuple[str, sa.Engine]:
    """Name the database as messages may, and open it to be read."""
    import sqlalchemy as sa

    if settings.path is not None:
        path = folder / settings.path
        if not path.is_file():
            raise InputError(f"{path} does not exist: check catalog.path or --input")
        address = sa.URL.create(
            "sqlite", database=f"{path.resolve().as_uri()}", query={"mode": "ro", "uri": "true"}
        )
        return str(path), sa.create_engine(address, poolclass=sa.NullPool)
    return _postgres(str(settings.url))


def _postgres(text: str) -> tuple[str, sa.Engine]:
    import sqlalchemy as sa

    try:
        address = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise ConfigError("catalog.url is no address: write it as postgresql://user@host/database") from None
    if address.get_backend_name() != "postgresql":
        raise ConfigError("catalog.url is not PostgreSQL's: write it as postgresql://user@host/database")
    try:
        engine = sa.create_engine(address.set(drivername="postgresql+psycopg"))
    except ModuleNotFoundError:
        raise ConfigError("an APDB in PostgreSQL needs its driver: pip install 'zoocut[postgres]'") from None
    return address.render_as_string(hide_password=True), engine


def _brief(error: Exception) -> str:
    """Take the driver's first line: what SQLAlchemy adds behind it repeats the whole query."""
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0]
