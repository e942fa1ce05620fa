"""Histories out of a table file, and out of tables in a Butler repository."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.history.cells import ObjectId, number, object_id, valid_mjd
from zoocut.catalogs.history.grouped import Row, Rows, by_object
from zoocut.catalogs.history.mapped import MappedRows, require_units
from zoocut.catalogs.history.points import Kind, Point
from zoocut.catalogs.table_files import explained, read_table
from zoocut.catalogs.values import FORMER_NAMES
from zoocut.config.history import TableHistorySettings
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
        self._require_columns(self._names())

    @property
    def scale(self) -> str:
        """Time scale of the rows."""
        return self._settings.columns.time_scale

    def rows(self, objects: Sequence[ObjectId]) -> Rows:
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
        return trigger_from(source, self._settings, self.reader(left_out), left_out)

    @cached_property
    def _whole(self) -> pa.Table:
        broken: list[Rejection] = []
        read = read_table(self._path, self._settings.object, broken, "history.path")
        if broken:
            raise NoHistory(f"{broken[0].row}: {broken[0].reason}")
        require_units(self._settings.columns, read.units, self._path)
        return read.table

    def _names(self) -> Sequence[str]:
        """Read the names of the columns, before anything is drawn; of parquet nothing else is read for it."""
        if self._path.suffix.lower() != ".parquet":
            return self._whole.column_names  # type: ignore[no-any-return]
        import pyarrow.parquet as pq

        with explained(self._path, "parquet"):
            return pq.ParquetFile(self._path).schema_arrow.names  # type: ignore[no-any-return]

    def _require_columns(self, names: Sequence[str]) -> None:
        columns = self._settings.columns
        limits = () if columns.limit is None else (columns.limit,)
        if self._settings.object not in names:
            raise no_objects(self._path, self._settings.object, names)
        missing = [name for name in (*columns.needed, *limits, *self._settings.flags) if name not in names]
        if missing:
            raise MissingColumn(
                f"{self._path}: its measurements have no {', '.join(missing)}: name what they have in"
                f" [history.columns] ({', '.join(names[:12])})"
            )


def trigger_from(
    source: DiaSource, settings: TableHistorySettings, reader: MappedRows, left_out: Counter[str]
) -> tuple[float | None, Point | None]:
    """Read a source's time, and its point where its own columns hold the same quantity."""
    row, columns = source.columns, settings.columns
    if columns.time in row:
        return reader.mjd(row), _own_point(source, settings, reader, left_out)
    mjd = valid_mjd(number(row.get("midpointMjdTai", row.get(FORMER_NAMES["midpointMjdTai"]))))
    return (None if mjd is None else _from_tai(mjd, columns.time_scale)), None


def _from_tai(mjd: float, scale: str) -> float:
    """Turn a date of TAI into one of the scale that a table's times are in."""
    from astropy.time import Time

    return mjd if scale == "TAI" else float(getattr(Time(mjd, format="mjd", scale="tai"), scale.lower()).mjd)


def _own_point(
    source: DiaSource, settings: TableHistorySettings, reader: MappedRows, left_out: Counter[str]
) -> Point | None:
    """Read the point of a source's own row; None, and counted, where a column of it is missing."""
    row, columns = source.columns, settings.columns
    if (columns.flux or columns.magnitude) not in row:
        return None
    missing = [name for name in (*columns.needed, *settings.flags) if name not in row]
    if missing:
        left_out[f"whose own row in the catalog has no {', '.join(missing)}"] += 1
    elif settings.quantity == "total" and columns.flux == "psfFlux" and "scienceFlux" in row:
        # psfFlux of DiaSource is the change, that of ForcedSource the total
        left_out["whose own row in the catalog holds a change, not a total flux"] += 1
    else:
        return reader.point(row, Kind.DETECTION)
    return None


def rows_of_objects(
    table: pa.Table, name: str, objects: Sequence[ObjectId], where: object
) -> Iterator[tuple[ObjectId, Row]]:
    """Yield the rows of a table whose object is among those asked for.

    Raises
    ------
    InputError
        When the column is missing, or went through floating point.
    """
    import pyarrow.compute as pc

    if name not in table.column_names:
        raise no_objects(where, name, table.column_names)
    column, wanted = _comparable(table[name], name, objects, where)
    for row in table.filter(pc.is_in(column, value_set=wanted)).to_pylist():
        found = object_id(row[name])
        if found is not None:
            yield found, row


def no_objects(where: object, name: str, names: Sequence[str]) -> MissingColumn:
    """Say that a table has no such column of object ids."""
    return MissingColumn(f"{where} has no column {name}: set history.object (it has {', '.join(names[:12])})")


def _comparable(
    column: pa.ChunkedArray, name: str, objects: Sequence[ObjectId], where: object
) -> tuple[pa.ChunkedArray, pa.Array]:
    """Bring a column of ids and those asked for to one type: whole numbers, or text without blanks around it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        raise NoHistory(
            f"{where} holds object ids as floating-point numbers, which lose digits beyond 2^53: save the column"
            f" {name} as integers"
        )
    try:
        if pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
            numbers = [found for found in objects if isinstance(found, int)]
            return column.cast(pa.int64()), pa.array(numbers, pa.int64())
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException as error:
        raise NoHistory(
            f"{where} has a column {name} that holds no ids ({error}): set history.object"
        ) from error
    return texts, pa.array([str(found) for found in objects], pa.string())
