"""Tables of sources: delimited text, ECSV, VOTable, FITS and parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.angles import Angle, angle_of
from zoocut.catalogs.columns import Tell
from zoocut.catalogs.parquet_stream import ParquetStream
from zoocut.catalogs.rows import TableNames, sources_of_block
from zoocut.catalogs.table_files import EXPOSURE, TableFile, by_exposure, explained, read_table
from zoocut.config.catalog import TableSettings
from zoocut.error_kinds import MissingColumn, NothingInside, UnreadableText
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection
from zoocut.object_store import ObjectPath, located

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableCatalog", "angles_of"]

ROWS_AT_ONCE = 2000
ROW = "zoocut row"


class TableCatalog:
    """The rows of one table, in the order of visit, detector and row where it has these columns.

    A parquet file that is in this order already is read while it is used; others are held in memory.

    Parameters
    ----------
    settings : TableSettings
        The file and the names of its columns.
    folder : Path
        What a relative path is relative to.
    tell : callable
        Told what was recognised, converted or left out.

    Raises
    ------
    ConfigError
        When its encoding is none.
    InputError
        When the file is missing, unreadable, of an unknown format or without a needed column.
    """

    def __init__(self, settings: TableSettings, folder: Path, tell: Tell = lambda _: None) -> None:
        names = TableNames.of(settings)
        self._path = located(folder, settings.path)
        self._broken: list[Rejection] = []
        self._stream = self._streamed(names, tell)
        if self._stream is not None:
            read = TableFile(self._stream.empty)
            self._count = self._stream.num_rows
        else:
            read = read_table(
                self._path, names.dia_source_id, self._broken, encoding=settings.encoding, tell=tell
            )
            self._count = read.table.num_rows
        self._names = replace(names, angles=self._angles(read, names, tell))
        self._table = None if self._stream else self._ordered(read)
        self._word = "line" if read.lines else "row"

    @property
    def expected(self) -> int:
        """How many rows the table has."""
        return int(self._count)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; a row without a usable id or position as a rejection."""
        yield from self._broken
        named = f"{self._path.name} {self._word}"
        for table, numbers in self._tables():
            rows = (f"{named} {number}" for number in numbers)
            yield from sources_of_block(table, self._names, str(self._path), rows)

    def _tables(self) -> Iterator[tuple[pa.Table, Iterable[int]]]:
        import pyarrow as pa

        if self._table is not None:
            for batch in self._table.to_batches(max_chunksize=ROWS_AT_ONCE):
                table = pa.Table.from_batches([batch])
                yield table.drop_columns([ROW]), table[ROW].to_pylist()
        elif self._stream is not None:
            number = 1
            with explained(self._path, "parquet"):
                for table in self._stream.tables(ROWS_AT_ONCE):
                    yield table, range(number, number + table.num_rows)
                    number += table.num_rows

    def _streamed(self, names: TableNames, tell: Tell) -> ParquetStream | None:
        if isinstance(self._path, ObjectPath) or self._path.suffix.lower() != ".parquet":
            return None
        if not self._path.is_file():
            return None
        keys = [names.columns.get(name, name) for name in EXPOSURE]
        with explained(self._path, "parquet"):
            return ParquetStream.open(self._path, keys, [names.ra, names.dec], tell, names.dia_source_id)

    def _angles(self, read: TableFile, names: TableNames, tell: Tell) -> tuple[Angle, Angle]:
        self._check(read.table, names)
        if names.x is not None:
            return names.angles
        try:
            return angles_of(read, names, tell)
        except InputError as error:
            raise UnreadableText(f"{self._path}: {error}") from None

    def _check(self, table: pa.Table, names: TableNames) -> None:
        missing = [name for name in names.needed if name not in table.column_names]
        if missing:
            raise MissingColumn(
                f"{self._path} has no column {', '.join(missing)}: name its columns in [catalog]"
                f" (it has {', '.join(table.column_names[:12])})"
            )
        if not self._count and not self._broken:
            raise NothingInside(f"{self._path} has no rows: give a table with sources")

    def _ordered(self, read: TableFile) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        numbers = np.array(read.lines) if read.lines else np.arange(1, read.table.num_rows + 1)
        return by_exposure(read.table.append_column(ROW, pa.array(numbers)), self._names.columns)


def angles_of(read: TableFile, names: TableNames, tell: Tell) -> tuple[Angle, Angle]:
    """Return how a table's right ascensions and declinations become degrees.

    Raises
    ------
    InputError
        When one of them is in a unit that is none of angles.
    """
    import pyarrow as pa

    found = []
    for name, hours in ((names.ra, True), (names.dec, False)):
        column = read.table[name]
        texts = column.to_pylist() if pa.types.is_string(column.type) else ()
        angle = angle_of(name, read.units.get(name, ""), texts, hours=hours)
        if angle.told:
            tell(angle.told)
        found.append(angle)
    return found[0], found[1]
