"""Tables of sources: CSV, ECSV, VOTable, FITS and parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.table_files import by_exposure, read_table
from zoocut.config.catalog import TableSettings
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableCatalog"]

ROWS_AT_ONCE = 2000
LINE = "zoocut row"


class TableCatalog:
    """The rows of one table, in the order of visit, detector and row where it has these columns.

    Parameters
    ----------
    settings : TableSettings
        The file and the names of its columns.
    folder : Path
        What a relative path is relative to.

    Raises
    ------
    InputError
        When the file is missing, unreadable, of an unknown format or without a needed column.
    """

    def __init__(self, settings: TableSettings, folder: Path) -> None:
        self._names = TableNames.of(settings)
        self._path = folder / settings.path
        self._broken: list[Rejection] = []
        self._table = self._ordered(
            self._checked(read_table(self._path, self._names.dia_source_id, self._broken))
        )

    @property
    def expected(self) -> int:
        """How many rows the table has."""
        return int(self._table.num_rows)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; a row without a usable id or position as a rejection."""
        yield from self._broken
        for batch in self._table.to_batches(max_chunksize=ROWS_AT_ONCE):
            for cells in batch.to_pylist():
                row = f"{self._path.name} row {cells.pop(LINE)}"
                yield source_of_row(cells, self._names, str(self._path), row)

    def _checked(self, table: pa.Table) -> pa.Table:
        missing = [name for name in self._names.needed if name not in table.column_names]
        if missing:
            raise InputError(
                f"{self._path} has no column {', '.join(missing)}: name its columns in [catalog]"
                f" (it has {', '.join(table.column_names[:12])})"
            )
        if not table.num_rows:
            raise InputError(f"{self._path} has no rows: give a table with sources")
        return table

    def _ordered(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        numbered = table.append_column(LINE, pa.array(range(1, table.num_rows + 1)))
        return by_exposure(numbered, self._names.columns)
