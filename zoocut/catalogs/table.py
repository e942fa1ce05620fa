"""Tables of sources: delimited text, ECSV, VOTable, FITS and parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.angles import Angle, angle_of
from zoocut.catalogs.columns import Tell
from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.table_files import TableFile, by_exposure, read_table
from zoocut.config.catalog import TableSettings
from zoocut.error_kinds import MissingColumn, NothingInside, UnreadableText
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableCatalog", "angles_of"]

ROWS_AT_ONCE = 2000
ROW = "zoocut row"


class TableCatalog:
    """The rows of one table, in the order of visit, detector and row where it has these columns.

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
        self._path = folder / settings.path
        self._broken: list[Rejection] = []
        read = read_table(
            self._path, names.dia_source_id, self._broken, encoding=settings.encoding, tell=tell
        )
        self._names = replace(names, angles=self._angles(read, names, tell))
        self._table = self._ordered(read)

    @property
    def expected(self) -> int:
        """How many rows the table has."""
        return int(self._table.num_rows)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; a row without a usable id or position as a rejection."""
        yield from self._broken
        for batch in self._table.to_batches(max_chunksize=ROWS_AT_ONCE):
            for cells in batch.to_pylist():
                row = f"{self._path.name} {cells.pop(ROW)}"
                yield source_of_row(cells, self._names, str(self._path), row)

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
        if not table.num_rows and not self._broken:
            raise NothingInside(f"{self._path} has no rows: give a table with sources")

    def _ordered(self, read: TableFile) -> pa.Table:
        import pyarrow as pa

        word = "line" if read.lines else "row"
        numbers = read.lines or range(1, read.table.num_rows + 1)
        rows = pa.array([f"{word} {number}" for number in numbers], pa.string())
        return by_exposure(read.table.append_column(ROW, rows), self._names.columns)


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
