"""Tables of sources: CSV, ECSV, VOTable, FITS and parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.table_files import by_exposure, read_astropy, read_csv, read_parquet
from zoocut.config.catalog import TableSettings
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableCatalog"]

ROWS_AT_ONCE = 2000
LINE = "zoocut row"

Reader = Callable[[Path], "pa.Table"]


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
        self._table = self._ordered(self._checked(self._read()))

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

    def _read(self) -> pa.Table:
        path = self._path
        ids, broken = self._names.dia_source_id, self._broken
        readers: dict[str, Reader] = {
            ".csv": lambda path: read_csv(path, ids, broken),
            ".parquet": read_parquet,
        }
        for endings, kind in (((".ecsv",), "ascii.ecsv"), ((".vot", ".votable", ".xml"), "votable")):
            readers |= dict.fromkeys(endings, lambda path, kind=kind: read_astropy(path, kind))
        readers |= dict.fromkeys((".fits", ".fit"), lambda path: read_astropy(path, "fits"))
        reader = readers.get(_ending(path))
        if reader is None:
            raise InputError(
                f"{path} is no table that zoocut reads: its name must end in {', '.join(readers)}"
            )
        if not path.is_file():
            raise InputError(f"{path} does not exist: check catalog.path or --input")
        try:
            return reader(path)
        except Exception as error:  # each of the libraries has errors of its own
            raise InputError(f"{path} cannot be read as {_ending(path)[1:]}: {error}") from error

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


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix
