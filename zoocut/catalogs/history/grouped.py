"""Histories out of tables with a column of object ids: the rows of many objects at once, each by its id."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from zoocut.catalogs.history.cells import ObjectId, object_id
from zoocut.catalogs.history.points import History, Kind, Point, one_per_exposure
from zoocut.error_kinds import NoHistory
from zoocut.model import DiaSource, Rejection

__all__ = ["OBJECTS_AT_ONCE", "Rows", "RowsOfObjects", "TableHistories"]

OBJECTS_AT_ONCE = 500
"""Ids in one query: half of what the oldest SQLite in use takes (SQLITE_MAX_VARIABLE_NUMBER, 999)."""

DAYS = 365.0

Row = Mapping[str, Any]
Rows = Mapping[ObjectId, Sequence[tuple[Row, Kind]]]
"""Object id to its rows."""


class RowReader(Protocol):
    """Turns a row into a point."""

    def point(self, row: Row, kind: Kind) -> Point | None:
        """Return the point, or None where the row is no measurement."""
        ...


class RowsOfObjects(Protocol):
    """A place that gives the rows of objects."""

    @property
    def scale(self) -> str:
        """Time scale of the rows."""
        ...

    def rows(self, objects: Sequence[ObjectId]) -> Rows:
        """Fetch all rows of some objects."""
        ...

    def reader(self, left_out: Counter[str]) -> RowReader:
        """Return what reads the rows, counting what it leaves out."""
        ...

    def trigger_of(self, source: DiaSource, left_out: Counter[str]) -> tuple[float | None, Point | None]:
        """Return time and point of a source itself, from the columns of its own catalog."""
        ...


class TableHistories:
    """Histories of sources by their objects' ids.

    Parameters
    ----------
    tables : RowsOfObjects
        Where rows are.
    object_column : str
        The catalog's column of object ids.
    """

    def __init__(self, tables: RowsOfObjects, object_column: str) -> None:
        self._tables = tables
        self._column = object_column

    def of(self, sources: Iterable[DiaSource]) -> Iterator[History | Rejection]:
        """Yield each source's history in turn; a source without an object has itself alone.

        Raises
        ------
        InputError
            When the tables cannot be read.
        """
        batch: list[DiaSource] = []
        for source in sources:
            batch.append(source)
            if len(batch) == OBJECTS_AT_ONCE:
                yield from self._batch(batch)
                batch = []
        if batch:
            yield from self._batch(batch)

    def _batch(self, sources: Sequence[DiaSource]) -> Iterator[History | Rejection]:
        objects = {found for source in sources if (found := self._object(source)) is not None}
        rows = self._tables.rows(sorted(objects, key=str)) if objects else {}
        for source in sources:
            found = self._object(source)
            yield self._history(source, rows.get(found, ()) if found is not None else ())

    def _object(self, source: DiaSource) -> ObjectId | None:
        return object_id(source.columns.get(self._column))

    def _history(self, source: DiaSource, rows: Sequence[tuple[Row, Kind]]) -> History | Rejection:
        if self._column not in source.columns:
            reason = (
                f"no history: its catalog has no column {self._column}: name that of its objects in history"
            )
            return Rejection.of(source, f"{reason}.object_of_source", NoHistory.code)
        left_out: Counter[str] = Counter()
        mjd, trigger = self._tables.trigger_of(source, left_out)
        if mjd is None:
            reason = "no history: its own row has no time, so nothing can be told relative to it"
            return Rejection.of(source, reason, NoHistory.code)
        reader = self._tables.reader(left_out)
        points = [trigger] if trigger else []
        points += [point for row, kind in rows if (point := reader.point(row, kind)) is not None]
        scale = self._tables.scale
        return History(scale, mjd, trigger, one_per_exposure(points, left_out), +left_out, DAYS)


def by_object(rows: Iterable[tuple[ObjectId, Row, Kind]]) -> Rows:
    """Group rows by their object."""
    grouped: defaultdict[ObjectId, list[tuple[Row, Kind]]] = defaultdict(list)
    for found, row, kind in rows:
        grouped[found].append((row, kind))
    return grouped
