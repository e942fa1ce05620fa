"""Sources that a program holds as a pandas data frame or an astropy table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.table_files import by_exposure, from_astropy
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

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
        rows = _arrow(table)
        missing = [name for name in names.needed if name not in rows.column_names]
        if missing:
            raise InputError(
                f"{ORIGIN} has no column {', '.join(missing)}: it has {', '.join(rows.column_names[:12])}"
            )
        self._names = names
        self._table = by_exposure(rows, names.columns)

    @property
    def expected(self) -> int | None:
        """How many rows there are."""
        return int(self._table.num_rows)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; one without a usable id or position as a rejection."""
        for number, cells in enumerate(self._table.to_pylist(), start=1):
            yield source_of_row(cells, self._names, ORIGIN, f"row {number} by visit and detector")


def _arrow(table: pd.DataFrame | Table) -> pa.Table:
    if hasattr(table, "colnames"):
        return from_astropy(table.copy())
    import pyarrow as pa

    return pa.Table.from_pandas(table.reset_index() if table.index.name else table, preserve_index=False)
