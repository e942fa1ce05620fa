"""An alert production database (APDB), SQLite or PostgreSQL, read page by page in the order of exposures.

A page begins behind the key (visit, detector, diaSourceId) of the last row of the page before it, which its
index finds at once, however far the reading has come. All columns that the table has are read, so any version
of the schema will do; columns that had another name in early versions get the present one as well. Limits of
`[select.cuts]` go into the query, so that rows which nobody wants are not fetched; choosing among the others
stays where it is for every catalog.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.values import FORMER_NAMES
from zoocut.config.catalog import ApdbSettings
from zoocut.config.history import ApdbHistorySettings
from zoocut.config.select import Cut
from zoocut.error_kinds import CatalogUnreachable, FileMissing, MissingColumn, MissingPackage, WrongSetting
from zoocut.errors import first_line
from zoocut.model import DiaSource, Rejection
from zoocut.object_store import local_path
from zoocut.values import object_or_none

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["ApdbCatalog", "open_engine"]

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
    cuts : mapping of str to Cut
        Column to limits; rows outside of them need not be given.

    Raises
    ------
    ConfigError
        When the PostgreSQL driver is not installed.
    InputError
        When the database cannot be reached, or has no DiaSource table with the needed columns.
    """

    def __init__(self, settings: ApdbSettings, folder: Path, cuts: Mapping[str, Cut]) -> None:
        self._settings = settings
        self._cuts = cuts
        self._names = TableNames.of(settings)
        self._place, self._engine = open_engine(settings, folder)
        weakref.finalize(self, self._engine.dispose)
        self._kinds = self._kinds_of_columns()
        self._former = _former_names(self._kinds)
        self._table = self._described()
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
                cells |= {new: cells[old] for new, old in self._former.items()}
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
        conditions = self._within("reliability", settings.reliability_min, settings.reliability_max)
        for name, cut in self._cuts.items():
            if isinstance(self._kind(name), (sa.Float, sa.Integer)):
                conditions += self._within(name, cut.min, cut.max)
                conditions += self._present(name) if cut.not_null else []
        if settings.where is not None:
            conditions.append(sa.text(f"({settings.where.replace(':', chr(92) + ':')})"))  # type: ignore[arg-type]
        return conditions

    def _within(
        self, name: str, least: float | str | None, greatest: float | str | None
    ) -> list[sa.ColumnElement[bool]]:
        """Compare with a column's own precision: 0.7 as a four-byte number is less than 0.7."""
        import sqlalchemy as sa

        kind = self._kind(name)
        column: sa.ColumnElement[Any] = sa.column(self._own_name(name))
        tests: list[sa.ColumnElement[bool]] = []
        for compare, limit in ((operator.ge, least), (operator.le, greatest)):
            if isinstance(limit, (int, float)):
                tests.append(compare(column, sa.cast(limit, kind) if isinstance(kind, sa.Float) else limit))
        return tests

    def _present(self, name: str) -> list[sa.ColumnElement[bool]]:
        """Ask for a value, of an object's id for one that is an object."""
        import sqlalchemy as sa

        column: sa.ColumnElement[Any] = sa.column(self._own_name(name))
        tests: list[sa.ColumnElement[bool]] = [column.is_not(None)]
        return tests if object_or_none(name, 0) == 0 else [*tests, column > 0]

    def _kind(self, name: str) -> sa.types.TypeEngine[Any] | None:
        return self._kinds.get(self._own_name(name))

    def _own_name(self, name: str) -> str:
        """Return the table's own name of a column."""
        asked = self._settings.columns.get(name, name)
        return self._former.get(asked, asked)

    def _rows(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        import sqlalchemy as sa

        try:
            with self._engine.connect() as connection:
                return connection.execute(query).fetchall()
        except sa.exc.SQLAlchemyError as error:
            raise CatalogUnreachable(
                f"{self._place} does not answer ({_brief(error)}): {self._advice(error)}"
            ) from None

    def _advice(self, error: Exception) -> str:
        import sqlalchemy as sa

        if isinstance(error, sa.exc.ProgrammingError) or "syntax" in str(error) or "no such" in str(error):
            return "check catalog.where, which is an SQL condition on the columns of DiaSource"
        return "check catalog.path, or the url and the password in ~/.pgpass or PGPASSWORD"

    def _kinds_of_columns(self) -> dict[str, sa.types.TypeEngine[Any]]:
        import sqlalchemy as sa

        schema = self._settings.namespace
        try:
            inspector = sa.inspect(self._engine)
            if inspector.has_table(TABLE, schema):
                return {str(c["name"]): c["type"] for c in inspector.get_columns(TABLE, schema=schema)}
            others = inspector.get_table_names(schema)
        except sa.exc.SQLAlchemyError as error:
            raise CatalogUnreachable(
                f"{self._place} cannot be read ({_brief(error)}): {self._advice(error)}"
            ) from None
        raise MissingColumn(
            f"{self._place} has no table {TABLE} (it has {', '.join(others[:8]) or 'none'}): is it an"
            f" APDB, and catalog.namespace right?"
        )

    def _described(self) -> sa.Table:
        """Describe the table by the names it has; only booleans need their type, SQLite has none."""
        import sqlalchemy as sa

        needed = {*KEY, *self._names.needed}
        if self._asks_reliability:
            needed.add(self._own_name("reliability"))
        if missing := sorted(needed - {*self._kinds, *self._former}):
            advice = "check what asks for it: catalog.columns, reliability_min, reliability_max"
            if {*missing} & {*KEY}:
                advice = "give the table these columns, or read it as catalog.kind = 'table' from a file"
            raise MissingColumn(f"{self._place} has no column {', '.join(missing)} in {TABLE}: {advice}")
        boolean = {name for name, kind in self._kinds.items() if isinstance(kind, sa.Boolean)}
        columns: list[sa.Column[Any]] = [
            sa.Column(name, sa.Boolean() if name in boolean else None) for name in self._kinds
        ]
        return sa.Table(TABLE, sa.MetaData(), *columns, schema=self._settings.namespace)

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


def open_engine(settings: ApdbSettings | ApdbHistorySettings, folder: Path) -> tuple[str, sa.Engine]:
    """Name the database as messages may, and open it to be read.

    Raises
    ------
    ConfigError
        When the address is none, or its driver is not installed.
    InputError
        When there is no such file.
    """
    import sqlalchemy as sa

    if settings.path is not None:
        section = "catalog" if isinstance(settings, ApdbSettings) else "history"
        path = local_path(folder, settings.path, f"{section}.path")
        if not path.is_file():
            key = f"{section}.path" + (" or --input" if section == "catalog" else "")
            raise FileMissing(f"{path} does not exist: check {key}")
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
        raise WrongSetting("catalog.url is no address: write it as postgresql://user@host/database") from None
    if address.get_backend_name() != "postgresql":
        raise WrongSetting("catalog.url is not PostgreSQL's: write it as postgresql://user@host/database")
    try:
        engine = sa.create_engine(address.set(drivername="postgresql+psycopg"))
    except ModuleNotFoundError:
        raise MissingPackage(
            "an APDB in PostgreSQL needs its driver: pip install 'zoocut[postgres]'"
        ) from None
    return address.render_as_string(hide_password=True), engine


def _former_names(names: Iterable[str]) -> dict[str, str]:
    """Return present to former name of the columns that are there under the former one alone."""
    known = {*names}
    return {new: old for new, old in FORMER_NAMES.items() if old in known and new not in known}


def _brief(error: Exception) -> str:
    """Take the driver's first line: what SQLAlchemy adds behind it repeats the whole query."""
    return first_line(getattr(error, "orig", None) or error)
