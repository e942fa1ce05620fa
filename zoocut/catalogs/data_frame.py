"""Sources that a program holds as a pandas data frame or an astropy table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.astropy_tables import from_astropy
from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.table import angles_of
from zoocut.catalogs.table_files import TableFile, by_exposure
from zoocut.catalogs.tidying import tidied
from zoocut.error_kinds import MissingColumn
from zoocut.model import DiaSource, Rejection
from zoocut.run.record_columns import column_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from astropy.table import Table

__all__ = ["DataFrameCatalog"]

NAMES = TableNames("diaSourceId", "ra", "dec", None, None, 0, {})
ORIGIN = "the table given"


class DataFrameCatalog:
    """The rows of a table in memory, in the order of visit and detector.

    Parameters
    ----------
    table : DataFrame or Table
        The rows; a data frame's index is a column where it has a name.
    names : TableNames
        What it calls its columns: by default `diaSourceId`, `ra` and `dec`.

    Raises
    ------
    InputError
        When a needed column is missing.
    """

    def __init__(self, table: pd.DataFrame | Table, names: TableNames = NAMES) -> None:
        read = _read(table, names.dia_source_id)
        rows = read.table
        missing = [name for name in names.needed if name not in rows.column_names]
        if missing:
            raise MissingColumn(
                f"{ORIGIN} has no column {', '.join(missing)}: it has {', '.join(rows.column_names[:12])}"
            )
        self._names = names if names.x else replace(names, angles=angles_of(read, names, _ignore))
        self._table = by_exposure(rows, names.columns)

    @property
    def expected(self) -> int | None:
        """How many rows there are."""
        return int(self._table.num_rows)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; one without a usable id or position as a rejection."""
        for number, cells in enumerate(self._table.to_pylist(), start=1):
            yield source_of_row(cells, self._names, ORIGIN, f"row {number} by visit and detector")


def _ignore(_: str) -> None:
    """Pass over what is told of columns: who holds the table in memory has looked at it."""


def _read(table: pd.DataFrame | Table, id_column: str) -> TableFile:
    import pyarrow as pa

    if hasattr(table, "colnames"):
        read = from_astropy(table.copy())
        return TableFile(tidied(read.table, _ignore, id_column), read.units)
    frame = table.reset_index() if table.index.name else table
    names = [str(name) for name in frame.columns]
    columns = [_column(frame.iloc[:, at]) for at in range(len(names))]
    return TableFile(tidied(pa.table(columns, names=names), _ignore, id_column))


def _column(series: pd.Series[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # numbers beyond 64 bits, or of several kinds
        return column_of([None if cell is None or cell != cell else cell for cell in series])
