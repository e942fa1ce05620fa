"""A parquet table that is read while it is used: one in the order of visit and detector already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.columns import Tell
from zoocut.catalogs.tidying import Tidying

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["ParquetStream"]

ROWS_AT_ONCE = 50_000
"""Rows that are looked at together, of a few columns."""


class ParquetStream:
    """A parquet file whose rows are read a few thousand at a time, as often as they are asked for.

    Parameters
    ----------
    file : ParquetFile
        It is kept open: a file that takes its place meanwhile is another one.
    tidying : Tidying
        What is to be done to its columns.
    """

    def __init__(self, file: pq.ParquetFile, tidying: Tidying) -> None:
        self._file, self._tidying = file, tidying

    @classmethod
    def open(
        cls, path: Path, keys: Sequence[str], numbers: Sequence[str], tell: Tell, id_column: str
    ) -> ParquetStream | None:
        """Open a file; None where it must be in memory: to be sorted, or because text in it is to be looked at.

        Parameters
        ----------
        path : Path
            The file.
        keys : sequence of str
            The columns by which rows are in order, where the file has them.
        numbers : sequence of str
            Columns of which every cell has to be looked at unless they are of numbers: positions.
        tell : callable
            Told of columns that have lost something.
        id_column : str
            The column of ids, which is left as it is.

        Raises
        ------
        InputError
            When a name is there twice.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path, pre_buffer=False)
        schema = file.schema_arrow
        tidying = Tidying(schema, id_column)
        keys = [name for name in keys if name in schema.names]
        unlike = any(not pa.types.is_integer(schema.field(name).type) for name in keys)
        if unlike or any(not _is_number(schema.field(name).type) for name in numbers if name in schema.names):
            return None
        in_order = _Sorted(keys)
        for group in range(file.num_row_groups):
            wanted = list(dict.fromkeys([*keys, *tidying.undecided]))
            if wanted:
                for batch in file.iter_batches(ROWS_AT_ONCE, [group], wanted, use_threads=False):
                    table = pa.Table.from_batches([batch])
                    if not in_order.holds(table):
                        return None
                    tidying.look(table)
        tidying.settle(tell)
        return cls(file, tidying)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return int(self._file.metadata.num_rows)

    @property
    def empty(self) -> pa.Table:
        """A table of its columns without rows."""
        return self._tidying.apply(self._file.schema_arrow.empty_table())

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """Read all rows, so many at a time."""
        import pyarrow as pa

        for batch in self._file.iter_batches(rows, use_threads=False):
            yield self._tidying.apply(pa.Table.from_batches([batch]))


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind))


class _Sorted:
    """Whether rows are in the order of some columns of whole numbers; a missing one is in no order."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._last: tuple[int, ...] | None = None

    def holds(self, table: pa.Table) -> bool:
        """Whether these rows are in order, behind those before them."""
        import numpy as np

        columns = [table[name] for name in self._keys]
        if not self._keys or not table.num_rows:
            return True
        if any(column.null_count for column in columns):
            return False
        values = [column.to_numpy() for column in columns]
        rising = np.zeros(table.num_rows - 1, bool)
        equal = np.ones(table.num_rows - 1, bool)
        for one in values:
            rising |= equal & (one[1:] > one[:-1])
            equal &= one[1:] == one[:-1]
        first, last = (tuple(int(one[at]) for one in values) for at in (0, -1))
        before, self._last = self._last, last
        return bool((rising | equal).all()) and (before is None or before <= first)
