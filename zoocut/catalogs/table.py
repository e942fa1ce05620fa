"""Tables of sources: CSV, ECSV and parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.values import exact_id, plain, position
from zoocut.config.catalog import TableSettings
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableCatalog"]

ROWS_AT_ONCE = 2000
LINE = "zoocut row"


class TableCatalog:
    """The rows of one table, in the order of visit, detector and id where it has these columns.

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
        self._settings = settings
        self._path = folder / settings.path
        self._broken: list[Rejection] = []
        self._table = _ordered(self._checked(self._read()))

    @property
    def expected(self) -> int:
        """How many rows the table has."""
        return int(self._table.num_rows)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; a row without a usable id or position as a rejection."""
        yield from self._broken
        for batch in self._table.to_batches(max_chunksize=ROWS_AT_ONCE):
            for cells in batch.to_pylist():
                yield self._source(f"{self._path.name} row {cells.pop(LINE)}", cells)

    def _source(self, row: str, cells: dict[str, Any]) -> DiaSource | Rejection:
        names = self._settings
        raw_id = cells.get(names.dia_source_id)
        try:
            dia_source_id = exact_id(raw_id)
            columns = {name: plain(cell) for name, cell in cells.items()} | {"diaSourceId": dia_source_id}
            ra_deg, dec_deg = position(columns, names.ra, names.dec)
        except ValueError as error:
            return Rejection("" if raw_id is None else str(raw_id), row, str(error))
        return DiaSource(dia_source_id, ra_deg, dec_deg, str(self._path), row, columns)

    def _read(self) -> pa.Table:
        path = self._path
        readers = {".csv": self._read_csv, ".ecsv": _read_ecsv, ".parquet": _read_parquet}
        reader = readers.get(path.suffix.lower())
        if reader is None:
            raise InputError(
                f"{path} is no table that zoocut reads: its name must end in {', '.join(readers)}"
            )
        if not path.is_file():
            raise InputError(f"{path} does not exist: check catalog.path or --input")
        try:
            return reader(path)
        except Exception as error:  # each of the three libraries has errors of its own
            raise InputError(f"{path} cannot be read as {path.suffix[1:]}: {error}") from error

    def _read_csv(self, path: Path) -> pa.Table:
        import pyarrow as pa
        import pyarrow.csv

        ids_as_text = pyarrow.csv.ConvertOptions(
            column_types={self._settings.dia_source_id: pa.string()}, strings_can_be_null=True
        )
        bad_lines_aside = pyarrow.csv.ParseOptions(invalid_row_handler=self._set_aside)
        return pyarrow.csv.read_csv(path, convert_options=ids_as_text, parse_options=bad_lines_aside)

    def _set_aside(self, line: Any) -> str:
        reason = (
            f"it has {line.actual_columns} cells where the header has {line.expected_columns}: mend the line"
        )
        self._broken.append(Rejection("", f"{self._path.name}, the line {line.text[:60]!r}", reason))
        return "skip"

    def _checked(self, table: pa.Table) -> pa.Table:
        names = self._settings
        missing = [
            name for name in (names.dia_source_id, names.ra, names.dec) if name not in table.column_names
        ]
        if missing:
            raise InputError(
                f"{self._path} has no column {', '.join(missing)}: name its columns in [catalog]"
                f" (it has {', '.join(table.column_names[:12])})"
            )
        if not table.num_rows:
            raise InputError(f"{self._path} has no rows: give a table with sources")
        return table


def _read_ecsv(path: Path) -> pa.Table:
    import pyarrow as pa
    from astropy.table import Table

    table = Table.read(path, format="ascii.ecsv")
    scalars = [name for name in table.colnames if table[name].ndim == 1]
    return pa.table({name: pa.array(table[name].tolist()) for name in scalars})


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path)


def _ordered(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    numbered = table.append_column(LINE, pa.array(range(1, table.num_rows + 1)))
    keys = [name for name in ("visit", "detector") if name in table.column_names]
    return numbered.sort_by([(name, "ascending") for name in [*keys, LINE]])
