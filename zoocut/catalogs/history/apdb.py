"""Histories out of an alert production database: DiaSource and DiaForcedSource of each object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.apdb import open_engine
from zoocut.catalogs.history.cells import ObjectId, number, valid_mjd
from zoocut.catalogs.history.grouped import Row, Rows, by_object
from zoocut.catalogs.history.lsst import FLUXES, LsstRows, cell
from zoocut.catalogs.history.points import Kind, Point
from zoocut.catalogs.values import FORMER_NAMES
from zoocut.config.history import ApdbHistorySettings
from zoocut.error_kinds import CatalogUnreachable, MissingColumn
from zoocut.errors import first_line
from zoocut.model import DiaSource

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["ApdbRows"]

TABLES = {"DiaSource": Kind.DETECTION, "DiaForcedSource": Kind.FORCED}
WANTED = (
    "visit",
    "detector",
    "ccdVisitId",
    "midpointMjdTai",
    "band",
    "timeWithdrawnMjdTai",
    "time_withdrawn",
)


class ApdbRows:
    """The rows of an APDB's two tables of measurements.

    Parameters
    ----------
    settings : ApdbHistorySettings
        The database.
    folder : Path
        What a relative path is relative to.

    Raises
    ------
    ConfigError
        When the PostgreSQL driver is not installed.
    InputError
        When the database cannot be read, or lacks a column.
    """

    scale = "TAI"

    def __init__(self, settings: ApdbHistorySettings, folder: Path) -> None:
        self._settings = settings
        self._place, self._engine = open_engine(settings, folder)
        self._tables = {kind: self._described(name) for name, kind in TABLES.items()}
        known = {column.name for table in self._tables.values() for column in table.columns}
        missing = [name for name in settings.flags if name not in known]
        if missing:
            raise MissingColumn(
                f"{self._place} has no column {', '.join(missing)} in {' or '.join(TABLES)}: check history.flags"
            )

    def rows(self, objects: Sequence[ObjectId]) -> Rows:
        """Fetch the rows of some objects, one query a table."""
        return by_object(row for kind in self._tables for row in self._of_kind(kind, objects))

    def reader(self, left_out: Counter[str]) -> LsstRows:
        """Return a reader of LSST's columns."""
        return LsstRows(self._settings.quantity, self._settings.flags, left_out)

    def trigger_of(self, source: DiaSource, left_out: Counter[str]) -> tuple[float | None, Point | None]:
        """Read a source's own row, which is one of DiaSource."""
        mjd = valid_mjd(number(cell(source.columns, "midpointMjdTai")))
        return mjd, self.reader(left_out).point(source.columns, Kind.DETECTION)

    def _of_kind(self, kind: Kind, objects: Sequence[ObjectId]) -> Iterator[tuple[int, Row, Kind]]:
        import sqlalchemy as sa

        table = self._tables[kind]
        numbers = [found for found in objects if isinstance(found, int)]
        query = sa.select(*table.c).where(table.c.diaObjectId.in_(numbers))
        names = [column.name for column in table.columns]
        try:
            with self._engine.connect() as connection:
                for values in connection.execute(query):
                    row = dict(zip(names, values, strict=True))
                    yield int(row["diaObjectId"]), row, kind
        except sa.exc.SQLAlchemyError as error:
            raise CatalogUnreachable(f"{self._place} does not answer ({first_line(error)})") from None

    def _described(self, name: str) -> sa.Table:
        import sqlalchemy as sa

        schema = self._settings.namespace
        try:
            inspector = sa.inspect(self._engine)
            if not inspector.has_table(name, schema):
                raise MissingColumn(f"{self._place} has no table {name}: is it an APDB?")
            kinds = {str(c["name"]): c["type"] for c in inspector.get_columns(name, schema=schema)}
        except sa.exc.SQLAlchemyError as error:
            raise CatalogUnreachable(f"{self._place} cannot be read ({first_line(error)})") from None
        return sa.Table(name, sa.MetaData(), *self._columns(name, kinds), schema=schema)

    def _columns(self, table: str, kinds: dict[str, Any]) -> list[sa.Column[Any]]:
        import sqlalchemy as sa

        flux, error, flag = FLUXES[self._settings.quantity]
        flags = (flag, *self._settings.flags)
        named = {FORMER_NAMES.get(name, name) for name in (*WANTED, flux, error)} | {
            *WANTED,
            flux,
            error,
            *flags,
        }
        missing = [
            name for name in ("diaObjectId", flux) if not {name, FORMER_NAMES.get(name, name)} & kinds.keys()
        ]
        if missing:
            raise MissingColumn(f"{self._place} has no column {', '.join(missing)} in {table}")
        found = [name for name in kinds if name in named or name == "diaObjectId"]
        boolean = {name for name in found if isinstance(kinds[name], sa.Boolean)}
        return [sa.Column(name, sa.Boolean() if name in boolean else None) for name in found]
