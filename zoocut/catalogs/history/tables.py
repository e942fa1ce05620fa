"""Histories out of a table file, and out of tables in a Butler repository."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.history.cells import number, object_id
from zoocut.catalogs.history.grouped import Row, Rows, by_object
from zoocut.catalogs.history.mapped import MappedRows
from zoocut.catalogs.history.points import Kind, Point
from zoocut.catalogs.table_files import read_table
from zoocut.catalogs.values import FORMER_NAMES
from zoocut.config.history import MeasurementColumns, TableHistorySettings
from zoocut.error_kinds import FileMissing, MissingColumn, NoHistory
from zoocut.model import DiaSource, Rejection
from zoocut.object_store import local_path

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableRows", "rows_of_objects"]


class TableRows:
    """The rows of a table file; of parquet only those of the objects asked for are kept in memory.

    Parameters
    ----------
    settings : TableHistorySettings
        The table and its columns.
    folder : Path
        What a relative path is relative to.

    Raises
    ------
    InputError
        When the file is missing, or lacks the column of object ids.
    """

    def __init__(self, settings: TableHistorySettings, folder: Path) -> None:
        self._settings = settings
        self._path = local_path(folder, settings.path, "history.path")
        self._kind = Kind(settings.measured)
        if not self._path.is_file():
            raise FileMissing(f"{self._path} does not exist: check history.path")

    @property
    def scale(self) -> str:
        """Time scale of the rows."""
        return self._settings.columns.time_scale

    def rows(self, objects: Sequence[int]) -> Rows:
        """Fetch the rows of some objects."""
        name = self._settings.object
        return by_object(
            (found, row, self._kind) for found, row in rows_of_objects(self._whole, name, objects, self._path)
        )

    def reader(self, left_out: Counter[str]) -> MappedRows:
        """Return a reader of the table's columns."""
        return MappedRows(self._settings.columns, self._settings.flags, left_out)

    def trigger_of(self, source: DiaSource, left_out: Counter[str]) -> tuple[float | None, Point | None]:
        """Read a source's own row, where its catalog has the same columns as the table."""
        return trigger_from(source, self._settings.columns, self.reader(left_out))

    @cached_property
    def _whole(self) -> pa.Table:
        broken: list[Rejection] = []
        table = read_table(self._path, self._settings.object, broken, "history.path").table
        if broken:
            raise NoHistory(f"{broken[0].row}: {broken[0].reason}")
        return table


def trigger_from(
    source: DiaSource, columns: MeasurementColumns, reader: MappedRows
) -> tuple[float | None, Point | None]:
    """Read a source's time, and its point where its own columns hold the same quantity."""
    row = source.columns
    measured = columns.flux or columns.magnitude
    if columns.time is not None and columns.time in row and measured in row and columns.band in row:
        return reader.mjd(row), reader.point(row, Kind.DETECTION)
    name = "midpointMjdTai" if columns.time is None or columns.time not in row else columns.time
    if name == columns.time:
        return reader.mjd(row), None
    cell = row.get(name, row.get(FORMER_NAMES[name]))
    return (number(cell) if columns.time_scale == "TAI" else None), None


def rows_of_objects(
    table: pa.Table, name: str, objects: Sequence[int], where: object
) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a table whose object is among those asked for.

    Raises
    ------
    InputError
        When the column is missing, or went through floating point.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in table.column_names:
        raise MissingColumn(
            f"{where} has no column {name}: set history.object (it has {', '.join(table.column_names[:12])})"
        )
    column = table[name]
    if pa.types.is_floating(column.type):
        raise NoHistory(
            f"{where} holds object ids as floating-point numbers, which lose digits beyond 2^53: save the column"
            f" {name} as integers"
        )
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        wanted = pa.array([str(found) for found in objects], column.type)
    else:
        wanted = pa.array(objects, column.type)
    chosen = pc.is_in(column, value_set=wanted)
    for row in table.filter(chosen).to_pylist():
        found = object_id(row[name])
        if found is not None:
            yield found, row
