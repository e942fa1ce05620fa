"""Sources that a program holds as a pandas data frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.table_files import by_exposure
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DataFrameCatalog"]

NAMES = TableNames("diaSourceId", "ra", "dec", None, None, 0, {})
ORIGIN = "the data frame"


class DataFrameCatalog:
    """The rows of a data frame, in the order of visit and detector.

    Parameters
    ----------
    frame : DataFrame
        With `diaSourceId`, as a column or as the index, `ra` and `dec`.

    Raises
    ------
    InputError
        When a needed column is missing.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        import pyarrow as pa

        table = pa.Table.from_pandas(frame.reset_index() if frame.index.name else frame, preserve_index=False)
        missing = [name for name in NAMES.needed if name not in table.column_names]
        if missing:
            raise InputError(
                f"{ORIGIN} has no column {', '.join(missing)}: it has {', '.join(table.column_names[:12])}"
            )
        self._table = by_exposure(table, {})

    @property
    def expected(self) -> int | None:
        """How many rows there are."""
        return int(self._table.num_rows)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; one without a usable id or position as a rejection."""
        for number, cells in enumerate(self._table.to_pylist(), start=1):
            yield source_of_row(cells, NAMES, ORIGIN, f"row {number} by visit and detector")
